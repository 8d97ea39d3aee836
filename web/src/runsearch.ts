import { minuteBack } from './times';
import type { LHStatus } from './types.gen';

/** windows are times back that runs can be narrowed to. */
export const windows: [string, string, number][] = [
  ['1h', 'last hour', 3_600_000],
  ['24h', 'last 24 hours', 86_400_000],
  ['7d', 'last 7 days', 7 * 86_400_000],
  ['', 'any time', 0],
];

/** Filter is a condition on a variable. */
export interface Filter {
  name: string;
  type: string;
  text: string;
}

/** RunSearch is what is asked for of runs. */
export interface RunSearch {
  spec: string;
  statuses?: LHStatus[];
  within: string;
  from?: string;
  until?: string;
  /** id is how the ids begin. */
  id?: string;
  parent?: string;
  filters?: Filter[];
}

/** between is the time in which runs began, as the address says it: a moment that is none is left out. */
export function between(p: Pick<RunSearch, 'within' | 'from' | 'until'>): { earliestStart?: string; latestStart?: string } {
  const window = windows.find(([key]) => key === p.within)?.[2] ?? 0;
  const exact = (text: string | undefined): string | undefined => (text && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : undefined);
  const earliest = exact(p.from) ?? (window ? minuteBack(window) : undefined);
  const latest = exact(p.until);
  return { ...(earliest ? { earliestStart: earliest } : {}), ...(latest ? { latestStart: latest } : {}) };
}

/** Deed is what can be done with many runs. */
export type Deed = 'stop' | 'resume' | 'delete';

/** takes says in which status runs are with which a job does something. */
export const takes: Record<Deed, LHStatus[]> = { stop: ['RUNNING'], resume: ['HALTED'], delete: ['COMPLETED', 'HALTED', 'ERROR', 'EXCEPTION'] };

/** bulk is the search as a bulk job understands it: of one workflow, in one status in which the deed can be done, by their time and by nothing else. */
export function bulk(deed: Deed, p: RunSearch): Record<string, string | undefined> | undefined {
  const [status, ...others] = p.statuses ?? [];
  if (!p.spec || !status || others.length > 0 || !takes[deed].includes(status) || p.id || p.parent || (p.filters ?? []).length > 0) return undefined;
  const { earliestStart, latestStart } = between(p);
  return { [deed]: p.spec, of: status, from: earliestStart, until: latestStart };
}
