import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { ask, call, session } from '../api';
import { mean, sum, type Sum } from '../heat';
import { Choice, each, pageSize, Rows, since, Table, usePages, within } from '../lists';
import { useEvery } from '../live';
import { to, useRoute } from '../router';
import { taskLookOf } from '../status';
import { spanText } from '../times';
import type { CountAndTiming, MetricWindow, TaskRun, TaskStatus, WfRunCounts, WfSpecId } from '../types.gen';
import { A, Badge, Empty, Panel, Problem, Skeleton, Time } from '../ui';
import { runId, runParts } from '../values';

const spans: [value: string, text: string][] = [
  ['60', '1 hour'],
  ['360', '6 hours'],
  ['1440', '1 day'],
  ['10080', '7 days'],
];

/** Line is one kind of what is counted. */
interface Line {
  name: string;
  of: (w: MetricWindow) => (CountAndTiming | undefined)[];
  tone: string;
}

export const specLines: Line[] = [
  { name: 'started', of: (w) => [w.workflow?.started], tone: 'run' },
  { name: 'completed', of: (w) => [w.workflow?.runningToCompleted], tone: 'good' },
  { name: 'failed', of: (w) => [w.workflow?.runningToError], tone: 'bad' },
  { name: 'exception', of: (w) => [w.workflow?.runningToException], tone: 'warn' },
];

const taskLines: Line[] = [
  { name: 'done', of: (w) => [w.task?.taskrunCreatedToCompleted], tone: 'good' },
  { name: 'failed', of: (w) => [w.task?.taskrunCreatedToError], tone: 'bad' },
  { name: 'exception', of: (w) => [w.task?.taskrunCreatedToException], tone: 'warn' },
  { name: 'waited in the queue', of: (w) => [w.task?.taskattemptScheduledToRunning], tone: 'run' },
];

const range = (minutes: string): { windowStart: string; windowEnd: string } => {
  const now = Date.now();
  return { windowStart: new Date(now - Number(minutes) * 60_000).toISOString(), windowEnd: new Date(now).toISOString() };
};

export function SpecMetrics({ id }: { id: WfSpecId }): ReactElement {
  const span = useRoute().search.get('span') ?? '60';
  const found = useQuery({
    queryKey: [session.tenant, 'specMetrics', id.name, id.majorVersion, id.revision, span],
    queryFn: ({ signal }) => call('ListWfMetrics', { wfSpec: id, ...range(span) }, signal),
    refetchInterval: useEvery(30_000),
  });
  return <Windows found={found.data?.windows} error={found.error} lines={specLines} span={span} />;
}

export function TaskMetrics({ name }: { name: string }): ReactElement {
  const span = useRoute().search.get('span') ?? '60';
  const found = useQuery({
    queryKey: [session.tenant, 'taskMetrics', name, span],
    queryFn: ({ signal }) => call('ListTaskMetrics', { taskDef: { name }, ...range(span) }, signal),
    refetchInterval: useEvery(30_000),
  });
  return <Windows found={found.data?.windows} error={found.error} lines={taskLines} span={span} />;
}

function Windows({ found, error, lines, span }: { found: MetricWindow[] | undefined; error: unknown; lines: Line[]; span: string }): ReactElement {
  if (error && !found) return <Problem error={error} />;
  if (!found) return <Skeleton />;
  const windows = inOrder(found);
  const sums = lines.map((l) => ({ ...l, sum: sum(windows.flatMap(l.of)) }));
  return (
    <Panel title="Metrics" actions={<Choice label="Of the last" name="span" value={span} options={spans} />} bare>
      <Table
        label="Metrics"
        rows={sums}
        id={(l) => l.name}
        columns={[
          { name: 'What', of: (l) => <strong>{l.name}</strong> },
          { name: 'Count', of: (l) => l.sum.count },
          { name: 'On average', of: (l) => timeText(l.sum, mean(l.sum)) },
          { name: 'At most', of: (l) => timeText(l.sum, l.sum.maxMs) },
          { name: 'Over time', of: (l) => <Bars windows={windows} line={l} />, wide: true },
        ]}
      />
    </Panel>
  );
}

const timeText = (s: Sum, ms: number): string => (s.count === 0 ? '–' : spanText(ms));

/** Bars are the counts of windows, one beside the other. */
export const Bars = ({ windows, line }: { windows: MetricWindow[]; line: Line }): ReactElement => <Hours label={line.name} tone={line.tone} counts={windows.map((w) => sum(line.of(w)).count)} />;

/** Hours are counts of equal times, one beside the other. */
export function Hours({ label, tone, counts }: { label: string; tone: string; counts: number[] }): ReactElement {
  const most = Math.max(1, ...counts);
  return (
    <svg className="bars" viewBox={`0 0 ${Math.max(1, counts.length) * 6} 28`} preserveAspectRatio="none" role="img" aria-label={`${label} over time: ${counts.join(', ') || 'nothing'}`}>
      {counts.map((n, i) => (
        <rect key={i} x={i * 6 + 1} width={4} y={28 - (n / most) * 28} height={(n / most) * 28} fill={`var(--${tone})`} />
      ))}
    </svg>
  );
}

