import { edgeLabel, kindOfNode, shortName } from './nodes';
import type { WfSpec } from './types.gen';

/** quote writes a text that is nothing but text in a Mermaid diagram. */
const quote = (text: string): string => `"${text.replace(/[^\p{L}\p{N} .,:;!?()=+*/_-]/gu, (c) => `#${c.codePointAt(0)};`)}"`;

/** mermaidOf is a workflow as a diagram in text, a box for each of its threads. */
export function mermaidOf(spec: WfSpec): string {
  const lines = ['flowchart LR'];
  Object.entries(spec.threadSpecs)
    .sort(([a], [b]) => Number(b === spec.entrypointThreadName) - Number(a === spec.entrypointThreadName) || (a < b ? -1 : 1))
    .forEach(([name, thread], t) => {
      const nodes = Object.keys(thread.nodes);
      const id = (node: string): string => `t${t}n${nodes.indexOf(node)}`;
      lines.push(`  subgraph t${t}[${quote(shortName(name))}]`);
      for (const node of nodes) {
        const { word, about } = kindOfNode(thread.nodes[node]!);
        lines.push(`    ${id(node)}[${quote([word, about].filter(Boolean).join(' '))}]`);
      }
      for (const node of nodes) {
        thread.nodes[node]!.outgoingEdges.forEach((e, i) => {
          const label = edgeLabel(thread, node, i);
          if (thread.nodes[e.sinkNodeName]) lines.push(`    ${id(node)} -->${label ? `|${quote(label)}|` : ''} ${id(e.sinkNodeName)}`);
        });
      }
      lines.push('  end');
    });
  return `${lines.join('\n')}\n`;
}
