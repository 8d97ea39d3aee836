import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useState } from 'react';
import { Preview } from '../actions';
import { ask, call, session } from '../api';
import { answering, command } from '../commands';
import { Choice, each, pageSize, Rows, Table, usePages } from '../lists';
import { shortName } from '../nodes';
import { missing, missingOf, useWhoami } from '../permissions';
import { go, setSearch, to, useRoute } from '../router';
import { type Deed, fieldText, type Filter, filtersOf, matchOf, needs, takes, whereOf } from '../runsearch';
import { type Look, lookOf } from '../status';
import { partitionsOf } from '../jobs';
import type { BulkJob, BulkJobStatus, BulkRunAction, BulkRunJob, GetBulkRunJobResponse, LHStatus } from '../types.gen';
import { A, Badge, Button, Empty, Field, Heading, ObjectHeading, Panel, Problem, Skeleton, Time } from '../ui';
import { parseRunId, runIdOf, specText, textOf } from '../values';
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
  const mayRun = missing(me, 'RUN', 'ACL_WORKFLOW');
  const asked = deeds.find((d) => search.get(d) !== null);
  const [making, setMaking] = useState<Deed>();
  const opened = making ?? asked;
  const [gone, setGone] = useState<string>();
  const [ending, setEnding] = useState<BulkRunJob>();
  const found = usePages(
    ['jobs', status],
    (bookmark) => ask('SearchBulkJob', { limit: pageSize, ...(bookmark ? { bookmark } : {}), ...(status ? { status } : {}) }),
    (ids, signal) => each(ids, (id) => ask('GetBulkRunJob', { id }), signal),
    ['jobs'],
  );
  const partitioned = search.get('job');
  const ended = ({ job }: BulkRunJob): number => job?.subprocesses.filter((s) => s.status !== 'BULK_JOB_RUNNING').length ?? 0;
  return (
    <>
      <Heading title="Bulk jobs" about="What is done to many runs at once, a part of each partition at a time.">
        <Button icon="stop" forbidden={mayRun} onClick={() => setMaking('stop')}>
          Stop many runs
        </Button>
        <Button icon="play" forbidden={mayRun} onClick={() => setMaking('resume')}>
          Resume many runs
        </Button>
        <Button kind="danger" icon="bin" forbidden={may} onClick={() => setMaking('delete')}>
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
              rows={rows.flatMap(({ job: j }: GetBulkRunJobResponse) => (j?.job ? [{ ...j, job: j.job }] : []))}
              id={({ job }) => job.id?.id ?? ''}
              columns={[
                { name: 'Job', of: ({ job }) => <strong className="mono">{job.id?.id}</strong> },
                { name: 'Status', of: ({ job }) => <Badge look={jobLook(job.status)} /> },
                {
                  name: 'Partitions done',
                  of: (j) => (
                    <span className="row tight">
                      <progress aria-label={`Partitions done of job ${j.job.id?.id}`} max={j.job.totalSubprocesses} value={ended(j)} />
                      {ended(j)} of {j.job.totalSubprocesses}
                      <Button kind="plain" icon="eye" label={`Each partition of job ${j.job.id?.id}`} pressed={partitioned === j.job.id?.id} onClick={() => setSearch({ job: partitioned === j.job.id?.id ? undefined : j.job.id?.id })} />
                    </span>
                  ),
                },
                { name: 'What', of: (j) => <What of={j} />, wide: true },
                { name: 'Begun', of: ({ job }) => <Time at={job.createdAt} /> },
                {
                  name: 'Actions',
                  of: (j) =>
                    j.job.status === 'BULK_JOB_RUNNING' ? (
                      <Button icon="stop" label={`Cancel job ${j.job.id?.id}`} forbidden={mayRun} onClick={() => setEnding(j)} />
                    ) : (
                      <Button icon="bin" label={`Forget job ${j.job.id?.id}`} forbidden={may} onClick={() => setGone(j.job.id?.id)} />
                    ),
                },
              ]}
            />
          )}
        </Rows>
      </Panel>
      {partitioned && <Partitions of={found.rows.find((r) => r.job?.job?.id?.id === partitioned)?.job?.job} />}
      {opened && (
        <DoMany
          key={opened}
          deed={opened}
          of={search.get(opened) ?? ''}
          from={search.get('from') ?? '1970-01-01T00:00:00Z'}
          until={search.get('until') ?? (asked || opened !== 'delete' ? new Date() : new Date(Date.now() - 30 * 86_400_000)).toISOString()}
          status={(search.get('of') ?? takes[opened][0]) as LHStatus}
          filters={asked ? filtersOf(search) : []}
          onClose={() => {
            setMaking(undefined);
            setSearch({ delete: undefined, stop: undefined, resume: undefined, of: undefined, from: undefined, until: undefined, var: undefined, value: undefined, type: undefined });
          }}
        />
      )}
      {gone && (
        <Preview title="Forget this job?" rpc="DeleteBulkJob" request={{ id: { id: gone } }} cli={command('delete', 'bulkJob', gone)} confirm="Forget" done="Forgotten." danger onClose={() => setGone(undefined)}>
          <p>What it did stays done.</p>
        </Preview>
      )}
      {ending && (
        <Preview
          title="Cancel this job?"
          rpc="CancelBulkRunJob"
          request={{ id: ending.job!.id! }}
          cli={command('cancel', 'bulkJob', ending.job?.id?.id ?? '')}
          confirm="Cancel the job"
          done="It does no more."
          danger
          onClose={() => setEnding(undefined)}
        >
          <p>What it has done stays done; the runs that it has not come to stay as they are.</p>
        </Preview>
      )}
    </>
  );
}

