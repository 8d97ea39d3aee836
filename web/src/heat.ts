import type { Remark } from './graph';
import { spanText } from './times';
import type { CountAndTiming, NodeHeat, ThreadSpec } from './types.gen';

/** Sum is what a kind of step adds up to over windows. */
export interface Sum {
  count: number;
  totalMs: number;
  maxMs: number;
}

export function sum(of: (CountAndTiming | undefined)[]): Sum {
  const out: Sum = { count: 0, totalMs: 0, maxMs: 0 };
  for (const c of of) {
    if (!c) continue;
    out.count += c.count;
    out.totalMs += Number(c.totalLatencyMs);
    out.maxMs = Math.max(out.maxMs, Number(c.maxLatencyMs));
  }
  return out;
}

export const mean = (s: Sum): number => (s.count === 0 ? 0 : s.totalMs / s.count);

export type Heat = 'count' | 'failures' | 'time';

/** heatOf remarks on each node of a thread. What is much among the nodes of the thread is warm. */
export function heatOf(name: string, thread: ThreadSpec, nodes: NodeHeat[], by: Heat): Map<string, Remark> {
  const own = new Map(nodes.filter((n) => n.threadSpecName === name).map((n) => [n.node, n]));
  const value = (n: NodeHeat | undefined): number => (!n ? 0 : by === 'count' ? n.visits : by === 'failures' ? n.failures : n.ended ? Number(n.totalMs) / n.ended : 0);
  const most = Math.max(0, ...[...own.values()].map(value));
  return new Map(
    Object.keys(thread.nodes).map((node): [string, Remark] => {
      const n = own.get(node);
      const v = value(n);
      const text = by !== 'time' ? String(v) : n?.ended ? spanText(v) : '–';
      const spoken = by === 'count' ? `${v} times` : by === 'failures' ? `${v} failures` : n?.ended ? `${text} on average` : 'has not ended';
      return [node, { text, spoken, tone: v === 0 ? 'still' : by === 'failures' ? 'bad' : v >= most / 2 ? 'warn' : 'still' }];
    }),
  );
}
