import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactElement, useEffect, useMemo, useRef, useState } from 'react';
import { ask, batch, call, need, type Request, session } from '../api';
import { command } from '../commands';
import { read, ValueInput } from '../inputs';
import { useSeen } from '../live';
import { shortName } from '../nodes';
import { missing, missingOf, useWhoami } from '../permissions';
import { go, listOf, listText, setSearch, to, useRoute } from '../router';
import { byId, latestFirst, listed, met, nothing, read as readOn } from '../rows';
import { asAddress, between, bulk, type Deed, fieldText, type Filter, filtersOf, matchOf, mostAtOnce, needs, type OwnColumn, ownColumns, type RunSearch, searchables, takes, versionOf, windows } from '../runsearch';
import { readSearches, type Search, withSearch, writeSearches } from '../searches';
import { ended, lookOf, statuses } from '../status';
import { localText, spanText } from '../times';
import type { LHStatus, SearchWfRunViewResponse, WfRun, WfRunRow, WfSpec } from '../types.gen';
import { A, Button, Command, Dialog, Empty, Field, Footer, Heading, Panel, Problem, Skeleton, Status, Time, say, useNow } from '../ui';
import { kindOf, parseRunId, runId, runIdOf, runParts, specText, textOf } from '../values';
import { useWindow } from '../virtual';

const pageSize = 100;

export function Runs(): ReactElement {
  const { search } = useRoute();
  return (
    <>
      <Heading title="Runs" about="Every run of every workflow, the latest first." />
      <RunFilters />
      <RunTable spec={search.get('spec') ?? ''} {...chosenRuns(search)} selects />
    </>
  );
}

const chosenStatuses = (search: URLSearchParams): LHStatus[] => listOf(search.get('status')).filter((s): s is LHStatus => statuses.includes(s as LHStatus));

/** chosenRuns is what the address says of runs, without their workflow. */
export function chosenRuns(search: URLSearchParams): Pick<TableProps, 'version' | 'statuses' | 'within' | 'from' | 'until' | 'id' | 'parent' | 'filters' | 'columns' | 'without'> {
  const text = (name: string): string => search.get(name) ?? '';
  return { version: text('spec') ? versionOf(text('version')) : undefined, without: listOf(search.get('without')), statuses: chosenStatuses(search), within: text('within'), from: text('from'), until: text('until'), id: text('id'), parent: text('parent'), filters: filtersOf(search), columns: listOf(search.get('columns')) };
}

