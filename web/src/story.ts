import { failed, lookOf, taskLookOf } from './status';
import type { Steps } from './steps';
import type { ExternalEvent, ThreadRun, WfRunRow, WorkflowEvent } from './types.gen';
import { runId } from './values';

export type Sort = 'thread' | 'step' | 'attempt' | 'event' | 'child';

/** Happening is one thing that happened in a run. */
export interface Happening {
  at: number;
  sort: Sort;
  thread: number | undefined;
  node: string;
  position: number | undefined;
  what: string;
  bad: boolean;
}

export interface Told {
  threads: ThreadRun[];
  steps: Steps;
  posted: ExternalEvent[];
  thrown: WorkflowEvent[];
  children: WfRunRow[];
}

const time = (at: string | undefined): number => Date.parse(at ?? '');

/** storyOf is all that happened in a run, in the order of time; what happened at the same moment is as it follows from one another. */
export function storyOf(of: Told): Happening[] {
  const out: Happening[] = [];
  const none = { thread: undefined, node: '', position: undefined, bad: false };
  for (const e of of.posted) out.push({ ...none, at: time(e.createdAt), sort: 'event', what: `event ${e.id?.externalEventDefId?.name} was posted${e.claimed ? '' : ', and nobody has taken it'}` });
  for (const t of of.threads) {
    const own = { ...none, sort: 'thread' as const, thread: t.number };
    out.push({ ...own, at: time(t.startTime), what: `thread ${t.threadSpecName} began` });
    for (const s of of.steps.get(t.number) ?? []) {
      const at = { ...own, node: s.node, position: s.position };
      out.push({ ...at, sort: 'step', at: Number(s.arrivedMs), what: 'came to it' });
      s.attempts.forEach((a, i) => {
        if (a.startedMs !== undefined) out.push({ ...at, sort: 'attempt', at: Number(a.startedMs), what: `attempt ${i + 1} of ${s.about} began` });
        if (a.endedMs !== undefined) out.push({ ...at, sort: 'attempt', at: Number(a.endedMs), what: `attempt ${i + 1} of ${s.about} ${taskLookOf(a.status).word}`, bad: a.status !== 'TASK_SUCCESS' });
      });
      // One that failed has no end of its own.
      const ended = s.endedMs ?? (failed(s.status) ? (s.attempts.at(-1)?.endedMs ?? s.arrivedMs) : undefined);
      if (ended !== undefined) out.push({ ...at, sort: 'step', at: Number(ended), what: `${lookOf(s.status).word}${s.failure ? `: ${s.failure}` : ''}`, bad: failed(s.status) });
    }
    if (t.endTime) out.push({ ...own, at: time(t.endTime), what: `thread ${t.threadSpecName} ${lookOf(t.status).word}`, bad: failed(t.status) });
  }
  for (const e of of.thrown) out.push({ ...none, at: time(e.createdAt), sort: 'event', what: `event ${e.id?.workflowEventDefId?.name} was thrown` });
  for (const c of of.children) {
    out.push({ ...none, at: time(c.startTime), sort: 'child', what: `run ${runId(c.id)} of ${c.wfSpecId?.name} began` });
    if (c.endTime) out.push({ ...none, at: time(c.endTime), sort: 'child', what: `run ${runId(c.id)} ${lookOf(c.status).word}`, bad: failed(c.status) });
  }
  return out.filter((h) => !Number.isNaN(h.at)).sort((a, b) => a.at - b.at);
}

/** linesOf is the story for programs: a JSON object a line. */
export const linesOf = (of: Happening[]): string => of.map((h) => `${JSON.stringify({ ...h, at: new Date(h.at).toISOString() })}\n`).join('');
