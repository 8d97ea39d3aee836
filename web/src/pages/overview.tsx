import { useQuery } from '@tanstack/react-query';
import type { ReactElement, ReactNode } from 'react';
import { type Answer, ask, batch, serverHealth, session } from '../api';
import { nextTimes, parseCron } from '../cron';
import { sum } from '../heat';
import { Table } from '../lists';
import { useEvery, useSeen } from '../live';
import { shortName } from '../nodes';
import { type Failures, failuresOf, hourBySpec, mostCounted, newestFirst, type SpecHour } from '../overview';
import { lag } from '../members';
import { to } from '../router';
import { lookOf } from '../status';
import { minuteBack } from '../times';
import type { LHStatus, MetricWindow, ScheduledWfRun, TaskRun, TaskRunId, TaskWorkerGroup, WfRun, WfRunCounts } from '../types.gen';
import { A, Badge, Command, Empty, Heading, Panel, Problem, Skeleton, Time, useNow } from '../ui';
import { runId, runParts, specText } from '../values';
import { Bars, ends, Hours, specLines, totalOf } from './metrics';

const topics = ['runs', 'usertasks'];
const day = 86_400_000;
/** most definitions are asked for their queues and schedules: all that is asked of them goes in one batch. */
const most = 31;
const shown = 6;
const mostInBatch = 100;

/** Count is how many there are, as far as they were counted. */
type Count = string | undefined;

interface Seen {
  counts: Map<LHStatus, Count>;
  waiting: Count;
  oldest: WfRun[];
  failures: Failures[];
  windows: MetricWindow[];
  /** hour is what became of runs in the last hour, by workflow; others says whether there are more than were asked for. */
  hour: SpecHour[];
  others: boolean;
  lately: WfRunCounts[];
  queues: { task: string; queued: number; oldest: string | undefined; workers: number | undefined }[];
  due: ScheduledWfRun[];
  nothing: boolean;
}

const counted: LHStatus[] = ['RUNNING', 'HALTED', 'ERROR', 'EXCEPTION'];
const recent = (s: LHStatus): boolean => s === 'ERROR' || s === 'EXCEPTION';

const countOf = (a: Answer<{ results: unknown[]; bookmark?: string }>): Count => a.reply && `${a.reply.results.length}${a.reply.bookmark ? '+' : ''}`;

