import { stored, store } from './stored';

/** Search is what somebody looks for often: a name for an address. */
export interface Search {
  name: string;
  query: string;
}

const mostKept = 50;

/** searchesOf reads what was kept; what is not as it is written here is passed over. */
export function searchesOf(text: string | null): Search[] {
  let all: unknown;
  try {
    all = JSON.parse(text ?? '[]');
  } catch {
    return [];
  }
  if (!Array.isArray(all)) return [];
  return all.filter((s): s is Search => typeof s?.name === 'string' && typeof s?.query === 'string').slice(0, mostKept);
}

/** withSearch puts a search among the others, in order of their names; one of that name is replaced. */
export const withSearch = (all: Search[], one: Search): Search[] =>
  [...all.filter((s) => s.name !== one.name), one].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, mostKept);

const key = (tenant: string): string => `searches/${tenant}`;

export const readSearches = (tenant: string): Search[] => searchesOf(stored(key(tenant)));
export const writeSearches = (tenant: string, all: Search[]): void => store(key(tenant), JSON.stringify(all));
