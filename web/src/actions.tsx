import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactElement, type ReactNode, useState } from 'react';
import { call, type Reply, type Request, type Rpc } from './api';
import { command, curl } from './commands';
import { type Read, read } from './inputs';
import { type Offer, useOffers } from './offers';
import { useWhoami, missing } from './permissions';
import { go, to } from './router';
import { failed } from './status';
import type { ExternalEventId, ThreadRun, VariableType, WfRun } from './types.gen';
import { Button, Command, Dialog, Field, Footer, Problem, say } from './ui';
import { runId, runParts } from './values';

interface PreviewProps<K extends Rpc> {
  title: string;
  children: ReactNode;
  rpc: K;
  request: Request<K>;
  /** shown is the request as others may read it, if that is less. */
  shown?: Request<K>;
  cli: string;
  confirm: string;
  done: string;
  danger?: boolean;
  /** problem that keeps it from being sent. */
  problem?: string | undefined;
  onClose: () => void;
  onDone?: ((reply: Reply<K>) => void) | undefined;
}

/** inSight brings to sight what a dialog has to tell, however long it is. */
const inSight = (e: HTMLElement | null): void => e?.scrollIntoView({ block: 'center' });

/** Preview shows what an action will do, also as a command, before it is done. */
export function Preview<K extends Rpc>(p: PreviewProps<K>): ReactElement {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: () => call(p.rpc, p.request),
    onSuccess: (reply) => {
      say(p.done);
      void client.invalidateQueries();
      p.onClose();
      p.onDone?.(reply);
    },
  });
  return (
    <Dialog title={p.title} onClose={p.onClose}>
      {p.children}
      <div className="stack tight">
        <span className="small soft">The same as a command</span>
        <Command text={p.cli} />
        {!p.cli.startsWith('curl ') && (
          <details>
            <summary className="small soft">The same over HTTP</summary>
            <Command text={curl(p.rpc, p.shown ?? p.request)} />
          </details>
        )}
      </div>
      {act.error && (
        <div ref={inSight}>
          <Problem error={act.error} />
        </div>
      )}
      <Footer onClose={p.onClose}>
        <Button
          kind={p.danger ? 'danger main' : 'main'}
          forbidden={p.problem ?? (act.isPending ? 'It is under way.' : undefined)}
          onClick={() => act.mutate()}
        >
          {act.isPending ? 'One moment…' : p.confirm}
        </Button>
      </Footer>
    </Dialog>
  );
}

/** Deed is what can be done with a run; a bare one shows no more than its picture. */
interface Deed extends Offer {
  kind?: 'main' | 'danger';
  bare?: boolean;
}

type Chosen = 'stop' | 'resume' | 'rescue' | 'event' | 'delete';

