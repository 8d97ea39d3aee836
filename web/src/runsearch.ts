import { editable } from './inputs';
import { minuteBack } from './times';
import type { ACLAction, LHStatus, ThreadVarDef, VariableMatch, VariableType } from './types.gen';
import { parseValue, Problem, typeOf } from './values';

/** windows are times back that runs can be narrowed to. */
export const windows: [string, string, number][] = [
  ['1h', 'last hour', 3_600_000],
  ['24h', 'last 24 hours', 86_400_000],
  ['7d', 'last 7 days', 7 * 86_400_000],
  ['', 'any time', 0],
];

/** Filter is a condition on a variable, or as `customer_$.city` on a field of one. */
export interface Filter {
  name: string;
  type: string;
  text: string;
}

/** filtersOf are the conditions of the address: the names, values and types of one stand at the same place of their lists. */
export function filtersOf(search: URLSearchParams): Filter[] {
  const [values, types] = [search.getAll('value'), search.getAll('type')];
  return search.getAll('var').flatMap((name, i) => (name && values[i] !== undefined ? [{ name, text: values[i], type: types[i] ?? '' }] : []));
}

/** asAddress is what the address says of conditions. */
export const asAddress = (all: Filter[]): Record<'var' | 'value' | 'type', string[]> => ({ var: all.map((f) => f.name), value: all.map((f) => f.text), type: all.map((f) => f.type) });

/** matchOf is a condition as the server takes it; the address of somebody may hold what is none. */
export function matchOf(f: Filter): VariableMatch {
  try {
    return { varName: f.name, value: parseValue((f.type || undefined) as VariableType | undefined, f.text) };
  } catch (e) {
    throw e instanceof Problem ? new Problem(`${fieldText(f.name)} ${e.message}`) : e;
  }
}

/** whereOf are conditions on the command line, with values as it reads them. */
export const whereOf = (all: VariableMatch[]): string[] => all.flatMap((m) => ['--where', `${m.varName}=${editable(m.value)}`]);

/** fieldText names a variable, or a field of one, for people. */
export const fieldText = (name: string): string => name.replace('_$.', '.');

/** searchables are what runs can be found by, with the type: variables that are searchable, and indexed fields of documents. */
export function searchables(defs: ThreadVarDef[]): [name: string, type: VariableType][] {
  return defs.flatMap((d): [string, VariableType][] => {
    const [name, type] = [d.varDef?.name ?? '', typeOf(d.varDef).primitiveType];
    return [...(d.searchable && type ? [[name, type] as [string, VariableType]] : []), ...d.jsonIndexes.map((i): [string, VariableType] => [`${name}_${i.fieldPath}`, i.fieldType])];
  });
}

/** RunSearch is what is asked for of runs. */
export interface RunSearch {
  spec: string;
  /** version of the workflow: a major one, or one revision. */
  version?: { major: number; revision?: number } | undefined;
  statuses?: LHStatus[];
  within: string;
  from?: string;
  until?: string;
  /** id is how the ids begin. */
  id?: string;
  parent?: string;
  filters?: Filter[];
}

const versionForm = /^(\d{1,9})(?:\.(\d{1,9}))?$/;

/** versionOf reads a version as it is written: 1 or 1.2; undefined if it is none. */
export function versionOf(text: string): RunSearch['version'] {
  const [whole, major, revision] = versionForm.exec(text) ?? [];
  if (!whole) return undefined;
  return { major: Number(major), ...(revision === undefined ? {} : { revision: Number(revision) }) };
}

/** ownColumns are those of a list of runs besides the run itself and its variables. */
export const ownColumns = ['status', 'workflow', 'where', 'started', 'took'] as const;
export type OwnColumn = (typeof ownColumns)[number];

/** mostAtOnce runs are dealt with one by one; more are for a job. */
export const mostAtOnce = 100;

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

/** needs are the rights on workflows without which there is no such job. One that deletes by variables is made as those are that stop runs. */
export const needs = (deed: Deed, filters: Filter[]): ACLAction[] => [...(deed === 'delete' ? ['WRITE_METADATA' as const] : []), ...(deed !== 'delete' || filters.length > 0 ? ['RUN' as const] : [])];

/** bulk is the search as a bulk job understands it: of one workflow, in one status in which the deed can be done, by their time and their variables. */
export function bulk(deed: Deed, p: RunSearch): Record<string, string | string[] | undefined> | undefined {
  const [status, ...others] = p.statuses ?? [];
  if (!p.spec || !status || others.length > 0 || !takes[deed].includes(status) || p.version || p.id || p.parent) return undefined;
  const { earliestStart, latestStart } = between(p);
  return { [deed]: p.spec, of: status, from: earliestStart, until: latestStart, ...asAddress(p.filters ?? []) };
}
