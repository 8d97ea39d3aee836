import { useEffect, useState } from 'react';
import type { Asked, Laid } from './scene';

let worker: Worker | undefined;
let last = 0;
const waiting = new Map<number, { done: (laid: Laid[]) => void; failed: (e: Error) => void }>();

/** lay lays lanes out beside the page. */
function lay(lanes: Asked[]): Promise<Laid[]> {
  worker ??= start();
  const number = ++last;
  return new Promise((done, failed) => {
    waiting.set(number, { done, failed });
    worker!.postMessage({ number, lanes });
  });
}

function start(): Worker {
  const w = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
  w.onmessage = ({ data }: MessageEvent<{ number: number; laid?: Laid[]; problem?: string }>) => {
    const one = waiting.get(data.number);
    waiting.delete(data.number);
    if (data.laid) one?.done(data.laid);
    else one?.failed(new Error(data.problem ?? 'The graph cannot be laid out.'));
  };
  w.onerror = () => {
    for (const one of waiting.values()) one.failed(new Error('The graph cannot be laid out.'));
    waiting.clear();
  };
  return w;
}

const kept = new Map<string, Laid[]>();
const mostKept = 50;

/** useScene lays lanes out once for each key; the old layout stays until the new one is there. */
export function useScene(key: string, lanes: Asked[]): Laid[] | undefined {
  const [scene, set] = useState<{ key: string; laid: Laid[] } | undefined>(() => {
    const laid = kept.get(key);
    return laid && { key, laid };
  });
  const [problem, fail] = useState<Error>();
  // The lanes are those of the key.
  useEffect(() => {
    let gone = false;
    const known = kept.get(key);
    if (known) {
      set({ key, laid: known });
      return;
    }
    lay(lanes).then(
      (laid) => {
        kept.set(key, laid);
        if (kept.size > mostKept) kept.delete(kept.keys().next().value!);
        if (!gone) set({ key, laid });
      },
      (e: Error) => !gone && fail(e),
    );
    return () => {
      gone = true;
    };
  }, [key]);
  if (problem) throw problem;
  return scene?.laid;
}