/** read asks three times: for what there is, for what is known of that, and for what that leads to. What one may not read is left out. */
async function read(signal: AbortSignal): Promise<Seen> {
  const [now, yesterday] = [Date.now(), minuteBack(day)];
  const of = (status: LHStatus) => ask('SearchWfRun', { status, limit: mostCounted, ...(recent(status) ? { earliestStart: yesterday } : {}) });
  const [running, halted, failed, exception, rows, asked, windows, tasks, specs, lately] = await batch(
    [
      of('RUNNING'), of('HALTED'), of('ERROR'), of('EXCEPTION'),
      ask('SearchWfRunView', { statuses: ['ERROR', 'EXCEPTION'], earliestStart: yesterday, limit: 100 }),
      ask('SearchUserTaskRun', { status: 'UNASSIGNED', limit: mostCounted }),
      ask('ListWfMetrics', { windowStart: new Date(now - 3_600_000).toISOString(), windowEnd: new Date(now).toISOString() }),
      ask('SearchTaskDef', { limit: most }),
      ask('SearchWfSpec', { limit: 1000 }),
      ask('GetWfRunCounts', { minutes: 1440, parts: 24 }),
    ] as const,
    signal,
    topics,
  );
  const taskNames = (tasks.reply?.results ?? []).map((t) => t.name);
  const ids = newestFirst(specs.reply?.results ?? []);
  const specNames = [...new Set(ids.map((s) => s.name))].slice(0, most);
  const told = ids.slice(0, most);
  const oldest = (running.reply?.results ?? []).slice(0, shown);
  const known = await batch(
    [
      ...oldest.map((id) => ask('GetWfRun', id)),
      ...taskNames.map((taskDefName) => ask('SearchTaskRun', { taskDefName, status: 'TASK_SCHEDULED', limit: 1 })),
      ...specNames.map((wfSpecName) => ask('SearchScheduledWfRun', { wfSpecName })),
      ...told.map((wfSpecId) => ask('GetWfRunCounts', { wfSpecId, minutes: 60, parts: 12 })),
    ],
    signal,
  );
  let at = 0;
  const part = <T,>(length: number): (T | undefined)[] => known.slice(at, (at += length)).map((a) => a.reply as T | undefined);
  const runs = part<WfRun>(oldest.length);
  const firsts = part<{ results: TaskRunId[] }>(taskNames.length);
  const schedules = part<{ results: { id: string }[] }>(specNames.length).flatMap((l) => l?.results ?? []);
  const hours = part<{ parts: WfRunCounts[] }>(told.length);
  const full = taskNames.flatMap((task, i) => (firsts[i]?.results[0] ? [{ task, first: firsts[i].results[0] }] : []));
  const due = schedules.slice(0, mostInBatch - 3 * full.length);
  const led = await batch(
    [
      ...full.map(({ task }) => ask('GetTaskWorkerGroup', { name: task })),
      ...full.map(({ task }) => ask('CountTaskRun', { taskDefName: task, status: 'TASK_SCHEDULED' })),
      ...full.map(({ first }) => ask('GetTaskRun', first)),
      ...due.map((id) => ask('GetScheduledWfRun', id)),
    ],
    signal,
  );
  const queueOf = ({ task }: { task: string }, i: number): Seen['queues'][number] => {
    const [group, queued, first] = [led[i]!, led[full.length + i]!.reply as { value: string } | undefined, led[2 * full.length + i]!.reply as TaskRun | undefined];
    const workers = group.error && group.error.code !== 'not_found' ? undefined : Object.keys((group.reply as TaskWorkerGroup | undefined)?.taskWorkers ?? {}).length;
    return { task, queued: Number(queued?.value ?? 0), oldest: first?.scheduledAt, workers };
  };
  return {
    counts: new Map(counted.map((s, i) => [s, countOf([running, halted, failed, exception][i]!)])),
    waiting: countOf(asked),
    oldest: runs.filter((r) => r !== undefined),
    failures: failuresOf(rows.reply?.results ?? []),
    windows: [...(windows.reply?.windows ?? [])].sort((a, b) => ((a.id?.windowStart ?? '') < (b.id?.windowStart ?? '') ? -1 : 1)),
    lately: lately.reply?.parts ?? [],
    hour: hourBySpec(told, hours.map((h) => h?.parts ?? [])),
    others: ids.length > told.length,
    queues: full.map(queueOf).filter((q) => q.queued > 0).sort((a, b) => b.queued - a.queued),
    due: led.slice(3 * full.length).flatMap((a) => (a.reply ? [a.reply as ScheduledWfRun] : [])),
    nothing: specs.reply?.results.length === 0,
  };
}

