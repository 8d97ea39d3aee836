import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useState } from 'react';
import { Preview } from '../actions';
import { ask, call, session } from '../api';
import { answering, command } from '../commands';
import { Choice, each, pageSize, Rows, Table, usePages } from '../lists';
import { shortName } from '../nodes';
import { missing, useWhoami } from '../permissions';
import { go, setSearch, to, useRoute } from '../router';
import { type Look, lookOf, statuses } from '../status';
import type { BulkJob, BulkJobStatus, LHStatus } from '../types.gen';
import { A, Badge, Button, Empty, Field, Heading, ObjectHeading, Panel, Problem, Skeleton, Time } from '../ui';
import { parseRunId, runIdOf, specText } from '../values';
import { Definitions } from './definitions';

const looks: Record<BulkJobStatus, Look> = {
  BULK_JOB_RUNNING: { word: 'running', tone: 'run', icon: 'turning' },
  BULK_JOB_COMPLETED: { word: 'completed', tone: 'good', icon: 'check' },
  BULK_JOB_FAILED: { word: 'failed', tone: 'bad', icon: 'alert' },
};
const jobLook = (s: BulkJobStatus): Look => looks[s] ?? { word: String(s), tone: 'still', icon: 'dot' };

export function Jobs(): ReactElement {
  const { search } = useRoute();
  const status = (search.get('status') ?? '') as BulkJobStatus | '';
  const me = useWhoami();
  const may = missing(me, 'WRITE_METADATA', 'ACL_WORKFLOW');
  const wanted = search.get('delete');
  const [making, setMaking] = useState(false);
  const [gone, setGone] = useState<BulkJob>();
  const found = usePages(
    ['jobs', status],
    (bookmark) => ask('SearchBulkJob', { limit: pageSize, ...(bookmark ? { bookmark } : {}), ...(status ? { status } : {}) }),
    (ids, signal) => each(ids, (id) => ask('GetBulkJob', { id }), signal),
    ['jobs'],
  );
  const ended = (j: BulkJob): number => j.subprocesses.filter((s) => s.status !== 'BULK_JOB_RUNNING').length;
  return (
    <>
      <Heading title="Bulk jobs" about="What is done to many runs at once, a part of each partition at a time.">
        <Button kind="danger" icon="bin" forbidden={may} onClick={() => setMaking(true)}>
          Delete many runs
        </Button>
      </Heading>
      <div className="filters">
        <Choice label="Status" name="status" value={status} options={[['', 'any'], ...(Object.keys(looks) as BulkJobStatus[]).map((s): [string, string] => [s, jobLook(s).word])]} />
      </div>
      <Panel bare>
        <Rows of={found} empty={<Empty icon="tasks" title="There is no job" />}>
          {(rows) => (
            <Table
              label="Bulk jobs"
              rows={rows}
              id={(j) => j.id?.id ?? ''}
              columns={[
                { name: 'Job', of: (j) => <strong className="mono">{j.id?.id}</strong> },
                { name: 'Status', of: (j) => <Badge look={jobLook(j.status)} /> },
                {
                  name: 'Partitions done',
                  of: (j) => (
                    <span className="row tight">
                      <progress aria-label={`Partitions done of job ${j.id?.id}`} max={j.totalSubprocesses} value={ended(j)} />
                      {ended(j)} of {j.totalSubprocesses}
                    </span>
                  ),
                },
                { name: 'What', of: (j) => <What of={j} />, wide: true },
                { name: 'Begun', of: (j) => <Time at={j.createdAt} /> },
                { name: 'Forget', of: (j) => <Button icon="bin" label={`Forget job ${j.id?.id}`} forbidden={may ?? (j.status === 'BULK_JOB_RUNNING' ? 'It runs.' : undefined)} onClick={() => setGone(j)} /> },
              ]}
            />
          )}
        </Rows>
      </Panel>
      {(making || wanted !== null) && (
        <DeleteMany
          of={wanted ?? ''}
          from={search.get('from') ?? '2026-01-01T00:00:00Z'}
          until={search.get('until') ?? (wanted === null ? new Date(Date.now() - 30 * 86_400_000) : new Date()).toISOString()}
          status={(search.get('of') ?? 'COMPLETED') as LHStatus}
          onClose={() => {
            setMaking(false);
            setSearch({ delete: undefined, of: undefined, from: undefined, until: undefined });
          }}
        />
      )}
      {gone && (
        <Preview title="Forget this job?" rpc="DeleteBulkJob" request={{ id: gone.id! }} cli={command('delete', 'bulkJob', gone.id?.id ?? '')} confirm="Forget" done="Forgotten." danger onClose={() => setGone(undefined)}>
          <p>What it did stays done.</p>
        </Preview>
      )}
    </>
  );
}

