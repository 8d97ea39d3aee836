import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useEffect, useState } from 'react';
import { ask, batch, session } from './api';
import { type Icon, icons } from './icons';
import { still, useStill } from './live';
import { nav, others } from './nav';
import { offersNow } from './offers';
import { missing, useWhoami } from './permissions';
import { go, to } from './router';
import { flipTheme, useDark } from './theme';
import type { ACLAction, ACLResource } from './types.gen';
import { Dialog } from './ui';
import { parseRunId } from './values';

interface Entry {
  icon: Icon;
  text: string;
  kind: string;
  act: () => void;
  /** forbidden is why it cannot be done. */
  forbidden?: string | undefined;
}

const leads = (icon: Icon, text: string, kind: string, href: string): Entry => ({ icon, text, kind, act: () => go(href) });

const places = (): Entry[] => [
  leads('alert', 'Failed runs', 'page', to(['runs'], { status: 'ERROR' })),
  leads('turning', 'Running runs', 'page', to(['runs'], { status: 'RUNNING' })),
  ...[...nav, ...others].map((n) => leads(n.icon, n.name, 'page', to([n.page]))),
];

type May = (action: ACLAction, resource: ACLResource) => string | undefined;

/** deeds are what can be done from everywhere. */
const deeds = (may: May): Entry[] => [
  { ...leads('play', 'Run a workflow', 'action', to(['specs'])), forbidden: may('RUN', 'ACL_WORKFLOW') },
  { ...leads('mail', 'Post an event', 'action', to(['events'])), forbidden: may('RUN', 'ACL_EXTERNAL_EVENT') },
  { ...leads('clock', 'New schedule', 'action', to(['schedules'], { do: 'schedule' })), forbidden: may('RUN', 'ACL_WORKFLOW') },
  { ...leads('nest', 'New tenant', 'action', to(['tenants'], { do: 'new' })), forbidden: may('WRITE_METADATA', 'ACL_TENANT') },
  { ...leads('person', 'New principal', 'action', to(['principals'], { do: 'new' })), forbidden: may('WRITE_METADATA', 'ACL_PRINCIPAL') },
  { ...leads('flag', 'New quota', 'action', to(['quotas'], { do: 'new' })), forbidden: may('WRITE_METADATA', 'ACL_QUOTA') },
];

/** deed is what is to be done with what is named behind it. */
const deed = /^(run|post)\s+(?=\S)/i;

