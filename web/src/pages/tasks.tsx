import { useQuery } from '@tanstack/react-query';
import { lazy, type ReactElement, Suspense } from 'react';
import { ask, batch, call, need, session } from '../api';
import { Table } from '../lists';
import { useEvery, useSeen } from '../live';
import { setSearch, to, useRoute } from '../router';
import { MaySources } from '../source';
import { taskLookOf } from '../status';
import type { MetricWindow, TaskRun, TaskStatus, TaskWorkerMetadata } from '../types.gen';
import { A, Badge, Button, Command, Empty, Field, Heading, ObjectHeading, Panel, Problem, Skeleton, Time } from '../ui';
import { UsedBy } from '../usedby';
import { typeOf, typeText } from '../values';
import { mostNamed, OnlyFirst, PrefixField } from './specs';

const TaskMetrics = lazy(async () => ({ default: (await import('./metrics')).TaskMetrics }));
const TaskSparkline = lazy(async () => ({ default: (await import('./metrics')).TaskSparkline }));
const TaskRuns = lazy(async () => ({ default: (await import('./metrics')).TaskRuns }));

/** mostQueues are told of in a list of tasks: two calls for each go in one batch. */
const mostQueues = 50;

interface Waiting {
  queued: number;
  oldest: string | undefined;
  windows: MetricWindow[];
}

/** readQueues says of tasks how many wait, since when the oldest does, and what became of them in the last hour. */
async function readQueues(names: string[], signal: AbortSignal): Promise<Map<string, Waiting>> {
  const now = Date.now();
  const hour = { windowStart: new Date(now - 3_600_000).toISOString(), windowEnd: new Date(now).toISOString() };
  const first = await batch([...names.map(firstWaiting), ...names.map((name) => ask('ListTaskMetrics', { taskDef: { name }, ...hour }))], signal);
  const ids = names.map((_, i) => (first[i]?.reply as { results: TaskRun['id'][] } | undefined)?.results[0]);
  const full = names.filter((_, i) => ids[i] !== undefined);
  const then = await batch([...ids.flatMap((id) => (id ? [ask('GetTaskRun', id)] : [])), ...full.map((taskDefName) => ask('CountTaskRun', { taskDefName, status: 'TASK_SCHEDULED' }))], signal);
  return new Map(
    names.map((name, i) => {
      const at = full.indexOf(name);
      const windows = (first[names.length + i]?.reply as { windows: MetricWindow[] } | undefined)?.windows ?? [];
      if (at < 0) return [name, { queued: 0, oldest: undefined, windows }];
      return [name, { queued: Number((then[full.length + at]?.reply as { value: string } | undefined)?.value ?? 0), oldest: (then[at]?.reply as TaskRun | undefined)?.scheduledAt, windows }];
    }),
  );
}

const firstWaiting = (taskDefName: string): ReturnType<typeof ask<'SearchTaskRun'>> => ask('SearchTaskRun', { taskDefName, status: 'TASK_SCHEDULED', limit: 1 });

function Queue({ of }: { of: Waiting | undefined }): ReactElement {
  if (!of) return <span className="small soft">…</span>;
  return (
    <>
      <span className="small soft" data-queue>
        {of.queued === 0 ? (
          'nothing waits'
        ) : (
          <>
            {of.queued} {of.queued === 1 ? 'waits' : 'wait'}
            {of.oldest && (
              <>
                , the oldest since <Time at={of.oldest} />
              </>
            )}
          </>
        )}
      </span>
      <Suspense fallback={<span className="small soft">…</span>}>
        <TaskSparkline windows={of.windows} />
      </Suspense>
    </>
  );
}

export function Tasks(): ReactElement {
  const { search } = useRoute();
  const prefix = search.get('prefix') ?? '';
  const found = useQuery({
    queryKey: [session.tenant, 'tasks', prefix],
    queryFn: ({ signal }) => call('SearchTaskDef', { limit: mostNamed, ...(prefix ? { prefix } : {}) }, signal),
    placeholderData: (old) => old,
  });
  const names = (found.data?.results ?? []).slice(0, mostQueues).map((id) => id.name);
  const queues = useQuery({
    queryKey: [session.tenant, 'queues', names],
    queryFn: ({ signal }) => readQueues(names, signal),
    enabled: names.length > 0,
    refetchInterval: useEvery(15_000),
    placeholderData: (old) => old,
  });
  return (
    <>
      <Heading title="Tasks" about="What workers can do for workflows." />
      <div className="filters">
        <PrefixField />
      </div>
      {found.error && <Problem error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.data?.results.length === 0 && (
        <Panel>
          <Empty icon="tasks" title={prefix ? 'No task begins like that' : 'There is no task yet'}>
            <p>A worker registers its tasks when it starts, or:</p>
            <Command text="lhctl deploy taskDef my-task.json" />
          </Empty>
        </Panel>
      )}
      <OnlyFirst many={found.data?.results.length ?? 0} />
      <div className="cards">
        {found.data?.results.map((id) => (
          <A key={id.name} className="panel card" href={to(['tasks', id.name])}>
            <span className="name">{id.name}</span>
            <Queue of={queues.data?.get(id.name)} />
          </A>
        ))}
      </div>
    </>
  );
}

