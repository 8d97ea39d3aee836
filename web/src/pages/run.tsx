import { useQuery, type UseQueryResult } from '@tanstack/react-query';
import { lazy, type ReactElement, type ReactNode, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { RunActions } from '../actions';
import { ask, batch, need, session } from '../api';
import { Fold } from '../fold';
import type { Lane as Drawn, Place } from '../graph';
import { condition, infix, mutation } from '../infix';
import { elsewhere, leader } from '../keys';
import { useSeen } from '../live';
import { Choice, each, pageSize, Rows, since, Table, usePages, within as times } from '../lists';
import { kindOfNode, shortName } from '../nodes';
import { Value } from '../payload';
import { type Moment as Happened, momentsOf, stepsAt, threadsAt } from '../replay';
import { setSearch, to, useRoute } from '../router';
import { save } from '../save';
import { useSlowly } from '../slowly';
import { Sources } from '../source';
import { ended, failed, lookOf, statuses, taskLookOf, waitingThread } from '../status';
import { whenOf } from '../threads';
import { countOf, historyOf, type Lane, lanesOf, type Steps, unsettled, withSteps } from '../steps';
import { type Happening, linesOf, type Past, storyOf } from '../story';
import { spanText } from '../times';
import type { ExternalEvent, Failure, GetWfRunViewResponse, LHStatus, Node, NodeRun, Step, TaskAttempt, TaskRun, ThreadRun, UserTaskRunId, WfRun, WfRunId, WfSpec, WorkflowEvent } from '../types.gen';
import { A, Badge, Boundary, Button, Copy, Empty, Field, Moment, Note, Panel, Problem, Skeleton, Status, Tabs, Time, useNow } from '../ui';
import { runId, runIdOf, runParts, specText } from '../values';
import { useWindow } from '../virtual';
import { duesOf, type Wait, waits } from '../wait';
import { Timeline } from './timeline';
import { Variables } from './variables';

const drawing = (): Promise<typeof import('../graph')> => import('../graph');
const Canvas = lazy(() => drawing().then((m) => ({ default: m.Canvas })));

/** firstSteps are read before anything is shown, and then mostSteps at once; a run with more is read on as it goes on. */
const firstSteps = 500;
const mostSteps = 10_000;
const mostFrom = 1000;

/** Seen is a run as it was at one moment. */
export interface Seen extends GetWfRunViewResponse {
  run: WfRun;
  spec: WfSpec | undefined;
  all: Steps;
  /** begun says that only the first steps are read. */
  begun: boolean;
}

/** readRun reads what is not known of a run. A run of the same id that began later is another. */
async function readRun(id: WfRunId, topics: string[], signal: AbortSignal, old: Seen | undefined): Promise<Seen> {
  const read = (known: Seen | undefined) =>
    batch([ask('GetWfRunView', { wfRunId: id, limit: known ? mostSteps : firstSteps, from: known ? unsettled(known.all).slice(0, mostFrom) : [], withWfSpec: known?.spec === undefined })], signal, topics);
  let known = old;
  let view = need((await read(known))[0]);
  if (known && (known.run.startTime !== view.wfRun?.startTime || specText(known.run.wfSpecId) !== specText(view.wfRun?.wfSpecId))) {
    known = undefined;
    view = need((await read(undefined))[0]);
  }
  return { ...view, run: view.wfRun!, spec: known?.spec ?? view.wfSpec, all: withSteps(known?.all ?? new Map(), view.steps), steps: [], begun: known === undefined && view.bookmark !== undefined };
}

/** Run is one run: what it does, why it does not go on, and what can be done about it. */
export function Run(): ReactElement {
  const { rest, search } = useRoute();
  const id = runIdOf(rest);
  const thread = Number(search.get('thread') ?? 0);
  const topics = [`run:${runId(id)}`];
  useEffect(() => void drawing(), []); // while the run is read
  const seen = useSeen<Seen>({
    key: [session.tenant, 'run', rest.join('/')],
    topics,
    read: (signal, old) => readRun(id, topics, signal, old),
    // How many are ahead in a queue is of other runs.
    slow: (data) => (data?.why?.threads.some((t) => t.task?.status === 'TASK_SCHEDULED') ? 5000 : false),
  });
  const begun = seen.data?.begun ?? false;
  const { refetch } = seen;
  useEffect(() => {
    if (begun) void refetch();
  }, [begun, refetch]);
  if (seen.error && !seen.data) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={10} />;
  const { run, why } = seen.data;
  return (
    <>
      <Head run={run} thread={thread} event={why?.threads.find((t) => t.externalEvent)?.externalEvent?.externalEventDefId?.name} />
      <Spoken run={run} at={nodeOf(seen.data, thread)} />
      {seen.error && <Problem error={seen.error} />}
      {why && <Why run={run} of={why} />}
      <Threads run={run} more={seen.data.moreThreads} chosen={thread} />
      <Body seen={seen.data} thread={thread} />
    </>
  );
}

/** nodeOf is where a thread is, or was last. */
const nodeOf = (seen: Seen, thread: number): string | undefined => seen.why?.threads.find((t) => t.number === thread)?.nodeName || (seen.all.get(thread) ?? []).at(-1)?.node;

/** spokenPause is how long what is spoken stays, so that a run that goes fast does not talk all the time. */
const spokenPause = 5000;

/** Spoken tells those who do not see it what becomes of a run while it is open before them. */
function Spoken({ run, at }: { run: WfRun; at: string | undefined }): ReactElement {
  const bad = run.threadRuns.filter((t) => t.number !== 0 && failed(t.status)).length;
  const now = useSlowly([`The run is ${lookOf(run.status).word}${at && !ended(run.status) ? `, at ${shortName(at)}` : ''}`, ...(bad > 0 ? [`${bad} of its threads failed`] : [])].join('; '), spokenPause);
  const first = useRef(now);
  const changed = useRef(false);
  changed.current ||= now !== first.current;
  return (
    <p className="unseen" aria-live="polite" data-spoken>
      {changed.current ? now : ''}
    </p>
  );
}

function Head({ run, thread, event }: { run: WfRun; thread: number; event: string | undefined }): ReactElement {
  const now = useNow();
  const parent = run.id?.parentWfRunId;
  const took = (run.endTime ? Date.parse(run.endTime) : now) - Date.parse(run.startTime ?? '');
  return (
    <div className="title">
      <div className="stack tight grow">
        <nav className="crumbs" aria-label="Where this is">
          <A href={to(['runs'])}>Runs</A> <span aria-hidden="true">/</span>
          <A href={to(['specs', run.wfSpecId?.name ?? '', `${run.wfSpecId?.majorVersion}.${run.wfSpecId?.revision}`])}>{specText(run.wfSpecId)}</A>
          {parent && (
            <>
              <span aria-hidden="true">/</span> child of <A href={to(['runs', ...runParts(parent)])}>{runId(parent)}</A>
            </>
          )}
        </nav>
        <div className="row tight">
          <h1 className="id">{runId(run.id)}</h1>
          <Copy text={runId(run.id)} what="id" />
          <Status of={run.status} />
        </div>
        <p className="soft small">
          Started <Time at={run.startTime} /> · {run.endTime ? 'took' : 'open for'} {spanText(took)}
          {run.endTime && (
            <>
              {' '}
              · ended <Time at={run.endTime} />
            </>
          )}
        </p>
      </div>
      <RunActions run={run} thread={thread} event={event} />
    </div>
  );
}

/** Why says in a sentence what a run waits for, or why it failed. */
function Why({ run, of }: { run: WfRun; of: NonNullable<Parameters<typeof waits>[0]> }): ReactElement | null {
  const now = useNow();
  const all = waits(of, now);
  const shown = all.slice(0, 4);
  if (run.status === 'COMPLETED' || all.length === 0) return null;
  return (
    <div className="stack tight" data-why>
      {shown.map((w) => (
        <Note key={w.thread} tone={w.tone} icon={w.tone === 'bad' ? 'alert' : w.tone === 'warn' ? 'pause' : 'clock'}>
          <div>
            <strong>{plain(w)}</strong>
            {all.length > 1 && <span className="soft small"> · thread {w.thread}</span>}
          </div>
          {w.more.length > 0 && <span className="small soft">{w.more.join(' · ')}</span>}
          {w.node && (
            <div className="small">
              <button type="button" className="button plain" style={{ minHeight: 24, padding: '0 6px', marginLeft: -6 }} onClick={() => setSearch({ thread: w.thread ? String(w.thread) : undefined, node: w.node, visit: undefined, in: undefined })}>
                Show {shortName(w.node)}
              </button>
              {w.userTask && <UserTask of={w.userTask} />}
            </div>
          )}
        </Note>
      ))}
      {(all.length > shown.length || of.bookmark) && <span className="small soft">… and {all.length - shown.length}{of.bookmark ? ' or more' : ''} other threads</span>}
    </div>
  );
}

/** UserTask leads to where people complete or assign it. */
function UserTask({ of }: { of: UserTaskRunId }): ReactElement {
  return (
    <A className="button plain" href={to(['user-tasks', of.userTaskGuid, ...runParts(of.wfRunId)], { queue: 'all' })}>
      Open the user task
    </A>
  );
}

/** plain takes the numbers of SDKs from the names of nodes. */
const plain = (w: Wait): string => (w.node ? w.sentence.replace(w.node, shortName(w.node)) : w.sentence);

/** useNextThread is the key that goes from thread to thread. */
function useNextThread(run: WfRun, chosen: number): void {
  useEffect(() => {
    const pressed = (e: KeyboardEvent): void => {
      if (e.key !== 't' || elsewhere(e) || e.ctrlKey || e.metaKey || e.altKey || leader.leads()) return;
      const at = run.threadRuns.findIndex((t) => t.number === chosen);
      const next = run.threadRuns[(at + 1) % run.threadRuns.length];
      if (next) setSearch({ thread: next.number ? String(next.number) : undefined, node: undefined, visit: undefined, in: undefined });
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [run.threadRuns, chosen]);
}

function Threads({ run, more, chosen }: { run: WfRun; more: boolean; chosen: number }): ReactElement | null {
  useNextThread(run, chosen);
  if (run.threadRuns.length < 2) return null;
  const shown = run.threadRuns.length <= 40 ? run.threadRuns : run.threadRuns.filter((t, i) => i < 30 || t.number === chosen || failed(t.status));
  return (
    <div className="chips" role="group" aria-label="Threads of the run">
      {shown.slice(0, 80).map((t) => (
        <button
          key={t.number}
          type="button"
          className="button"
          aria-current={t.number === chosen}
          title={`${t.threadSpecName}: ${lookOf(t.status).word}`}
          onClick={() => setSearch({ thread: t.number ? String(t.number) : undefined, node: undefined, visit: undefined })}
        >
          {t.number} · {t.threadSpecName} <Status of={t.status} />
        </button>
      ))}
      {(shown.length < run.threadRuns.length || more) && (
        <span className="soft small">
          {run.threadRuns.length}
          {more ? ' or more' : ''} threads in all
        </span>
      )}
    </div>
  );
}

/** looksOf counts threads by how they stand. */
function looksOf(threads: number[], byNumber: Map<number, ThreadRun>): NonNullable<Drawn['looks']> {
  const times = new Map<LHStatus, number>();
  for (const t of threads) {
    const status = byNumber.get(t)?.status;
    if (status) times.set(status, (times.get(status) ?? 0) + 1);
  }
  return [...times].map(([status, n]) => ({ look: lookOf(status), times: n }));
}

/** turn folds threads of a kind into one lane, or each into its own. */
function turn(kind: string, all: string[]): void {
  setSearch({ each: all.includes(kind) ? all.filter((k) => k !== kind) : [...all, kind], node: undefined, visit: undefined, in: undefined });
}

/** eachIn are the kinds whose threads are told apart in a run; those of runs within another have its id before them. */
const eachIn = (search: URLSearchParams, within: string): string[] => search.getAll('each').flatMap((k) => (within === '' ? [k] : k.startsWith(within) ? [k.slice(within.length)] : []));

function titleOf(lane: Lane): string {
  return lane.threads.length > 1 ? `${lane.threads.length} × ${lane.name}` : `Thread ${lane.threads[0]}: ${lane.name}`;
}

/** drawn makes lanes of threads as the canvas draws them, those of a run within another with its id before theirs. */
function drawn(lanes: Lane[], seen: Pick<Seen, 'run' | 'all'> & Partial<Pick<Seen, 'why'>>, search: URLSearchParams, titled: boolean, within = '', at?: { depth: number; from: Place }): Drawn[] {
  const dues = duesOf(seen.why);
  const unfolded = eachIn(search, within);
  const told = new Set<string>();
  const foldOf = (lane: Lane): Drawn['fold'] => {
    const open = unfolded.includes(lane.name);
    if (told.has(lane.name) || (!open && lane.threads.length < 2)) return undefined;
    told.add(lane.name);
    return { open, turn: () => turn(within + lane.name, search.getAll('each')) };
  };
  const byNumber = new Map(seen.run.threadRuns.map((t) => [t.number, t]));
  return lanes.map((lane) => ({
    id: within + lane.id,
    thread: lane.spec,
    depth: lane.depth + (at?.depth ?? 0),
    ...historyOf(seen.all, lane.threads, dues),
    fold: foldOf(lane),
    ...(titled || within ? { title: within && lanes.length === 1 ? `${seen.run.wfSpecId?.name} · ${runId(seen.run.id)}` : `${within ? `${runId(seen.run.id)} · ` : ''}${titleOf(lane)}`, looks: looksOf(lane.threads, byNumber) } : {}),
    starts: lane.starts.length > 0 || !at ? lane.starts.map((s) => ({ ...s, lane: within + s.lane })) : [{ ...at.from, cause: 'child', when: '' }],
  }));
}

const mostInside = 5;

/** useInside reads the runs that are shown within this one, if that is asked for. */
function useInside(seen: Seen, wanted: boolean): Seen[] {
  const ids = wanted ? seen.children.slice(0, mostInside).map((c) => c.id!) : [];
  const topics = [`run:${runId(seen.run.id)}`]; // those below are of it
  const read = useSeen<Seen[]>({
    key: [session.tenant, 'inside', ids.map(runId)],
    topics,
    enabled: ids.length > 0,
    keep: true,
    read: async (signal, old) =>
      Promise.all(
        ids.map(async (id, i) => {
          const one = await readRun(id, topics, signal, old?.[i]);
          return one.begun ? readRun(id, topics, signal, one) : one;
        }),
      ),
  });
  return ids.length > 0 ? (read.data ?? []) : [];
}

function Body({ seen, thread }: { seen: Seen; thread: number }): ReactElement {
  const { search } = useRoute();
  const node = search.get('node') ?? undefined;
  const tab = search.get('tab') ?? 'variables';
  const within = search.get('in') ?? '';
  const inside = useInside(seen, search.get('inside') === '1');
  const { run, all, spec } = seen;
  const moments = useMoments(seen);
  const replayed = search.get('replay');
  const then = moments && replayed !== null ? moments[Math.min(Math.max(0, Number(replayed) || 0), moments.length - 1)]?.at : undefined;
  const each = search.getAll('each').join('\n');
  const threadRun = run.threadRuns.find((t) => t.number === thread);
  const alone = search.get('alone') === '1' && threadRun !== undefined;
  const lanes = useMemo(
    () => (spec ? lanesOf(alone && threadRun ? [threadRun] : run.threadRuns, all, spec, eachIn(search, '')) : []),
    [run.threadRuns, all, spec, alone && threadRun, each],
  );
  const scene = useMemo(() => {
    const children = (alone ? [] : inside).map((child) => ({ child, own: lanesWithin(child, search) }));
    const titled = run.threadRuns.length > 1 || children.length > 0;
    const below = children.flatMap(({ child, own }) => {
      const id = runId(child.run.id);
      const step = [...all.values()].flat().find((s) => runId(s.childWfRunId) === id);
      const lane = lanes.find((l) => step && l.threads.includes(step.thread));
      return drawn(own, child, search, true, `${id}/`, { depth: (lane?.depth ?? 0) + 1, from: { lane: lane?.id ?? '', node: step?.node ?? '' } });
    });
    const was = then === undefined ? seen : { run: { ...run, threadRuns: threadsAt(run.threadRuns, then) }, all: stepsAt(all, then) };
    return [...drawn(lanes, was, search, titled), ...below];
  }, [lanes, inside, alone, seen, run, all, then, each]);
  const here = lanes.find((l) => l.threads.includes(thread)) ?? lanes[0];
  const where = nodeOf(seen, thread);
  const choose = (at: Place | undefined): void => {
    const lane = lanes.find((l) => l.id === at?.lane);
    if (at && !lane) setSearch({ in: at.lane, node: at.node, visit: undefined });
    else {
      const next = lane && !lane.threads.includes(thread) ? lane.threads[0] : thread;
      setSearch({ in: undefined, node: at?.node, visit: undefined, thread: next ? String(next) : undefined });
    }
  };
  const chosen = node === undefined ? undefined : { lane: within || (here?.id ?? ''), node };
  const definition = scene.find((l) => l.id === chosen?.lane)?.thread.nodes[node ?? ''];
  return (
    <div className="work">
      <div className="stack">
        <Panel
          title="Graph"
          actions={
            <div className="row tight">
              {run.threadRuns.length > 1 && (
                <Button pressed={alone} icon="eye" onClick={() => setSearch({ alone: alone ? undefined : '1', in: undefined })}>
                  Only this thread
                </Button>
              )}
              {seen.children.length > 0 && !alone && (
                <Button pressed={search.get('inside') === '1'} icon="nest" onClick={() => setSearch({ inside: search.get('inside') === '1' ? undefined : '1', in: undefined })}>
                  Child runs inside
                </Button>
              )}
              <Button pressed={moments !== undefined} icon="play" onClick={() => setSearch({ replay: moments ? undefined : '0', inside: undefined, in: undefined })}>
                Replay
              </Button>
            </div>
          }
          bare
        >
          {moments && <Replay moments={moments} at={moments.findIndex((m) => m.at === then)} />}
          <Boundary>
            {spec && scene.length > 0 ? (
              <Suspense fallback={<div className="body canvas"><Skeleton lines={3} /></div>}>
                <Canvas
                  name={runId(run.id)}
                  of={`${specText(run.wfSpecId)} ${spec.createdAt} ${scene.map((l) => `${l.id}:${l.title ?? ''}:${whenOf(l.starts ?? [])}:${l.looks?.length ?? 0}:${l.fold?.open ?? ''}`).join(' ')}`}
                  lanes={scene}
                  focus={threadRun?.status === 'COMPLETED' || !where || !here ? undefined : { lane: here.id, node: where }}
                  chosen={chosen}
                  choose={choose}
                />
              </Suspense>
            ) : (
              <div className="body canvas">
                <Skeleton lines={3} />
              </div>
            )}
          </Boundary>
        </Panel>
        <section className="panel">
          <Tabs
            label="More of this run"
            chosen={tab}
            choose={(t) => setSearch({ tab: t })}
            tabs={[
              { id: 'variables', title: 'Variables' },
              { id: 'timeline', title: 'Timeline' },
              { id: 'steps', title: 'Steps' },
              { id: 'events', title: 'Events' },
              { id: 'children', title: 'Child runs' },
              { id: 'json', title: 'Source' },
            ]}
          />
          <div className="body" role="tabpanel" aria-labelledby={`tab-${tab}`}>
            <Boundary key={tab}>
              {tab === 'variables' && <Variables seen={seen} />}
              {tab === 'timeline' && <Timeline threads={run.threadRuns} steps={all} why={seen.why} />}
              {tab === 'steps' && <StepTable seen={seen} />}
              {tab === 'events' && <Story seen={seen} />}
              {tab === 'children' && <Children of={run} />}
              {tab === 'json' && <Sources name={runId(run.id)} of={run} rpc="GetWfRun" request={run.id!} />}
            </Boundary>
          </div>
        </section>
      </div>
      <aside className="panel details" aria-label="Details of the chosen step">
        <Boundary key={`${within}/${node}`}>
          {within ? (
            <Details of={inside.find((s) => within.startsWith(`${runId(s.run.id)}/`)) ?? seen} threads={threadsWithin(inside, within, search)} node={node} definition={definition} />
          ) : (
            <Details of={seen} threads={[thread]} node={node} definition={definition} />
          )}
        </Boundary>
      </aside>
    </div>
  );
}

/** useMoments are the times at which something happened, if the run is replayed. */
function useMoments(seen: Seen): Happened[] | undefined {
  const wanted = useRoute().search.get('replay') !== null;
  const story = useStory(seen);
  return useMemo(() => (wanted ? momentsOf(story) : undefined), [wanted, story]);
}

const pace = 600;

/** Replay goes through what happened, moment by moment; the graph is as it was then. */
function Replay({ moments, at }: { moments: Happened[]; at: number }): ReactElement {
  const [playing, play] = useState(false);
  const last = moments.length - 1;
  const set = (i: number): void => setSearch({ replay: String(i) });
  useEffect(() => {
    if (!playing) return;
    if (at >= last) {
      play(false);
      return;
    }
    const next = setTimeout(() => set(at + 1), pace);
    return () => clearTimeout(next);
  }, [playing, at, last]);
  const now = moments[at];
  const told = now?.what.slice(0, 3).map((h) => [h.node && shortName(h.node), h.what].filter(Boolean).join(': ')).join(' · ');
  return (
    <div className="replay" data-replay>
      <Button icon={playing ? 'pause' : 'play'} label={playing ? 'Pause the replay' : 'Play it'} onClick={() => (playing ? play(false) : (at >= last && set(0), play(true)))} />
      <input type="range" aria-label="Moment of the run" min={0} max={last} value={at} aria-valuetext={told ?? ''} onChange={(e) => set(Number(e.target.value))} />
      <span className="small" role="status">
        {now && <Moment at={now.at} />} <span className="soft">{told}{now && now.what.length > 3 && ` · ${now.what.length - 3} more`}</span>
      </span>
    </div>
  );
}

/** lanesWithin are those of a run that is shown inside. */
const lanesWithin = (child: Seen, search: URLSearchParams): Lane[] => (child.spec ? lanesOf(child.run.threadRuns, child.all, child.spec, eachIn(search, `${runId(child.run.id)}/`)) : []);

/** threadsWithin are those of a lane of a run that is shown inside. */
function threadsWithin(inside: Seen[], lane: string, search: URLSearchParams): number[] {
  const child = inside.find((s) => lane.startsWith(`${runId(s.run.id)}/`));
  const own = child ? lanesWithin(child, search) : [];
  return own.find((l) => `${runId(child?.run.id)}/${l.id}` === lane)?.threads ?? [0];
}

/** StepTable is the graph as a list: what happened, thread by thread and in order. */
function StepTable({ seen }: { seen: Seen }): ReactElement {
  const rows = useMemo(() => [...seen.all.entries()].sort(([a], [b]) => a - b).flatMap(([, steps]) => steps), [seen.all]);
  const { box, shown } = useWindow(rows.length, 46);
  const names = new Map(seen.run.threadRuns.map((t) => [t.number, t.threadSpecName]));
  const several = seen.all.size > 1;
  return (
    <div className="scroll tall" ref={box} tabIndex={0} role="region" aria-label="Steps in order">
      <table className="fixed-rows" aria-rowcount={rows.length}>
        <thead>
          <tr>
            {several && <th>Thread</th>}
            <th>#</th>
            <th>Step</th>
            <th>Kind</th>
            <th>Status</th>
            <th>Began</th>
            <th>Took</th>
          </tr>
        </thead>
        <tbody>
          <tr aria-hidden="true" style={{ height: shown.above }} />
          {rows.slice(shown.first, shown.last).map((s) => {
            const def = seen.spec?.threadSpecs[names.get(s.thread) ?? '']?.nodes[s.node];
            return (
              <tr key={`${s.thread}/${s.position}`} style={{ height: 46 }}>
                {several && <td>{s.thread}</td>}
                <td>{s.position}</td>
                <td>
                  <button type="button" className="button plain" onClick={() => setSearch({ thread: s.thread ? String(s.thread) : undefined, node: s.node, visit: String(s.position) })}>
                    {shortName(s.node)}
                  </button>
                </td>
                <td className="soft">{def ? `${kindOfNode(def).word} ${kindOfNode(def).about}` : s.about}</td>
                <td>
                  <Status of={s.status} />
                </td>
                <td>
                  <Time at={new Date(Number(s.arrivedMs)).toISOString()} />
                </td>
                <td>{s.endedMs !== undefined ? spanText(Number(s.endedMs) - Number(s.arrivedMs)) : ''}</td>
              </tr>
            );
          })}
          <tr aria-hidden="true" style={{ height: shown.below }} />
        </tbody>
      </table>
      {seen.bookmark && <p className="soft small">The first {countOf(seen.all)} steps are shown.</p>}
    </div>
  );
}

const sorts: [value: string, text: string][] = [
  ['', 'everything'],
  ['thread', 'threads'],
  ['step', 'steps'],
  ['attempt', 'attempts of tasks'],
  ['event', 'events'],
  ['variable', 'variables'],
  ['userTask', 'user tasks'],
  ['child', 'child runs'],
  ['bad', 'what failed'],
];

const useStory = (seen: Seen, past?: Past): Happening[] =>
  useMemo(
    () => storyOf({ threads: seen.run.threadRuns, steps: seen.all, posted: seen.externalEvents, thrown: seen.workflowEvents, children: seen.children, past }),
    [seen.run, seen.all, seen.externalEvents, seen.workflowEvents, seen.children, past],
  );

const mostVariables = 30;
const mostUserTasks = 100;
/** mostReplayed are the steps that the server may go through to tell what variables were. */
const mostReplayed = 20_000;
const pastPause = 2000;

/** usePast reads what variables were and what people did. The larger the run, the fewer variables are told of. */
function usePast(seen: Seen): UseQueryResult<Past> {
  const of = seen.run.id!;
  const told = Math.min(mostVariables, Math.floor(mostReplayed / Math.max(1, countOf(seen.all))));
  const ids = seen.variables.slice(0, told).flatMap((v) => v.variable?.id ?? []);
  const topics = [`run:${runId(of)}`];
  return useSeen<Past>({
    key: [session.tenant, 'past', runId(of), ids.map((id) => `${id.threadRunNumber}/${id.name}`)],
    topics,
    least: pastPause,
    keep: true,
    enabled: !seen.begun,
    read: async (signal) => {
      const [tasks, ...were] = await batch([ask('ListUserTaskRuns', { wfRunId: of, limit: mostUserTasks }), ...ids.map((id) => ask('GetVariableHistory', { id }))], signal, topics);
      // Who may not read user tasks is told the rest.
      return {
        variables: were.map((w, i) => ({ id: ids[i]!, changes: w.reply?.changes ?? [] })),
        userTasks: tasks.reply?.results ?? [],
        more: seen.moreVariables || seen.variables.length > told || were.some((w) => w.reply?.more ?? true) || tasks.reply?.bookmark !== undefined,
      };
    },
  });
}

/** Story is all that happened, in the order of time, with what events brought below it. */
function Story({ seen }: { seen: Seen }): ReactElement {
  const { search } = useRoute();
  const sort = search.get('sort') ?? '';
  const text = (search.get('has') ?? '').toLowerCase();
  const past = usePast(seen);
  const all = useStory(seen, past.data);
  const rows = useMemo(
    () => all.filter((h) => (sort === '' || h.sort === sort || (sort === 'bad' && h.bad)) && (text === '' || `${h.node} ${h.what}`.toLowerCase().includes(text))),
    [all, sort, text],
  );
  const { box, shown } = useWindow(rows.length, 40);
  const tail = search.get('tail') === '1';
  useEffect(() => {
    if (tail && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [tail, rows.length, box]);
  const several = seen.run.threadRuns.length > 1;
  return (
    <div className="stack">
      <div className="filters">
        <Choice label="Show" name="sort" value={sort} options={sorts} />
        <Field label="With the text">{(id) => <input id={id} className="input" value={search.get('has') ?? ''} onChange={(e) => setSearch({ has: e.target.value })} />}</Field>
        <Button onClick={() => save(`${runId(seen.run.id)}.ndjson`, 'application/x-ndjson', linesOf(rows))}>Save as NDJSON</Button>
        <Button pressed={tail} onClick={() => setSearch({ tail: tail ? undefined : '1' })}>
          Follow the latest
        </Button>
      </div>
      <div className="scroll tall" ref={box} tabIndex={0} role="region" aria-label="What happened, in order">
        <table className="fixed-rows" aria-rowcount={rows.length}>
          <thead>
            <tr>
              <th>When, in UTC</th>
              {several && <th>Thread</th>}
              <th>Step</th>
              <th>What happened</th>
            </tr>
          </thead>
          <tbody>
            <tr aria-hidden="true" style={{ height: shown.above }} />
            {rows.slice(shown.first, shown.last).map((h, i) => (
              <tr key={shown.first + i} style={{ height: 40 }}>
                <td className="mono">{new Date(h.at).toISOString().replace('T', ' ').slice(0, 23)}</td>
                {several && <td>{h.thread}</td>}
                <td>
                  {h.node && (
                    <button type="button" className="button plain" onClick={() => setSearch({ thread: h.thread ? String(h.thread) : undefined, node: h.node, visit: String(h.position) })}>
                      {shortName(h.node)}
                    </button>
                  )}
                </td>
                <td className={h.bad ? 'bad-text' : undefined}>{h.what}</td>
              </tr>
            ))}
            <tr aria-hidden="true" style={{ height: shown.below }} />
          </tbody>
        </table>
      </div>
      {past.error && <Problem error={past.error} retry={() => void past.refetch()} />}
      {past.data?.more && <p className="soft small">Of its variables and user tasks not everything is told; what a variable was stands beside it.</p>}
      {(seen.bookmark || seen.moreThreads || seen.moreEvents || seen.moreChildren) && <p className="soft small">Of a run this large the first steps, threads, events and child runs are told.</p>}
      {seen.externalEvents.length + seen.workflowEvents.length > 0 && <h3>What events brought</h3>}
      <Events posted={seen.externalEvents} thrown={seen.workflowEvents} more={seen.moreEvents} />
    </div>
  );
}

function Events({ posted, thrown, more }: { posted: ExternalEvent[]; thrown: WorkflowEvent[]; more: boolean }): ReactElement {
  if (posted.length + thrown.length === 0) return <Empty icon="mail" title="No event was posted to this run, and it threw none" />;
  const all = [
    ...posted.map((e) => ({ key: `p/${e.id?.externalEventDefId?.name}/${e.id?.guid}`, name: e.id?.externalEventDefId?.name, at: e.createdAt, word: e.claimed ? 'claimed' : 'not claimed', content: e.content })),
    ...thrown.map((e) => ({ key: `t/${e.id?.workflowEventDefId?.name}/${e.id?.number}`, name: e.id?.workflowEventDefId?.name, at: e.createdAt, word: 'thrown', content: e.content })),
  ].sort((a, b) => Date.parse(a.at ?? '') - Date.parse(b.at ?? ''));
  return (
    <div className="stack">
      {all.map((e) => (
        <div key={e.key} className="stack tight">
          <div className="row tight">
            <strong>{e.name}</strong>
            <span className="tag">{e.word}</span>
            <span className="soft small">
              <Time at={e.at} />
            </span>
          </div>
          <Value of={e.content} />
        </div>
      ))}
      {more && <p className="soft small">There are more events than are shown.</p>}
    </div>
  );
}

/** Children are the runs right below this one, by status and time. */
function Children({ of }: { of: WfRun }): ReactElement {
  const { search } = useRoute();
  const status = (search.get('childStatus') ?? '') as LHStatus | '';
  const back = search.get('since') ?? '';
  const id = runId(of.id);
  const found = usePages(
    ['children', id, status, back],
    (bookmark) => ask('SearchWfRun', { parentWfRunId: of.id!, limit: pageSize, ...(bookmark ? { bookmark } : {}), ...(status ? { status } : {}), ...since(back) }),
    (ids, signal) => each(ids, (one) => ask('GetWfRun', one), signal),
    [`run:${id}`],
  );
  return (
    <div className="stack">
      <div className="filters">
        <Choice label="Status" name="childStatus" value={status} options={[['', 'any'], ...statuses.map((s): [string, string] => [s, lookOf(s).word])]} />
        <Choice label="Since" name="since" value={back} options={times} />
      </div>
      <Rows of={found} empty={<Empty icon="nest" title={status || back ? 'There is none like that' : 'This run has started no other'} />}>
        {(rows) => (
          <Table
            label="Child runs"
            rows={rows}
            id={(c) => runId(c.id)}
            columns={[
              { name: 'Status', of: (c) => <Status of={c.status} /> },
              { name: 'Run', of: (c) => <A className="mono" href={to(['runs', ...runParts(c.id)])}>{runId(c.id)}</A>, wide: true },
              { name: 'Workflow', of: (c) => specText(c.wfSpecId) },
              { name: 'Began', of: (c) => <Time at={c.startTime} /> },
            ]}
          />
        )}
      </Rows>
    </div>
  );
}

interface DetailsProps {
  of: Seen;
  threads: number[];
  node: string | undefined;
  definition: Node | undefined;
}

function Details(p: DetailsProps): ReactElement {
  const { search } = useRoute();
  const visits = useMemo(() => p.threads.flatMap((t) => (p.of.all.get(t) ?? []).filter((s) => s.node === p.node)), [p.of.all, p.threads.join(), p.node]);
  const asked = Number(search.get('visit') ?? Number.NaN);
  const visit = visits.find((v) => v.position === asked) ?? visits.at(-1);
  if (!p.node) {
    return <Empty icon="specs" title="Choose a step">
      <p>Click a step of the graph, or reach it with the Tab key, to see what happened there.</p>
    </Empty>;
  }
  const kind = p.definition && kindOfNode(p.definition);
  return (
    <>
      <header>
        <div className="grow stack" style={{ gap: 2 }}>
          <h2 style={{ overflowWrap: 'anywhere' }}>{shortName(p.node)}</h2>
          <span className="soft small">{kind ? `${kind.word} ${kind.about}` : p.node}</span>
        </div>
        {visit ? <Status of={visit.status} /> : <span className="tag">not reached</span>}
      </header>
      <div className="body stack" data-details>
        {visits.length > 1 && <Visits all={visits} chosen={visit} />}
        {visit && <VisitDetails run={p.of.run.id!} of={visit} />}
        {p.definition && <Definition of={p.definition} />}
      </div>
    </>
  );
}

function Visits({ all, chosen }: { all: Step[]; chosen: Step | undefined }): ReactElement {
  const at = chosen ? all.indexOf(chosen) : -1;
  const step = (by: number): void => {
    const next = all[at + by];
    if (next) setSearch({ visit: String(next.position) });
  };
  useEffect(() => {
    const pressed = (e: KeyboardEvent): void => {
      if (elsewhere(e)) return;
      if (e.key === '[') step(-1);
      if (e.key === ']') step(1);
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  });
  const shown = all.length <= 40 ? all : all.slice(Math.max(0, Math.min(at - 20, all.length - 40)), Math.max(40, Math.min(at + 20, all.length)));
  return (
    <div className="stack tight visits">
      <div className="row tight">
        <h3 className="grow">{all.length} visits</h3>
        <Button kind="plain" label="Visit before" forbidden={at <= 0 ? 'This is the first.' : undefined} onClick={() => step(-1)}>
          ‹
        </Button>
        <Button kind="plain" label="Next visit" forbidden={at >= all.length - 1 ? 'This is the last.' : undefined} onClick={() => step(1)}>
          ›
        </Button>
      </div>
      <div className="chips">
        {shown.map((v) => (
          <button key={`${v.thread}/${v.position}`} type="button" className="button" aria-current={v === chosen} onClick={() => setSearch({ visit: String(v.position) })}>
            {v.position} <Status of={v.status} />
          </button>
        ))}
      </div>
    </div>
  );
}

/** VisitDetails reads what a step was given and gave: of all steps of a run that would be much. */
function VisitDetails({ run, of }: { run: WfRunId; of: Step }): ReactElement {
  const seen = useQuery({
    // What is over is read once; what is not, whenever the step looks different.
    queryKey: [session.tenant, 'step', runId(run), of.thread, of.position, of.status, JSON.stringify(of.attempts), of.failure],
    queryFn: async ({ signal }) => {
      const [node, task] = await batch(
        [
          ask('GetNodeRun', { wfRunId: run, threadRunNumber: of.thread, position: of.position }),
          ask('GetTaskRun', { wfRunId: run, taskGuid: `${of.thread}-${of.position}` }),
        ],
        signal,
      );
      return { node: need(node), task: of.attempts.length > 0 ? task.reply : undefined };
    },
    placeholderData: (old, query) => (query?.queryKey[3] === of.thread && query?.queryKey[4] === of.position ? old : undefined),
    staleTime: 60_000,
  });
  if (seen.error) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={3} />;
  const { node, task } = seen.data;
  return (
    <>
      <VisitFacts of={node} />
      {node.failures.map((f, i) => (
        <FailureBox key={i} of={f} />
      ))}
      {node.errorMessage && node.failures.length === 0 && <Text title="Error" text={node.errorMessage} />}
      {task && <Task of={task} />}
    </>
  );
}

function Facts({ rows }: { rows: [string, ReactNode][] }): ReactElement {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function VisitFacts({ of }: { of: NodeRun }): ReactElement {
  const rows: [string, ReactNode][] = [['Arrived', <Time key="a" at={of.arrivalTime} />]];
  if (of.endTime) rows.push(['Ended', <Time key="e" at={of.endTime} />]);
  if (of.arrivalTime && of.endTime) rows.push(['Took', spanText(Date.parse(of.endTime) - Date.parse(of.arrivalTime))]);
  if (of.externalEvent) {
    rows.push(['Event', of.externalEvent.externalEventDefId?.name]);
    if (of.externalEvent.correlationKey !== undefined) rows.push(['Key', of.externalEvent.maskCorrelationKey ? 'masked' : of.externalEvent.correlationKey]);
    if (of.externalEvent.timedOut) rows.push(['Outcome', 'timed out']);
  }
  if (of.userTask?.userTaskRunId) rows.push(['User task', <UserTask key="u" of={of.userTask.userTaskRunId} />]);
  if (of.sleep?.maturationTime) rows.push(['Wakes', <Time key="s" at={of.sleep.maturationTime} />]);
  if (of.startThread?.childThreadId !== undefined) rows.push(['Started', <ThreadLink key="t" number={of.startThread.childThreadId} />]);
  if (of.startMultipleThreads) rows.push(['Started', `${of.startMultipleThreads.childThreadIds.length} threads`]);
  if (of.runChildWf?.childWfRunId) rows.push(['Child', <A key="c" href={to(['runs', ...runParts(of.runChildWf.childWfRunId)])}>{runId(of.runChildWf.childWfRunId)}</A>]);
  if (of.waitForChildWf?.childWfRunId) rows.push(['Child', <A key="w" href={to(['runs', ...runParts(of.waitForChildWf.childWfRunId)])}>{runId(of.waitForChildWf.childWfRunId)}</A>]);
  for (const t of of.waitForThreads?.threads.slice(0, 20) ?? []) rows.push([`Thread ${t.threadRunNumber}`, waitingThread[t.waitingStatus]]);
  return <Facts rows={rows} />;
}

function ThreadLink({ number }: { number: number }): ReactElement {
  return (
    <button type="button" className="button plain" onClick={() => setSearch({ thread: String(number), node: undefined, visit: undefined })}>
      thread {number}
    </button>
  );
}

function FailureBox({ of }: { of: Failure }): ReactElement {
  return (
    <div className="stack tight" data-failure={of.failureName}>
      <div className="row tight">
        <span className="badge bad">{of.failureName}</span>
        {of.wasProperlyHandled && <span className="tag">handled</span>}
        {of.failureHandlerThreadrunId !== undefined && <ThreadLink number={of.failureHandlerThreadrunId} />}
      </div>
      {of.message && <Text title="Message" text={of.message} />}
      {of.content && <Value of={of.content} />}
    </div>
  );
}

/** Text shows a message, the stack trace under it folded away. */
function Text({ title, text }: { title: string; text: string }): ReactElement {
  const [first = '', ...others] = text.split('\n');
  return (
    <div className="value">
      <header>
        <span className="grow small soft">{title}</span>
        <Copy text={text} what="message" />
      </header>
      <div className="text" tabIndex={0} role="region" aria-label={title}>
        {first}
        {others.length > 0 && (
          <Fold name={title} title={`${others.length} more lines`} summary="soft">
            {others.join('\n')}
          </Fold>
        )}
      </div>
    </div>
  );
}

function Task({ of }: { of: TaskRun }): ReactElement {
  return (
    <div className="stack tight">
      <h3>
        Task <A href={to(['tasks', of.taskDefId?.name ?? ''])}>{of.taskDefId?.name}</A> · {of.attempts.length} of {of.totalAttempts} attempts
      </h3>
      {of.attempts.map((a, i) => (
        <Attempt key={i} of={a} number={i + 1} />
      ))}
      {of.totalCheckpoints > 0 && <Checkpoints of={of} />}
      {of.inputVariables.length > 0 && <h3>Input</h3>}
      {of.inputVariables.map((v) => (
        <div key={v.varName} className="stack tight">
          <span className="small">{v.varName}</span>
          <Value of={v.value} masked={v.masked} />
        </div>
      ))}
    </div>
  );
}

const mostCheckpoints = 50;

/** Checkpoints are what a task has kept for its next attempt. */
function Checkpoints({ of }: { of: TaskRun }): ReactElement {
  const many = Math.min(of.totalCheckpoints, mostCheckpoints);
  const read = useQuery({
    queryKey: [session.tenant, 'checkpoints', of.id, many],
    queryFn: ({ signal }) => batch(Array.from({ length: many }, (_, checkpointNumber) => ask('GetCheckpoint', { taskRun: of.id!, checkpointNumber })), signal),
  });
  return (
    <div className="stack tight" data-checkpoints>
      <h3>
        {of.totalCheckpoints} {of.totalCheckpoints === 1 ? 'checkpoint' : 'checkpoints'}
      </h3>
      {read.error && <Problem error={read.error} />}
      {read.data?.map(({ reply, error }, i) => (
        <div key={i} className="stack tight">
          <span className="small soft">
            {i + 1} {reply?.createdAt && <Time at={reply.createdAt} />} {error?.message}
          </span>
          {reply?.value && <Value of={reply.value} />}
          {reply?.logs && <Text title="Log" text={reply.logs} />}
        </div>
      ))}
      {of.totalCheckpoints > many && <p className="soft small">The first {many} are shown.</p>}
    </div>
  );
}

function Attempt({ of, number }: { of: TaskAttempt; number: number }): ReactElement {
  const look = taskLookOf(of.status);
  const queued = of.scheduleTime && of.startTime ? Date.parse(of.startTime) - Date.parse(of.scheduleTime) : undefined;
  const worked = of.startTime && of.endTime ? Date.parse(of.endTime) - Date.parse(of.startTime) : undefined;
  return (
    <div className={`attempt ${look.tone}`}>
      <div className="row tight">
        <strong className="small">Attempt {number}</strong>
        <Badge look={look} />
      </div>
      <span className="small soft">
        {queued !== undefined && `queued ${spanText(queued)}`}
        {worked !== undefined && `, worked ${spanText(worked)}`}
        {of.taskWorkerId && ` by ${of.taskWorkerId}`}
        {of.taskWorkerVersion && ` ${of.taskWorkerVersion}`}
      </span>
      {of.error && <Text title={of.error.type} text={of.error.message} />}
      {of.exception && <Text title={of.exception.name} text={of.exception.message} />}
      {of.output && <Value of={of.output} masked={of.maskedValue} />}
      {of.logOutput?.str && <Text title="Log" text={of.logOutput.str} />}
    </div>
  );
}

/** Definition is what the WfSpec says of a node. */
export function Definition({ of }: { of: Node }): ReactElement {
  const rows: [string, ReactNode][] = [];
  if (of.task) {
    if (of.task.taskDefId) rows.push(['Task', <A key="t" href={to(['tasks', of.task.taskDefId.name])}>{of.task.taskDefId.name}</A>]);
    rows.push(['Timeout', `${of.task.timeoutSeconds} s`], ['Retries', String(of.task.retries)]);
    const backoff = of.task.exponentialBackoff;
    if (backoff) rows.push(['Backoff', `${backoff.baseIntervalMs} ms × ${backoff.multiplier}, at most ${backoff.maxDelayMs} ms`]);
    of.task.variables.forEach((v, i) => rows.push([`Input ${i + 1}`, <code key={i}>{infix(v)}</code>]));
  }
  if (of.externalEvent?.timeoutSeconds) rows.push(['Timeout', <code key="t">{infix(of.externalEvent.timeoutSeconds)} s</code>]);
  if (of.externalEvent?.correlationKey) rows.push(['Key', <code key="k">{infix(of.externalEvent.correlationKey)}</code>]);
  if (of.exit?.returnContent) rows.push(['Returns', <code key="r">{infix(of.exit.returnContent)}</code>]);
  for (const e of of.outgoingEdges) {
    const text = [condition(e) && `if ${condition(e)}`, ...e.variableMutations.map(mutation)].filter(Boolean).join('; ');
    rows.push([`→ ${shortName(e.sinkNodeName)}`, text ? <code key={e.sinkNodeName}>{text}</code> : 'always']);
  }
  for (const h of of.failureHandlers) rows.push([`On ${h.specificFailure ?? (h.anyFailureOfType === 'FAILURE_TYPE_EXCEPTION' ? 'any exception' : h.anyFailureOfType === 'FAILURE_TYPE_ERROR' ? 'any error' : 'any failure')}`, h.handlerSpecName]);
  if (rows.length === 0) return <></>;
  return (
    <div className="stack tight">
      <h3>Definition</h3>
      <Facts rows={rows} />
    </div>
  );
}
