import { useEffect, useState } from 'react';
import { layered } from './layered';
import { type Asked, type Laid, sceneOf } from './scene';

let worker: Worker | undefined;
let last = 0;
const waiting = new Map<number, { done: (laid: Laid[]) => void; failed: (e: Error) => void }>();

/** few nodes are laid out as finely as it can be done; of more that takes too long. */
const few = 150;

const isLarge = (lanes: Asked[]): boolean => lanes.reduce((n, l) => n + Object.keys(l.thread.nodes).length, 0) > few;

/** warm lets the layout be ready when it is asked for. */
export function warm(): void {
  worker ??= start();
}

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

function keep(key: string, laid: Laid[]): Laid[] {
  kept.set(key, laid);
  if (kept.size > mostKept) kept.delete(kept.keys().next().value!);
  return laid;
}

/** atOnce is the layout that is there, or takes no time. */
const atOnce = (key: string, lanes: Asked[]): Laid[] | undefined => kept.get(key) ?? (isLarge(lanes) ? keep(key, sceneOf(lanes, layered)) : undefined);

/** useScene lays lanes out once for each key; the old layout stays until the new one is there. */
export function useScene(key: string, lanes: Asked[]): Laid[] | undefined {
  const [scene, set] = useState<{ key: string; laid: Laid[] } | undefined>(() => {
    const laid = atOnce(key, lanes);
    return laid && { key, laid };
  });
  const [problem, fail] = useState<Error>();
  // The lanes are those of the key.
  useEffect(() => {
    let gone = false;
    const known = atOnce(key, lanes);
    if (known) {
      set({ key, laid: known });
      return;
    }
    lay(lanes).then(
      (laid) => {
        keep(key, laid);
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
