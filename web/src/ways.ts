import type { Run } from './layout';

/** Ends are where a way on the canvas begins and ends. */
export interface Ends {
  sourceX: number;
  sourceY: number;
  targetX: number;
  targetY: number;
}

/** below is the way back of a loop, under all that it leads around, and where its label is. */
export function below({ sourceX: x1, sourceY: y1, targetX: x2, targetY: y2 }: Ends, low: number): [path: string, x: number, y: number] {
  const y = low + 34;
  const r = 16;
  const path = `M ${x1} ${y1} h 10 q ${r} 0 ${r} ${r} V ${y - r} q 0 ${r} ${-r} ${r} H ${x2 - 10} q ${-r} 0 ${-r} ${-r} V ${y2 + r} q 0 ${-r} ${r} ${-r} h 10`;
  return [path, (x1 + x2) / 2, y];
}

/** along is the way to a node further on that stands on another row, or behind others: it goes on the height of a run. */
export function along({ sourceX: x1, sourceY: y1, targetX: x2, targetY: y2 }: Ends, run: Run): [path: string, x: number, y: number] {
  return [rounded([[x1, y1], [run.from, y1], [run.from, run.y], [run.to, run.y], [run.to, y2], [x2, y2]]), run.label, run.y];
}

/** rounded is a path through points, with its corners rounded. */
function rounded(all: [x: number, y: number][]): string {
  const points = all.filter(([x, y], i) => i === 0 || Math.hypot(x - all[i - 1]![0], y - all[i - 1]![1]) >= 1);
  let path = '';
  for (const [i, [x, y]] of points.entries()) {
    const [before, after] = [points[i - 1], points[i + 1]];
    if (!before || !after) {
      path += `${i === 0 ? 'M' : 'L'} ${x} ${y} `;
      continue;
    }
    const [a, b] = [Math.hypot(x - before[0], y - before[1]), Math.hypot(after[0] - x, after[1] - y)];
    const r = Math.min(12, a / 2, b / 2);
    path += `L ${x - ((x - before[0]) / a) * r} ${y - ((y - before[1]) / a) * r} Q ${x} ${y} ${x + ((after[0] - x) / b) * r} ${y + ((after[1] - y) / b) * r} `;
  }
  return path.trimEnd();
}

/** stem is the way from below the box of a thread to the first node of another that stands further down and further in. */
export function stem({ sourceX: x1, sourceY: y1, targetX: x2, targetY: y2 }: Ends): [path: string, x: number, y: number] {
  const r = Math.min(14, Math.abs(x2 - x1));
  return [`M ${x1} ${y1} V ${y2 - r} q 0 ${r} ${r} ${r} H ${x2}`, x1, (y1 + y2) / 2];
}

/** Into is where a way comes into the box of a thread: through the gap above it, then beside it. */
export interface Into {
  gap: number;
  beside: number;
}

/** into is the way from a node to the first node of another thread: it goes around the box of that one. */
export function into({ sourceX: x1, sourceY: y1, targetX: x2, targetY: y2 }: Ends, { gap, beside }: Into): [path: string, x: number, y: number] {
  const r = 10;
  const down = gap > y1 ? 1 : -1;
  const to = x1 + 14 > beside ? -1 : 1;
  return [
    `M ${x1} ${y1} h 4 q ${r} 0 ${r} ${down * r} V ${gap - down * r} q 0 ${down * r} ${to * r} ${down * r} H ${beside - to * r} q ${to * r} 0 ${to * r} ${r} V ${y2 - r} q 0 ${r} ${r} ${r} H ${x2}`,
    beside,
    gap,
  ];
}

/** stemAt is how far from its left edge the box of a thread has its stem. */
export const stemAt = 30;

/** ahead is the way to a node further on. */
export function ahead({ sourceX: x1, sourceY: y1, targetX: x2, targetY: y2 }: Ends): [path: string, x: number, y: number] {
  const bend = Math.max(24, Math.abs(x2 - x1) / 2);
  return [`M ${x1} ${y1} C ${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, (x1 + x2) / 2, (y1 + y2) / 2];
}