/** Overview is what somebody sees first: whether all is well, and where not. */
export function Overview(): ReactElement {
  const seen = useSeen<Seen>({ key: [session.tenant, 'overview'], topics, least: 5000, read: (signal) => read(signal), slow: () => 30_000 });
  if (seen.error && !seen.data) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={10} />;
  const s = seen.data;
  const endedNow = sum(s.windows.flatMap((w) => specLines.slice(1).flatMap((line) => line.of(w)))).count;
  return (
    <>
      <Heading title="Overview" about="How all is, and what needs somebody." />
      {seen.error && <Problem error={seen.error} />}
      {s.nothing && (
        <Panel>
          <Empty icon="specs" title="There is no workflow yet">
            <p>Register one with an SDK, or from a file:</p>
            <Command text="lhctl deploy wfSpec my-workflow.json" />
          </Empty>
        </Panel>
      )}
      <div className="cards">
        {counted.map((status) => (
          <Card key={status} href={to(['runs'], { status, within: recent(status) ? '24h' : undefined })} count={s.counts.get(status)} about={recent(status) ? 'runs of the last day' : 'runs'}>
            <Badge look={lookOf(status)} />
          </Card>
        ))}
        <Card href={to(['user-tasks'], { queue: 'unassigned' })} count={s.waiting} about="user tasks that nobody has">
          <strong>Unclaimed</strong>
        </Card>
        <Cluster />
      </div>
      <Panel title="Latest failures" bare>
        {s.failures.length === 0 ? <Empty icon="check" title="No run of the last day has failed" /> : <FailureTable of={s.failures.slice(0, 10)} />}
      </Panel>
      {s.lately.length > 0 && (
        <Panel title="The last 24 hours" bare>
          <Lately of={s.lately} />
        </Panel>
      )}
      <Panel title="The last hour" bare>
        <Table
          label="The last hour"
          rows={specLines.map((line) => ({ line, count: sum(s.windows.flatMap(line.of)).count }))}
          id={({ line }) => line.name}
          columns={[
            { name: 'Runs', of: ({ line }) => <strong>{line.name}</strong> },
            { name: 'Count', of: ({ count }) => count },
            { name: 'Of those that ended', of: ({ line, count }) => (endedNow > 0 && line !== specLines[0] ? `${((count / endedNow) * 100).toFixed(1)} %` : '') },
            { name: 'Minute by minute', of: ({ line }) => <Bars windows={s.windows} line={line} />, wide: true },
          ]}
        />
      </Panel>
      {s.hour.length > 0 && (
        <Panel title="The last hour by workflow" bare>
          <ByWorkflow of={s.hour} others={s.others} />
        </Panel>
      )}
      <Panel title="Open the longest" bare>
        {s.oldest.length === 0 ? <Empty icon="runs" title="No run is open" /> : <Oldest of={s.oldest} />}
      </Panel>
      {s.queues.length > 0 && (
        <Panel title="Tasks that wait" bare>
          <Queues of={s.queues} />
        </Panel>
      )}
      {s.due.length > 0 && (
        <Panel title="Due next" bare>
          <Due of={s.due} />
        </Panel>
      )}
    </>
  );
}

function Card(p: { href: string; count: Count; about: string; children: ReactNode }): ReactElement {
  return (
    <A className="panel card" href={p.href}>
      <span>{p.children}</span>
      <span className="name">{p.count ?? '–'}</span>
      <span className="soft small">{p.about}</span>
    </A>
  );
}

function Cluster(): ReactElement {
  const { data } = useQuery({ queryKey: ['server'], queryFn: ({ signal }) => serverHealth(signal), refetchInterval: useEvery(30_000) });
  const members = data?.members?.length || 1;
  const leader = data?.members?.find((m) => m.metadata)?.address;
  const ill = data && (data.problem || data.unowned?.length || data.members?.some((m) => !m.told || m.told.problem));
  return (
    <Card href={to(['cluster'])} count={data && `${members} ${members === 1 ? 'server' : 'servers'}`} about={data ? [`${data.partitions} partitions, version ${data.version}`, lag(data), leader && `${leader} leads`].filter(Boolean).join(' · ') : ''}>
      {data && <Badge look={ill ? { word: 'not well', tone: 'bad', icon: 'alert' } : { word: data.state.toLowerCase(), tone: 'good', icon: 'check' }} />}
    </Card>
  );
}

/** Lately is the last day hour by hour. */
function Lately({ of }: { of: WfRunCounts[] }): ReactElement {
  const total = (line: (c: WfRunCounts) => number): number => totalOf(of, line);
  const over = total((c) => Number(c.completed) + Number(c.failed) + Number(c.exceptions));
  return (
    <Table
      label="The last 24 hours"
      rows={ends}
      id={(e) => `day-${e.name}`}
      columns={[
        { name: 'Runs', of: (e) => <strong>{e.name}</strong> },
        { name: 'Count', of: (e) => total(e.of).toLocaleString() },
        { name: 'Of those that ended', of: (e) => (over > 0 && e.name !== 'started' && e.name !== 'halted' ? `${((total(e.of) / over) * 100).toFixed(1)} %` : '') },
        { name: 'Hour by hour', of: (e) => <Hours label={e.name} counts={of.map(e.of)} tone={e.tone} />, wide: true },
      ]}
    />
  );
}

