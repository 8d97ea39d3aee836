import type { ReactElement } from 'react';

const icon = (d: string): ReactElement => (
  <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
    <path d={d} />
  </svg>
);

/** lines are drawn by hand on a grid of 24. */
export const lines = {
  runs: 'M4 6h11M4 12h16M4 18h8M19 4l2 2-2 2',
  specs: 'M4 4h6v6H4zM14 14h6v6h-6zM10 7h4a3 3 0 0 1 3 3v4',
  tasks: 'M5 5h14v14H5zM9 12l2.2 2.2L15.5 10',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M5 19l1.4-1.4M17.6 6.4 19 5',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z',
  check: 'M5 12.5 10 17 19 7',
  cross: 'M6 6l12 12M18 6 6 18',
  turning: 'M20 12a8 8 0 1 1-3-6.2',
  pause: 'M9 5v14M15 5v14',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l3 2',
  alert: 'M12 4 2.8 19.5h18.4zM12 10v4M12 17v.01',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  play: 'M7 5l12 7-12 7z',
  stop: 'M6 6h12v12H6z',
  repair: 'M14.5 6.5a4 4 0 0 0 5 5L12 19a2.5 2.5 0 0 1-3.5-3.5l7.5-7.5M4 4l5 5',
  mail: 'M4 6h16v12H4zM4 7l8 6 8-6',
  bin: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  again: 'M4 12a8 8 0 1 0 3-6.2M4 4v4h4',
  leave: 'M10 4H5v16h5M15 8l4 4-4 4M19 12H9',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 20c1-4 4-6 8-6s7 2 8 6',
  split: 'M4 12h5l5-6h6M9 12l5 6h6M17 3l3 3-3 3M17 15l3 3-3 3',
  join: 'M4 6h5l5 6h6M4 18h5l5-6M17 9l3 3-3 3',
  throw: 'M4 12h11M11 7l5 5-5 5M20 5v14',
  nest: 'M4 4h16v16H4zM9 9h6v6H9z',
  dot: 'M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  flag: 'M6 21V4h11l-2 4 2 4H6',
  branch: 'M12 3l9 9-9 9-9-9z',
  eye: 'M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  link: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
};

export type Icon = keyof typeof lines;

export const icons = Object.fromEntries(Object.entries(lines).map(([name, d]) => [name, icon(d)])) as Record<Icon, ReactElement>;
