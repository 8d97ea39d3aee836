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

/** half are halves of characters that have two, which no address can hold. */
const half = /[\ud800-\udfff]/gu;

/** sheer are parts that an address does not keep as they are: it forgets nothing and dots. They get a tilde, as do those that begin with one. */
const sheer = /^(?:$|\.\.?$|~)/;

const written = (part: string): string => encodeURIComponent((sheer.test(part) ? `~${part}` : part).replace(half, '\ufffd'));
const meant = (part: string): string => decoded(part).replace(/^~/, '');

export function parse(href: string): Route {
  const url = new URL(href, 'http://here');
  const [tenant = '', page = '', ...rest] = url.pathname.split('/').filter(Boolean).map(meant);
  return { tenant, page, rest, search: url.searchParams };
}

/** Asked is what an address asks for; what is a list stands in it several times. */
export type Asked = Record<string, string | string[] | undefined>;

/** to makes the address of a page of the current tenant. */
export function to(parts: (string | number)[], search: Asked = {}): string {
  return address([session.tenant, ...parts], search);
}

export function address(parts: (string | number)[], search: Asked = {}): string {
  const query = new URLSearchParams();
  put(query, search);
  const text = query.toString();
  return `/${parts.map((p) => written(String(p))).join('/')}${text ? `?${text}` : ''}`;
}

/** listText is a list as one text of an address, and listOf reads it. */
export const listText = (list: string[]): string => list.map((one) => one.replace(/[\\,]/g, '\\$&')).join(',');
export const listOf = (text: string | null): string[] => [...(text ?? '').matchAll(/(?:\\[^]|[^\\,])+/g)].map(([one]) => one.replace(/\\([^])/g, '$1'));

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

function put(search: URLSearchParams, change: Asked): void {
  for (const [name, value] of Object.entries(change)) {
    search.delete(name);
    if (Array.isArray(value)) for (const one of value) search.append(name, one);
    else if (value) search.set(name, value);
  }
}

/** setSearch changes some of what is asked for. */
export function setSearch(change: Asked, replace = true): void {
  const search = new URLSearchParams(current.search);
  put(search, change);
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
