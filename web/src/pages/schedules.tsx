import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useState } from 'react';
import { Preview } from '../actions';
import { ask, batch, call, need, session } from '../api';
import { command } from '../commands';
import { nextTimes, parseCron } from '../cron';
import { Choice, each, Table } from '../lists';
import { useSeen } from '../live';
import { useForm } from '../offers';
import { missing, useWhoami } from '../permissions';
import { useRoute } from '../router';
import { InputFields } from '../runform';
import { inputsOf, readInputs } from '../runinputs';
import { exactText } from '../times';
import { to } from '../router';
import { useStructs } from '../typed';
import type { ScheduledWfRun } from '../types.gen';
import { A, Button, Dialog, Empty, Field, Footer, Heading, Panel, Problem, Skeleton, Time, useNow } from '../ui';
import { runId, runParts, specText, textOf, typeOf } from '../values';

/** mostSpecs are asked for their schedules. */
const mostSpecs = 100;

export function Schedules(): ReactElement {
  const topics = ['schedules', 'definitions'];
  const found = useSeen({
    key: [session.tenant, 'schedules'],
    topics,
    least: 1000,
    read: async (signal) => {
      const names = [...new Set(need((await batch([ask('SearchWfSpec', { limit: 1000 })], signal, topics))[0]).results.map((s) => s.name))].sort();
      const lists = await each(names.slice(0, mostSpecs), (wfSpecName) => ask('SearchScheduledWfRun', { wfSpecName }), signal);
      const ids = lists.flatMap((l) => l.results);
      return { names, all: await each(ids, (id) => ask('GetScheduledWfRun', id), signal) };
    },
  });
  const may = missing(useWhoami(), 'RUN', 'ACL_WORKFLOW');
  const [making, setMaking] = useForm('schedule', may);
  return (
    <>
      <Heading title="Schedules" about="Runs that begin by the clock. Times are those of UTC.">
        <Button kind="main" icon="clock" forbidden={may} onClick={() => setMaking(true)}>
          Schedule
        </Button>
      </Heading>
      {found.error && <Problem error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.data && found.data.names.length > mostSpecs && <p className="soft">Those of the first {mostSpecs} workflows are shown.</p>}
      {found.data && <ScheduleTable of={found.data.all} />}
      {making && found.data && <Make names={found.data.names} onClose={() => setMaking(false)} />}
    </>
  );
}

/** SpecSchedules are those of one workflow. */
export function SpecSchedules({ name }: { name: string }): ReactElement {
  const topics = ['schedules'];
  const found = useSeen({
    key: [session.tenant, 'schedulesOf', name],
    topics,
    least: 1000,
    read: async (signal) => {
      const ids = need((await batch([ask('SearchScheduledWfRun', { wfSpecName: name })], signal, topics))[0]).results;
      return each(ids, (id) => ask('GetScheduledWfRun', id), signal);
    },
  });
  const may = missing(useWhoami(), 'RUN', 'ACL_WORKFLOW');
  const [making, setMaking] = useForm('schedule', may);
  if (found.error) return <Problem error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton />;
  return (
    <div className="stack">
      <div>
        <Button icon="clock" forbidden={may} onClick={() => setMaking(true)}>
          Schedule
        </Button>
      </div>
      <ScheduleTable of={found.data} />
      {making && <Make names={[name]} onClose={() => setMaking(false)} />}
    </div>
  );
}

const spans: [value: string, text: string][] = [
  ['', 'at any time'],
  ['60', 'within an hour'],
  ['1440', 'within a day'],
  ['10080', 'within a week'],
];

const nextOf = (s: ScheduledWfRun, now: number, count = 1): Date[] => {
  const cron = parseCron(s.cronExpression);
  return cron ? nextTimes(cron, now, count) : [];
};

