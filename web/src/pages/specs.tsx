import { useQuery } from '@tanstack/react-query';
import { lazy, type ReactElement, Suspense, useCallback, useEffect } from 'react';
import { RunForm } from '../runform';
import { again as inputsAgain, changed } from '../runinputs';
import { ask, batch, call, need, session } from '../api';
import { type Heat, heatOf } from '../heat';
import { mermaidOf } from '../mermaid';
import { since, TextFilter } from '../lists';
import { useEvery } from '../live';
import { kindOfNode, shortName } from '../nodes';
import { useForm } from '../offers';
import { missing, useWhoami } from '../permissions';
import { go, setSearch, to, useRoute } from '../router';
import { Source, Sources } from '../source';
import { threadsOf } from '../threads';
import { spanText } from '../times';
import type { GetVariableHistoryResponse, GetWfSpecHeatResponse, NodeHeat, ThreadSpec, WfRunCounts, WfRunRow, WfSpec, WfSpecId } from '../types.gen';
import { A, Boundary, Button, Command, Empty, Heading, ObjectHeading, Panel, Problem, Skeleton, Status, Tabs, Time } from '../ui';
import { Users } from '../usedby';
import { kindOf, runIdOf, specText, textOf, typeOf, typeText } from '../values';
import { Definition } from './run';
import { chosenRuns, RunFilters, RunTable } from './runs';

const drawing = (): Promise<typeof import('../graph')> => import('../graph');
const Graph = lazy(drawing);
const Threads = lazy(async () => ({ default: (await drawing()).Threads }));
const Versions = lazy(async () => ({ default: (await import('./versions')).Versions }));
const SpecMetrics = lazy(async () => ({ default: (await import('./metrics')).SpecMetrics }));
const SpecSparkline = lazy(async () => ({ default: (await import('./metrics')).SpecSparkline }));
const SpecSchedules = lazy(async () => ({ default: (await import('./schedules')).SpecSchedules }));

/** PrefixField is the search of a list of definitions. */
export const PrefixField = (): ReactElement => <TextFilter label="Name begins with" name="prefix" width={260} search />;

/** mostNamed are read of a list of definitions. */
export const mostNamed = 1000;

/** OnlyFirst says that a list goes on behind what is shown. */
export const OnlyFirst = ({ many }: { many: number }): ReactElement | null =>
  many < mostNamed ? null : <p className="soft">The first {mostNamed} are shown: say how the name begins to see others.</p>;

export function Specs(): ReactElement {
  const { search } = useRoute();
  const prefix = search.get('prefix') ?? '';
  const found = useQuery({
    queryKey: [session.tenant, 'specs', prefix],
    queryFn: ({ signal }) => call('SearchWfSpec', { limit: mostNamed, ...(prefix ? { prefix } : {}) }, signal),
    placeholderData: (old) => old,
  });
  const latest = latestOf(found.data?.results ?? []);
  const told = latest.slice(0, mostTold).map(({ id }) => id);
  const busy = useQuery({
    queryKey: [session.tenant, 'busy', told.map(specText)],
    queryFn: ({ signal }) => readBusy(told, signal),
    enabled: told.length > 0,
    refetchInterval: useEvery(15_000),
    placeholderData: (old) => old,
  });
  return (
    <>
      <Heading title="Workflows" about="The definitions that runs follow." />
      <div className="filters">
        <PrefixField />
      </div>
      {found.error && <Problem error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.data && latest.length === 0 && (
        <Panel>
          <Empty icon="specs" title={prefix ? 'No workflow begins like that' : 'There is no workflow yet'}>
            <p>Register one with an SDK, or from a file:</p>
            <Command text="lhctl deploy wfSpec my-workflow.json" />
          </Empty>
        </Panel>
      )}
      <OnlyFirst many={found.data?.results.length ?? 0} />
      <div className="cards">
        {latest.map(({ id, versions }) => (
          <A key={id.name} className="panel card" href={to(['specs', id.name, `${id.majorVersion}.${id.revision}`])}>
            <span className="name">{id.name}</span>
            <span className="soft small">
              latest {id.majorVersion}.{id.revision} · {versions} {versions === 1 ? 'version' : 'versions'}
            </span>
            <Busyness of={busy.data?.get(id.name)} />
          </A>
        ))}
      </div>
    </>
  );
}

/** mostTold are told of in a list of workflows: two calls for each go in one batch. */
const mostTold = 50;

interface Busy {
  last: WfRunRow | undefined;
  day: WfRunCounts[];
}