function What({ of }: { of: BulkJob }): ReactElement {
  const d = of.bulkDeleteWfRun;
  if (!d) return <>–</>;
  return (
    <>
      deletes {d.wfRunStatus ? lookOf(d.wfRunStatus).word : 'all'} runs of <A href={to(['specs', d.wfSpecName])}>{d.wfSpecName}</A> begun from <Time at={d.earliestStart} /> until <Time at={d.latestStart} />
    </>
  );
}

/** DeleteMany deletes runs of a workflow that began in a period; how many those are now is told before. */
function DeleteMany(p: { of: string; from: string; until: string; status: LHStatus; onClose: () => void }): ReactElement {
  const [name, setName] = useState(p.of);
  const [from, setFrom] = useState(p.from);
  const [until, setUntil] = useState(p.until);
  const [status, setStatus] = useState<LHStatus>(p.status);
  const time = (text: string): string | undefined => (Number.isNaN(Date.parse(text)) ? undefined : new Date(text).toISOString());
  const [earliestStart, latestStart] = [time(from), time(until)];
  const ready = name !== '' && earliestStart !== undefined && latestStart !== undefined;
  const period = { ...(earliestStart ? { earliestStart } : {}), ...(latestStart ? { latestStart } : {}), wfRunStatus: status };
  const counted = useQuery({
    queryKey: [session.tenant, 'dryRun', name, earliestStart, latestStart, status],
    enabled: ready,
    retry: false,
    queryFn: ({ signal }) => call('SearchWfRun', { wfSpecName: name, limit: 1000, ...(earliestStart ? { earliestStart } : {}), ...(latestStart ? { latestStart } : {}), status }, signal),
  });
  const hit = counted.data;
  return (
    <Preview
      title="Delete many runs for good?"
      rpc="CreateBulkJob"
      request={{ bulkDeleteWfRun: { wfSpecName: name, ...period } }}
      cli={command('delete', 'wfRunBulk', name || '<workflow>', '--from', earliestStart ?? from, '--to', latestStart ?? until, '--status', status)}
      confirm="Delete them"
      done="The job has begun."
      danger
      problem={!name ? 'Name a workflow.' : ready ? undefined : 'The period is no two moments.'}
      onClose={p.onClose}
    >
      <Field label="Workflow">{(id) => <input id={id} className="input" autoComplete="off" value={name} onChange={(e) => setName(e.target.value)} />}</Field>
      <Field label="Begun from" problem={earliestStart ? undefined : 'It is no date and time.'}>
        {(id) => <input id={id} className="input mono" value={from} onChange={(e) => setFrom(e.target.value)} />}
      </Field>
      <Field label="Begun until" problem={latestStart ? undefined : 'It is no date and time.'}>
        {(id) => <input id={id} className="input mono" value={until} onChange={(e) => setUntil(e.target.value)} />}
      </Field>
      <Field label="Status">
        {(id) => (
          <select id={id} className="input" value={status} onChange={(e) => setStatus(e.target.value as LHStatus)}>
            {statuses.map((s) => (
              <option key={s} value={s}>
                {lookOf(s).word}
              </option>
            ))}
          </select>
        )}
      </Field>
      <p role="status" data-dry-run>
        {hit ? (
          <>
            Now these are <strong>{hit.bookmark ? 'more than 1000' : hit.results.length}</strong> runs. They cannot be brought back.
          </>
        ) : (
          'What they are is counted when all is said.'
        )}
      </p>
    </Preview>
  );
}

