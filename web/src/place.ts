import dagre from '@dagrejs/dagre';
import { type Link, type Placed, sizeOf } from './layout';
import type { ThreadSpec } from './types.gen';

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
