import { type Link, type Placed, sizeOf } from './layout';
import type { ThreadSpec } from './types.gen';

// Layout of large threads in one go: the time that it takes grows with the thread, not faster. It draws less finely than what is done
// for small ones.

const across = 46;
const between = 34;
/** sweeps are how often nodes are put in order by their neighbours. */
const sweeps = 4;
/** mostBends are added for ways over several columns, so that nothing lies on them. */
const mostBends = 4000;

/** Spot is a node in its column, or the place where a way passes through it. */
interface Spot {
  name: string | undefined;
  column: number;
  width: number;
  height: number;
  before: Spot[];
  after: Spot[];
  y: number;
}

/** layered places nodes from left to right: each behind all that lead to it. */
export function layered(thread: ThreadSpec, all: Link[]): Placed[] {
  const forward = all.filter((l) => !l.back && l.from !== l.to && thread.nodes[l.to]);
  const spots = new Map<string, Spot>();
  // In the order of the ways: the first of several stands above the others.
  for (const name of [...all.flatMap((l) => [l.from, l.to]), ...Object.keys(thread.nodes)]) {
    const node = thread.nodes[name];
    if (node && !spots.has(name)) spots.set(name, { name, column: 0, ...sizeOf(node), before: [], after: [], y: 0 });
  }
  const columns = inColumns(spots, forward);
  for (let i = 0; i < sweeps; i++) for (const c of i % 2 === 0 ? columns : [...columns].reverse()) order(c, i % 2 === 0);
  // The way down puts each beside what leads to it, the way up beside where it leads.
  for (const c of columns) settle(c, (s) => s.before);
  for (const c of [...columns].reverse()) settle(c, (s) => s.after);
  for (const c of columns) settle(c, (s) => [...s.before, ...s.after]);
  return placed(columns, labels(spots, forward, columns.length));
}

/** inColumns puts every node behind the last that leads to it, and ways through the columns between. */
function inColumns(spots: Map<string, Spot>, forward: Link[]): Spot[][] {
  const leads = new Map<string, string[]>();
  const open = new Map<string, number>();
  for (const l of forward) {
    leads.set(l.from, [...(leads.get(l.from) ?? []), l.to]);
    open.set(l.to, (open.get(l.to) ?? 0) + 1);
  }
  const ready = [...spots.keys()].filter((n) => !open.get(n));
  for (let name = ready.pop(); name !== undefined; name = ready.pop()) {
    for (const to of [...(leads.get(name) ?? [])].reverse()) {
      spots.get(to)!.column = Math.max(spots.get(to)!.column, spots.get(name)!.column + 1);
      open.set(to, open.get(to)! - 1);
      if (open.get(to) === 0) ready.push(to);
    }
  }
  const columns: Spot[][] = [];
  const put = (s: Spot): void => void (columns[s.column] ??= []).push(s);
  for (const s of spots.values()) put(s);
  let bends = 0;
  for (const l of forward) {
    let at = spots.get(l.from)!;
    const to = spots.get(l.to)!;
    for (let column = at.column + 1; column < to.column && bends < mostBends; column++, bends++) {
      const bend: Spot = { name: undefined, column, width: 0, height: 8, before: [], after: [], y: 0 };
      join(at, bend);
      put(bend);
      at = bend;
    }
    join(at, to);
  }
  return Array.from(columns, (c) => c ?? []);
}

function join(a: Spot, b: Spot): void {
  a.after.push(b);
  b.before.push(a);
}

/** order sorts a column by where its neighbours on one side stand; who has none stays where it is. */
function order(column: Spot[], forwards: boolean): void {
  const of = new Map(column.map((s, i) => [s, mean((forwards ? s.before : s.after).map((n) => n.y)) ?? i]));
  column.sort((a, b) => of.get(a)! - of.get(b)!);
  for (const [i, s] of column.entries()) s.y = i;
}

/** settle puts each of a column where its neighbours are on average, in the order that they have. */
function settle(column: Spot[], beside: (s: Spot) => Spot[]): void {
  // Neighbours in a column that want to be closer than they may become one block, which is where its members want it on average.
  const blocks: { spots: Spot[]; size: number; want: number; top: number }[] = [];
  for (const s of column) {
    const want = (mean(beside(s).map((n) => n.y)) ?? s.y) - s.height / 2;
    let block = { spots: [s], size: s.height + between, want, top: want };
    for (let last = blocks.at(-1); last && last.top + last.size > block.top; last = blocks.at(-1)) {
      blocks.pop();
      const n = last.spots.length + block.spots.length;
      const joined = (last.want * last.spots.length + (block.want - last.size) * block.spots.length) / n;
      block = { spots: [...last.spots, ...block.spots], size: last.size + block.size, want: joined, top: joined };
    }
    blocks.push(block);
  }
  for (const b of blocks) {
    let y = b.top;
    for (const s of b.spots) {
      s.y = y + s.height / 2;
      y += s.height + between;
    }
  }
}

/** labels is how much room the words on ways need behind each column. */
function labels(spots: Map<string, Spot>, forward: Link[], count: number): number[] {
  const out = new Array<number>(count).fill(0);
  for (const l of forward) {
    const column = spots.get(l.from)!.column;
    if (l.label) out[column] = Math.max(out[column]!, Math.min(l.label.length * 7 + 24, 200));
  }
  return out;
}

function placed(columns: Spot[][], room: number[]): Placed[] {
  const out: Placed[] = [];
  const top = Math.min(...columns.flatMap((c) => c.map((s) => s.y - s.height / 2)));
  let x = 0;
  for (const [i, column] of columns.entries()) {
    const wide = Math.max(0, ...column.map((s) => s.width));
    for (const s of column) {
      if (s.name !== undefined) out.push({ name: s.name, x: x + (wide - s.width) / 2, y: s.y - s.height / 2 - top, width: s.width, height: s.height });
    }
    x += wide + across + room[i]!;
  }
  return out;
}

const mean = (of: number[]): number | undefined => (of.length === 0 ? undefined : of.reduce((a, b) => a + b, 0) / of.length);
