import { useQuery } from '@tanstack/react-query';
import { lazy, type ReactElement, Suspense, useMemo } from 'react';
import { ask, batch, need, call, session } from '../api';
import { type Change, compare, merged } from '../diff';
import type { Remark } from '../graph';
import { shortName } from '../nodes';
import { setSearch, to, useRoute } from '../router';
import type { Tone } from '../status';
import type { LHStatus, WfSpec, WfSpecId } from '../types.gen';
import { A, Badge, Empty, Panel, Problem, Skeleton } from '../ui';
import { specText } from '../values';

const Graph = lazy(() => import('../graph'));

const tones: Record<Change, Tone> = { added: 'good', removed: 'bad', changed: 'warn' };

const versionText = (v: WfSpecId | undefined): string => `${v?.majorVersion}.${v?.revision}`;

/** Versions compares a version of a workflow with another one. */
export function Versions({ spec, versions }: { spec: WfSpec; versions: WfSpecId[] }): ReactElement {
  const { search } = useRoute();
  const others = versions.filter((v) => specText(v) !== specText(spec.id));
  const other = search.get('with') ?? (others[0] ? versionText(others[0]) : '');
  const [major = 0, revision = 0] = other.split('.').map(Number);
  const name = spec.id?.name ?? '';
  const old = useQuery({
    queryKey: [session.tenant, 'version', name, other],
    queryFn: ({ signal }) => call('GetWfSpec', { name, majorVersion: major, revision }, signal),
    enabled: other !== '',
  });
  if (others.length === 0) {
    return (
      <Panel>
        <Empty icon="specs" title="This is the only version" />
      </Panel>
    );
  }
  return (
    <div className="stack">
      <div className="filters">
        <label className="row">
          Compared with
          <select className="input" style={{ width: 'auto' }} value={other} onChange={(e) => setSearch({ with: e.target.value })}>
            {others.map((v) => (
              <option key={versionText(v)}>{versionText(v)}</option>
            ))}
          </select>
        </label>
      </div>
      {old.error && <Problem error={old.error} retry={() => void old.refetch()} />}
      {old.isPending && <Skeleton />}
      {old.data?.id && spec.id && <StillOn a={old.data.id} b={spec.id} />}
      {old.data && <Compared old={old.data} now={spec} />}
    </div>
  );
}

const open: LHStatus[] = ['STARTING', 'RUNNING', 'HALTING', 'HALTED'];
const mostCounted = 1000;

/** StillOn says how many runs have not ended that follow the older of two versions. */
function StillOn({ a, b }: { a: WfSpecId; b: WfSpecId }): ReactElement | null {
  const of = a.majorVersion < b.majorVersion || (a.majorVersion === b.majorVersion && a.revision < b.revision) ? a : b;
  const found = useQuery({
    queryKey: [session.tenant, 'stillOn', specText(of)],
    queryFn: async ({ signal }) => {
      const version = { wfSpecName: of.name, wfSpecMajorVersion: of.majorVersion, wfSpecRevision: of.revision };
      const all = (await batch(open.map((status) => ask('SearchWfRun', { ...version, status, limit: mostCounted })), signal)).map(need);
      return { count: all.reduce((n, l) => n + l.results.length, 0), more: all.some((l) => l.bookmark) };
    },
  });
  if (found.error) return <Problem error={found.error} />;
  if (!found.data) return null;
  const { count, more } = found.data;
  const href = to(['specs', of.name, versionText(of)], { tab: 'runs', status: open.join(',') });
  return (
    <p data-still-on>
      {count === 0 ? `No open run is on ${versionText(of)} any more.` : <A href={href}>{`${count}${more ? ' or more' : ''} open ${count === 1 ? 'run is' : 'runs are'} still on ${versionText(of)}`}</A>}
    </p>
  );
}

function Compared({ old, now }: { old: WfSpec; now: WfSpec }): ReactElement {
  const { search } = useRoute();
  const found = useMemo(() => compare(old, now), [old, now]);
  const thread = search.get('thread') ?? now.entrypointThreadName;
  const graph = useMemo(() => {
    const marks = found.nodes.get(thread) ?? new Map<string, Change>();
    const remarks = new Map<string, Remark>([...marks].map(([node, change]) => [node, { tone: tones[change], text: change, spoken: change }]));
    return { of: merged(old.threadSpecs[thread], now.threadSpecs[thread], marks), remarks, focus: [...marks].find(([, change]) => change !== 'changed')?.[0] ?? [...marks.keys()][0] };
  }, [found, old, now, thread]);
  if (found.differences.length === 0) return <p>They do the same.</p>;
  return (
    <>
      <p data-kind-of-change>
        {found.differences.length} differences. {found.major ? 'Callers see some of them: such a change raises the major version.' : 'Callers see none of them: such a change raises the revision.'}
      </p>
      <Panel title={`Both versions of ${shortName(thread)} in one graph`} bare>
        <Suspense fallback={<div className="body canvas"><Skeleton lines={3} /></div>}>
          <Graph key={`${specText(old.id)} ${thread}`} name={`${name} compared`} thread={graph.of} remarks={graph.remarks} focus={graph.focus} chosen={undefined} choose={() => undefined} />
        </Suspense>
      </Panel>
      <Panel title={`Since ${versionText(old.id)}`}>
        <ul className="stack tight" aria-label="What is different">
          {found.differences.map((d, i) => (
            <li key={i} className="row" data-change={d.change}>
              <Badge look={{ word: d.change, tone: tones[d.change], icon: d.change === 'added' ? 'check' : d.change === 'removed' ? 'cross' : 'repair' }} />
              <span className="grow">
                <strong>{d.what}</strong> {d.thread !== now.entrypointThreadName && d.thread && <span className="soft small">in {shortName(d.thread)}</span>}
                {d.more.filter(Boolean).map((m) => (
                  <div key={m} className="soft small">
                    {m}
                  </div>
                ))}
              </span>
            </li>
          ))}
        </ul>
      </Panel>
    </>
  );
}
