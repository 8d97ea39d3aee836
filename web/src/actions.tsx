import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type ReactElement, type ReactNode, useState } from 'react';
import { call, type Request, type Rpc } from './api';
import { useWhoami, missing } from './permissions';
import { go, to } from './router';
import { failed } from './status';
import type { ExternalEventId, ThreadRun, VariableType, VariableValue, WfRun, WfSpec } from './types.gen';
import { Button, Command, Dialog, Field, Problem, say } from './ui';
import { kindOf, parseValue, Problem as Wrong, runId, runParts, textOf, typeOf, typeText } from './values';

/** quoted writes a word as a shell takes it. */
export const quoted = (word: string): string => (/^[A-Za-z0-9_./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

export const command = (...words: string[]): string => ['lhctl', ...words.map(quoted)].join(' ');

interface PreviewProps<K extends Rpc> {
  title: string;
  children: ReactNode;
  rpc: K;
  request: Request<K>;
  cli: string;
  confirm: string;
  done: string;
  danger?: boolean;
  /** problem that keeps it from being sent. */
  problem?: string | undefined;
  onClose: () => void;
  onDone?: (() => void) | undefined;
}

/** Preview shows what an action will do, also as a command, before it is done. */
export function Preview<K extends Rpc>(p: PreviewProps<K>): ReactElement {
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: () => call(p.rpc, p.request),
    onSuccess: () => {
      say(p.done);
      void client.invalidateQueries();
      p.onClose();
      p.onDone?.();
    },
  });
  return (
    <Dialog title={p.title} onClose={p.onClose}>
      {p.children}
      <div className="stack tight">
        <span className="small soft">The same as a command</span>
        <Command text={p.cli} />
      </div>
      {act.error && <Problem error={act.error} />}
      <footer>
        <Button onClick={p.onClose}>Cancel</Button>
        <Button
          kind={p.danger ? 'danger main' : 'main'}
          forbidden={p.problem ?? (act.isPending ? 'It is under way.' : undefined)}
          onClick={() => act.mutate()}
        >
          {act.isPending ? 'One moment…' : p.confirm}
        </Button>
      </footer>
    </Dialog>
  );
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
  const props = { run, onClose: close };
  return (
    <div className="row tight actions">
      {broken.length > 0 && (
        <Button kind="main" icon="repair" forbidden={mayRun} onClick={() => choose('rescue')}>
          Rescue
        </Button>
      )}
      {halted && (
        <Button kind="main" icon="play" forbidden={mayRun} onClick={() => choose('resume')}>
          Resume
        </Button>
      )}
      {open && (
        <Button icon="mail" forbidden={missing(me, 'RUN', 'ACL_EXTERNAL_EVENT')} onClick={() => choose('event')}>
          Post event
        </Button>
      )}
      {open && !halted && (
        <Button icon="stop" forbidden={mayRun} onClick={() => choose('stop')}>
          Stop
        </Button>
      )}
      <Button
        icon="again"
        forbidden={mayRun}
        onClick={() =>
          go(to(['specs', run.wfSpecId?.name ?? '', `${run.wfSpecId?.majorVersion}.${run.wfSpecId?.revision}`], { run: runParts(run.id).join('/') }))
        }
      >
        Run again
      </Button>
      <Button kind="danger" icon="bin" label="Delete this run" forbidden={mayRun} onClick={() => choose('delete')} />
      {chosen === 'stop' && <Stop {...props} thread={thread} />}
      {chosen === 'resume' && <Resume {...props} />}
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

function Resume({ run, onClose }: { run: WfRun; onClose: () => void }): ReactElement {
  const halted = run.threadRuns.filter((t) => t.status === 'HALTED' || t.status === 'HALTING');
  const first = halted.find((t) => t.haltReasons.some((r) => r.manualHalt)) ?? halted[0];
  const thread = first?.number ?? 0;
  return (
    <Preview
      title={thread === 0 ? 'Resume this run?' : `Resume thread ${thread}?`}
      rpc="ResumeWfRun"
      request={{ wfRunId: run.id!, threadRunNumber: thread }}
      cli={command('resume', 'wfRun', runId(run.id), ...ofThread(thread))}
      confirm="Resume"
      done="Resumed."
      onClose={onClose}
    >
      <p>It goes on where it was stopped.</p>
    </Preview>
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
      {broken.length > 1 && (
        <Field label="Failed thread">
          {(id) => (
            <select id={id} className="input" value={number} onChange={(e) => setNumber(Number(e.target.value))}>
              {broken.map((t) => (
                <option key={t.number} value={t.number}>
                  {t.number}: {t.threadSpecName}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
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
  const { value, problem } = read(type || undefined, type !== '', text);
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

function read(type: VariableType | undefined, given: boolean, text: string): { value?: VariableValue; problem?: string } {
  if (!given) return {};
  try {
    return { value: parseValue(type, text) };
  } catch (e) {
    if (e instanceof Wrong) return { problem: `It ${e.message}.` };
    throw e;
  }
}

/** RunForm starts a run. What is left empty is not sent. */
export function RunForm({ spec, from, onClose }: { spec: WfSpec; from?: Record<string, VariableValue>; onClose: () => void }): ReactElement {
  const defs = (spec.threadSpecs[spec.entrypointThreadName]?.variableDefs ?? []).filter((d) => d.accessLevel !== 'INHERITED_VAR' && d.varDef);
  const [texts, setTexts] = useState<Record<string, string>>(() =>
    Object.fromEntries(Object.entries(from ?? {}).filter(([, v]) => kindOf(v) !== 'NULL').map(([n, v]) => [n, textOf(v)])),
  );
  const [id, setId] = useState('');
  const variables: Record<string, VariableValue> = {};
  const problems: Record<string, string> = {};
  for (const d of defs) {
    const name = d.varDef!.name;
    const text = texts[name] ?? '';
    const type = typeOf(d.varDef);
    if (text === '') {
      if (d.required) problems[name] = 'It is required.';
    } else if (!type.primitiveType) {
      const old = from?.[name];
      if (old && textOf(old) === text) variables[name] = old;
      else problems[name] = `A value of type ${typeText(type)} is given by lhctl or an SDK for now.`;
    } else {
      const { value, problem } = read(type.primitiveType, true, text);
      if (value) variables[name] = value;
      if (problem) problems[name] = problem;
    }
  }
  const first = Object.keys(problems)[0];
  const masked = new Set(defs.filter((d) => typeOf(d.varDef).masked).map((d) => d.varDef!.name));
  // What is masked is not written where others may read it.
  const words = Object.keys(variables).flatMap((n) => [n, masked.has(n) ? `<${n}>` : (texts[n] ?? '')]);
  const version = spec.id!;
  return (
    <Preview
      title={`Run ${version.name}`}
      rpc="RunWf"
      request={{
        wfSpecName: version.name,
        majorVersion: version.majorVersion,
        revision: version.revision,
        variables,
        ...(id ? { id } : {}),
      }}
      cli={command('run', version.name, ...words, '--majorVersion', String(version.majorVersion), '--revision', String(version.revision), ...(id ? ['--wfRunId', id] : []))}
      confirm="Run"
      done="It runs."
      problem={first ? `${first}: ${problems[first]}` : undefined}
      onClose={onClose}
      onDone={() => go(id ? to(['runs', id]) : to(['runs'], { spec: version.name }))}
    >
      {defs.map((d) => {
        const name = d.varDef!.name;
        const type = typeOf(d.varDef);
        const long = type.primitiveType === 'JSON_OBJ' || type.primitiveType === 'JSON_ARR';
        const set = (text: string): void => setTexts({ ...texts, [name]: text });
        const preset = d.varDef!.defaultValue;
        const hint = preset && kindOf(preset) !== 'NULL' ? `default ${textOf(preset)}` : d.required ? 'required' : 'not sent';
        return (
          <Field
            key={name}
            label={
              <>
                {name} <span className="tag">{typeText(type)}</span> {d.required && <span className="tag">required</span>}{' '}
                {masked.has(name) && <span className="tag">masked</span>}
              </>
            }
            problem={texts[name] ? problems[name] : undefined}
          >
            {(field) =>
              type.primitiveType === 'BOOL' ? (
                <select id={field} className="input" value={texts[name] ?? ''} onChange={(e) => set(e.target.value)}>
                  <option value="">{hint}</option>
                  <option>true</option>
                  <option>false</option>
                </select>
              ) : long ? (
                <textarea id={field} className="input" placeholder={hint} value={texts[name] ?? ''} onChange={(e) => set(e.target.value)} />
              ) : (
                <input
                  id={field}
                  className="input"
                  placeholder={hint}
                  type={masked.has(name) ? 'password' : 'text'}
                  autoComplete="off"
                  inputMode={type.primitiveType === 'INT' ? 'numeric' : undefined}
                  value={texts[name] ?? ''}
                  onChange={(e) => set(e.target.value)}
                />
              )
            }
          </Field>
        );
      })}
      <Field label="Id of the run">{(field) => <input id={field} className="input mono" placeholder="made up by the server" value={id} onChange={(e) => setId(e.target.value)} />}</Field>
    </Preview>
  );
}
