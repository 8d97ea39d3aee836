import { useSyncExternalStore } from 'react';
import { store, stored } from './stored';

const listeners = new Set<() => void>();
let chosen = stored('theme');

const isDark = (): boolean => (chosen === 'dark' || chosen === 'light' ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches);

/** applyTheme lets pages look as was chosen; where nothing was, they look as the system does. */
export function applyTheme(): void {
  if (chosen === 'dark' || chosen === 'light') document.documentElement.dataset.theme = chosen;
}

/** flipTheme turns the dark light, and the light dark. */
export function flipTheme(): void {
  chosen = isDark() ? 'light' : 'dark';
  store('theme', chosen);
  applyTheme();
  for (const tell of listeners) tell();
}

export const useDark = (): boolean =>
  useSyncExternalStore((tell) => {
    listeners.add(tell);
    return () => listeners.delete(tell);
  }, isDark);
