import { failed } from './status';
import type { Steps } from './steps';
import type { Happening } from './story';
import type { Step, ThreadRun } from './types.gen';

/** Moment is a time at which something happened. */
export interface Moment {
  at: number;
  what: Happening[];
}

/** momentsOf are the times of a story, one after the other. */
export function momentsOf(story: Happening[]): Moment[] {
  const out: Moment[] = [];
  for (const h of story) {
    const last = out.at(-1);
    if (last?.at === h.at) last.what.push(h);
    else out.push({ at: h.at, what: [h] });
  }
  return out;
}

const ms = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

/** stepAt is a step as it was then; undefined if it had not been reached. */
function stepAt(s: Step, then: number): Step | undefined {
  if (Number(s.arrivedMs) > then) return undefined;
  const attempts = s.attempts
    .filter((a) => (ms(a.scheduledMs) ?? ms(a.startedMs) ?? 0) <= then)
    .map((a): Step['attempts'][number] => {
      if ((ms(a.endedMs) ?? Number.POSITIVE_INFINITY) <= then) return a;
      const { endedMs: _, ...open } = a;
      return { ...open, status: (ms(a.startedMs) ?? Number.POSITIVE_INFINITY) <= then ? 'TASK_RUNNING' : 'TASK_SCHEDULED' };
    });
  // One that failed has no end of its own.
  const ended = ms(s.endedMs) ?? (failed(s.status) ? (ms(s.attempts.at(-1)?.endedMs) ?? Number(s.arrivedMs)) : undefined);
  if (ended !== undefined && ended <= then) return { ...s, attempts };
  const { endedMs: _, ...open } = s;
  return { ...open, attempts, failure: '', status: ended === undefined && s.status !== 'STARTING' ? s.status : 'RUNNING' };
}

/** stepsAt are the steps of a run as they were at a moment. */
export function stepsAt(steps: Steps, then: number): Steps {
  const out: Steps = new Map();
  for (const [thread, all] of steps) {
    const were = all.flatMap((s) => stepAt(s, then) ?? []);
    if (were.length > 0) out.set(thread, were);
  }
  return out;
}

/** threadsAt are its threads as they were; those that had not begun are left out. */
export const threadsAt = (threads: ThreadRun[], then: number): ThreadRun[] =>
  threads
    .filter((t) => Date.parse(t.startTime ?? '') <= then)
    .map((t) => (t.endTime === undefined || Date.parse(t.endTime) <= then ? t : { ...t, status: 'RUNNING' }));