/** readBusy says of workflows what became of them in the last day, and which run began last. */
async function readBusy(ids: WfSpecId[], signal: AbortSignal): Promise<Map<string, Busy>> {
  const all = await batch([...ids.map((id) => ask('SearchWfRunView', { wfSpecName: id.name, limit: 1 })), ...ids.map((wfSpecId) => ask('GetWfRunCounts', { wfSpecId, parts: 24 }))], signal);
  return new Map(
    ids.map((id, i) => [
      id.name,
      { last: (all[i]?.reply as { results: WfRunRow[] } | undefined)?.results[0], day: (all[ids.length + i]?.reply as { parts: WfRunCounts[] } | undefined)?.parts ?? [] },
    ]),
  );
}

function Busyness({ of }: { of: Busy | undefined }): ReactElement {
  if (!of) return <span className="small soft">…</span>;
  return (
    <>
      <span className="row tight small soft" data-last-run>
        {of.last ? (
          <>
            last run <Time at={of.last.startTime} /> <Status of={of.last.status} />
          </>
        ) : (
          'no run yet'
        )}
      </span>
      <Suspense fallback={<span className="small soft">…</span>}>
        <SpecSparkline day={of.day} />
      </Suspense>
    </>
  );
}

function latestOf(ids: WfSpecId[]): { id: WfSpecId; versions: number }[] {
  const out = new Map<string, { id: WfSpecId; versions: number }>();
  for (const id of ids) {
    const before = out.get(id.name);
    const newer = !before || id.majorVersion > before.id.majorVersion || (id.majorVersion === before.id.majorVersion && id.revision > before.id.revision);
    out.set(id.name, { id: newer ? id : before.id, versions: (before?.versions ?? 0) + 1 });
  }
  return [...out.values()].sort((a, b) => (a.id.name < b.id.name ? -1 : 1));
}

/** mostPast variables are asked what they began with. */
const mostPast = 50;

