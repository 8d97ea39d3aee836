import type { LHStatus, Step, ThreadRun, ThreadSpec, WfSpec } from './types.gen';
import { ended, failed } from './status';
import { interruptedBy, onFailure, type Start } from './threads';
import { spanText } from './times';

/** Steps are those of a run by thread, each in order of position. */
export type Steps = Map<number, Step[]>;

/** withSteps puts what was read behind what was known. A step that is read again takes the place of what it was. */
export function withSteps(known: Steps, read: Step[]): Steps {
  const out = new Map(known);
  for (let i = 0; i < read.length; ) {
    const { thread, position } = read[i]!;
    let next = i;
    while (next < read.length && read[next]!.thread === thread) next++;
    const before = (out.get(thread) ?? []).filter((s) => s.position < position);
    out.set(thread, [...before, ...read.slice(i, next)]);
    i = next;
  }
  return out;
}

/** unsettled is where each thread may still change: all before that stays as it is. */
export function unsettled(steps: Steps): { thread: number; position: number }[] {
  const out: { thread: number; position: number }[] = [];
  for (const [thread, all] of steps) {
    const last = all.at(-1)?.position ?? 0;
    const open = all.find((s) => !(s.status === 'COMPLETED' || (failed(s.status) && s.position < last)));
    out.push({ thread, position: open?.position ?? last + 1 });
  }
  return out;
}

export const countOf = (steps: Steps): number => {
  let n = 0;
  for (const all of steps.values()) n += all.length;
  return n;
};

/** Visited is what became of a node in the threads that are looked at. */
export interface Visited {
  status: LHStatus;
  times: number;
  attempts: number;
  span: string;
  waits: string;
  /** due is what happens to it next, and when. */
  due?: Due | undefined;
}

/** Due is when a timer of a node ends. */
export interface Due {
  what: string;
  at: string;
}

export interface History {
  visited: Map<string, Visited>;
  /** passed are pairs of nodes that were passed one after the other, as "from\nto". */
  passed: Set<string>;
}

/** urgency puts what needs somebody over what is done: it is shown where several threads are one lane. */
const urgency: Record<LHStatus, number> = { COMPLETED: 0, STARTING: 1, RUNNING: 2, HALTING: 3, HALTED: 4, EXCEPTION: 5, ERROR: 6 };

/** historyOf is what became of the nodes of threads of one kind; due are the timers of threads that wait. */
export function historyOf(steps: Steps, threads: number[], due: Map<number, Due> = new Map()): History {
  const visited = new Map<string, Visited>();
  const passed = new Set<string>();
  for (const thread of threads) {
    const own = new Map<string, Step>();
    let before: Step | undefined;
    for (const s of steps.get(thread) ?? []) {
      if (before) passed.add(`${before.node}\n${s.node}`);
      before = s;
      own.set(s.node, s);
      const v = visited.get(s.node);
      visited.set(s.node, { status: s.status, times: (v?.times ?? 0) + 1, attempts: s.attempts.length, span: '', waits: '', ...(v && threads.length > 1 ? { status: v.status } : {}) });
    }
    for (const [node, s] of own) {
      const v = visited.get(node)!;
      // The last visit of a thread counts; of several threads the one that needs somebody most.
      if (threads.length === 1 || urgency[s.status] >= urgency[v.status]) v.status = s.status;
      v.waits = ended(s.status) ? v.waits : waitWord(s);
      const timer = s === steps.get(thread)?.at(-1) && !ended(s.status) ? due.get(thread) : undefined;
      if (timer && (v.due === undefined || Date.parse(timer.at) < Date.parse(v.due.at))) v.due = timer;
      v.span = v.times === 1 && s.endedMs !== undefined && s.about !== '' ? spanText(Number(s.endedMs) - Number(s.arrivedMs)) : '';
    }
  }
  return { visited, passed };
}

function waitWord(s: Step): string {
  if (s.attempts.length > 0) return '';
  return s.about ? `waits for ${s.about}` : '';
}

/** Lane is a thread on the canvas, or several of one kind that are drawn as one. */
export interface Lane {
  id: string;
  threads: number[];
  name: string;
  spec: ThreadSpec;
  /** starts are what let its threads begin, in the lanes of their parents. */
  starts: Start[];
  depth: number;
}

/** mostLanes are drawn one for each thread; of more threads, those of one kind are one lane. */
const mostLanes = 5;

/** mostUnfolded threads of a kind are drawn each by itself, and as many of those that failed; the others stay one lane. */
const mostUnfolded = 20;

/** eachOf are those of a kind that get lanes of their own where somebody wants to see each. */
function eachOf(threads: ThreadRun[]): ThreadRun[] {
  const bad = new Set(threads.filter((t) => failed(t.status)).slice(0, mostUnfolded));
  return threads.filter((t, i) => i < mostUnfolded || bad.has(t));
}

