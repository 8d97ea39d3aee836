import type { FailureHandlerDef, Node, ThreadSpec, WfSpec } from './types.gen';

/** Cause is why a thread begins: a node starts it, a failure is handled, or an event interrupts. */
export type Cause = 'child' | 'handler' | 'interrupt';

/** Start is what lets a thread begin: a node of a lane, or something that happens to the thread of the lane. */
export interface Start {
  lane: string;
  node?: string;
  cause: Cause;
  /** when is said beside the name of the thread. */
  when: string;
}

export const interruptedBy = (event: string | undefined): string => `interrupted by ${event ?? 'an event'}`;
export const onFailure = (name: string): string => (name ? `on ${name}` : 'on a failure');

const catches = (h: FailureHandlerDef): string =>
  h.specificFailure !== undefined ? onFailure(h.specificFailure) : h.anyFailureOfType === 'FAILURE_TYPE_ERROR' ? 'on any error' : h.anyFailureOfType === 'FAILURE_TYPE_EXCEPTION' ? 'on any exception' : 'on any failure';

/** begun are the threads that a node may let begin. */
function begun(n: Node): { thread: string; cause: Cause; when: string }[] {
  return [
    ...(n.startThread ? [{ thread: n.startThread.threadSpecName, cause: 'child' as const, when: '' }] : []),
    ...(n.startMultipleThreads ? [{ thread: n.startMultipleThreads.threadSpecName, cause: 'child' as const, when: 'for each' }] : []),
    ...n.failureHandlers.map((h) => ({ thread: h.handlerSpecName, cause: 'handler' as const, when: catches(h) })),
    ...(n.waitForThreads?.perThreadFailureHandlers ?? []).map((h) => ({ thread: h.handlerSpecName, cause: 'handler' as const, when: `${catches(h)} of a thread` })),
  ];
}

/** threadsOf are those of a workflow, the entrypoint first. */
export const threadsOf = (spec: WfSpec): [string, ThreadSpec][] =>
  Object.entries(spec.threadSpecs).sort(([a], [b]) => Number(b === spec.entrypointThreadName) - Number(a === spec.entrypointThreadName) || (a < b ? -1 : 1));

/** startsOf says of the threads of a workflow what lets each begin. */
export function startsOf(spec: WfSpec): Map<string, Start[]> {
  const out = new Map<string, Start[]>();
  const add = (thread: string, start: Start): void => void out.set(thread, [...(out.get(thread) ?? []), start]);
  for (const [lane, thread] of threadsOf(spec)) {
    for (const node of Object.keys(thread.nodes).sort()) for (const b of begun(thread.nodes[node]!)) add(b.thread, { lane, node, cause: b.cause, when: b.when });
    for (const i of thread.interruptDefs) add(i.handlerSpecName, { lane, cause: 'interrupt', when: interruptedBy(i.externalEventDefId?.name) });
  }
  return out;
}

/** Defined is a thread of a workflow on the canvas. */
export interface Defined {
  id: string;
  thread: ThreadSpec;
  depth: number;
  starts: Start[];
}

/** defined arranges the threads of a workflow below those that let them begin, the entrypoint first. */
export function defined(spec: WfSpec): Defined[] {
  const starts = startsOf(spec);
  const all = threadsOf(spec);
  const out: Defined[] = [];
  const seen = new Set<string>();
  const put = (id: string, depth: number): void => {
    const thread = spec.threadSpecs[id];
    if (!thread || seen.has(id)) return;
    seen.add(id);
    out.push({ id, thread, depth, starts: (starts.get(id) ?? []).filter((s) => s.lane !== id) });
    for (const [other] of all) if (starts.get(other)?.some((s) => s.lane === id)) put(other, depth + 1);
  };
  for (const [id] of all) put(id, 0);
  return out;
}

/** whenOf says in a few words when a thread begins. */
export function whenOf(starts: Start[]): string {
  const all = [...new Set(starts.map((s) => s.when).filter(Boolean))];
  return [...all.slice(0, mostTold), ...(all.length > mostTold ? ['…'] : [])].join(', ');
}

const mostTold = 3;
