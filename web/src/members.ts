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