const inOrder = (windows: MetricWindow[]): MetricWindow[] => [...windows].sort((a, b) => ((a.id?.windowStart ?? '') < (b.id?.windowStart ?? '') ? -1 : 1));

/** Sparkline is what was counted in the last hour, in a line and a few bars. */
function Sparkline({ windows, shown, told }: { windows: MetricWindow[]; shown: Line; told: Line[] }): ReactElement {
  const counts = told.map((line) => ({ line, count: sum(windows.flatMap(line.of)).count })).filter(({ count }) => count > 0);
  return (
    <>
      <span className="small soft" data-sparkline>
        {counts.length === 0 ? 'nothing in the last hour' : `last hour: ${counts.map(({ line, count }) => `${count} ${line.name}`).join(', ')}`}
      </span>
      {counts.length > 0 && <Bars windows={inOrder(windows)} line={shown} />}
    </>
  );
}

export const TaskSparkline = ({ windows }: { windows: MetricWindow[] }): ReactElement => <Sparkline windows={windows} shown={taskLines[0]!} told={taskLines.slice(0, 3)} />;

/** End is one kind of what became of runs. */
export interface End {
  name: string;
  of: (c: WfRunCounts) => number;
  tone: string;
}

export const ends: End[] = [
  { name: 'started', of: (c) => Number(c.started), tone: 'run' },
  { name: 'completed', of: (c) => Number(c.completed), tone: 'good' },
  { name: 'failed', of: (c) => Number(c.failed), tone: 'bad' },
  { name: 'exception', of: (c) => Number(c.exceptions), tone: 'warn' },
  { name: 'halted', of: (c) => Number(c.halted), tone: 'still' },
];

export const totalOf = (counts: WfRunCounts[], of: End['of']): number => counts.reduce((n, c) => n + of(c), 0);

/** SpecSparkline is the last day of a workflow, in a line and a bar for each hour. */
export function SpecSparkline({ day }: { day: WfRunCounts[] }): ReactElement {
  const told = ends.map((e) => ({ name: e.name, count: totalOf(day, e.of) })).filter(({ count }) => count > 0);
  return (
    <>
      <span className="small soft" data-sparkline>
        {told.length === 0 ? 'nothing counted in the last 24 hours' : `last 24 hours: ${told.map(({ name, count }) => `${count} ${name}`).join(', ')}`}
      </span>
      {told.length > 0 && <Hours label={ends[0]!.name} tone={ends[0]!.tone} counts={day.map(ends[0]!.of)} />}
    </>
  );
}

const statuses: TaskStatus[] = ['TASK_SCHEDULED', 'TASK_PENDING', 'TASK_RUNNING', 'TASK_SUCCESS', 'TASK_FAILED', 'TASK_EXCEPTION', 'TASK_TIMEOUT', 'TASK_OUTPUT_SERDE_ERROR', 'TASK_INPUT_VAR_SUB_ERROR'];

/** TaskRuns are those of a TaskDef, by status and time. */
export function TaskRuns({ name }: { name: string }): ReactElement {
  const { search } = useRoute();
  const status = (search.get('status') ?? '') as TaskStatus | '';
  const back = search.get('since') ?? '';
  const found = usePages(
    ['taskRuns', name, status, back],
    (bookmark) => ask('SearchTaskRun', { taskDefName: name, limit: pageSize, ...(bookmark ? { bookmark } : {}), ...(status ? { status } : {}), ...since(back) }),
    (ids, signal) => each(ids, (id) => ask('GetTaskRun', id), signal),
    [`task:${name}`],
  );
  const last = (t: TaskRun): TaskRun['attempts'][number] | undefined => t.attempts.at(-1);
  const took = (a: string | undefined, b: string | undefined): string => (a && b ? spanText(Date.parse(b) - Date.parse(a)) : '–');
  return (
    <Panel title="Task runs" bare>
      <div className="body filters">
        <Choice label="Status" name="status" value={status} options={[['', 'any'], ...statuses.map((s): [string, string] => [s, taskLookOf(s).word])]} />
        <Choice label="Since" name="since" value={back} options={within} />
      </div>
      <Rows of={found} empty={<Empty icon="tasks" title="There is none like that" />}>
        {(rows) => (
          <Table
            label="Task runs"
            rows={rows}
            id={(t) => `${runId(t.id?.wfRunId)}/${t.id?.taskGuid}`}
            columns={[
              { name: 'Run', of: (t) => <A href={to(['runs', ...runParts(t.id?.wfRunId)])}>{runId(t.id?.wfRunId)}</A> },
              { name: 'Status', of: (t) => <Badge look={taskLookOf(t.status)} /> },
              { name: 'Attempts', of: (t) => `${t.attempts.length} of ${t.totalAttempts}` },
              { name: 'Scheduled', of: (t) => <Time at={t.scheduledAt} /> },
              { name: 'In the queue', of: (t) => took(last(t)?.scheduleTime, last(t)?.startTime) },
              { name: 'At work', of: (t) => took(last(t)?.startTime, last(t)?.endTime) },
              { name: 'Worker', of: (t) => <span className="mono small">{last(t)?.taskWorkerId ?? '–'}</span>, wide: true },
            ]}
          />
        )}
      </Rows>
    </Panel>
  );
}
