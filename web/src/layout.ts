import type { Node, ThreadSpec } from './types.gen';

const nodeSize = { width: 204, height: 62 };
const roundSize = { width: 56, height: 56 };
const smallSize = { width: 46, height: 46 };

export interface Link {
  from: string;
  to: string;
  /** back leads to a node that was passed before: a loop. */
  back: boolean;
  label: string;
  /** run is where it goes if not straight on. */
  run?: Run | undefined;
}

/** Run is the height on which a way goes between the columns of its nodes: it leaves the row of one at from, and comes to that of the other at to. */
export interface Run {
  from: number;
  to: number;
  y: number;
  /** label is where its words are. */
  label: number;
}

export interface Placed {
  name: string;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** links are the edges of a thread in the order of their sources, with those that close a loop marked. */
export function links(thread: ThreadSpec, label: (from: string, edge: number) => string): Link[] {
  const out: Link[] = [];
  const seen = new Set<string>();
  const above = new Set<string>();
  // Depth first without recursion: a thread may have a thousand nodes in a row.
  const stack: { name: string; next: number }[] = [];
  const enter = (name: string): void => {
    seen.add(name);
    above.add(name);
    stack.push({ name, next: 0 });
  };
  const start = Object.keys(thread.nodes).find((n) => thread.nodes[n]?.entrypoint) ?? Object.keys(thread.nodes)[0];
  if (start === undefined) return out;
  enter(start);
  while (stack.length > 0) {
    const at = stack[stack.length - 1]!;
    const edge = thread.nodes[at.name]?.outgoingEdges[at.next];
    if (!edge) {
      above.delete(at.name);
      stack.pop();
      continue;
    }
    out.push({ from: at.name, to: edge.sinkNodeName, back: above.has(edge.sinkNodeName), label: label(at.name, at.next) });
    at.next++;
    if (!seen.has(edge.sinkNodeName) && thread.nodes[edge.sinkNodeName]) enter(edge.sinkNodeName);
  }
  return out;
}

/** sizeOf is small for what only joins and divides ways. */
export function sizeOf(node: Node): { width: number; height: number } {
  if (node.nop) return smallSize;
  return node.entrypoint || (node.exit && !node.exit.failureDef) ? roundSize : nodeSize;
}
