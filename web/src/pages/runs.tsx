import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useEffect, useState } from 'react';
import { ask, batch, call, need, type Request, session } from '../api';
import { useSeen } from '../live';
import { shortName } from '../nodes';
import { go, setSearch, to, useRoute } from '../router';
import { ended, failed, lookOf, statuses } from '../status';
import { spanText } from '../times';
import type { LHStatus, VariableType, WfRun, WfRunId, WfSpec } from '../types.gen';
import { A, Button, Command, Empty, Field, Panel, Problem, Skeleton, Status, Time, useNow } from '../ui';
import { parseValue, runId, runParts, specText, typeOf } from '../values';
import { cause, firstLine } from '../wait';

const windows: [string, string, number][] = [
  ['1h', 'last hour', 3_600_000],
  ['24h', 'last 24 hours', 86_400_000],
  ['7d', 'last 7 days', 7 * 86_400_000],
  ['', 'any time', 0],
];
const pageSize = 50;

export function Runs(): ReactElement {
  const { search } = useRoute();
  const status = (search.get('status') ?? undefined) as LHStatus | undefined;
  const spec = search.get('spec') ?? '';
  const within = search.get('within') ?? '';
  return (
    <>
      <div className="title">
        <div className="grow">
          <h1>Runs</h1>
          <p className="soft">Every run of every workflow, the latest first.</p>
        </div>
      </div>
      <div className="filters">
        <div className="chips" role="group" aria-label="Status">
          <Button pressed={!status} onClick={() => setSearch({ status: undefined })}>
            All
          </Button>
          {statuses.map((s) => (
            <Button key={s} pressed={s === status} onClick={() => setSearch({ status: s === status ? undefined : s })}>
              {lookOf(s).word}
            </Button>
          ))}
        </div>
      </div>
      <div className="filters">
        <SpecField value={spec} />
        <Field label="Started">
          {(id) => (
            <select id={id} className="input" style={{ width: 150 }} value={within} onChange={(e) => setSearch({ within: e.target.value })}>
              {windows.map(([key, name]) => (
                <option key={key} value={key}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        {spec && <VariableFilter spec={spec} />}
      </div>
      <RunTable spec={spec} status={status} within={within} filter={filterOf(search)} />
    </>
  );
}

/** SpecField asks for a workflow only when it is left, so that not every letter is a search. */
function SpecField({ value }: { value: string }): ReactElement {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const set = (): void => setSearch({ spec: text.trim(), var: undefined, value: undefined, type: undefined });
  return (
    <Field label="Workflow">
      {(id) => (
        <input
          id={id}
          className="input"
          style={{ width: 230 }}
          placeholder="all of them"
          data-search
          value={text}
          onChange={(e) => setText(e.target.value)}
          onBlur={() => text !== value && set()}
          onKeyDown={(e) => e.key === 'Enter' && set()}
        />
      )}
    </Field>
  );
}

interface Filter {
  name: string;
  type: VariableType | undefined;
  text: string;
}

function filterOf(search: URLSearchParams): Filter | undefined {
  const name = search.get('var');
  const text = search.get('value');
  return name && text !== null ? { name, text, type: (search.get('type') ?? undefined) as VariableType | undefined } : undefined;
}

function VariableFilter({ spec }: { spec: string }): ReactElement | null {
  const { search } = useRoute();
  const now = filterOf(search);
  const [name, setName] = useState(now?.name ?? '');
  const [text, setText] = useState(now?.text ?? '');
  const known = useQuery({ queryKey: [session.tenant, 'latest', spec], queryFn: ({ signal }) => call('GetLatestWfSpec', { name: spec }, signal), staleTime: 60_000 });
  const defs = searchable(known.data);
  if (defs.length === 0) return null;
  const type = typeOf(defs.find((d) => d.varDef?.name === name)?.varDef).primitiveType;
  const set = (): void => setSearch(name && text ? { var: name, value: text, type } : { var: undefined, value: undefined, type: undefined });
  return (
    <>
      <Field label="Variable">
        {(id) => (
          <select id={id} className="input" value={name} onChange={(e) => setName(e.target.value)}>
            <option value="">any</option>
            {defs.map((d) => (
              <option key={d.varDef!.name}>{d.varDef!.name}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label="is">
        {(id) => <input id={id} className="input" value={text} onChange={(e) => setText(e.target.value)} onKeyDown={(e) => e.key === 'Enter' && set()} onBlur={set} />}
      </Field>
    </>
  );
}

const searchable = (spec: WfSpec | undefined): NonNullable<WfSpec['threadSpecs'][string]>['variableDefs'] =>
  (spec?.threadSpecs[spec.entrypointThreadName]?.variableDefs ?? []).filter((d) => d.searchable && typeOf(d.varDef).primitiveType);

interface TableProps {
  spec: string;
  status?: LHStatus | undefined;
  within: string;
  filter?: Filter | undefined;
  version?: { major: number; revision: number };
}

/** Found is a run with why it failed, if it did. */
interface Found {
  run: WfRun;
  cause: string;
}

const topics = ['runs'];

/** most runs are found at a time; within are the times back from now in which the latest are looked for. */
const most = 1000;
const within = [300_000, 3_600_000, 86_400_000];

/** RunTable shows runs, the latest first: one request finds them, one more gets those that are shown. */
export function RunTable(p: TableProps): ReactElement {
  const ids = useSeen({
    key: [session.tenant, 'runIds', p],
    topics,
    least: 1000,
    read: async (signal) => {
      const spans = [...(p.within === '' ? within : []), windows.find(([key]) => key === p.within)?.[2] ?? 0];
      const answers = await batch(spans.map((span) => ask('SearchWfRun', asked(p, span))), signal, topics);
      const lists = answers.map(need);
      // Searches begin with the oldest: the shortest time that has a page full is enough.
      const list = lists.find((l) => l.results.length >= pageSize) ?? lists.at(-1);
      return { ids: [...(list?.results ?? [])].reverse(), more: Boolean(list?.bookmark) };
    },
  });
  const [pages, setPages] = useState(1);
  const shown = ids.data?.ids.slice(0, pages * pageSize) ?? [];
  const found = useSeen<Found[]>({
    key: [session.tenant, 'runRows', shown.map(runId)],
    topics,
    least: 1000,
    enabled: ids.data !== undefined,
    keep: true,
    read: (signal) => rowsOf(shown, signal),
  });
  const runs = found.data ?? [];
  const error = ids.error ?? found.error;
  if (error) return <Problem error={error} retry={() => void ids.refetch()} />;
  if (!ids.data || !found.data) {
    return (
      <Panel>
        <Skeleton lines={8} />
      </Panel>
    );
  }
  if (runs.length === 0) {
    return (
      <Panel>
        <Empty icon="runs" title="No runs are like that">
          <p>Ask for more, or start one:</p>
          <Command text="lhctl run <workflow> <variable> <value>" />
        </Empty>
      </Panel>
    );
  }
  return (
    <section className="panel" aria-label="Runs">
      <div className="scroll">
        <table className="runs">
          <thead>
            <tr>
              <th>Status</th>
              <th>Run</th>
              <th>Workflow</th>
              <th>Where it stands</th>
              <th>Started</th>
              <th>Took</th>
            </tr>
          </thead>
          <tbody>
            {runs.map((row) => (
              <Row key={runId(row.run.id)} of={row} />
            ))}
          </tbody>
        </table>
      </div>
      {(ids.data.ids.length > shown.length || ids.data.more) && (
        <div className="body row" style={{ justifyContent: 'center', padding: 12 }}>
          {ids.data.ids.length > shown.length && <Button onClick={() => setPages(pages + 1)}>Show more</Button>}
          {ids.data.more && <span className="soft small">More than {most} runs are like that: ask for less to see the latest of them.</span>}
        </div>
      )}
    </section>
  );
}

async function rowsOf(ids: WfRunId[], signal: AbortSignal): Promise<Found[]> {
  const out: Found[] = [];
  for (let i = 0; i < ids.length; i += pageSize) {
    const answers = await batch(ids.slice(i, i + pageSize).map((id) => ask('GetWfRun', id)), signal);
    const runs = answers.flatMap((a) => (a.reply ? [a.reply] : []));
    const broken = runs.filter((r) => failed(r.status));
    const why = await batch(broken.map((r) => ask('ExplainWfRun', { wfRunId: r.id!, limit: 20 })), signal);
    const causes = new Map(broken.map((r, n) => [runId(r.id), why[n]?.reply ? cause(why[n].reply) : '']));
    out.push(...runs.map((run) => ({ run, cause: causes.get(runId(run.id)) ?? '' })));
  }
  return out;
}

function asked(p: TableProps, window: number): Request<'SearchWfRun'> {
  return {
    limit: most,
    wfSpecName: p.spec,
    ...(p.version ? { wfSpecMajorVersion: p.version.major, wfSpecRevision: p.version.revision } : {}),
    ...(p.status ? { status: p.status } : {}),
    ...(window ? { earliestStart: new Date(Date.now() - window).toISOString() } : {}),
    ...(p.filter ? { variableFilters: [{ varName: p.filter.name, value: parseValue(p.filter.type, p.filter.text) }] } : {}),
  };
}

function Row({ of: { run, cause: why } }: { of: Found }): ReactElement {
  const now = useNow();
  const href = to(['runs', ...runParts(run.id)]);
  const broken = run.threadRuns.filter((t) => failed(t.status)).at(-1);
  const took = (run.endTime ? Date.parse(run.endTime) : now) - Date.parse(run.startTime ?? '');
  return (
    <tr onClick={() => go(href)}>
      <td>
        <Status of={run.status} />
      </td>
      <td className="mono">
        <A href={href}>{runId(run.id)}</A>
      </td>
      <td>{specText(run.wfSpecId)}</td>
      <td className="wide">
        <div className="clip why">
          {broken ? <span className="bad-text">{why || firstLine(broken.errorMessage || 'failed')}</span> : ended(run.status) ? '' : standing(run)}
        </div>
      </td>
      <td>
        <Time at={run.startTime} />
      </td>
      <td>{spanText(took)}</td>
    </tr>
  );
}

function standing(run: WfRun): string {
  const open = run.threadRuns.filter((t) => !ended(t.status));
  const first = open[0];
  if (!first) return '';
  return open.length > 1 ? `${open.length} threads are open` : `at step ${first.currentNodePosition} of ${shortName(first.threadSpecName)}`;
}
