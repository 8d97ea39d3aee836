import type { Remark } from './graph';
import { spanText } from './times';
import type { CountAndTiming, MetricWindow, TaskMetrics, ThreadSpec } from './types.gen';

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

/** TaskSum is how often a task was done, how often not, and how long it took from its making to its end. */
export interface TaskSum {
  done: Sum;
  failed: Sum;
}

export function taskSum(windows: MetricWindow[]): TaskSum {
  const all = (pick: (t: TaskMetrics) => CountAndTiming | undefined): (CountAndTiming | undefined)[] => windows.map((w) => w.task && pick(w.task));
  return {
    done: sum(all((t) => t.taskrunCreatedToCompleted)),
    failed: sum([...all((t) => t.taskrunCreatedToError), ...all((t) => t.taskrunCreatedToException)]),
  };
}

export type Heat = 'count' | 'failures' | 'time';

/** tasksOf are the tasks that a thread names. */
export const tasksOf = (t: ThreadSpec): string[] => [...new Set(Object.values(t.nodes).flatMap((n) => n.task?.taskDefId?.name ?? []))];

/** heatOf remarks on each node that does a task. What is much among the tasks of the thread is warm. */
export function heatOf(thread: ThreadSpec, sums: Map<string, TaskSum>, by: Heat): Map<string, Remark> {
  const value = (s: TaskSum): number => (by === 'count' ? s.done.count + s.failed.count : by === 'failures' ? s.failed.count : mean(s.done));
  const most = Math.max(0, ...tasksOf(thread).map((t) => value(sums.get(t) ?? taskSum([]))));
  const out = new Map<string, Remark>();
  for (const [name, node] of Object.entries(thread.nodes)) {
    const task = node.task?.taskDefId?.name;
    if (!task) continue;
    const s = sums.get(task) ?? taskSum([]);
    const v = value(s);
    const warm = v > 0 && v >= most / 2;
    const text = by === 'time' ? (s.done.count ? spanText(v) : '–') : String(v);
    const word = by === 'count' ? `${v} times` : by === 'failures' ? `${v} failures` : `${text} on average`;
    out.set(name, { text, spoken: `its task ${word}`, tone: by === 'failures' ? (v > 0 ? 'bad' : 'good') : warm ? 'warn' : 'still' });
  }
  return out;
}