/** ByWorkflow is the last hour of each workflow: how many runs began and ended, and how many of those badly. */
function ByWorkflow({ of, others }: { of: SpecHour[]; others: boolean }): ReactElement {
  return (
    <>
      <Table
        label="The last hour by workflow"
        rows={of}
        id={(h) => `hour-${h.name}`}
        columns={[
          { name: 'Workflow', of: (h) => <A href={to(['specs', h.name])}>{h.name}</A> },
          { name: 'Begun', of: (h) => h.started.toLocaleString() },
          { name: 'Ended', of: (h) => h.ended.toLocaleString() },
          { name: 'Badly', of: (h) => (h.ended > 0 ? <span className={h.bad > 0 ? 'bad-text' : undefined}>{((h.bad / h.ended) * 100).toFixed(1)} %</span> : '–') },
          { name: 'Begun, by five minutes', of: (h) => <Hours label={`${h.name} begun`} counts={h.parts} tone={h.bad > 0 ? 'bad' : 'run'} />, wide: true },
        ]}
      />
      {others && <p className="body soft small">Older versions than the newest {most} are not counted.</p>}
    </>
  );
}

function FailureTable({ of }: { of: Failures[] }): ReactElement {
  return (
    <Table
      label="Latest failures"
      rows={of}
      id={(f) => f.key}
      columns={[
        { name: 'Workflow', of: (f) => <A href={to(['runs'], { spec: f.spec, status: 'ERROR,EXCEPTION', within: '24h' })}>{f.spec}</A> },
        { name: 'Step', of: (f) => shortName(f.node) },
        { name: 'Why', of: (f) => <span className="bad-text">{f.failure}</span>, wide: true },
        { name: 'Runs', of: (f) => f.times },
        { name: 'The latest', of: (f) => <A href={to(['runs', ...runParts(f.latest.id)])}>{runId(f.latest.id)}</A> },
        { name: 'Began', of: (f) => <Time at={f.latest.startTime} /> },
      ]}
    />
  );
}

function Oldest({ of }: { of: WfRun[] }): ReactElement {
  return (
    <Table
      label="Open the longest"
      rows={of}
      id={(r) => runId(r.id)}
      columns={[
        { name: 'Run', of: (r) => <A href={to(['runs', ...runParts(r.id)])}>{runId(r.id)}</A> },
        { name: 'Workflow', of: (r) => specText(r.wfSpecId) },
        { name: 'Began', of: (r) => <Time at={r.startTime} /> },
      ]}
    />
  );
}

function Queues({ of }: { of: Seen['queues'] }): ReactElement {
  return (
    <Table
      label="Tasks that wait"
      rows={of}
      id={(q) => q.task}
      columns={[
        { name: 'Task', of: (q) => <A href={to(['tasks', q.task])}>{q.task}</A> },
        { name: 'Waiting', of: (q) => q.queued },
        { name: 'The oldest since', of: (q) => <Time at={q.oldest} /> },
        { name: 'Workers', of: (q) => (q.workers === 0 ? <Badge look={{ word: 'no worker', tone: 'bad', icon: 'alert' }} /> : (q.workers ?? '–')) },
      ]}
    />
  );
}

function Due({ of }: { of: ScheduledWfRun[] }): ReactElement {
  const now = Math.floor(useNow() / 60_000) * 60_000;
  const rows = of
    .flatMap((s) => {
      const cron = parseCron(s.cronExpression);
      const next = cron && nextTimes(cron, now, 1)[0];
      return next ? [{ s, next }] : [];
    })
    .sort((a, b) => a.next.getTime() - b.next.getTime())
    .slice(0, shown);
  return (
    <Table
      label="Due next"
      rows={rows}
      id={({ s }) => s.id?.id ?? ''}
      columns={[
        { name: 'Schedule', of: ({ s }) => <A href={to(['schedules'])}>{s.id?.id}</A> },
        { name: 'Workflow', of: ({ s }) => specText(s.wfSpecId) },
        { name: 'Next', of: ({ next }) => <Time at={next.toISOString()} /> },
      ]}
    />
  );
}