function ScheduleTable({ of }: { of: ScheduledWfRun[] }): ReactElement {
  const { search } = useRoute();
  const now = Math.floor(useNow() / 60_000) * 60_000;
  const me = useWhoami();
  const [shown, show] = useState<ScheduledWfRun>();
  const [gone, setGone] = useState<ScheduledWfRun>();
  const due = search.get('due') ?? '';
  const rows = of
    .map((s) => ({ s, next: nextOf(s, now)[0] }))
    .filter(({ next }) => !due || (next && next.getTime() - now <= Number(due) * 60_000))
    .sort((a, b) => (a.next?.getTime() ?? Infinity) - (b.next?.getTime() ?? Infinity));
  return (
    <Panel bare>
      <div className="body filters">
        <Choice label="Next due" name="due" value={due} options={spans} />
      </div>
      {rows.length === 0 ? (
        <Empty icon="clock" title="There is none like that" />
      ) : (
        <Table
          label="Schedules"
          rows={rows}
          id={({ s }) => s.id?.id ?? ''}
          columns={[
            { name: 'Schedule', of: ({ s }) => <button type="button" className="button plain" onClick={() => show(s)}>{s.id?.id}</button> },
            { name: 'Workflow', of: ({ s }) => <A href={to(['specs', s.wfSpecId?.name ?? '', `${s.wfSpecId?.majorVersion}.${s.wfSpecId?.revision}`])}>{specText(s.wfSpecId)}</A> },
            { name: 'When', of: ({ s }) => <code>{s.cronExpression}</code> },
            { name: 'Next', of: ({ next }) => <Time at={next?.toISOString()} /> },
            { name: 'Made', of: ({ s }) => <Time at={s.createdAt} /> },
            { name: 'Parent', of: ({ s }) => (s.parentWfRunId ? <A href={to(['runs', ...runParts(s.parentWfRunId)])}>{runId(s.parentWfRunId)}</A> : '–') },
            { name: 'Delete', of: ({ s }) => <Button kind="danger" icon="bin" label={`Delete the schedule ${s.id?.id}`} forbidden={missing(me, 'RUN', 'ACL_WORKFLOW')} onClick={() => setGone(s)} /> },
          ]}
        />
      )}
      {shown && <Shown of={shown} onClose={() => show(undefined)} />}
      {gone && (
        <Preview
          title="Delete this schedule?"
          rpc="DeleteScheduledWfRun"
          request={{ id: gone.id! }}
          cli={command('delete', 'schedule', gone.id?.id ?? '')}
          confirm="Delete"
          done="Deleted."
          danger
          onClose={() => setGone(undefined)}
        >
          <p>
            <strong>{gone.id?.id}</strong> begins no more runs. Those that it began go on.
          </p>
        </Preview>
      )}
    </Panel>
  );
}

function Shown({ of, onClose }: { of: ScheduledWfRun; onClose: () => void }): ReactElement {
  const inputs = Object.entries(of.variables);
  return (
    <Dialog title={of.id?.id ?? ''} onClose={onClose}>
      <h3>The next five times</h3>
      <ol>
        {nextOf(of, Date.now(), 5).map((d) => (
          <li key={d.toISOString()}>{exactText(d.toISOString())}</li>
        ))}
      </ol>
      <h3>{inputs.length === 0 ? 'It gives no inputs' : 'Inputs'}</h3>
      <dl className="facts">
        {inputs.map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{textOf(value)}</dd>
          </div>
        ))}
      </dl>
      <Footer onClose={onClose} />
    </Dialog>
  );
}

function Make({ names, onClose }: { names: string[]; onClose: () => void }): ReactElement {
  const now = useNow();
  const [name, setName] = useState(names[0] ?? '');
  const [cron, setCron] = useState('0 8 * * *');
  const [id, setId] = useState('');
  const [texts, setTexts] = useState<Record<string, string>>({});
  const spec = useQuery({ queryKey: [session.tenant, 'latest', name], queryFn: ({ signal }) => call('GetLatestWfSpec', { name }, signal), enabled: name !== '' });
  const defs = spec.data ? inputsOf(spec.data) : [];
  const structs = useStructs(defs.map((d) => typeOf(d.varDef)));
  const { variables, shown, problems, words } = readInputs(defs, texts, structs ?? new Map());
  const parsed = parseCron(cron);
  const first = Object.keys(problems)[0];
  const request = { wfSpecName: name, cronExpression: cron, ...(id ? { id } : {}) };
  return (
    <Preview
      title="Schedule runs"
      rpc="ScheduleWf"
      request={{ ...request, variables }}
      shown={{ ...request, variables: shown }}
      cli={command('schedule', 'run', cron, name, ...words, ...(id ? ['--id', id] : []))}
      confirm="Schedule"
      done="Scheduled."
      problem={!name ? 'Name a workflow.' : !parsed ? 'The time is no cron expression of five fields.' : first ? `${first}: ${problems[first]}` : undefined}
      onClose={onClose}
    >
      {names.length > 1 && (
        <Field label="Workflow">
          {(field) => (
            <select id={field} className="input" value={name} onChange={(e) => setName(e.target.value)}>
              {names.map((n) => (
                <option key={n}>{n}</option>
              ))}
            </select>
          )}
        </Field>
      )}
      <Field label="When: minute, hour, day of the month, month, day of the week (UTC)" problem={parsed ? undefined : 'It has five fields, such as 0 8 * * 1-5.'}>
        {(field) => <input id={field} className="input mono" autoComplete="off" value={cron} onChange={(e) => setCron(e.target.value)} />}
      </Field>
      {parsed && (
        <p className="soft small">
          Next:{' '}
          {nextTimes(parsed, now, 3)
            .map((d) => d.toISOString().slice(0, 16).replace('T', ' '))
            .join(', ')}
        </p>
      )}
      {structs && <InputFields defs={defs} texts={texts} set={(p, t) => setTexts({ ...texts, [p]: t })} structs={structs} problems={problems} />}
      <Field label="Id of the schedule">{(field) => <input id={field} className="input mono" placeholder="made up by the server" value={id} onChange={(e) => setId(e.target.value)} />}</Field>
    </Preview>
  );
}
