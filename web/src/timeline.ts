import { failed, taskLookOf } from './status';
import type { Steps } from './steps';
import type { ExplainWfRunResponse, Step, ThreadRun, TimerKind } from './types.gen';

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

/** Mark is something that happened at a moment of a step, or will by itself. */
export interface Mark {
  sort: 'timer' | 'failure' | 'handler' | 'interrupt';
  at: number;
  /** due is still to come. */
  due: boolean;
  what: string;
  /** to is the thread that it started. */
  to?: number;
}

const timers: Record<TimerKind, string> = {
  TIMER_KIND_UNSPECIFIED: 'something happens',
  TIMER_KIND_TASK_TIMEOUT: 'the attempt times out',
  TIMER_KIND_TASK_RETRY: 'the next attempt begins',
  TIMER_KIND_EVENT_TIMEOUT: 'the event is not waited for any longer',
  TIMER_KIND_SLEEP: 'the sleep ends',
  TIMER_KIND_USER_TASK_ACTION: 'an action of the user task is due',
};

/** marksOf are those of all steps by their key: timers that have fired or will, failures, and the handlers and interrupts that began then. */
export function marksOf(threads: ThreadRun[], steps: Steps, why: ExplainWfRunResponse | undefined): Map<string, Mark[]> {
  const out = new Map<string, Mark[]>();
  const add = (key: string, mark: Mark): void => void out.set(key, [...(out.get(key) ?? []), mark]);
  for (const all of steps.values()) {
    for (const s of all) {
      const key = keyOf(s);
      s.attempts.forEach((a, i) => {
        const [scheduled, ended] = [ms(a.scheduledMs), ms(a.endedMs)];
        if (i > 0 && scheduled !== undefined) add(key, { sort: 'timer', at: scheduled, due: false, what: `attempt ${i + 1} was due` });
        if (ended !== undefined && a.status !== 'TASK_SUCCESS') add(key, { sort: a.status === 'TASK_TIMEOUT' ? 'timer' : 'failure', at: ended, due: false, what: `attempt ${i + 1} ${taskLookOf(a.status).word}` });
      });
      if (s.failure && s.attempts.length === 0) add(key, { sort: s.failure === 'TIMEOUT' ? 'timer' : 'failure', at: barOf(s, Number(s.arrivedMs)).to, due: false, what: s.failure });
    }
  }
  for (const t of threads) {
    const at = Date.parse(t.startTime ?? '');
    const f = t.failureBeingHandled;
    if (t.type === 'FAILURE_HANDLER' && f) add(`${f.threadRunNumber}/${f.nodeRunPosition}`, { sort: 'handler', at, due: false, what: `${t.threadSpecName} handles the failure`, to: t.number });
    if (t.type !== 'INTERRUPT' || t.parentThreadId === undefined) continue;
    const cut = (steps.get(t.parentThreadId) ?? []).findLast((s) => Number(s.arrivedMs) <= at);
    if (cut) add(keyOf(cut), { sort: 'interrupt', at, due: false, what: `${t.interruptTriggerId?.externalEventDefId?.name ?? 'an event'} interrupts it`, to: t.number });
  }
  for (const t of why?.threads ?? []) {
    for (const timer of t.timers) if (timer.due) add(`${t.number}/${t.position}`, { sort: 'timer', at: Date.parse(timer.due), due: true, what: timers[timer.kind] ?? timers.TIMER_KIND_UNSPECIFIED });
  }
  return out;
}

/** causeOf says what began a thread that did not begin by itself. */
export function causeOf(t: ThreadRun, steps: Steps): string {
  const f = t.failureBeingHandled;
  if (t.type === 'INTERRUPT') return `interrupts thread ${t.parentThreadId} for ${t.interruptTriggerId?.externalEventDefId?.name ?? 'an event'}`;
  if (t.type !== 'FAILURE_HANDLER' || !f) return '';
  const of = steps.get(f.threadRunNumber)?.find((s) => s.position === f.nodeRunPosition);
  return `handles ${of?.failure || 'a failure'} of thread ${f.threadRunNumber}`;
}

/** keyOf names a step among those of a run. */
export const keyOf = (s: Pick<Step, 'thread' | 'position'>): string => `${s.thread}/${s.position}`;

/**
 * criticalPath are the steps without whose time the run would have ended earlier, or would stand elsewhere: from its last step back, and where
 * a step had to wait for threads that it had started, through the one that was done last.
 */
export function criticalPath(threads: ThreadRun[], steps: Steps, now: number): Set<string> {
  const out = new Set<string>();
  const byNumber = new Map(threads.map((t) => [t.number, t]));
  const children = new Map<number, number[]>();
  for (const t of threads) if (t.parentThreadId !== undefined) children.set(t.parentThreadId, [...(children.get(t.parentThreadId) ?? []), t.number]);
  const endOf = (thread: number): number => {
    const last = steps.get(thread)?.at(-1);
    return last ? barOf(last, now).to : 0;
  };
  const seen = new Set<number>();
  const walk = (thread: number): void => {
    if (seen.has(thread)) return;
    seen.add(thread);
    for (const s of steps.get(thread) ?? []) {
      out.add(keyOf(s));
      const { from, to } = barOf(s, now);
      const within = (children.get(thread) ?? []).filter((c) => {
        const end = endOf(c);
        return end > from && end <= to && !seen.has(c);
      });
      if (s.about !== '' || to - from < 1 || within.length === 0) continue;
      walk(within.reduce((a, b) => (endOf(b) > endOf(a) ? b : a)));
    }
  };
  const roots = threads.filter((t) => t.parentThreadId === undefined || !byNumber.has(t.parentThreadId));
  for (const t of roots) walk(t.number);
  return out;
}

/** Spent is how long the steps of one node took together. */
export interface Spent {
  node: string;
  times: number;
  total: number;
  worked: number;
}

/** spentOf adds up steps by their node, the longest first. */
export function spentOf(steps: Steps, now: number): Spent[] {
  const out = new Map<string, Spent>();
  for (const all of steps.values()) {
    for (const s of all) {
      const b = barOf(s, now);
      const sum = out.get(s.node) ?? { node: s.node, times: 0, total: 0, worked: 0 };
      sum.times++;
      sum.total += b.to - b.from;
      for (const p of b.parts) if (p.use === 'worked') sum.worked += p.to - p.from;
      out.set(s.node, sum);
    }
  }
  return [...out.values()].sort((a, b) => b.total - a.total);
}

/** View is the part of the time that is seen, in milliseconds from the beginning. */
export interface View {
  from: number;
  to: number;
}

const least = 1;

/** viewOf reads a view from an address; all there is if it says none. */
export function viewOf(text: string | null, whole: number): View {
  const [, from = 0, to = 0] = (/^(\d+)-(\d+)$/.exec(text ?? '') ?? []).map(Number);
  if (to <= from) return { from: 0, to: whole };
  return { from: Math.min(from, Math.max(0, whole - least)), to: Math.min(Math.max(to, from + least), Math.max(whole, from + least)) };
}

export const viewText = (v: View, whole: number): string | undefined => (v.from <= 0 && v.to >= whole ? undefined : `${Math.round(v.from)}-${Math.round(v.to)}`);

/** zoomed is a view around its middle, closer or further away, and moved by a part of itself. */
export function zoomed(v: View, whole: number, closer: number, by = 0): View {
  const wide = Math.min(whole, Math.max(least, (v.to - v.from) / closer));
  const middle = (v.from + v.to) / 2 + by * (v.to - v.from);
  const from = Math.min(Math.max(0, middle - wide / 2), whole - wide);
  return { from, to: from + wide };
}