/** Partitions says how far each partition is with a job; one that says nothing of itself has not begun. */
function Partitions({ of }: { of: BulkJob | undefined }): ReactElement | null {
  if (!of) return null;
  return (
    <Panel title={`Partitions of job ${of.id?.id}`} bare>
      <Table
        label={`Partitions of job ${of.id?.id}`}
        rows={partitionsOf(of)}
        id={(p) => `partition-${p.id}`}
        columns={[
          { name: 'Partition', of: (p) => <strong>{p.id}</strong> },
          { name: 'Status', of: (p) => (p.status ? <Badge look={jobLook(p.status)} /> : <Badge look={{ word: 'not begun', tone: 'still', icon: 'clock' }} />) },
          { name: 'Has come to runs begun', of: (p) => <Time at={p.lastSeenKey} /> },
        ]}
      />
    </Panel>
  );
}

const deeds: Deed[] = ['stop', 'resume', 'delete'];

const actions: Record<Deed, BulkRunAction> = { stop: 'BULK_RUN_ACTION_STOP', resume: 'BULK_RUN_ACTION_RESUME', delete: 'BULK_RUN_ACTION_DELETE' };
const does: Record<BulkRunAction, string> = { BULK_RUN_ACTION_UNSPECIFIED: '', BULK_RUN_ACTION_DELETE: 'deletes', BULK_RUN_ACTION_STOP: 'stops', BULK_RUN_ACTION_RESUME: 'resumes' };

function What({ of }: { of: BulkRunJob }): ReactElement {
  const status = of.action === 'BULK_RUN_ACTION_DELETE' ? of.status : undefined;
  return (
    <>
      {does[of.action]} {status ? `${lookOf(status).word} ` : ''}runs of <A href={to(['specs', of.wfSpecName])}>{of.wfSpecName}</A> begun {of.earliestStart && Date.parse(of.earliestStart) > 0 && <>from <Time at={of.earliestStart} /> </>}
      until <Time at={of.latestStart} />
      {of.variableFilters.map((f) => (
        <span key={f.varName}>
          , <span className="mono">{fieldText(f.varName)}</span> is {textOf(f.value).slice(0, 60)}
        </span>
      ))}
      {of.done !== undefined && <span data-done>: {of.done} so far</span>}
    </>
  );
}

