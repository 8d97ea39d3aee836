import type { Steps } from './steps';
import { failed } from './status';
import type { Step, ThreadRun } from './types.gen';

/** What a step does with its time. */
export type Use = 'worked' | 'queued' | 'backoff' | 'waited';

export interface Part {
  use: Use;
  from: number;
  to: number;
}

/** Bar is one step on the axis of time. */
export interface Bar {
  thread: number;
  node: string;
  position: number;
  status: Step['status'];
  from: number;
  to: number;
  open: boolean;
  parts: Part[];
}

const ms = (at: string | undefined): number | undefined => (at === undefined ? undefined : Number(at));

/** barOf is a step with what it did when. Whatever has an about and no attempts has waited for it. */
export function barOf(s: Step, now: number): Bar {
  const from = Number(s.arrivedMs);
  const last = Math.max(from, ...s.attempts.map((a) => ms(a.endedMs) ?? 0));
  const ended = ms(s.endedMs) ?? (failed(s.status) ? last : undefined);
  const to = Math.max(from, ended ?? now);
  const parts = s.attempts.length > 0 ? attempts(s, from, to) : [{ use: to - from > 50 ? ('waited' as const) : ('worked' as const), from, to }];
  return { thread: s.thread, node: s.node, position: s.position, status: s.status, from, to, open: ended === undefined, parts };
}

/** attempts tells a task's time apart: in the queue, with a worker, and between two attempts. */
function attempts(s: Step, from: number, to: number): Part[] {
  const out: Part[] = [];
  const add = (use: Use, a: number, b: number): void => {
    if (b > a) out.push({ use, from: a, to: b });
  };
  let at = from;
  for (const a of s.attempts) {
    const scheduled = ms(a.scheduledMs) ?? at;
    const started = ms(a.startedMs);
    const end = ms(a.endedMs) ?? to;
    if (out.length > 0) add('backoff', at, scheduled);
    add('queued', Math.max(at, scheduled), started ?? end);
    if (started !== undefined) add('worked', started, end);
    at = end;
  }
  if (s.attempts.at(-1)?.status === 'TASK_PENDING') add('backoff', at, to);
  return out;
}

/** totals of all parts by what they are. */
export function totals(steps: Steps, now: number): Record<Use, number> {
  const out: Record<Use, number> = { worked: 0, queued: 0, backoff: 0, waited: 0 };
  for (const all of steps.values()) for (const s of all) for (const p of barOf(s, now).parts) out[p.use] += p.to - p.from;
  return out;
}

/** Row is a line of the timeline: a thread, or a step of the thread above. */
export type Row = { thread: ThreadRun; depth: number } | { step: Step };

/** rowsOf puts each thread below the one that started it, and its steps below it. */
export function rowsOf(threads: ThreadRun[], steps: Steps): Row[] {
  if (threads.length < 2) return [...(steps.get(threads[0]?.number ?? 0) ?? [])].map((step) => ({ step }));
  const children = new Map<number, ThreadRun[]>();
  const known = new Set(threads.map((t) => t.number));
  const roots: ThreadRun[] = [];
  for (const t of threads) {
    if (t.parentThreadId === undefined || !known.has(t.parentThreadId)) roots.push(t);
    else children.set(t.parentThreadId, [...(children.get(t.parentThreadId) ?? []), t]);
  }
  const out: Row[] = [];
  const stack = roots.reverse().map((thread) => ({ thread, depth: 0 }));
  for (let at = stack.pop(); at; at = stack.pop()) {
    out.push(at);
    for (const step of steps.get(at.thread.number) ?? []) out.push({ step });
    for (const thread of [...(children.get(at.thread.number) ?? [])].reverse()) stack.push({ thread, depth: at.depth + 1 });
  }
  return out;
}