/** Palette leads anywhere by a few letters: to a page, a definition, a run by its id, or to what can be done. */
export function Palette({ onClose, help }: { onClose: () => void; help: () => void }): ReactElement {
  const [text, setText] = useState('');
  const [asked, setAsked] = useState('');
  const [at, setAt] = useState('');
  const me = useWhoami();
  const dark = useDark();
  const paused = useStill();
  const may: May = (action, resource) => missing(me, action, resource);
  const typed = text.trim();
  const wanted = typed.replace(deed, '');
  useEffect(() => {
    const timer = setTimeout(() => setAsked(wanted), 150);
    return () => clearTimeout(timer);
  }, [wanted]);
  const found = useQuery<{ is: Entry[]; does: Omit<Entry, 'forbidden'>[] }>({
    queryKey: [session.tenant, 'palette', asked],
    enabled: asked !== '',
    placeholderData: (old) => old,
    queryFn: async ({ signal }) => {
      const [specs, tasks, run, forms, events, thrown, structs] = await batch(
        [
          ask('SearchWfSpec', { prefix: asked, limit: 50 }),
          ask('SearchTaskDef', { prefix: asked, limit: 8 }),
          ask('GetWfRun', { id: asked }),
          ask('SearchUserTaskDef', { prefix: asked, limit: 20 }),
          ask('SearchExternalEventDef', { prefix: asked, limit: 8 }),
          ask('SearchWorkflowEventDef', { prefix: asked, limit: 8 }),
          ask('SearchStructDef', { prefix: asked, limit: 20 }),
        ] as const,
        signal,
      );
      const specNames = new Set((specs.reply?.results ?? []).map((s) => s.name));
      const is: Entry[] = [];
      if (run.reply) is.push(leads('runs', asked, 'run', to(['runs', asked])));
      for (const name of specNames) is.push(leads('specs', name, 'workflow', to(['specs', name])));
      for (const t of tasks.reply?.results ?? []) is.push(leads('tasks', t.name, 'task', to(['tasks', t.name])));
      for (const name of new Set((forms.reply?.results ?? []).map((f) => f.name))) is.push(leads('person', name, 'form', to(['user-task-defs', name])));
      for (const e of events.reply?.results ?? []) is.push(leads('mail', e.name, 'event', to(['events', e.name])));
      for (const e of thrown.reply?.results ?? []) is.push(leads('throw', e.name, 'workflow event', to(['workflow-events', e.name])));
      for (const name of new Set((structs.reply?.results ?? []).map((f) => f.name))) is.push(leads('nest', name, 'struct', to(['structs', name])));
      const does = [
        ...[...specNames].map((name) => leads('play', `Run ${name}`, 'action', to(['specs', name], { do: 'run' }))),
        ...(events.reply?.results ?? []).map((e) => leads('mail', `Post ${e.name}`, 'action', to(['events', e.name], { do: 'post' }))),
      ];
      return { is, does };
    },
  });
  // What was found for another text is shown until the answer comes, as far as it begins like this one.
  const answered = asked === wanted && !found.isPlaceholderData;
  const like = (e: Entry): boolean => e.text.toLowerCase().includes(typed.toLowerCase());
  const does = (found.data?.does ?? []).map((e): Entry => ({ ...e, forbidden: may('RUN', e.icon === 'play' ? 'ACL_WORKFLOW' : 'ACL_EXTERNAL_EVENT') }));
  const here = offersNow().map((o): Entry => ({ ...o, kind: 'action here' }));
  const looks: Entry[] = [
    { icon: dark ? 'sun' : 'moon', text: dark ? 'Light colours' : 'Dark colours', kind: 'action', act: flipTheme },
    { icon: paused ? 'play' : 'pause', text: paused ? 'Go on with live updates' : 'Pause live updates', kind: 'action', act: () => still.set(!paused) },
    { icon: 'eye', text: 'Show the keys', kind: 'action', act: help },
  ];
  const entries: Entry[] = typed === wanted && typed ? (found.data?.is ?? []).filter((e) => answered || e.text.startsWith(typed)) : [];
  entries.push(...(typed ? [...places(), ...here] : [...here, ...places()]).filter(like), ...[...deeds(may), ...looks].filter(like));
  if (typed) entries.push(...does.filter(like));
  const id = parseRunId(wanted);
  if (typed === wanted && id.length > 0 && !entries.some((e) => e.kind === 'run' && e.text === id.join('_'))) entries.push(leads('eye', `Open run ${id.join('_')}`, 'run', to(['runs', ...id])));
  const keyOf = (e: Entry): string => `${e.kind} ${e.text}`;
  const chosen = Math.max(0, entries.findIndex((e) => keyOf(e) === at));
  const choose = (i: number): void => {
    const e = entries[Math.min(Math.max(0, i), entries.length - 1)];
    setAt(e ? keyOf(e) : '');
  };
  const open = (e: Entry | undefined): void => {
    if (!e || e.forbidden) return;
    onClose();
    e.act();
  };
  return (
    <Dialog title="Go to" className="palette" bare onClose={onClose}>
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette"
        aria-activedescendant={entries[chosen] ? `palette-${chosen}` : undefined}
        aria-label="Id of a run, name of a workflow or task, a page, or what to do"
        placeholder="Run id, workflow, task, page or action…"
        value={text}
        onChange={(e) => {
          setText(e.target.value);
          setAt('');
        }}
        onKeyDown={(e) => {
          if (e.key === 'ArrowDown') choose(chosen + 1);
          else if (e.key === 'ArrowUp') choose(chosen - 1);
          else if (e.key === 'Enter') open(entries[chosen]);
          else return;
          e.preventDefault();
        }}
      />
      <ul id="palette" role="listbox" aria-label="Where to">
        {entries.map((e, i) => (
          <li key={keyOf(e)} id={`palette-${i}`} role="option" aria-selected={i === chosen} aria-disabled={e.forbidden ? true : undefined} onClick={() => open(e)} onMouseMove={() => choose(i)}>
            {icons[e.icon]}
            <span className="grow stack" style={{ gap: 0 }}>
              <span className="clip">{e.text}</span>
              {e.forbidden && <span className="soft small">{e.forbidden}</span>}
            </span>
            <span className="tag">{e.kind}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