export function Spec(): ReactElement {
  const { rest, search } = useRoute();
  const [name = '', version = ''] = rest;
  const [major, revision] = version.split('.').map(Number);
  const me = useWhoami();
  const may = missing(me, 'RUN', 'ACL_WORKFLOW');
  const [form, setForm] = useForm('run', may);
  const again = search.get('run');
  useEffect(() => void drawing(), []); // while the definition is read
  const seen = useQuery({
    queryKey: [session.tenant, 'specPage', name, version],
    queryFn: async ({ signal }) => {
      const [spec, others, stored, users] = await batch(
        [version ? ask('GetWfSpec', { name, majorVersion: major ?? 0, revision: revision ?? 0 }) : ask('GetLatestWfSpec', { name }), ask('SearchWfSpec', { name, limit: 1000 }), ask('CountNodeRun', { wfSpecFilter: { wfSpecName: name, ...(version ? { wfSpecMajorVersion: major ?? 0, wfSpecRevision: revision ?? 0 } : {}) } }), ask('SearchUsages', { wfSpecName: name })] as const,
        signal,
      );
      const of = need(spec as { reply?: WfSpec });
      return { spec: of, versions: others.reply?.results ?? [], nodeRuns: stored.reply?.value, users };
    },
  });
  const before = useQuery({
    queryKey: [session.tenant, 'again', again, specText(seen.data?.spec.id)],
    queryFn: async ({ signal }) => {
      const wfRunId = runIdOf((again ?? '').split('/'));
      const names = changed(seen.data!.spec).slice(0, mostPast);
      const [now, ...past] = await batch([ask('ListVariables', { wfRunId, limit: 1000 }), ...names.map((name) => ask('GetVariableHistory', { id: { wfRunId, threadRunNumber: 0, name } }))], signal);
      const known = new Map(changed(seen.data!.spec).map((name): [string, GetVariableHistoryResponse | undefined] => [name, past[names.indexOf(name)]?.reply]));
      return inputsAgain(need(now).results, known);
    },
    enabled: again !== null && seen.data !== undefined,
  });
  const heat = (search.get('heat') ?? '') as Heat | '';
  const over = search.get('over') ?? '';
  const warm = useWarmth(heat === '' ? undefined : seen.data?.spec, over);
  const specs = seen.data?.spec.threadSpecs;
  const remarksOf = useCallback((t: string) => (warm.data && specs?.[t] && heat ? heatOf(t, specs[t], warm.data.nodes, heat) : undefined), [warm.data, specs, heat]);
  if (seen.error) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={10} />;
  const { spec, versions, nodeRuns, users } = seen.data;
  const whole = search.get('threads') === 'all';
  const thread = (whole ? search.get('in') : search.get('thread')) ?? spec.entrypointThreadName;
  const threadSpec = spec.threadSpecs[thread];
  const node = search.get('node') ?? undefined;
  const tab = search.get('tab') ?? 'runs';
  const remarks = remarksOf(thread);
  const close = (): void => setSearch({ do: undefined, run: undefined });
  return (
    <>
      <ObjectHeading
        list="Workflows"
        href={to(['specs'])}
        title={spec.id?.name}
        version={
            <select
              className="input"
              style={{ width: 'auto' }}
              aria-label="Version"
              value={specText(spec.id)}
              onChange={(e) => go(to(['specs', name, e.target.value.split(' ').at(-1) ?? '']))}
            >
              {versions.map((v) => (
                <option key={specText(v)} value={specText(v)}>
                  {v.majorVersion}.{v.revision}
                </option>
              ))}
            </select>
        }
        about={
          <>
            Registered <Time at={spec.createdAt} />
            {spec.parentWfSpec && <> · child of {spec.parentWfSpec.wfSpecName}</>}
            {spec.retentionPolicy?.secondsAfterWfTermination !== undefined && <> · runs are kept {spec.retentionPolicy.secondsAfterWfTermination} s after their end</>}
            {spec.status !== 'ACTIVE' && <> · {spec.status.toLowerCase()}</>}
            {nodeRuns !== undefined && <> · {nodeRuns} steps of runs are stored</>}
          </>
        }
      >
        <Button kind="main" icon="play" forbidden={may} onClick={() => setForm(true)}>
          Run
        </Button>
      </ObjectHeading>
      {again !== null && before.error && <Problem error={before.error} retry={() => void before.refetch()} />}
      {Object.keys(spec.threadSpecs).length > 1 && (
        <div className="chips" role="group" aria-label="Threads">
          <button type="button" className="button" aria-current={whole} onClick={() => setSearch({ threads: 'all', thread: undefined, in: undefined, node: undefined })}>
            All threads
          </button>
          {threadsOf(spec)
            .map(([t]) => (
              <button key={t} type="button" className="button" aria-current={!whole && t === thread} onClick={() => setSearch({ threads: undefined, thread: t, in: undefined, node: undefined })}>
                {shortName(t)}
              </button>
            ))}
        </div>
      )}
      <div className="work">
        <div className="stack">
          <Panel
            title="Graph"
            actions={
              <div className="row tight">
                {warm.data && <span className="soft small" data-heat-of>{heatWord(warm.data)}</span>}
                {heat !== '' && (
                  <select className="input" style={{ width: 'auto' }} aria-label="Runs that count" value={over} onChange={(e) => setSearch({ over: e.target.value })}>
                    <option value="60">of the last hour</option>
                    <option value="">of the last day</option>
                    <option value="10080">of the last 7 days</option>
                    <option value="any">of any time</option>
                  </select>
                )}
                <select className="input" style={{ width: 'auto' }} aria-label="Shown on the steps" value={heat} onChange={(e) => setSearch({ heat: e.target.value })}>
                  <option value="">only what is defined</option>
                  <option value="count">how often</option>
                  <option value="failures">failures</option>
                  <option value="time">how long</option>
                </select>
              </div>
            }
            bare
          >
            <Boundary>
              <Suspense fallback={<div className="body canvas"><Skeleton lines={3} /></div>}>
                {whole && <Threads key={specText(spec.id)} name={name} of={specText(spec.id)} spec={spec} remarks={remarksOf} chosen={node === undefined ? undefined : { lane: thread, node }} choose={(at) => setSearch({ in: at?.lane, node: at?.node })} />}
                {!whole && threadSpec && <Graph key={`${specText(spec.id)} ${thread}`} name={`${name} ${shortName(thread)}`} thread={threadSpec} chosen={node} choose={(n) => setSearch({ node: n })} {...(remarks ? { remarks } : {})} />}
              </Suspense>
            </Boundary>
          </Panel>
          <section>
            <Tabs
              label="More of this workflow"
              chosen={tab}
              choose={(t) => setSearch({ tab: t })}
              tabs={[
                { id: 'runs', title: 'Runs' },
                { id: 'schedules', title: 'Schedules' },
                { id: 'metrics', title: 'Metrics' },
                { id: 'versions', title: 'Versions' },
                { id: 'json', title: 'Source' },
              ]}
            />
            <div role="tabpanel" aria-labelledby={`tab-${tab}`} style={{ marginTop: 14 }}>
              {tab === 'runs' && (
                <div className="stack">
                  <RunFilters spec={name} />
                  <RunTable spec={name} {...chosenRuns(search)} version={{ major: spec.id?.majorVersion ?? 0, revision: spec.id?.revision ?? 0 }} />
                </div>
              )}
              <Suspense fallback={<Skeleton />}>
                {tab === 'schedules' && <SpecSchedules name={name} />}
                {tab === 'metrics' && spec.id && <SpecMetrics id={spec.id} />}
                {tab === 'versions' && <Versions spec={spec} versions={versions} />}
              </Suspense>
              {tab === 'json' && (
                <div className="stack">
                  <Sources name={specText(spec.id)} of={spec} rpc="GetWfSpec" request={spec.id!} />
                  <Source title="Mermaid" what="diagram" text={mermaidOf(spec)} file={`${name}.mmd`} />
                </div>
              )}
            </div>
          </section>
        </div>
        <aside className="panel details" aria-label="Details">
          {node && threadSpec?.nodes[node] ? <NodeDetails name={node} thread={threadSpec} warmth={warm.data?.nodes.find((n) => n.threadSpecName === thread && n.node === node)} /> : (
            <>
              {threadSpec && <ThreadDetails name={thread} of={threadSpec} />}
              <div className="body stack">
                <h3>Used by</h3>
                <Users of={{ wfSpecName: name }} first={users} />
              </div>
            </>
          )}
        </aside>
      </div>
      {(form || (again !== null && before.data)) && <RunForm spec={spec} from={again === null ? undefined : before.data} onClose={close} />}
    </>
  );
}

