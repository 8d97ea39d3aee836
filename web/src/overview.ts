import type { WfRunCounts, WfRunRow, WfSpecId } from './types.gen';

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

/** newestFirst are the latest versions of all workflows, and behind them the older ones. */
export function newestFirst(ids: WfSpecId[]): WfSpecId[] {
  const sorted = [...ids].sort((a, b) => b.majorVersion - a.majorVersion || b.revision - a.revision);
  const seen = new Set<string>();
  const newest = sorted.filter((id) => !seen.has(id.name) && seen.add(id.name));
  return [...newest.sort((a, b) => (a.name < b.name ? -1 : 1)), ...sorted.filter((id) => !newest.includes(id))];
}

/** SpecHour is what became of the runs of a workflow, in all versions. */
export interface SpecHour {
  name: string;
  started: number;
  ended: number;
  /** bad are those of them that ended badly. */
  bad: number;
  /** parts are those that began, by parts of the hour. */
  parts: number[];
}

/** hourBySpec adds up what became of versions, for each workflow of which something did: those with the most that ended badly first. */
export function hourBySpec(ids: WfSpecId[], counts: WfRunCounts[][]): SpecHour[] {
  const out = new Map<string, SpecHour>();
  ids.forEach(({ name }, i) => {
    const of = out.get(name) ?? { name, started: 0, ended: 0, bad: 0, parts: [] };
    counts[i]?.forEach((c, n) => {
      const bad = Number(c.failed) + Number(c.exceptions);
      of.started += Number(c.started);
      of.ended += Number(c.completed) + bad;
      of.bad += bad;
      of.parts[n] = (of.parts[n] ?? 0) + Number(c.started);
    });
    out.set(name, of);
  });
  return [...out.values()].filter((h) => h.started + h.ended > 0).sort((a, b) => b.bad - a.bad || b.started - a.started || (a.name < b.name ? -1 : 1));
}