interface ManyProps {
  deed: Deed;
  of: string;
  from: string;
  until: string;
  status: LHStatus;
  /** filters are those of the search that has led here. */
  filters: Filter[];
  onClose: () => void;
}

const about: Record<Deed, { title: string; confirm: string; then: string }> = {
  stop: { title: 'Stop many runs?', confirm: 'Stop them', then: 'They halt where they are, and can be resumed.' },
  resume: { title: 'Resume many runs?', confirm: 'Resume them', then: 'They go on where they were stopped.' },
  delete: { title: 'Delete many runs for good?', confirm: 'Delete them', then: 'They cannot be brought back.' },
};

/** DoMany does something with runs of a workflow that began in a period; how many those are now is told before. */
function DoMany(p: ManyProps): ReactElement {
  const [name, setName] = useState(p.of);
  const [from, setFrom] = useState(p.from);
  const [until, setUntil] = useState(p.until);
  const [status, setStatus] = useState<LHStatus>(p.status);
  const time = (text: string): string | undefined => (Number.isNaN(Date.parse(text)) ? undefined : new Date(text).toISOString());
  const [earliestStart, latestStart] = [time(from), time(until)];
  const ready = name !== '' && earliestStart !== undefined && latestStart !== undefined;
  const period = { ...(earliestStart ? { earliestStart } : {}), ...(latestStart ? { latestStart } : {}) };
  const matches = p.filters.map(matchOf);
  const counted = useQuery({
    queryKey: [session.tenant, 'dryRun', name, earliestStart, latestStart, status, p.filters],
    enabled: ready,
    retry: false,
    queryFn: ({ signal }) => call('SearchWfRun', { wfSpecName: name, limit: 1000, ...period, status, variableFilters: matches }, signal),
  });
  const hit = counted.data;
  const forbidden = missingOf(useWhoami(), needs(p.deed, p.filters), 'ACL_WORKFLOW');
  const words = about[p.deed];
  const common = {
    title: words.title,
    confirm: words.confirm,
    done: 'The job has begun.',
    problem: forbidden ?? (!name ? 'Name a workflow.' : ready ? undefined : 'The period is no two moments.'),
    onClose: p.onClose,
  };
  const fields = (
    <>
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
            {takes[p.deed].map((s) => (
              <option key={s} value={s}>
                {lookOf(s).word}
              </option>
            ))}
          </select>
        )}
      </Field>
      {p.filters.length > 0 && (
        <p data-conditions>
          Only those of which{' '}
          {p.filters.map((f, n) => (
            <span key={f.name}>
              {n > 0 && ' and '}
              <strong className="mono">{fieldText(f.name)}</strong> is <strong>{f.text.slice(0, 60)}</strong>
            </span>
          ))}{' '}
          when the job comes to them.
        </p>
      )}
      <p role="status" data-dry-run>
        {counted.error ? (
          counted.error.message
        ) : hit ? (
          <>
            Now these are <strong>{hit.bookmark ? 'more than 1000' : hit.results.length}</strong> runs. {words.then}
          </>
        ) : (
          'What they are is counted when all is said.'
        )}
      </p>
    </>
  );
  const where = whereOf(matches);
  const cli = command(p.deed, 'wfRunBulk', name || '<workflow>', '--from', earliestStart ?? from, '--to', latestStart ?? until, ...(p.deed === 'delete' ? ['--status', status] : []), ...where);
  if (p.deed === 'delete' && where.length === 0) {
    return (
      <Preview {...common} rpc="CreateBulkJob" request={{ bulkDeleteWfRun: { wfSpecName: name, ...period, wfRunStatus: status } }} cli={cli} danger>
        {fields}
      </Preview>
    );
  }
  const request = { action: actions[p.deed], wfSpecName: name, ...period, status, variableFilters: matches };
  return (
    <Preview {...common} rpc="CreateBulkRunJob" request={request} cli={cli} danger={p.deed === 'delete'}>
      {fields}
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