/** useWarmth reads what became of the nodes of a workflow in its latest runs. */
function useWarmth(spec: WfSpec | undefined, over: string): { data?: GetWfSpecHeatResponse | undefined } {
  const minutes = over === 'any' ? '' : over || '1440';
  return useQuery({
    queryKey: [session.tenant, 'heat', specText(spec?.id), minutes],
    enabled: spec !== undefined,
    refetchInterval: useEvery(60_000),
    queryFn: ({ signal }) => call('GetWfSpecHeat', { wfSpecId: spec!.id!, ...since(minutes) }, signal),
  });
}

const heatWord = (h: GetWfSpecHeatResponse): string => (h.wfRuns === 0 ? 'no run' : `${h.more ? 'the latest ' : ''}${h.wfRuns} ${h.wfRuns === 1 ? 'run' : 'runs'}`);

function NodeDetails({ name, thread, warmth }: { name: string; thread: ThreadSpec; warmth: NodeHeat | undefined }): ReactElement {
  const node = thread.nodes[name]!;
  const kind = kindOfNode(node);
  return (
    <>
      <header>
        <div className="grow stack" style={{ gap: 2 }}>
          <h2>{shortName(name)}</h2>
          <span className="soft small">
            {kind.word} {kind.about}
          </span>
        </div>
      </header>
      <div className="body stack">
        {warmth && (
          <dl className="facts" data-heat>
            <dt>Came to</dt>
            <dd>{warmth.visits} times</dd>
            <dt>Failed</dt>
            <dd>{warmth.failures} times</dd>
            <dt>Took</dt>
            <dd>{warmth.ended ? `${spanText(Number(warmth.totalMs) / warmth.ended)} on average, ${spanText(Number(warmth.maxMs))} at most` : 'has not ended'}</dd>
          </dl>
        )}
        <Definition of={node} />
      </div>
    </>
  );
}

function ThreadDetails({ name, of }: { name: string; of: ThreadSpec }): ReactElement {
  return (
    <>
      <header>
        <h2>{shortName(name)}</h2>
      </header>
      <div className="body stack">
        <h3>{of.variableDefs.length === 0 ? 'It has no variables' : 'Variables'}</h3>
        {of.variableDefs.map((d) => (
          <div key={d.varDef?.name} className="row tight">
            <strong>{d.varDef?.name}</strong>
            <span className="tag">{typeText(typeOf(d.varDef))}</span>
            {d.required && <span className="tag">required</span>}
            {d.searchable && <span className="tag">searchable</span>}
            {typeOf(d.varDef).masked && <span className="tag">masked</span>}
            {d.accessLevel === 'PUBLIC_VAR' && <span className="tag">public</span>}
            {d.accessLevel === 'INHERITED_VAR' && <span className="tag">inherited</span>}
            {d.varDef?.defaultValue && kindOf(d.varDef.defaultValue) !== 'NULL' && <span className="soft small">default {textOf(d.varDef.defaultValue)}</span>}
          </div>
        ))}
        {of.interruptDefs.length > 0 && <h3>Interrupts</h3>}
        {of.interruptDefs.map((i) => (
          <p key={i.externalEventDefId?.name}>
            {i.externalEventDefId?.name} starts {i.handlerSpecName}
          </p>
        ))}
      </div>
    </>
  );
}
