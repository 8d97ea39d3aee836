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

/** ahead is the way to a node further on. */
export function ahead({ sourceX: x1, sourceY: y1, targetX: x2, targetY: y2 }: Ends): [path: string, x: number, y: number] {
  const bend = Math.max(24, Math.abs(x2 - x1) / 2);
  return [`M ${x1} ${y1} C ${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, (x1 + x2) / 2, (y1 + y2) / 2];
}
