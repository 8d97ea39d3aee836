import { type Link, type Placed, type Run, sizeOf } from './layout';
import type { ThreadSpec } from './types.gen';

const across = 46;
const between = 34;
/** empty is how high a row is through which only ways lead. */
const empty = 30;
/** out and in are how far from its columns a way leaves its row and comes to another. */
const out = 14;
const into = 18;

export interface Layout {
  places: Placed[];
  /** runs are beside the links: undefined for what goes straight from one node to the other. */
  runs: (Run | undefined)[];
}

/**
 * place lays nodes out in columns and rows: each behind all that lead to it; of several ways the first goes straight on, and each further
 * one begins below the one before. The same thread is always laid out the same, in a time that grows with it.
 */
export function place(thread: ThreadSpec, all: Link[]): Layout {
  const names = [...new Set([...all.flatMap((l) => [l.from, l.to]), ...Object.keys(thread.nodes)])].filter((n) => thread.nodes[n]);
  const ways = new Map<string, number[]>(names.map((n) => [n, []]));
  for (const [i, l] of all.entries()) if (!l.back && l.from !== l.to && thread.nodes[l.to]) ways.get(l.from)!.push(i);
  const column = columnsOf(names, all, ways);
  const { row, led } = rowsOf(names, all, ways, column);

  const sizes = new Map(names.map((n) => [n, sizeOf(thread.nodes[n]!)]));
  const wide = new Array<number>(1 + Math.max(-1, ...column.values())).fill(0);
  const room = [...wide];
  const high = new Array<number>(1 + Math.max(-1, ...row.values(), ...led.map((r) => r ?? -1))).fill(empty);
  for (const [n, { width, height }] of sizes) {
    wide[column.get(n)!] = Math.max(wide[column.get(n)!]!, width);
    high[row.get(n)!] = Math.max(high[row.get(n)!]!, height);
  }
  for (const l of all) {
    const at = column.get(l.from)!;
    if (l.label && !l.back) room[at] = Math.max(room[at]!, Math.min(l.label.length * 7 + 24, 200));
  }
  const x = sums(wide.map((w, i) => w + across + room[i]!));
  const y = sums(high.map((h) => h + between));
  const middle = (r: number): number => y[r]! + high[r]! / 2;
  return {
    places: names.map((name) => {
      const { width, height } = sizes.get(name)!;
      const c = column.get(name)!;
      return { name, x: x[c]! + (wide[c]! - width) / 2, y: middle(row.get(name)!) - height / 2, width, height };
    }),
    runs: all.map((l, i) => {
      const r = led[i];
      if (r === undefined) return undefined;
      const c = column.get(l.from)!;
      const right = x[c]! + wide[c]!;
      return { from: right + out, to: x[column.get(l.to)!]! - into, y: middle(r), label: right + (across + room[c]!) / 2 };
    }),
  };
}

/** sums are where each begins of what stand one behind the other. */
function sums(sizes: number[]): number[] {
  let at = 0;
  return sizes.map((s) => (at += s) - s);
}

/** columnsOf puts every node behind the last that leads to it. */
function columnsOf(names: string[], all: Link[], ways: Map<string, number[]>): Map<string, number> {
  const column = new Map(names.map((n) => [n, 0]));
  const open = new Map<string, number>();
  const each = (name: string, see: (to: string) => void): void => {
    for (const w of ways.get(name)!) see(all[w]!.to);
  };
  for (const n of names) each(n, (to) => open.set(to, (open.get(to) ?? 0) + 1));
  const ready = names.filter((n) => !open.get(n));
  for (let name = ready.pop(); name !== undefined; name = ready.pop()) {
    const next = column.get(name)! + 1;
    each(name, (to) => {
      column.set(to, Math.max(column.get(to)!, next));
      open.set(to, open.get(to)! - 1);
      if (open.get(to) === 0) ready.push(to);
    });
  }
  return column;
}

/** rowsOf gives every node its row, and those ways that are not straight the row on which they go from one column to the other. */
function rowsOf(names: string[], all: Link[], ways: Map<string, number[]>, column: Map<string, number>): { row: Map<string, number>; led: (number | undefined)[] } {
  const row = new Map<string, number>();
  const led = new Array<number | undefined>(all.length).fill(undefined);
  /** lowest is the lowest row of each column that is taken. */
  const lowest: number[] = [];
  /** pending are ways that begin below others, the next one last. */
  const pending: number[] = [];
  const take = (from: number, to: number, least: number): number => {
    let r = least;
    for (let c = from; c <= to; c++) r = Math.max(r, (lowest[c] ?? -1) + 1);
    for (let c = from; c <= to; c++) lowest[c] = r;
    return r;
  };
  /** lead puts all on one row to which the first way leads on, up to what has its place. */
  const lead = (first: string, from: number, least: number): void => {
    const chain = [first];
    let end = column.get(first)!;
    let last: number | undefined;
    for (let w = ways.get(first)![0]; w !== undefined; ) {
      const { to } = all[w]!;
      end = column.get(to)!;
      if (row.has(to)) {
        end--;
        last = w;
        break;
      }
      chain.push(to);
      w = ways.get(to)![0];
    }
    const r = take(from, end, least);
    for (const n of chain) {
      row.set(n, r);
      pending.push(...ways.get(n)!.slice(1).reverse());
    }
    if (last !== undefined && row.get(all[last]!.to) !== r) led[last] = r;
  };
  for (const n of names) {
    if (row.has(n)) continue;
    lead(n, column.get(n)!, 0);
    for (let w = pending.pop(); w !== undefined; w = pending.pop()) {
      const { from, to } = all[w]!;
      const [begin, end, above] = [column.get(from)! + 1, column.get(to)!, row.get(from)!];
      if (!row.has(to)) {
        lead(to, begin, above + 1);
        led[w] = row.get(to)!;
      } else if (end > begin) led[w] = take(begin, end - 1, above + 1);
      else if (row.get(to) !== above) led[w] = above;
    }
  }
  return { row, led };
}
