import { useSyncExternalStore } from 'react';
import { session } from './api';
import { decoded } from './values';

/** Route is where the page is: all that is seen follows from it. */
export interface Route {
  tenant: string;
  page: string;
  /** rest of the path, decoded. */
  rest: string[];
  search: URLSearchParams;
}

export function parse(href: string): Route {
  const url = new URL(href, 'http://here');
  const [tenant = '', page = '', ...rest] = url.pathname.split('/').filter(Boolean).map(decoded);
  return { tenant, page, rest, search: url.searchParams };
}

/** to makes the address of a page of the current tenant. */
export function to(parts: (string | number)[], search: Record<string, string | undefined> = {}): string {
  return address([session.tenant, ...parts], search);
}

export function address(parts: (string | number)[], search: Record<string, string | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) if (value !== undefined && value !== '') query.set(name, value);
  const text = query.toString();
  return `/${parts.map((p) => encodeURIComponent(p)).join('/')}${text ? `?${text}` : ''}`;
}

const listeners = new Set<() => void>();
let current = parse(location.href);

function changed(): void {
  current = parse(location.href);
  session.tenant = current.tenant || session.tenant;
  for (const tell of listeners) tell();
}
addEventListener('popstate', changed);
session.tenant = current.tenant || session.tenant;

export function go(href: string, replace = false): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', href);
  if (!replace) scrollTo(0, 0);
  changed();
}

/** setSearch changes some of what is asked for; what is a list stands in the address several times. */
export function setSearch(change: Record<string, string | string[] | undefined>, replace = true): void {
  const search = new URLSearchParams(current.search);
  for (const [name, value] of Object.entries(change)) {
    search.delete(name);
    if (Array.isArray(value)) for (const one of value) search.append(name, one);
    else if (value) search.set(name, value);
  }
  const text = search.toString();
  go(location.pathname + (text ? `?${text}` : ''), replace);
}

export function useRoute(): Route {
  return useSyncExternalStore(
    (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    () => current,
  );
}