const counted: TaskStatus[] = ['TASK_SCHEDULED', 'TASK_RUNNING', 'TASK_FAILED', 'TASK_TIMEOUT', 'TASK_EXCEPTION', 'TASK_SUCCESS'];

export function Task(): ReactElement {
  const name = useRoute().rest[0] ?? '';
  const topics = [`task:${name}`];
  const of = { taskDefId: { name } };
  const seen = useSeen({
    key: [session.tenant, 'task', name],
    topics,
    least: 1000,
    read: async (signal) => {
      const [def, group, users, first, ...counts] = await batch(
        [
          ask('GetTaskDef', { name }),
          ask('GetTaskWorkerGroup', { name }),
          ask('SearchUsages', of),
          firstWaiting(name),
          ...counted.map((status) => ask('CountTaskRun', { taskDefName: name, status })),
        ],
        signal,
        topics,
      );
      const id = first.reply?.results[0];
      const oldest = id && (await batch([ask('GetTaskRun', id)], signal))[0].reply?.scheduledAt;
      return { oldest, def: need(def), workers: Object.values(group.reply?.taskWorkers ?? {}), users, counts: counts.map((c) => c.reply?.value) };
    },
  });
  if (seen.error && !seen.data) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={8} />;
  const { def, workers, users, counts, oldest } = seen.data;
  const output = def.returnType?.returnType;
  return (
    <>
      <ObjectHeading
        list="Tasks"
        href={to(['tasks'])}
        title={def.id?.name}
        about={
          <>
            {def.description && <>{def.description} · </>}Registered <Time at={def.createdAt} />
          </>
        }
      />
      <div className="cards">
        {counted.map((status, i) => (
          <div key={status} className="panel card">
            <span>
              <Badge look={taskLookOf(status)} />
            </span>
            <span className="name">{counts[i] ?? '–'}</span>
            {status === 'TASK_SCHEDULED' && oldest && (
              <span className="small soft" data-oldest>
                the oldest since <Time at={oldest} />
              </span>
            )}
          </div>
        ))}
      </div>
      <Panel title="Signature">
        <p className="mono">
          {def.id?.name}({def.inputVars.map((v) => `${v.name}: ${typeText(typeOf(v))}`).join(', ')}) → {output ? typeText(output) : 'nothing'}
        </p>
      </Panel>
      <Panel title="Workers" bare>
        {workers.length === 0 ? (
          <Empty icon="alert" title="No worker has registered">
            <p>Tasks of this kind wait until one does.</p>
          </Empty>
        ) : (
          <Workers of={workers} />
        )}
      </Panel>
      <UsedBy of={of} first={users} />
      <MaySources name={name} of={def} rpc="GetTaskDef" request={of.taskDefId} />
      <Suspense fallback={<Skeleton />}>
        <TaskMetrics name={name} />
        <TaskRuns name={name} />
      </Suspense>
    </>
  );
}

/** workersShown at first, and how many more each time. */
const workersShown = 20;

/** Workers are those of a task, the latest heard of first; of many some are looked for by their ids. */
function Workers({ of }: { of: TaskWorkerMetadata[] }): ReactElement {
  const { search } = useRoute();
  const text = search.get('worker') ?? '';
  const most = Math.max(workersShown, Number(search.get('workers')) || 0);
  const found = of.filter((w) => w.taskWorkerId.includes(text)).sort((a, b) => ((a.latestHeartbeat ?? '') > (b.latestHeartbeat ?? '') ? -1 : 1));
  return (
    <>
      <div className="body filters">
        <Field label="Worker has">{(id) => <input id={id} className="input mono" autoComplete="off" value={text} onChange={(e) => setSearch({ worker: e.target.value, workers: undefined })} />}</Field>
        <span className="small soft" role="status">
          {found.length} of {of.length}
        </span>
      </div>
      <Table
        label="Workers"
        rows={found.slice(0, most)}
        id={(w) => w.taskWorkerId}
        columns={[
          { name: 'Worker', of: (w) => <span className="mono">{w.taskWorkerId}</span> },
          { name: 'Last heard of', of: (w) => <Time at={w.latestHeartbeat} /> },
          { name: 'Servers', of: (w) => w.hosts.map((h) => `${h.host}:${h.port}`).join(', ') },
        ]}
      />
      {found.length > most && (
        <div className="more">
          <Button onClick={() => setSearch({ workers: String(most + workersShown) })}>Show more</Button>
        </div>
      )}
    </>
  );
}
