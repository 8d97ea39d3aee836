import type { Icon } from './icons';
import { condition, infix, legacy } from './infix';
import type { Node, ThreadSpec } from './types.gen';

export interface Kind {
  word: string;
  icon: Icon;
  /** what the node is about: a task, an event, a thread. */
  about: string;
}

/** kindOfNode says what a node does. */
export function kindOfNode(n: Node): Kind {
  if (n.entrypoint) return { word: 'start', icon: 'play', about: '' };
  if (n.exit) return n.exit.failureDef ? { word: 'fails', icon: 'alert', about: n.exit.failureDef.failureName } : { word: 'end', icon: 'flag', about: '' };
  if (n.task) return { word: 'task', icon: 'tasks', about: n.task.taskDefId?.name ?? (n.task.dynamicTask ? infix(n.task.dynamicTask) : '') };
  if (n.externalEvent) return { word: 'waits for event', icon: 'mail', about: n.externalEvent.externalEventDefId?.name ?? '' };
  if (n.userTask) return { word: 'user task', icon: 'person', about: n.userTask.userTaskDefName };
  if (n.sleep) return { word: 'sleeps', icon: 'clock', about: infix(n.sleep.rawSeconds ?? n.sleep.timestamp ?? n.sleep.isoDate) };
  if (n.startThread) return { word: 'starts thread', icon: 'split', about: n.startThread.threadSpecName };
  if (n.startMultipleThreads) return { word: 'starts a thread for each', icon: 'split', about: n.startMultipleThreads.threadSpecName };
  if (n.waitForThreads) return { word: 'waits for threads', icon: 'join', about: '' };
  if (n.throwEvent) return { word: 'throws event', icon: 'throw', about: n.throwEvent.eventDefId?.name ?? '' };
  if (n.waitForCondition) {
    const c = n.waitForCondition;
    return { word: 'waits until', icon: 'eye', about: c.condition ? infix(c.condition) : c.legacyCondition ? legacy(c.legacyCondition) : '' };
  }
  if (n.runChildWf) return { word: 'runs workflow', icon: 'nest', about: n.runChildWf.wfSpecName ?? infix(n.runChildWf.wfSpecVar) };
  if (n.waitForChildWf) return { word: 'waits for workflow', icon: 'nest', about: n.waitForChildWf.childWfRunSourceNode };
  return { word: (n.outgoingEdges.length > 1 ? 'decides' : 'passes'), icon: n.outgoingEdges.length > 1 ? 'branch' : 'dot', about: '' };
}

/** shortName is the name of a node without the number and kind that SDKs put around it. */
export const shortName = (name: string): string => /^\d+-(.+)-[A-Z_]+$/.exec(name)?.[1] ?? name;

/** edgeLabel is the condition of an edge; one without beside others that have one is taken otherwise. */
export function edgeLabel(t: ThreadSpec, from: string, edge: number): string {
  const edges = t.nodes[from]?.outgoingEdges ?? [];
  const e = edges[edge];
  if (!e) return '';
  return condition(e) || (edges.some((other) => condition(other)) ? 'otherwise' : '');
}
