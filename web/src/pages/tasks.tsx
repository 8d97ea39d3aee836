import { useQuery } from '@tanstack/react-query';
import { lazy, type ReactElement, Suspense } from 'react';
import { ask, batch, call, need, session } from '../api';
import { useSeen } from '../live';
import { to, useRoute } from '../router';
import { taskLookOf } from '../status';
import type { TaskStatus } from '../types.gen';
import { A, Badge, Command, Empty, Heading, ObjectHeading, Panel, Problem, Skeleton, Time } from '../ui';
import { specText, typeOf, typeText } from '../values';
import { mostNamed, OnlyFirst, PrefixField } from './specs';

const TaskMetrics = lazy(async () => ({ default: (await import('./metrics')).TaskMetrics }));
const TaskRuns = lazy(async () => ({ default: (await import('./metrics')).TaskRuns }));

export function Tasks(): ReactElement {
  const { search } = useRoute();
  const prefix = search.get('prefix') ?? '';
  const found = useQuery({
    queryKey: [session.tenant, 'tasks', prefix],
    queryFn: ({ signal }) => call('SearchTaskDef', { limit: mostNamed, ...(prefix ? { prefix } : {}) }, signal),
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
  const seen = useSeen({
    key: [session.tenant, 'task', name],
    topics,
    least: 1000,
    read: async (signal) => {
      const [def, group, users, ...counts] = await batch(
        [
          ask('GetTaskDef', { name }),
          ask('GetTaskWorkerGroup', { name }),
          ask('SearchWfSpec', { taskDefName: name, limit: 100 }),
          ...counted.map((status) => ask('CountTaskRun', { taskDefName: name, status })),
        ],
        signal,
        topics,
      );
      return { def: need(def), workers: Object.values(group.reply?.taskWorkers ?? {}), users: users.reply?.results ?? [], counts: counts.map((c) => c.reply?.value) };
    },
  });
  if (seen.error && !seen.data) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={8} />;
  const { def, workers, users, counts } = seen.data;
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
          <div className="scroll" tabIndex={0} role="region" aria-label="Workers">
            <table>
              <thead>
                <tr>
                  <th>Worker</th>
                  <th>Last heard of</th>
                  <th>Servers</th>
                </tr>
              </thead>
              <tbody>
                {workers.map((w) => (
                  <tr key={w.taskWorkerId}>
                    <td className="mono">{w.taskWorkerId}</td>
                    <td>
                      <Time at={w.latestHeartbeat} />
                    </td>
                    <td>{w.hosts.map((h) => `${h.host}:${h.port}`).join(', ')}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Panel>
      <Panel title="Used by">
        {users.length === 0 ? (
          <p className="soft">No workflow uses it.</p>
        ) : (
          <div className="chips">
            {users.map((u) => (
              <A key={specText(u)} className="button" href={to(['specs', u.name, `${u.majorVersion}.${u.revision}`])}>
                {specText(u)}
              </A>
            ))}
          </div>
        )}
      </Panel>
      <Suspense fallback={<Skeleton />}>
        <TaskMetrics name={name} />
        <TaskRuns name={name} />
      </Suspense>
    </>
  );
}
