import type { ServerHealth } from './api';

/** ranges writes numbers as few words as they need: 0–3, 7. */
export function ranges(numbers: number[]): string {
  const all = [...numbers].sort((a, b) => a - b);
  const out: string[] = [];
  for (let i = 0; i < all.length; ) {
    let last = i;
    while (last + 1 < all.length && all[last + 1] === all[last]! + 1) last++;
    out.push(last === i ? `${all[i]}` : `${all[i]}–${all[last]}`);
    i = last + 1;
  }
  return out.join(', ');
}

/** sumOf is how many commands wait at a server to be applied. */
export const sumOf = (s: ServerHealth): number => (s.serves ?? []).reduce((n, p) => n + p.waiting, 0);

/** worst names the partition of a server that is behind most. */
export function worst(s: ServerHealth): string {
  const all = s.serves ?? [];
  const most = all.reduce((a, p) => (p.waiting > a.waiting ? p : a), { number: -1, waiting: 0 });
  return most.number < 0 ? '' : `, ${most.waiting} of them in partition ${most.number}`;
}

const plural = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;

/** copies says what hot copies a server keeps, and how far behind they are. */
export function copies(s: ServerHealth): string {
  const all = s.follows ?? [];
  if (all.length === 0) return 'none';
  const behind = all.reduce((n, c) => n + c.behind, 0);
  return `${ranges(all.map((c) => c.number))}, ${behind === 0 ? 'none behind' : `${plural(behind, 'entry', 'entries')} behind`}`;
}

/** lag says how far behind a cluster is: what waits at its owners, and its copies behind those. */
export function lag(s: ServerHealth): string {
  const told = s.members?.flatMap((m) => m.told ?? []) ?? [s];
  const waiting = told.reduce((n, t) => n + sumOf(t), 0);
  const follows = told.flatMap((t) => t.follows ?? []);
  const behind = follows.reduce((n, c) => n + c.behind, 0);
  return `${waiting} waiting${follows.length > 0 ? `, ${plural(follows.length, 'hot copy', 'hot copies')} ${behind === 0 ? 'up to date' : `${behind} behind`}` : ''}`;
}
