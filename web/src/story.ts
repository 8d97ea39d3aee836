import { failed, lookOf, taskLookOf } from './status';
import type { Steps } from './steps';
import type { ExternalEvent, ThreadRun, UserTaskRun, VariableChange, VariableId, WfRunRow, WorkflowEvent } from './types.gen';
import { trail } from './usertasks';
import { runId, textOf } from './values';

export type Sort = 'thread' | 'step' | 'attempt' | 'event' | 'child' | 'variable' | 'userTask';

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
  /** past is what is not of the run's own view, if it was read. */
  past?: Past | undefined;
}

/** Past is what variables were, and what people did. */
export interface Past {
  variables: { id: VariableId; changes: VariableChange[] }[];
  userTasks: UserTaskRun[];
  /** more says that not everything is told. */
  more: boolean;
}

const longest = 120;

const brief = (text: string): string => (text.length > longest ? `${text.slice(0, longest - 1)}…` : text);

/** becameOf tells which values variables were given, and when. */
function becameOf(all: Past['variables']): Happening[] {
  return all.flatMap(({ id, changes }) =>
    changes.map((c) => ({
      at: Number(c.atMs),
      sort: 'variable' as const,
      thread: c.thread,
      node: c.node,
      position: c.position,
      what: `variable ${id.name} ${!c.known ? 'was given another value' : `${c.position === undefined ? 'began as' : 'became'} ${c.leftOutBytes > 0 ? `a value of ${c.leftOutBytes} bytes` : brief(textOf(c.value))}`}`,
      bad: false,
    })),
  );
}

/** doneOf tells what people did, and what was done to them. */
function doneOf(all: UserTaskRun[], steps: Steps): Happening[] {
  return all.flatMap((u) => {
    const { threadRunNumber: thread = 0, position } = u.nodeRunId ?? {};
    const node = steps.get(thread)?.find((s) => s.position === position)?.node ?? '';
    return trail(u.events).map((e) => ({ at: time(e.time), sort: 'userTask' as const, thread, node, position, what: brief([`user task ${u.userTaskDefId?.name}: ${e.text}`, ...e.more].join('; ')), bad: false }));
  });
}

/** stillOf tells when threads stood still, and went on, because of others that interrupted them or handled their failures. */
function stillOf(threads: ThreadRun[]): Happening[] {
  const out: Happening[] = [];
  const over = threads.filter((t) => t.type === 'INTERRUPT' || t.type === 'FAILURE_HANDLER');
  const above = (t: ThreadRun): number | undefined => t.failureBeingHandled?.threadRunNumber ?? t.parentThreadId;
  for (const t of over) {
    const thread = above(t);
    if (thread === undefined) continue;
    const own = { sort: 'thread' as const, thread, node: '', position: undefined, bad: false };
    const why = t.type === 'INTERRUPT' ? `thread ${t.number} interrupts it for the event ${t.interruptTriggerId?.externalEventDefId?.name ?? ''}` : `thread ${t.number} handles its failure`;
    out.push({ ...own, at: time(t.startTime), what: `thread ${thread} was halted: ${why}` });
    const until = time(t.endTime);
    const others = over.some((o) => o !== t && above(o) === thread && time(o.startTime) <= until && !(time(o.endTime) <= until));
    if (t.status === 'COMPLETED' && !others) out.push({ ...own, at: until, what: `thread ${thread} went on` });
  }
  return out;
}

const time = (at: string | undefined): number => Date.parse(at ?? '');

/** storyOf is all that happened in a run, in the order of time; what happened at the same moment is as it follows from one another. */
export function storyOf(of: Told): Happening[] {
  const out: Happening[] = [];
  const none = { thread: undefined, node: '', position: undefined, bad: false };
  for (const e of of.posted) out.push({ ...none, at: time(e.createdAt), sort: 'event', what: `event ${e.id?.externalEventDefId?.name} was posted${e.claimed ? '' : ', and nobody has taken it'}` });
  for (const e of of.posted) {
    const at = e.claimed ? of.steps.get(e.threadRunNumber ?? -1)?.find((s) => s.position === e.nodeRunPosition) : undefined;
    // It is taken when both are there: the event, and who waits for it.
    if (at) out.push({ ...none, thread: at.thread, node: at.node, position: at.position, at: Math.max(time(e.createdAt), Number(at.arrivedMs)), sort: 'event', what: `took the event ${e.id?.externalEventDefId?.name}` });
  }
  out.push(...stillOf(of.threads));
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
  if (of.past) out.push(...becameOf(of.past.variables), ...doneOf(of.past.userTasks, of.steps));
  return out.filter((h) => !Number.isNaN(h.at)).sort((a, b) => a.at - b.at);
}

/** linesOf is the story for programs: a JSON object a line. */
export const linesOf = (of: Happening[]): string => of.map((h) => `${JSON.stringify({ ...h, at: new Date(h.at).toISOString() })}\n`).join('');