/** RunActions are what can be done with a run in its present state. */
export function RunActions({ run, thread, event }: { run: WfRun; thread: number; event: string | undefined }): ReactElement {
  const [chosen, choose] = useState<Chosen>();
  const me = useWhoami();
  const mayRun = missing(me, 'RUN', 'ACL_WORKFLOW');
  const close = (): void => choose(undefined);
  const open = !['COMPLETED', 'ERROR', 'EXCEPTION'].includes(run.status);
  const broken = run.threadRuns.filter((t) => failed(t.status));
  const halted = run.threadRuns.some((t) => t.status === 'HALTED' || t.status === 'HALTING');
  const runs = run.threadRuns.find((t) => t.number === thread)?.status === 'RUNNING';
  const props = { run, onClose: close };
  const again = (): void => go(to(['specs', run.wfSpecId?.name ?? '', `${run.wfSpecId?.majorVersion}.${run.wfSpecId?.revision}`], { run: runParts(run.id).join('/') }));
  const deeds: Deed[] = [
    ...(broken.length > 0 ? [{ text: 'Rescue', icon: 'repair', kind: 'main', forbidden: mayRun, act: () => choose('rescue') } as const] : []),
    ...(halted ? [{ text: 'Resume', icon: 'play', kind: 'main', forbidden: mayRun, act: () => choose('resume') } as const] : []),
    ...(open ? [{ text: 'Post event', icon: 'mail', forbidden: missing(me, 'RUN', 'ACL_EXTERNAL_EVENT'), act: () => choose('event') } as const] : []),
    ...(open && (runs || !halted) ? [{ text: 'Stop', icon: 'stop', forbidden: mayRun, act: () => choose('stop') } as const] : []),
    { text: 'Run again', icon: 'again', forbidden: mayRun, act: again },
    {
      text: 'Delete this run',
      icon: 'bin',
      kind: 'danger',
      bare: true,
      forbidden: missing(me, 'WRITE_METADATA', 'ACL_WORKFLOW') ?? (open && run.status !== 'HALTED' ? 'It can be deleted when it has ended or is stopped.' : undefined),
      act: () => choose('delete'),
    },
  ];
  useOffers(deeds);
  return (
    <div className="row tight actions">
      {deeds.map((d) => (
        <Button key={d.text} icon={d.icon} kind={d.kind} forbidden={d.forbidden} onClick={d.act} {...(d.bare ? { label: d.text } : {})}>
          {!d.bare && d.text}
        </Button>
      ))}
      {chosen === 'stop' && <Stop {...props} thread={thread} />}
      {chosen === 'resume' && <Resume {...props} thread={thread} />}
      {chosen === 'rescue' && <Rescue {...props} broken={broken} thread={thread} />}
      {chosen === 'event' && <PostEvent {...props} name={event} />}
      {chosen === 'delete' && <Delete {...props} />}
    </div>
  );
}

const ofThread = (n: number): string[] => (n === 0 ? [] : ['--threadRunNumber', String(n)]);

function Stop({ run, thread, onClose }: { run: WfRun; thread: number; onClose: () => void }): ReactElement {
  return (
    <Preview
      title={thread === 0 ? 'Stop this run?' : `Stop thread ${thread}?`}
      rpc="StopWfRun"
      request={{ wfRunId: run.id!, threadRunNumber: thread }}
      cli={command('stop', 'wfRun', runId(run.id), ...ofThread(thread))}
      confirm="Stop"
      done="Stopped."
      onClose={onClose}
    >
      <p>
        {thread === 0 ? 'All its threads halt' : `Thread ${thread} and the threads below it halt`} where they are. Nothing is lost: it can be resumed later. A task that a worker has
        already begun is not called back.
      </p>
    </Preview>
  );
}

function Resume({ run, thread, onClose }: { run: WfRun; thread: number; onClose: () => void }): ReactElement {
  const halted = run.threadRuns.filter((t) => t.status === 'HALTED' || t.status === 'HALTING');
  const stopped = halted.filter((t) => t.haltReasons.some((r) => r.manualHalt));
  const [number, setNumber] = useState((stopped.find((t) => t.number === thread) ?? stopped[0] ?? halted[0])?.number ?? 0);
  return (
    <Preview
      title={number === 0 ? 'Resume this run?' : `Resume thread ${number}?`}
      rpc="ResumeWfRun"
      request={{ wfRunId: run.id!, threadRunNumber: number }}
      cli={command('resume', 'wfRun', runId(run.id), ...ofThread(number))}
      confirm="Resume"
      done="Resumed."
      onClose={onClose}
    >
      {stopped.length > 1 && <ThreadChoice label="Stopped thread" of={stopped} value={number} set={setNumber} />}
      <p>It goes on where it was stopped.</p>
    </Preview>
  );
}

