import { useMemo } from 'react';
import { type Asked, type Laid, sceneOf } from './scene';

const kept = new Map<string, Laid[]>();
const mostKept = 50;

function keep(key: string, laid: Laid[]): Laid[] {
  kept.set(key, laid);
  if (kept.size > mostKept) kept.delete(kept.keys().next().value!);
  return laid;
}

/** useScene lays lanes out once for each key: the lanes are those of the key. */
export const useScene = (key: string, lanes: Asked[]): Laid[] => useMemo(() => kept.get(key) ?? keep(key, sceneOf(lanes)), [key]);
