import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useEffect, useState } from 'react';
import { ask, batch, session } from './api';
import { type Icon, icons } from './icons';
import { nav, others } from './nav';
import { go, to } from './router';
import { Dialog } from './ui';
import { parseRunId } from './values';

interface Entry {
  icon: Icon;
  text: string;
  kind: string;
  href: string;
}

const pages: Entry[] = [
  { icon: 'alert', text: 'Failed runs', kind: 'page', href: 'runs?status=ERROR' },
  { icon: 'turning', text: 'Running runs', kind: 'page', href: 'runs?status=RUNNING' },
  ...[...nav, ...others].map((n) => ({ icon: n.icon, text: n.name, kind: 'page', href: n.page })),
];

/** Palette leads anywhere by a few letters: to a page, a definition, or a run by its id. */
export function Palette({ onClose }: { onClose: () => void }): ReactElement {
  const [text, setText] = useState('');
  const [asked, setAsked] = useState('');
  const [at, setAt] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setAsked(text.trim()), 150);
    return () => clearTimeout(timer);
  }, [text]);
  const found = useQuery<Entry[]>({
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
      const out: Entry[] = [];
      if (run.reply) out.push({ icon: 'runs', text: asked, kind: 'run', href: to(['runs', asked]) });
      for (const name of new Set((specs.reply?.results ?? []).map((s) => s.name))) out.push({ icon: 'specs', text: name, kind: 'workflow', href: to(['specs', name]) });
      for (const t of tasks.reply?.results ?? []) out.push({ icon: 'tasks', text: t.name, kind: 'task', href: to(['tasks', t.name]) });
      for (const name of new Set((forms.reply?.results ?? []).map((f) => f.name))) out.push({ icon: 'person', text: name, kind: 'form', href: to(['user-task-defs', name]) });
      for (const e of events.reply?.results ?? []) out.push({ icon: 'mail', text: e.name, kind: 'event', href: to(['events', e.name]) });
      for (const e of thrown.reply?.results ?? []) out.push({ icon: 'throw', text: e.name, kind: 'workflow event', href: to(['workflow-events', e.name]) });
      for (const name of new Set((structs.reply?.results ?? []).map((f) => f.name))) out.push({ icon: 'nest', text: name, kind: 'struct', href: to(['structs', name]) });
      return out;
    },
  });
  // What was found for another text is shown until the answer comes, as far as it begins like this one.
  const typed = text.trim();
  const answered = asked === typed && !found.isPlaceholderData;
  const entries: Entry[] = typed ? (found.data ?? []).filter((e) => answered || e.text.startsWith(typed)) : [];
  for (const p of pages) if (p.text.toLowerCase().includes(text.toLowerCase())) entries.push({ ...p, href: `/${session.tenant}/${p.href}` });
  const id = parseRunId(typed);
  const run = to(['runs', ...id]);
  if (id.length > 0 && !entries.some((e) => e.href === run)) entries.push({ icon: 'eye', text: `Open run ${id.join('_')}`, kind: 'run', href: run });
  const chosen = Math.max(0, entries.findIndex((e) => e.href === at));
  const choose = (i: number): void => setAt(entries[Math.min(Math.max(0, i), entries.length - 1)]?.href ?? '');
  const open = (e: Entry | undefined): void => {
    if (!e) return;
    onClose();
    go(e.href);
  };
  return (
    <Dialog title="Go to" className="palette" bare onClose={onClose}>
      <input
        autoFocus
        role="combobox"
        aria-expanded="true"
        aria-controls="palette"
        aria-activedescendant={entries[chosen] ? `palette-${chosen}` : undefined}
        aria-label="Id of a run, name of a workflow or task, or a page"
        placeholder="Run id, workflow, task or page…"
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
          <li key={e.href} id={`palette-${i}`} role="option" aria-selected={i === chosen} onClick={() => open(e)} onMouseMove={() => choose(i)}>
            {icons[e.icon]}
            <span className="clip">{e.text}</span>
            <span className="tag">{e.kind}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
