import { useInfiniteQuery } from '@tanstack/react-query';
import { type ReactElement, type ReactNode, useEffect, useRef, useState } from 'react';
import { type Answer, type Asked, batch, need, type Reply, type Rpc, session } from './api';
import { useNews } from './live';
import { setSearch, useRoute } from './router';
import { Button, Field, Problem, Skeleton } from './ui';

/** Column is what a table tells of its rows. */
export interface Column<T> {
  name: string;
  of: (row: T) => ReactNode;
  /** wide takes a line of its own where the screen is narrow. */
  wide?: boolean;
}

export function Table<T>(p: { label: string; rows: T[]; id: (row: T) => string; columns: Column<T>[]; chosen?: string }): ReactElement {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={p.label}>
      <table className="list">
        <thead>
          <tr>
            {p.columns.map((c) => (
              <th key={c.name} scope="col">
                {c.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {p.rows.map((row) => (
            <tr key={p.id(row)} data-row={p.id(row)} aria-current={p.chosen === p.id(row) ? true : undefined}>
              {p.columns.map((c) => (
                <td key={c.name} className={c.wide ? 'wide' : undefined}>
                  {c.of(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Found<Id> {
  results: Id[];
  bookmark?: string;
}

/** Pages are what was found so far, and how to find more. */
export interface Pages<Row> {
  rows: Row[];
  pending: boolean;
  error: unknown;
  /** trouble is why what is there is not read anew, or not on. */
  trouble: unknown;
  more?: () => void;
  again: () => void;
}

/** Ids are what a search finds. */
type Ids<K extends Rpc> = Reply<K> extends Found<infer Id> ? Id : never;

/** mostLooked pages are looked through for one that has rows. */
const mostLooked = 10;

/**
 * usePages reads what a search finds, with each object in the same batch as the others of its page, and reads it again when something
 * of its topics has changed. Where there is nothing to search for yet, search gives undefined.
 */
export function usePages<K extends Rpc, Row>(
  key: unknown[],
  search: (bookmark: string | undefined) => Asked<K> | undefined,
  rows: (ids: Ids<K>[], signal: AbortSignal) => Promise<Row[]>,
  topics: string[] = [],
): Pages<Row> {
  const refetch = useRef<() => Promise<unknown>>(() => Promise.resolve());
  const often = useNews(topics, () => refetch.current(), 1000);
  const found = useInfiniteQuery({
    queryKey: [session.tenant, ...key],
    initialPageParam: undefined as string | undefined,
    queryFn: async ({ pageParam, signal }) => {
      for (let [from, looked] = [pageParam, 1]; ; looked++) {
        const asked = search(from);
        if (!asked) return { rows: [], bookmark: undefined };
        const page = need((await batch([asked], signal, from === undefined ? topics : []))[0] as Answer<unknown>) as Found<Ids<K>>;
        const found = await rows(page.results, signal);
        if (found.length > 0 || !page.bookmark || looked === mostLooked) return { rows: found, bookmark: page.bookmark };
        from = page.bookmark;
      }
    },
    getNextPageParam: (page) => page.bookmark,
    placeholderData: (old) => old,
    refetchInterval: often,
  });
  // News do not take away the page that somebody asks for.
  refetch.current = async () => {
    if (found.isFetchingNextPage) await found.refetch({ cancelRefetch: false });
    await found.refetch();
  };
  return {
    rows: found.data?.pages.flatMap((p) => p.rows) ?? [],
    pending: found.isPending,
    error: found.data ? undefined : found.error,
    trouble: found.data ? found.error : undefined,
    ...(found.hasNextPage ? { more: () => void found.fetchNextPage() } : {}),
    again: () => void found.refetch(),
  };
}

/** pageSize is how many objects a page has: as many as a batch may ask for. */
export const pageSize = 50;

/** each asks for every object by a call of its own; what has gone meanwhile is left out. */
export async function each<Id, K extends Rpc>(ids: Id[], asked: (id: Id) => Asked<K>, signal: AbortSignal): Promise<Reply<K>[]> {
  const out: Reply<K>[] = [];
  for (let at = 0; at < ids.length; at += 100) {
    const answers = (await batch(ids.slice(at, at + 100).map(asked), signal)) as Answer<Reply<K>>[];
    for (const a of answers) if (a.reply !== undefined) out.push(a.reply);
  }
  return out;
}

/** Rows shows a table while it comes, when it is empty, and when it cannot be had. */
export function Rows<T>(p: { of: Pages<T>; empty: ReactNode; children: (rows: T[]) => ReactNode }): ReactElement {
  if (p.of.error) return <Problem error={p.of.error} retry={p.of.again} />;
  if (p.of.pending) return <Skeleton />;
  return (
    <>
      {p.of.rows.length === 0 ? p.empty : p.children(p.of.rows)}
      {p.of.trouble ? (
        <div className="body">
          <Problem error={p.of.trouble} />
        </div>
      ) : null}
      {p.of.more && (
        <div className="more">
          <Button onClick={p.of.more}>Show more</Button>
        </div>
      )}
    </>
  );
}

/** Choice is a filter that is part of the address. */
export function Choice(p: { label: string; name: string; value: string; options: [value: string, text: string][] }): ReactElement {
  return (
    <Field label={p.label}>
      {(id) => (
        <select id={id} className="input" style={{ width: 'auto' }} value={p.value} onChange={(e) => setSearch({ [p.name]: e.target.value })}>
          {p.options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** typing is how long nobody types when what was typed is meant. */
const typing = 250;

/** TextFilter is a filter by a text that is part of the address. It is asked for when it is typed: not every letter is a search. */
export function TextFilter(p: { label: string; name: string; width: number; search?: boolean }): ReactElement {
  const value = useRoute().search.get(p.name) ?? '';
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const set = (): void => {
    if (text !== value) setSearch({ [p.name]: text });
  };
  useEffect(() => {
    const timer = setTimeout(set, typing);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <Field label={p.label}>
      {(id) => (
        <input
          id={id}
          className="input"
          style={{ width: p.width }}
          autoComplete="off"
          data-search={p.search}
          value={text}
          onChange={(e) => setText(e.target.value)}
          onBlur={set}
          onKeyDown={(e) => e.key === 'Enter' && set()}
        />
      )}
    </Field>
  );
}

/** within are the times back that lists can be narrowed to. */
export const within: [value: string, text: string][] = [
  ['', 'any time'],
  ['5', '5 minutes'],
  ['60', '1 hour'],
  ['1440', '1 day'],
  ['4320', '3 days'],
];

/** since is the moment from which a list shall begin, by the minutes of within. */
export const since = (minutes: string): { earliestStart?: string } => (minutes ? { earliestStart: new Date(Date.now() - Number(minutes) * 60_000).toISOString() } : {});
