/** Way is an edge of a graph. */
export interface Way {
  source: string;
  target: string;
  /** back closes a loop. */
  back: boolean;
}

/** follow is the step to which an arrow key leads: on, back, or to one beside it that is reached from the same step. */
export function follow(ways: Way[], at: string, key: string): string | undefined {
  const before = ways.find((w) => w.target === at && !w.back)?.source;
  if (key === 'ArrowRight') return (ways.find((w) => w.source === at && !w.back) ?? ways.find((w) => w.source === at))?.target;
  if (key === 'ArrowLeft') return before;
  if (key !== 'ArrowDown' && key !== 'ArrowUp') return undefined;
  const beside = ways.filter((w) => w.source === before && !w.back).map((w) => w.target);
  return beside[beside.indexOf(at) + (key === 'ArrowDown' ? 1 : -1)];
}