/** lanesOf arranges threads below those that started them. Of those kinds that are unfolded each thread is a lane. */
export function lanesOf(threads: ThreadRun[], steps: Steps, spec: WfSpec, unfolded: string[] = []): Lane[] {
  const startedAt = new Map<number, Step>();
  for (const all of steps.values()) for (const s of all) for (const t of s.startedThreads) if (!startedAt.has(t)) startedAt.set(t, s);
  const laneOf = new Map<number, Lane>();
  const lanes: Lane[] = [];
  const groups = new Map<string, ThreadRun[]>();
  const own = new Set(unfolded.flatMap((kind) => eachOf(threads.filter((t) => t.threadSpecName === kind))));
  for (const t of threads) {
    const parent = t.parentThreadId === undefined ? '' : `${t.parentThreadId}`;
    const key = threads.length > mostLanes && !own.has(t) ? t.threadSpecName : `${parent}/${t.threadSpecName}/${t.number}`;
    const group = groups.get(key);
    if (group) group.push(t);
    else groups.set(key, [t]);
  }
  for (const [key, group] of groups) {
    const first = group[0]!;
    const drawn = spec.threadSpecs[first.threadSpecName];
    if (!drawn) continue;
    const parent = first.parentThreadId === undefined ? undefined : laneOf.get(first.parentThreadId);
    const lane: Lane = {
      id: key,
      threads: group.map((t) => t.number),
      name: first.threadSpecName,
      spec: drawn,
      depth: parent ? parent.depth + 1 : 0,
      starts: [],
    };
    lanes.push(lane);
    for (const t of group) laneOf.set(t.number, lane);
  }
  // Of many threads that are one lane the parent may be in a lane that comes later.
  for (const t of threads) {
    const lane = laneOf.get(t.number);
    const parent = laneOf.get(t.parentThreadId ?? -1);
    const start = lane && parent && lane !== parent && startOf(t, parent, startedAt.get(t.number), steps);
    if (start && !lane.starts.some((s) => s.lane === start.lane && s.node === start.node && s.when === start.when)) lane.starts.push(start);
  }
  return lanes;
}

/** startOf is what let a thread begin in the lane of its parent, if that is known. */
function startOf(t: ThreadRun, parent: Lane, started: Step | undefined, steps: Steps): Start | undefined {
  if (t.type === 'INTERRUPT') return { lane: parent.id, cause: 'interrupt', when: interruptedBy(t.interruptTriggerId?.externalEventDefId?.name) };
  const of = t.failureBeingHandled;
  const at = started ?? (of && (steps.get(of.threadRunNumber) ?? []).find((s) => s.position === of.nodeRunPosition));
  if (!at) return undefined;
  return of ? { lane: parent.id, node: at.node, cause: 'handler', when: onFailure(at.failure) } : { lane: parent.id, node: at.node, cause: 'child', when: '' };
}

/** Writer is the step that gave a variable its present value, as far as the way through the graph tells. */
export interface Writer {
  thread: number;
  node: string;
  position: number;
  times: number;
}

/** writersOf finds who wrote the variables of a run: on which way of which step. Its key is "thread/name" of the variable. */
export function writersOf(threads: ThreadRun[], steps: Steps, spec: WfSpec): Map<string, Writer> {
  const out = new Map<string, Writer & { at: number }>();
  const byNumber = new Map(threads.map((t) => [t.number, t]));
  const owner = (thread: number, name: string): number | undefined => {
    for (let t = byNumber.get(thread); t; t = t.parentThreadId === undefined ? undefined : byNumber.get(t.parentThreadId)) {
      const def = spec.threadSpecs[t.threadSpecName]?.variableDefs.find((d) => d.varDef?.name === name);
      if (def && def.accessLevel !== 'INHERITED_VAR') return t.number;
    }
    return undefined;
  };
  for (const [thread, all] of steps) {
    const nodes = spec.threadSpecs[byNumber.get(thread)?.threadSpecName ?? '']?.nodes;
    if (!nodes) continue;
    all.forEach((s, i) => {
      const next = all[i + 1];
      const edge = next && nodes[s.node]?.outgoingEdges.find((e) => e.sinkNodeName === next.node);
      for (const m of edge?.variableMutations ?? []) {
        const of = owner(thread, m.lhsName);
        if (of === undefined) continue;
        const key = `${of}/${m.lhsName}`;
        const at = Number(s.endedMs ?? s.arrivedMs);
        const old = out.get(key);
        const times = (old?.times ?? 0) + 1;
        if (old && old.at > at) old.times = times;
        else out.set(key, { thread, node: s.node, position: s.position, times, at });
      }
    });
  }
  return out;
}

