import type { WfRunRow } from './types.gen';
import { runId } from './values';

/** Older are the rows behind the first page of a list that were read, and where to go on. */
export interface Older {
  rows: Map<string, WfRunRow>;
  bookmark: string | undefined;
  more: boolean;
}

/** nothing is read behind the first page yet. */
export const nothing: Older = { rows: new Map(), bookmark: undefined, more: true };

/** mostKept rows are kept behind the first page; with more the list begins anew. */
const mostKept = 10_000;

export type Order = (a: WfRunRow, b: WfRunRow) => number;
export const byId: Order = (a, b) => (runId(a.id) < runId(b.id) ? -1 : 1);
export const latestFirst: Order = (a, b) => Date.parse(b.startTime ?? '') - Date.parse(a.startTime ?? '') || (runId(a.id) < runId(b.id) ? 1 : -1);

const withRows = (known: Map<string, WfRunRow>, rows: WfRunRow[]): Map<string, WfRunRow> => new Map([...known, ...rows.map((r): [string, WfRunRow] => [runId(r.id), r])]);

/** read puts the next page behind what was read, the first page among it: what leaves that is behind it. */
export const read = (older: Older, first: WfRunRow[], next: { results: WfRunRow[]; bookmark?: string }): Older => ({
  rows: withRows(older.rows, [...first, ...next.results]),
  bookmark: next.bookmark,
  more: Boolean(next.bookmark),
});

/** met is what is known behind a first page that was read anew. Where it has nothing of that any more, others may lie between. */
export function met(older: Older, first: WfRunRow[]): Older {
  if (older.rows.size === 0) return older;
  if (!first.some((r) => older.rows.has(runId(r.id)))) return nothing;
  const rows = withRows(older.rows, first);
  return rows.size > mostKept ? nothing : { ...older, rows };
}

/** listed are the first page, as it is now, and those behind it as they were read. */
export function listed(first: WfRunRow[], older: Older, order: Order): WfRunRow[] {
  const last = first.at(-1);
  if (!last || older.rows.size === 0) return first;
  const ids = new Set(first.map((r) => runId(r.id)));
  return [...first, ...[...older.rows.values()].filter((r) => !ids.has(runId(r.id)) && order(last, r) < 0).sort(order)];
}
