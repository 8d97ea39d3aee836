import { edgeLabel, kindOfNode, shortName } from './nodes';
import { startsOf, threadsOf } from './threads';
import type { WfSpec } from './types.gen';

/** quote writes a text that is nothing but text in a Mermaid diagram. */
const quote = (text: string): string => `"${text.replace(/[^\p{L}\p{N} .,:;!?()=+*/_-]/gu, (c) => `#${c.codePointAt(0)};`)}"`;

/** mermaidOf is a workflow as a diagram in text, a box for each of its threads. */
export function mermaidOf(spec: WfSpec): string {
  const lines = ['flowchart LR'];
  const starts = startsOf(spec);
  const threads = threadsOf(spec);
  const number = new Map(threads.map(([name], t) => [name, t]));
  threads.forEach(([name, thread], t) => {
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
  for (const [name, thread] of threads) {
    const entry = Object.keys(thread.nodes).findIndex((n) => thread.nodes[n]?.entrypoint);
    for (const { lane, node, when } of starts.get(name) ?? []) {
      const from = `t${number.get(lane)}${node === undefined ? '' : `n${Object.keys(spec.threadSpecs[lane]!.nodes).indexOf(node)}`}`;
      if (entry >= 0) lines.push(`  ${from} -.->${when ? `|${quote(when)}|` : ''} t${number.get(name)}n${entry}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
