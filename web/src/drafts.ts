import { useSyncExternalStore } from 'react';
import { session } from './api';

/** drafts are forms that somebody has begun to fill in, by what they are about. They live as long as the page, and no longer than what they are about. */
const drafts = new Map<string, Record<string, string>>();
const listeners = new Set<() => void>();

const keyOf = (id: string): string => JSON.stringify([session.tenant, id]);

const listen = (tell: () => void): (() => void) => {
  listeners.add(tell);
  return () => listeners.delete(tell);
};

/** leaves lets the browser ask before it closes a page on which something is not saved. */
const leaves = (e: Event): void => e.preventDefault();

/** keep keeps what was filled in of something; without texts it forgets it. */
export function keep(id: string, texts: Record<string, string> | undefined): void {
  if (texts) drafts.set(keyOf(id), texts);
  else if (!drafts.delete(keyOf(id))) return;
  if (drafts.size > 0) addEventListener('beforeunload', leaves);
  else removeEventListener('beforeunload', leaves);
  for (const tell of listeners) tell();
}

export const draftOf = (id: string): Record<string, string> | undefined => drafts.get(keyOf(id));

export const useDraft = (id: string): Record<string, string> | undefined => useSyncExternalStore(listen, () => draftOf(id));
