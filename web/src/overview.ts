import type { WfRunRow } from './types.gen';

/** mostCounted is how far things are counted: beyond that there are many. */
export const mostCounted = 500;

/** Failures are runs of a workflow that failed at the same node for the same reason. */
export interface Failures {
  key: string;
  spec: string;
  node: string;
  failure: string;
  times: number;
  latest: WfRunRow;
}

/** failuresOf gathers rows, the latest first, by what failed and why; those that failed last come first. */
export function failuresOf(rows: WfRunRow[]): Failures[] {
  const out = new Map<string, Failures>();
  for (const row of rows) {
    const spec = row.wfSpecId?.name ?? '';
    const key = JSON.stringify([spec, row.node, row.failure]);
    const before = out.get(key);
    if (before) before.times++;
    else out.set(key, { key, spec, node: row.node, failure: row.failure, times: 1, latest: row });
  }
  return [...out.values()];
}