/** RunFilters narrow runs, of all workflows unless one is given. */
export function RunFilters({ spec: own }: { spec?: string }): ReactElement {
  const { search } = useRoute();
  const chosen = chosenStatuses(search);
  const spec = own ?? search.get('spec') ?? '';
  const flip = (s: LHStatus): void => setSearch({ status: statuses.filter((x) => chosen.includes(x) !== (x === s)).join(',') });
  return (
    <>
      <div className="filters">
        <div className="chips" role="group" aria-label="Status">
          <Button pressed={chosen.length === 0} onClick={() => setSearch({ status: undefined })}>
            All
          </Button>
          {statuses.map((s) => (
            <Button key={s} pressed={chosen.includes(s)} onClick={() => flip(s)}>
              {lookOf(s).word}
            </Button>
          ))}
        </div>
      </div>
      <div className="filters">
        {own === undefined && <SpecField value={spec} />}
        {own === undefined && spec && <Late label="Version" name="version" placeholder="all" width={80} wrong={(text) => (versionOf(text) ? undefined : 'It is like 1 or 1.2.')} />}
        <Field label="Started">
          {(id) => (
            <select id={id} className="input" style={{ width: 150 }} value={search.get('within') ?? ''} onChange={(e) => setSearch({ within: e.target.value, from: undefined })}>
              {windows.map(([key, name]) => (
                <option key={key} value={key}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        {spec && <VariableFilter key={spec} spec={spec} />}
        <MoreFilters />
        {own === undefined && <Saved />}
        <Columns spec={spec} chosen={listOf(search.get('columns'))} without={listOf(search.get('without'))} />
      </div>
    </>
  );
}

/** MoreFilters are those that are wanted now and then. */
function MoreFilters(): ReactElement {
  const { search } = useRoute();
  const used = ['from', 'until', 'id', 'parent'].filter((name) => search.get(name)).length;
  return (
    <details className="menu">
      <summary className="button">More filters{used > 0 && ` (${used})`}</summary>
      <div className="stack tight">
        <Late label="Id begins with" name="id" placeholder="order-10" />
        <Late label="Child of the run" name="parent" placeholder="order-1042" />
        <MomentField label="Begun from" name="from" also={{ within: undefined }} />
        <MomentField label="Begun until" name="until" also={{}} />
        <Button kind="plain" onClick={() => setSearch({ id: undefined, parent: undefined, from: undefined, until: undefined })}>
          None of these
        </Button>
      </div>
    </details>
  );
}

/** Late is a filter by a text that is meant when the field is left, so that not every letter is a search. */
function Late({ label, name, placeholder, width, wrong }: { label: string; name: string; placeholder: string; width?: number; wrong?: (text: string) => string | undefined }): ReactElement {
  const value = useRoute().search.get(name) ?? '';
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const set = (): void => {
    if (text.trim() !== value) setSearch({ [name]: text.trim() });
  };
  return (
    <Field label={label} problem={value ? wrong?.(value) : undefined}>
      {(id) => <input id={id} className="input mono" style={{ width }} autoComplete="off" placeholder={placeholder} value={text} onChange={(e) => setText(e.target.value)} onBlur={set} onKeyDown={(e) => e.key === 'Enter' && set()} />}
    </Field>
  );
}

/** MomentField is a filter by a moment, in the browser's time; the address has it in UTC. */
function MomentField({ label, name, also }: { label: string; name: string; also: Record<string, undefined> }): ReactElement {
  const value = useRoute().search.get(name) ?? '';
  const set = (local: string): void => setSearch({ ...also, [name]: local === '' ? undefined : new Date(local).toISOString() });
  return (
    <Field label={label} problem={value && !localText(value) ? 'It is no date and time.' : undefined}>
      {(id) => <input id={id} className="input" style={{ minWidth: 250 }} type="datetime-local" value={localText(value)} onChange={(e) => set(e.target.value)} />}
    </Field>
  );
}

/** Saved are searches that this browser keeps: addresses with a name. */
function Saved(): ReactElement {
  const { search, tenant } = useRoute();
  const [all, setAll] = useState(() => readSearches(tenant));
  const [name, setName] = useState('');
  const set = (next: Search[]): void => {
    writeSearches(tenant, next);
    setAll(next);
  };
  const save = (): void => {
    if (!name.trim()) return;
    set(withSearch(all, { name: name.trim(), query: search.toString() }));
    setName('');
  };
  return (
    <details className="menu">
      <summary className="button">Saved searches{all.length > 0 && ` (${all.length})`}</summary>
      <div className="stack tight">
        {all.length === 0 && <span className="soft small">There is none yet in this browser.</span>}
        {all.map((s) => (
          <div key={s.name} className="row tight">
            <A className="grow" href={`${to(['runs'])}${s.query ? `?${s.query}` : ''}`} current={s.query === search.toString()}>
              {s.name}
            </A>
            <Button kind="plain" icon="bin" label={`Forget the search ${s.name}`} onClick={() => set(all.filter((x) => x !== s))} />
          </div>
        ))}
        <Field label="Save this search as">
          {(id) => <input id={id} className="input" autoComplete="off" value={name} onChange={(e) => setName(e.target.value)} onKeyDown={(e) => e.key === 'Enter' && save()} />}
        </Field>
        <Button onClick={save} forbidden={name.trim() ? undefined : 'Name it.'}>
          Save
        </Button>
      </div>
    </details>
  );
}

/** SpecField asks for a workflow only when it is left, so that not every letter is a search. */
function SpecField({ value }: { value: string }): ReactElement {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const set = (): void => setSearch({ spec: text.trim(), version: undefined, var: undefined, value: undefined, type: undefined, columns: undefined });
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

const setFilters = (all: Filter[]): void => setSearch(asAddress(all));

const useLatest = (spec: string): WfSpec | undefined =>
  useQuery({ queryKey: [session.tenant, 'latest', spec], queryFn: ({ signal }) => call('GetLatestWfSpec', { name: spec }, signal), enabled: spec !== '', staleTime: 60_000, retry: false }).data;

const variablesOf = (spec: WfSpec | undefined): NonNullable<WfSpec['threadSpecs'][string]>['variableDefs'] => spec?.threadSpecs[spec.entrypointThreadName]?.variableDefs ?? [];

function VariableFilter({ spec }: { spec: string }): ReactElement | null {
  const { search } = useRoute();
  const now = filtersOf(search);
  const [name, setName] = useState('');
  const [text, setText] = useState('');
  const found = searchables(variablesOf(useLatest(spec)));
  if (found.length === 0) return null;
  const type = found.find(([n]) => n === name)?.[1];
  const problem = text ? read(type, text).problem : undefined;
  const set = (text: string): void => {
    if (!name || !text || read(type, text).problem) return;
    setFilters([...now.filter((f) => f.name !== name), { name, text, type: type ?? '' }]);
    setName('');
    setText('');
  };
  return (
    <>
      <Field label="Variable">
        {(id) => (
          <select id={id} className="input" value={name} onChange={(e) => setName(e.target.value)}>
            <option value="">{now.length > 0 ? 'one more' : 'any'}</option>
            {found.map(([n]) => (
              <option key={n} value={n}>
                {fieldText(n)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="is" problem={problem}>
        {(id) =>
          type === 'BOOL' ? (
            <ValueInput id={id} type={type} text={text} set={set} hint="either" />
          ) : (
            <input
              id={id}
              className="input"
              inputMode={type === 'INT' ? 'numeric' : type === 'DOUBLE' ? 'decimal' : undefined}
              value={text}
              onChange={(e) => setText(e.target.value)}
              onKeyDown={(e) => e.key === 'Enter' && set(text)}
              onBlur={() => set(text)}
            />
          )
        }
      </Field>
      {now.length > 0 && (
        <div className="chips" role="group" aria-label="Conditions">
          {now.map((f) => (
            <Button key={f.name} icon="cross" onClick={() => setFilters(now.filter((other) => other !== f))}>
              {`${fieldText(f.name)} is ${f.text.slice(0, 60)}`}
            </Button>
          ))}
        </div>
      )}
    </>
  );
}

const columnNames: Record<OwnColumn, string> = { status: 'Status', workflow: 'Workflow', where: 'Where it stands', started: 'Started', took: 'Took' };

/** Columns chooses what is shown beside the runs: what all runs have, and variables of one workflow. */
function Columns({ spec, chosen, without }: { spec: string; chosen: string[]; without: string[] }): ReactElement {
  const names = variablesOf(useLatest(spec)).flatMap((d) => (d.varDef ? [d.varDef.name] : []));
  const flip = (name: string): void => setSearch({ columns: listText(names.filter((n) => chosen.includes(n) !== (n === name)).slice(0, 20)) });
  const flipOwn = (name: OwnColumn): void => setSearch({ without: listText(ownColumns.filter((n) => without.includes(n) !== (n === name))) });
  const [open, setOpen] = useState(false);
  const changed = chosen.length + without.length;
  return (
    <details className="menu" onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary className="button">Columns{changed > 0 && ` (${changed})`}</summary>
      {open && (
        <div className="stack tight" role="group" aria-label="Columns of the table">
          {ownColumns.map((n) => (
            <label key={n} className="row tight">
              <input type="checkbox" checked={!without.includes(n)} onChange={() => flipOwn(n)} />
              {columnNames[n]}
            </label>
          ))}
          {names.length > 0 && <h3>Variables</h3>}
          {names.map((n) => (
            <label key={n} className="row tight">
              <input type="checkbox" checked={chosen.includes(n)} onChange={() => flip(n)} />
              {n}
            </label>
          ))}
        </div>
      )}
    </details>
  );
}

interface TableProps extends RunSearch {
  /** without are the columns of its own that it does not show. */
  without?: string[];
  columns?: string[];
  selects?: boolean;
}

const topics = ['runs'];
const noColumns: string[] = [];

function asked(p: TableProps, bookmark?: string): Request<'SearchWfRunView'> {
  return {
    limit: pageSize,
    statuses: p.statuses ?? [],
    wfSpecName: p.spec,
    variables: p.columns ?? [],
    ...(p.version ? { majorVersion: p.version.major, ...(p.version.revision === undefined ? {} : { revision: p.version.revision }) } : {}),
    ...between(p),
    ...(p.parent ? { parentWfRunId: runIdOf(parseRunId(p.parent)) } : {}),
    ...(p.id ? { idPrefix: p.id } : {}),
    variableFilters: (p.filters ?? []).map(matchOf),
    ...(bookmark ? { bookmark } : {}),
  };
}

/** useRows are the first page, as it is now, and those behind it as they were read. */
function useRows(p: TableProps): { first: ReturnType<typeof useSeen<SearchWfRunViewResponse>>; rows: WfRunRow[]; more: boolean; read: () => void; forget: () => void } {
  const text = JSON.stringify([p.spec, p.statuses, p.within, p.from, p.until, p.id, p.parent, p.filters, p.version, p.columns]);
  const first = useSeen<SearchWfRunViewResponse>({
    key: [session.tenant, 'rows', text],
    topics,
    least: 1000,
    keep: true,
    read: async (signal) => need((await batch([ask('SearchWfRunView', asked(p))], signal, topics))[0]),
  });
  const [older, setOlder] = useState({ of: text, ...nothing });
  const own = older.of === text ? older : nothing;
  // What is shown until the answer comes is of the search before: nothing is behind it.
  const page = first.isPlaceholderData ? undefined : first.data?.results;
  const shown = first.data?.results;
  const order = p.id ? byId : latestFirst;
  useEffect(() => {
    if (page) setOlder((o) => (o.of === text && o.rows.size > 0 ? { of: text, ...met(o, page) } : o));
  }, [page, text]);
  const rows = useMemo(() => listed(shown ?? [], page ? own : nothing, order), [shown, page, own, order]);
  const busy = useRef('');
  const now = useRef(text);
  now.current = text;
  const bookmark = own.bookmark ?? first.data?.bookmark;
  const more = Boolean(page && own.more && bookmark);
  const read = (): void => {
    if (busy.current === text || !more || !page) return;
    busy.current = text;
    void call('SearchWfRunView', asked(p, bookmark))
      .then((next) => now.current === text && setOlder((o) => ({ of: text, ...readOn(o.of === text ? o : nothing, page, next) })))
      .catch((e: Error) => say(e.message))
      .finally(() => {
        if (busy.current === text) busy.current = '';
      });
  };
  return { first, rows, more, read, forget: () => setOlder({ of: text, ...nothing }) };
}

/** narrow screens show a run as a card. */
const useNarrow = (): boolean => {
  const query = '(max-width: 760px)';
  const [is, set] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const look = (): void => set(list.matches);
    list.addEventListener('change', look);
    return () => list.removeEventListener('change', look);
  }, []);
  return is;
};

/** RunTable shows runs, the latest first, and reads on as it is scrolled. */
export function RunTable(p: TableProps): ReactElement {
  const { first, rows, more, read, forget } = useRows(p);
  const narrow = useNarrow();
  const high = narrow ? 104 : 48;
  const { box, shown } = useWindow(rows.length, high);
  const [selected, select] = useState<Set<string>>(new Set());
  const columns = p.columns ?? noColumns;
  const shows = (name: OwnColumn): boolean => !p.without?.includes(name);
  useEffect(() => {
    if (more && rows.length > 0 && shown.last >= rows.length - 20 && shown.first > 0) read();
  });
  if (first.error && !first.data) return <Problem error={first.error} retry={() => void first.refetch()} />;
  if (!first.data) {
    return (
      <Panel>
        <Skeleton lines={8} />
      </Panel>
    );
  }
  if (rows.length === 0) {
    return (
      <Panel>
        <Empty icon="runs" title="No runs are like that">
          <p>Ask for more, or start one:</p>
          <Command text="lhctl run <workflow> <variable> <value>" />
        </Empty>
      </Panel>
    );
  }
  const chosen = rows.filter((r) => selected.has(runId(r.id)));
  const flip = (id: string): void => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    select(next);
  };
  return (
    <>
      {p.selects && <Selection rows={chosen} all={chosen.length === rows.length ? p : undefined} clear={() => select(new Set())} forget={forget} />}
      <section className="panel" aria-label="Runs">
        <div className="scroll" ref={box}>
          <table className="runs" aria-rowcount={more ? -1 : rows.length + 1}>
            <thead>
              <tr>
                {p.selects && (
                  <th>
                    <input type="checkbox" aria-label="Select all that are shown" checked={chosen.length === rows.length} onChange={(e) => select(new Set(e.target.checked ? rows.map((r) => runId(r.id)) : []))} />
                  </th>
                )}
                {shows('status') && <th>{columnNames.status}</th>}
                <th>Run</th>
                {shows('workflow') && <th>{columnNames.workflow}</th>}
                {shows('where') && <th>{columnNames.where}</th>}
                {columns.map((c) => (
                  <th key={c}>{c}</th>
                ))}
                {shows('started') && <th>{columnNames.started}</th>}
                {shows('took') && <th>{columnNames.took}</th>}
              </tr>
            </thead>
            <tbody>
              {shown.above > 0 && <tr aria-hidden="true" className="space" style={{ height: shown.above }} />}
              {rows.slice(shown.first, shown.last).map((row) => (
                <Row key={runId(row.id)} of={row} columns={columns} shows={shows} high={high} selected={p.selects ? selected.has(runId(row.id)) : undefined} flip={flip} />
              ))}
              {shown.below > 0 && <tr aria-hidden="true" className="space" style={{ height: shown.below }} />}
            </tbody>
          </table>
        </div>
        {more && (
          <div className="body row" style={{ justifyContent: 'center', padding: 12 }}>
            <Button onClick={read}>Show more</Button>
          </div>
        )}
      </section>
    </>
  );
}

interface RowProps {
  of: WfRunRow;
  columns: string[];
  shows: (name: OwnColumn) => boolean;
  high: number;
  selected: boolean | undefined;
  flip: (id: string) => void;
}

function Row({ of: run, columns, shows, high, selected, flip }: RowProps): ReactElement {
  const now = useNow();
  const id = runId(run.id);
  const href = to(['runs', ...runParts(run.id)]);
  const took = (run.endTime ? Date.parse(run.endTime) : now) - Date.parse(run.startTime ?? '');
  return (
    <tr onClick={() => go(href)} style={{ height: high }} aria-selected={selected}>
      {selected !== undefined && (
        <td onClick={(e) => e.stopPropagation()}>
          <input type="checkbox" aria-label={`Select ${id}`} checked={selected} onChange={() => flip(id)} />
        </td>
      )}
      {shows('status') && (
        <td>
          <Status of={run.status} />
        </td>
      )}
      <td className="mono clip">
        <A href={href}>{id}</A>
      </td>
      {shows('workflow') && <td className="clip">{specText(run.wfSpecId)}</td>}
      {shows('where') && (
        <td className="wide">
          <div className="clip why">{run.failure ? <span className="bad-text">{`${shortName(run.node)}: ${run.failure}`}</span> : ended(run.status) ? '' : standing(run)}</div>
        </td>
      )}
      {columns.map((c) => {
        const v = run.variables.find((x) => x.variable?.id?.name === c);
        const text = !v ? '' : v.variable?.masked ? 'masked' : v.leftOutBytes > 0 ? `${v.leftOutBytes} bytes` : kindOf(v.variable?.value) === 'NULL' ? 'null' : textOf(v.variable?.value);
        return (
          <td key={c} className="column">
            <div className="clip" title={text}>
              {text.slice(0, 200)}
            </div>
          </td>
        );
      })}
      {shows('started') && (
        <td>
          <Time at={run.startTime} />
        </td>
      )}
      {shows('took') && <td>{spanText(took)}</td>}
    </tr>
  );
}

function standing(run: WfRunRow): string {
  if (run.openThreads > 1) return `${run.openThreads >= 100 ? '100 or more' : run.openThreads} threads are open`;
  return run.node ? `at ${shortName(run.node)}` : '';
}

/** deeds are what can be done with many runs: with which, by which call, and as which command. */
const deeds: Record<Deed, { word: string; done: string; about: string; fits: (run: WfRun) => boolean; ask: (run: WfRun) => ReturnType<typeof ask>; cli: (id: string) => string; right: 'RUN' | 'WRITE_METADATA'; danger: boolean }> = {
  stop: {
    word: 'Stop',
    done: 'stopped',
    about: 'halt where they are, and can be resumed',
    fits: (r) => !ended(r.status) && r.status !== 'HALTED' && r.status !== 'HALTING',
    ask: (r) => ask('StopWfRun', { wfRunId: r.id!, threadRunNumber: 0 }),
    cli: (id) => command('stop', 'wfRun', id),
    right: 'RUN',
    danger: false,
  },
  resume: {
    word: 'Resume',
    done: 'resumed',
    about: 'go on where they were stopped',
    fits: (r) => r.status === 'HALTED' || r.status === 'HALTING',
    ask: (r) => ask('ResumeWfRun', { wfRunId: r.id!, threadRunNumber: 0 }),
    cli: (id) => command('resume', 'wfRun', id),
    right: 'RUN',
    danger: false,
  },
  delete: {
    word: 'Delete',
    done: 'deleted',
    about: 'go for good, with their threads, variables, tasks and events',
    fits: (r) => ended(r.status) || r.status === 'HALTED',
    ask: (r) => ask('DeleteWfRun', { id: r.id! }),
    cli: (id) => command('delete', 'wfRun', id),
    right: 'WRITE_METADATA',
    danger: true,
  },
};

const atOnce = 50;

/** Selection says what can be done with the runs that were selected. */
function Selection({ rows, all, clear, forget }: { rows: WfRunRow[]; all: TableProps | undefined; clear: () => void; forget: () => void }): ReactElement | null {
  const me = useWhoami();
  const [deed, choose] = useState<Deed>();
  if (rows.length === 0) return null;
  const tooMany = rows.length > mostAtOnce ? `More than ${mostAtOnce} are selected. Select fewer, or let a job deal with all that match.` : undefined;
  return (
    <div className="row selection" role="group" aria-label="With the selected runs">
      <strong>{rows.length} selected</strong>
      {tooMany && <span className="small">{tooMany}</span>}
      {(Object.keys(deeds) as Deed[]).map((d) => (
        <Button key={d} kind={deeds[d].danger ? 'danger' : 'plain'} forbidden={missing(me, deeds[d].right, 'ACL_WORKFLOW') ?? tooMany} onClick={() => choose(d)}>
          {deeds[d].word}…
        </Button>
      ))}
      <Button kind="plain" onClick={clear}>
        Select none
      </Button>
      {all &&
        (Object.keys(deeds) as Deed[])
          .filter((d) => all.statuses?.length !== 1 || takes[d].includes(all.statuses[0]!))
          .map((d) => <AllThatMatch key={d} deed={d} of={all} forbidden={missingOf(me, needs(d, all.filters ?? []), 'ACL_WORKFLOW')} />)}
      {deed && <Many deed={deed} rows={rows} onClose={() => choose(undefined)} clear={clear} forget={forget} />}
    </div>
  );
}

/** AllThatMatch leads from all rows that are shown to all that there are, which a job deals with. */
function AllThatMatch({ deed, of, forbidden }: { deed: Deed; of: TableProps; forbidden: string | undefined }): ReactElement {
  const job = bulk(deed, of);
  const { word, danger } = deeds[deed];
  const why = `A job ${word.toLowerCase()}s runs of one workflow that are ${takes[deed].map((s) => lookOf(s).word).join(' or ')}, by their time and their variables. Else it can be done with those that are shown and selected.`;
  return (
    <Button kind={danger ? 'danger' : 'plain'} forbidden={forbidden ?? (job ? undefined : why)} onClick={() => job && go(to(['jobs'], job))}>
      {word} all that match…
    </Button>
  );
}

/** Many looks first how each of many runs is now, and says with how many something would be done. */
function Many({ deed, rows, onClose, clear, forget }: { deed: Deed; rows: WfRunRow[]; onClose: () => void; clear: () => void; forget: () => void }): ReactElement {
  const client = useQueryClient();
  const d = deeds[deed];
  const [doing, setDoing] = useState('');
  const [problems, setProblems] = useState<string[]>([]);
  const tried = useQuery({
    queryKey: [session.tenant, 'many', deed, rows.map((r) => runId(r.id))],
    queryFn: async ({ signal }) => {
      const out: WfRun[] = [];
      for (let i = 0; i < rows.length; i += atOnce) {
        const answers = await batch(rows.slice(i, i + atOnce).map((r) => ask('GetWfRun', r.id!)), signal);
        out.push(...answers.flatMap((a) => (a.reply ? [a.reply] : [])));
      }
      return out;
    },
    staleTime: 0,
  });
  const fit = tried.data?.filter(d.fits) ?? [];
  const act = async (): Promise<void> => {
    const wrong: string[] = [];
    for (let i = 0; i < fit.length; i += atOnce) {
      setDoing(`${i} of ${fit.length}…`);
      const some = fit.slice(i, i + atOnce);
      const answers = (await batch(some.map(d.ask))) as { error?: { message: string } }[];
      answers.forEach((a, n) => a.error && wrong.push(`${runId(some[n]!.id)}: ${a.error.message}`));
    }
    say(`${fit.length - wrong.length} ${d.done}.`);
    setProblems(wrong);
    if (wrong.length === 0) {
      clear();
      onClose();
    }
  };
  /** over, well or not: what was done shows. */
  const over = (): void => {
    setDoing('');
    forget();
    void client.invalidateQueries();
  };
  const words = countWords(tried.data ?? []);
  return (
    <Dialog title={`${d.word} ${rows.length} runs?`} onClose={onClose}>
      {tried.error && <Problem error={tried.error} />}
      {!tried.data && !tried.error && <Skeleton lines={2} />}
      {tried.data && (
        <p data-dry-run>
          <strong>
            {fit.length} of {rows.length}
          </strong>{' '}
          would be {d.done}: they {d.about}. Selected are {words}
          {tried.data.length < rows.length && `, and ${rows.length - tried.data.length} that have gone`}.
        </p>
      )}
      {fit.length > 0 && (
        <div className="stack tight">
          <span className="small soft">The same as {fit.length === 1 ? 'a command' : 'commands'}</span>
          <pre className="scroll" tabIndex={0}>
            {fit.slice(0, 20).map((r) => `${d.cli(runId(r.id))}\n`)}
            {fit.length > 20 && `… ${fit.length - 20} more`}
          </pre>
        </div>
      )}
      {problems.length > 0 && <Problem error={new Error(problems.slice(0, 5).join(' '))} />}
      <Footer onClose={onClose}>
        <Button kind={d.danger ? 'danger main' : 'main'} forbidden={doing || (fit.length === 0 ? 'There is nothing to do.' : undefined)} onClick={() => {
            setProblems([]);
            void act()
              .catch((e: Error) => setProblems([e.message]))
              .finally(over);
          }}
        >
          {doing || `${d.word} ${fit.length}`}
        </Button>
      </Footer>
    </Dialog>
  );
}

function countWords(runs: WfRun[]): string {
  const times = new Map<string, number>();
  for (const r of runs) times.set(lookOf(r.status).word, (times.get(lookOf(r.status).word) ?? 0) + 1);
  return [...times].map(([word, n]) => `${n} ${word}`).join(', ') || 'none';
}