function ThreadChoice({ label, of, value, set }: { label: string; of: ThreadRun[]; value: number; set: (number: number) => void }): ReactElement {
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} className="input" value={value} onChange={(e) => set(Number(e.target.value))}>
          {of.map((t) => (
            <option key={t.number} value={t.number}>
              {t.number}: {t.threadSpecName}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Rescue({ run, broken, thread, onClose }: { run: WfRun; broken: ThreadRun[]; thread: number; onClose: () => void }): ReactElement {
  const last = broken[broken.length - 1];
  const [number, setNumber] = useState((broken.find((t) => t.number === thread && thread !== 0) ?? last)?.number ?? 0);
  const [skip, setSkip] = useState(false);
  return (
    <Preview
      title="Rescue this run"
      rpc="RescueThreadRun"
      request={{ wfRunId: run.id!, threadRunNumber: number, skipCurrentNode: skip }}
      cli={command('rescue', runId(run.id), String(number), ...(skip ? ['--skipCurrentNode'] : []))}
      confirm="Rescue"
      done="Rescued: the run goes on."
      onClose={onClose}
    >
      {broken.length > 1 && <ThreadChoice label="Failed thread" of={broken} value={number} set={setNumber} />}
      <fieldset className="stack tight" style={{ border: 0, margin: 0, padding: 0 }}>
        <legend className="small soft">How should it go on?</legend>
        <label className="row">
          <input type="radio" name="how" checked={!skip} onChange={() => setSkip(false)} />
          <span className="grow">
            <strong>Try the failed node again</strong>
            <br />
            <span className="soft small">For when the cause is gone: the service is back, the bug is fixed.</span>
          </span>
        </label>
        <label className="row">
          <input type="radio" name="how" checked={skip} onChange={() => setSkip(true)} />
          <span className="grow">
            <strong>Skip the failed node</strong>
            <br />
            <span className="soft small">For when it was done by hand: the run goes on behind it, without its output.</span>
          </span>
        </label>
      </fieldset>
    </Preview>
  );
}

function Delete({ run, onClose }: { run: WfRun; onClose: () => void }): ReactElement {
  return (
    <Preview
      title="Delete this run for good?"
      rpc="DeleteWfRun"
      request={{ id: run.id! }}
      cli={command('delete', 'wfRun', runId(run.id))}
      confirm="Delete"
      done="Deleted."
      danger
      onClose={onClose}
      onDone={() => go(to(['runs']))}
    >
      <p>
        <strong className="mono">{runId(run.id)}</strong> and all that belongs to it goes: its threads, variables, tasks and events. It cannot be brought back.
      </p>
    </Preview>
  );
}

const eventTypes: VariableType[] = ['STR', 'INT', 'DOUBLE', 'BOOL', 'JSON_OBJ', 'JSON_ARR', 'BYTES', 'TIMESTAMP', 'WF_RUN_ID'];

function PostEvent({ run, name: asked, onClose }: { run: WfRun; name: string | undefined; onClose: () => void }): ReactElement {
  const [name, setName] = useState(asked ?? '');
  const [type, setType] = useState<VariableType | ''>('STR');
  const [text, setText] = useState('');
  const { value, problem }: Read = type === '' ? {} : read(type, text);
  const wfRunId = run.id!;
  const def: ExternalEventId['externalEventDefId'] = { name };
  return (
    <Preview
      title="Post an event"
      rpc="PutExternalEvent"
      request={{ wfRunId, externalEventDefId: def, ...(value ? { content: value } : {}) }}
      cli={command('postEvent', runId(wfRunId), name || '<event>', ...(value && type ? [type, text] : []))}
      confirm="Post"
      done={`Posted ${name}.`}
      problem={name ? problem : 'Name the event.'}
      onClose={onClose}
    >
      <Field label="Event">{(id) => <input id={id} className="input" value={name} onChange={(e) => setName(e.target.value)} autoComplete="off" />}</Field>
      <Field label="Type of its content">
        {(id) => (
          <select id={id} className="input" value={type} onChange={(e) => setType(e.target.value as VariableType | '')}>
            <option value="">no content</option>
            {eventTypes.map((t) => (
              <option key={t}>{t}</option>
            ))}
          </select>
        )}
      </Field>
      {type !== '' && (
        <Field label="Content" problem={text ? problem : undefined}>
          {(id) => <textarea id={id} className="input" value={text} onChange={(e) => setText(e.target.value)} />}
        </Field>
      )}
    </Preview>
  );
}
