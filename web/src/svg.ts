import { type Icon, lines } from './icons';
import type { Run } from './layout';
import type { Tone } from './status';
import type { Cause } from './threads';
import { ahead, along, below, type Into, into, stem, stemAt } from './ways';

/** DrawnNode is a node as it stands on the canvas. */
export interface DrawnNode {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  icon: Icon;
  title: string;
  kind: string;
  mark: string;
  tone: Tone | '';
  faded: boolean;
}

/** DrawnWay is an edge as it stands there. */
export interface DrawnWay {
  from: string;
  to: string;
  label: string;
  back: boolean;
  low: number;
  passed: boolean;
  /** starts says that it lets a thread begin. */
  starts?: Cause | undefined;
  into?: Into | undefined;
  run?: Run | undefined;
}

/** DrawnLane is the box of a thread. */
export interface DrawnLane {
  id: string;
  x: number;
  y: number;
  width: number;
  height: number;
  title: string;
}

const tones: Record<Tone, string> = { good: '#0a6b4a', run: '#0b5bb5', bad: '#b3202c', warn: '#8a5200', still: '#56587a' };
const [ink, soft, line, accent] = ['#1b1c2e', '#56587a', '#8a8ba3', '#4f3fd0'];

const causes: Record<Cause, string> = { child: accent, handler: tones.bad, interrupt: tones.warn };

/** plain is a text that is nothing but text in XML; what XML cannot have is left out. */
export const plain = (text: string): string =>
  text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** svgOf is a graph as a picture by itself. */
export function svgOf(nodes: DrawnNode[], ways: DrawnWay[], lanes: DrawnLane[]): string {
  const byId = new Map(nodes.map((n) => [n.id, n]));
  const boxes = [...nodes, ...lanes];
  const edge = 30;
  const left = Math.min(0, ...boxes.map((b) => b.x)) - edge;
  const top = Math.min(0, ...boxes.map((b) => b.y)) - edge;
  const right = Math.max(0, ...boxes.map((b) => b.x + b.width)) + edge;
  const bottom = Math.max(0, ...boxes.map((b) => b.y + b.height), ...ways.filter((w) => w.back).map((w) => w.low + 34)) + edge;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${left} ${top} ${right - left} ${bottom - top}" width="${right - left}" height="${bottom - top}" font-family="system-ui, sans-serif" font-size="13">`,
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="${line}"/></marker></defs>`,
    `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="#fff"/>`,
  ];
  for (const l of lanes) {
    out.push(`<rect x="${l.x}" y="${l.y}" width="${l.width}" height="${l.height}" rx="16" fill="#f6f6fb" stroke="${line}" stroke-dasharray="5 4"/>`);
    out.push(`<text x="${l.x + 14}" y="${l.y + 24}" font-weight="600" fill="${ink}">${plain(cut(l.title, 90))}</text>`);
  }
  for (const w of ways) {
    const [a, b] = [byId.get(w.from), byId.get(w.to)];
    const box = lanes.find((l) => l.id === w.from);
    if (!b || (!a && !box)) continue;
    const target = { targetX: b.x, targetY: b.y + b.height / 2 };
    const ends = { sourceX: a ? a.x + a.width : box!.x + stemAt, sourceY: a ? a.y + a.height / 2 : box!.y + box!.height, ...target };
    const [path, x, y] = !a ? stem(ends) : w.into ? into(ends, w.into) : w.back ? below(ends, w.low) : w.run ? along(ends, w.run) : ahead(ends);
    const dashes = w.back ? '6 4' : w.starts ? '2 5' : '';
    out.push(`<path d="${path}" fill="none" stroke="${w.starts ? causes[w.starts] : w.passed ? accent : line}" stroke-width="${w.passed || w.starts ? 2.5 : 1.5}"${dashes ? ` stroke-dasharray="${dashes}"` : ''} marker-end="url(#tip)"/>`);
    if (w.label) out.push(`<text x="${x}" y="${y - 5}" text-anchor="middle" font-size="11.5" fill="${ink}" stroke="#fff" stroke-width="4" paint-order="stroke">${plain(cut(w.label, 40))}</text>`);
  }
  for (const n of nodes) {
    const tone = n.tone ? tones[n.tone] : line;
    const round = n.width === n.height;
    const size = round ? 18 : 20;
    out.push(`<g><title>${plain(`${n.kind} ${n.title}`.trim())}</title>`);
    out.push(`<rect x="${n.x}" y="${n.y}" width="${n.width}" height="${n.height}" rx="${round ? n.width / 2 : 13}" fill="#fff" stroke="${tone}" stroke-width="1.5"${n.faded ? ' stroke-dasharray="4 3"' : ''}/>`);
    out.push(`<svg x="${round ? n.x + (n.width - size) / 2 : n.x + 16}" y="${n.y + (n.height - size) / 2}" width="${size}" height="${size}" viewBox="0 0 24 24" fill="none" stroke="${n.tone ? tone : soft}" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="${lines[n.icon]}"/></svg>`);
    if (!round) {
      out.push(`<text x="${n.x + 50}" y="${n.y + n.height / 2 - 3}" font-weight="600" fill="${ink}">${plain(cut(n.title, 19))}</text>`);
      out.push(`<text x="${n.x + 50}" y="${n.y + n.height / 2 + 14}" font-size="11.5" fill="${soft}">${plain(cut([n.kind, n.mark].filter(Boolean).join(' · '), 26))}</text>`);
    } else if (n.mark) out.push(`<text x="${n.x + n.width / 2}" y="${n.y - 4}" text-anchor="middle" font-size="11" fill="${soft}">${plain(n.mark)}</text>`);
    out.push('</g>');
  }
  out.push('</svg>');
  return `${out.join('\n')}\n`;
}
