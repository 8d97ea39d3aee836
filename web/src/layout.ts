import dagre from '@dagrejs/dagre';
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
function sizeOf(node: Node): { width: number; height: number } {
  if (node.nop) return smallSize;
  return node.entrypoint || (node.exit && !node.exit.failureDef) ? roundSize : nodeSize;
}

/** place lays the nodes out from left to right. The same thread is always laid out the same. */
export function place(thread: ThreadSpec, all: Link[]): Placed[] {
  const g = new dagre.graphlib.Graph();
  g.setGraph({ rankdir: 'LR', nodesep: 34, ranksep: 46, edgesep: 18 });
  for (const [name, node] of Object.entries(thread.nodes)) {
    g.setNode(name, { ...sizeOf(node) });
  }
  for (const link of all) {
    if (link.back || link.from === link.to || !thread.nodes[link.to]) continue;
    g.setEdge(link.from, link.to, { weight: 2, minlen: 1, width: link.label ? Math.min(link.label.length * 7 + 24, 200) : 0, height: link.label ? 22 : 0 });
  }
  dagre.layout(g);
  return g.nodes().map((name: string) => {
    const at = g.node(name) as { x: number; y: number; width: number; height: number };
    return { name, x: at.x - at.width / 2, y: at.y - at.height / 2, width: at.width, height: at.height };
  });
}