export function Migrations(): ReactElement {
  return (
    <Definitions
      kind="migrations"
      title="Migrations"
      about="Plans by which runs go on by another version of their workflow."
      page="migrations"
      find={async (prefix, signal) => (await call('SearchWorkflowMigrationPlan', { limit: 1000, ...prefix }, signal)).results}
      empty="lhctl put workflowMigrationPlan"
    />
  );
}

export function Migration(): ReactElement {
  const name = useRoute().rest[0] ?? '';
  const me = useWhoami();
  const [acting, act] = useState<'apply' | 'delete'>();
  const [run, setRun] = useState('');
  const seen = useQuery({ queryKey: [session.tenant, 'migration', name], queryFn: ({ signal }) => call('GetWorkflowMigrationPlan', { name }, signal) });
  if (seen.error) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={8} />;
  const plan = seen.data;
  const old = plan.oldWfSpec;
  const spec = old?.name ?? '';
  const id = { name };
  const rows = Object.entries(plan.threadMigrations).flatMap(([thread, m]) => Object.entries(m.nodeMigrations).map(([node, to]) => ({ thread, into: m.newThreadName, node, to: to.newNodeName })));
  return (
    <>
      <ObjectHeading
        list="Migrations"
        href={to(['migrations'])}
        title={name}
        about={
          <>
            <A href={to(['specs', spec, `${old?.majorVersion}.${old?.revision}`])}>{specText(old)}</A> becomes{' '}
            <A href={to(['specs', spec, `${plan.majorVersion}.${plan.revision}`])}>
              {plan.majorVersion}.{plan.revision}
            </A>{' '}
            · <A href={to(['specs', spec, `${plan.majorVersion}.${plan.revision}`], { tab: 'versions', with: `${old?.majorVersion}.${old?.revision}` })}>what differs</A> · made <Time at={plan.createdAt} />
          </>
        }
      >
        <Button kind="main" icon="play" forbidden={missing(me, 'RUN', 'ACL_WORKFLOW')} onClick={() => act('apply')}>
          Apply to a run
        </Button>
        <Button kind="danger" icon="bin" label="Delete this plan" forbidden={missing(me, 'WRITE_METADATA', 'ACL_WORKFLOW')} onClick={() => act('delete')} />
      </ObjectHeading>
      <Panel title="Where threads go on" bare>
        <Table
          label="Where threads go on"
          rows={rows}
          id={(r) => `${r.thread} ${r.node}`}
          columns={[
            { name: 'Thread', of: (r) => r.thread },
            { name: 'Waits at', of: (r) => <span title={r.node}>{shortName(r.node)}</span> },
            { name: 'Becomes thread', of: (r) => r.into },
            { name: 'Goes on at', of: (r) => <span title={r.to}>{shortName(r.to)}</span> },
          ]}
        />
      </Panel>
      {acting === 'apply' && (
        <Preview
          title="Migrate a run?"
          rpc="ApplyWorkflowMigrationPlan"
          request={{ id, wfRunId: runIdOf(parseRunId(run)) }}
          cli={answering([''], 'apply', 'workflowMigrationPlan', name, run || '<run>')}
          confirm="Migrate"
          done="Migrated."
          problem={run ? undefined : 'Name the run.'}
          onClose={() => act(undefined)}
          onDone={() => go(to(['runs', ...parseRunId(run)]))}
        >
          <Field label="Id of the run">{(field) => <input id={field} className="input mono" autoComplete="off" value={run} onChange={(e) => setRun(e.target.value)} />}</Field>
          <p>Its threads go on where the plan says. The server refuses it for a run that is elsewhere.</p>
        </Preview>
      )}
      {acting === 'delete' && (
        <Preview
          title="Delete this plan?"
          rpc="DeleteWorkflowMigrationPlan"
          request={{ id }}
          cli={command('delete', 'workflowMigrationPlan', name)}
          confirm="Delete"
          done="Deleted."
          danger
          onClose={() => act(undefined)}
          onDone={() => go(to(['migrations']))}
        >
          <p>Runs that were migrated by it stay so.</p>
        </Preview>
      )}
    </>
  );
}
