import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { session } from '../api';
import type { Icon } from '../icons';
import { setSearch, to, useRoute } from '../router';
import { A, Command, Empty, Heading, Panel, Problem, Skeleton } from '../ui';
import { OnlyFirst, PrefixField } from './specs';

/** Named is a definition in a list. */
export interface Named {
  name: string;
  version?: number;
}

interface Props {
  kind: string;
  title: string;
  about: string;
  page: string;
  icon?: Icon;
  versioned?: boolean;
  find: (prefix: { prefix?: string }, signal: AbortSignal) => Promise<Named[]>;
  /** empty is how one is made. */
  empty: string;
}

/** Definitions is the list of those of a kind, by name. */
export function Definitions(p: Props): ReactElement {
  const { search } = useRoute();
  const prefix = search.get('prefix') ?? '';
  const found = useQuery({
    queryKey: [session.tenant, p.kind, prefix],
    queryFn: ({ signal }) => p.find(prefix ? { prefix } : {}, signal),
    placeholderData: (old) => old,
  });
  return (
    <>
      <Heading title={p.title} about={p.about} />
      <div className="filters">
        <PrefixField />
      </div>
      {found.error && <Problem error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.data && <Names of={found.data} {...p} prefix={prefix} />}
    </>
  );
}

export function Names(p: { of: Named[]; page: string; icon?: Icon; versioned?: boolean; prefix: string; empty: string }): ReactElement {
  const latest = new Map<string, { version: number; count: number }>();
  for (const d of p.of) {
    const before = latest.get(d.name);
    latest.set(d.name, { version: Math.max(before?.version ?? 0, d.version ?? 0), count: (before?.count ?? 0) + 1 });
  }
  if (latest.size === 0) {
    return (
      <Panel>
        <Empty icon={p.icon ?? 'specs'} title={p.prefix ? 'None begins like that' : 'There is none yet'}>
          <Command text={p.empty} />
        </Empty>
      </Panel>
    );
  }
  return (
    <>
      <OnlyFirst many={p.of.length} />
      <div className="cards">
        {[...latest].map(([name, { version, count }]) => (
          <A key={name} className="panel card" href={to(p.versioned ? [p.page, name, version] : [p.page, name])}>
            <span className="name">{name}</span>
            {p.versioned && (
              <span className="soft small">
                latest {version} · {count} {count === 1 ? 'version' : 'versions'}
              </span>
            )}
          </A>
        ))}
      </div>
    </>
  );
}

/** Versions chooses one of several, the newest first. */
export function Versions({ all, chosen, choose }: { all: number[]; chosen: number; choose: (v: number) => void }): ReactElement {
  return (
    <select className="input" style={{ width: 'auto' }} aria-label="Version" value={chosen} onChange={(e) => choose(Number(e.target.value))}>
      {[...new Set([...all, chosen])]
        .sort((a, b) => b - a)
        .map((v) => (
          <option key={v} value={v}>
            {v}
          </option>
        ))}
    </select>
  );
}

/** Compared says what is different since another version, which the address has as "with". Fields are texts by their names. */
export function Compared({ versions, version, fields, than }: { versions: number[]; version: number; fields: Map<string, string>; than?: Map<string, string> | undefined }): ReactElement | null {
  const other = useRoute().search.get('with') ?? '';
  if (versions.length < 2) return null;
  return (
    <Panel
      title="Compared with another version"
      actions={
        <select className="input" style={{ width: 'auto' }} aria-label="Other version" value={other} onChange={(e) => setSearch({ with: e.target.value })}>
          <option value="">none</option>
          {versions
            .filter((v) => v !== version)
            .sort((a, b) => b - a)
            .map((v) => (
              <option key={v}>{v}</option>
            ))}
        </select>
      }
    >
      {than ? <Differences since={other} before={than} now={fields} /> : <p className="soft">Choose one.</p>}
    </Panel>
  );
}

function Differences({ since, before, now }: { since: string; before: Map<string, string>; now: Map<string, string> }): ReactElement {
  const names = [...new Set([...before.keys(), ...now.keys()])].sort();
  const changed = names.flatMap((n) => {
    const [a, b] = [before.get(n), now.get(n)];
    if (a === undefined) return [{ n, what: 'added', text: b }];
    if (b === undefined) return [{ n, what: 'removed', text: a }];
    return a === b ? [] : [{ n, what: 'changed', text: `${a} → ${b}` }];
  });
  if (changed.length === 0) return <p>The fields are the same.</p>;
  return (
    <ul className="stack tight" aria-label={`What is different since version ${since}`}>
      {changed.map((c) => (
        <li key={c.n} className="row" data-change={c.what}>
          <span className={`badge ${c.what === 'added' ? 'good' : c.what === 'removed' ? 'bad' : 'warn'}`}>{c.what}</span>
          <strong>{c.n}</strong>
          <span className="soft">{c.text}</span>
        </li>
      ))}
    </ul>
  );
}
