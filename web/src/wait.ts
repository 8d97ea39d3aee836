import { shortName } from './nodes';
import { failed, lookOf } from './status';
import type { Due } from './steps';
import { agoText } from './times';
import type { ExplainWfRunResponse, PendingTimer, TaskWait, ThreadExplanation, ThreadHaltReason, TimerKind, UserTaskRunId } from './types.gen';
import { runId } from './values';

/** Wait says in a sentence why a thread goes no further. */
export interface Wait {
  thread: number;
  node: string;
  sentence: string;
  more: string[];
  tone: 'bad' | 'run' | 'warn';
  /** userTask is what somebody has to do. */
  userTask?: UserTaskRunId;
}

const timers: Record<TimerKind, string> = {
  TIMER_KIND_UNSPECIFIED: 'something happens',
  TIMER_KIND_TASK_TIMEOUT: 'the attempt times out',
  TIMER_KIND_TASK_RETRY: 'it is tried again',
  TIMER_KIND_EVENT_TIMEOUT: 'the wait times out',
  TIMER_KIND_SLEEP: 'the sleep ends',
  TIMER_KIND_USER_TASK_ACTION: 'an action of the user task is due',
};

const dues: Record<TimerKind, string> = {
  TIMER_KIND_UNSPECIFIED: 'goes on',
  TIMER_KIND_TASK_TIMEOUT: 'times out',
  TIMER_KIND_TASK_RETRY: 'tries again',
  TIMER_KIND_EVENT_TIMEOUT: 'times out',
  TIMER_KIND_SLEEP: 'wakes',
  TIMER_KIND_USER_TASK_ACTION: 'acts',
};

/** duesOf are the timers that end next, by the number of their thread. */
export function duesOf(e: ExplainWfRunResponse | undefined): Map<number, Due> {
  const out = new Map<number, Due>();
  for (const t of e?.threads ?? []) {
    for (const { kind, due } of t.timers) {
      const before = out.get(t.number);
      if (due && (!before || Date.parse(due) < Date.parse(before.at))) out.set(t.number, { what: dues[kind] ?? dues.TIMER_KIND_UNSPECIFIED, at: due });
    }
  }
  return out;
}

const timerText = (t: PendingTimer, now: number): string => `${timers[t.kind]} ${t.due ? agoText(t.due, now) : 'some time'}`;

/** cause is why a run failed, in a line; empty if it did not. */
export function cause(e: ExplainWfRunResponse): string {
  const t = e.threads.filter((x) => failed(x.status)).at(-1);
  if (!t) return '';
  return `${shortName(t.nodeName)}: ${firstLine(t.task?.lastError || t.failures.at(-1)?.message || t.errorMessage || 'failed')}`;
}

/** waits tells those threads first that need somebody. */
export function waits(e: ExplainWfRunResponse, now: number): Wait[] {
  const order = { bad: 0, warn: 1, run: 2 };
  return e.threads
    .filter((t) => !(t.status === 'COMPLETED'))
    .map((t) => waitOf(t, now))
    .sort((a, b) => order[a.tone] - order[b.tone] || a.thread - b.thread);
}

function waitOf(t: ThreadExplanation, now: number): Wait {
  const more: string[] = t.timers.map((x) => timerText(x, now));
  const where = { thread: t.number, node: t.nodeName, ...(t.userTask?.userTaskRunId ? { userTask: t.userTask.userTaskRunId } : {}) };
  if (failed(t.status)) {
    const why = t.task?.lastError || t.failures.at(-1)?.message || t.errorMessage || t.failures.at(-1)?.failureName || 'no reason was given';
    const attempts = t.task ? ` after ${t.task.attempt} of ${t.task.totalAttempts} attempts` : '';
    return { ...where, tone: 'bad', more, sentence: `Failed at ${t.nodeName}${attempts}: ${firstLine(why)}` };
  }
  if (t.haltReasons.length > 0) {
    return { ...where, tone: 'warn', more, sentence: `Halted at ${t.nodeName}: ${t.haltReasons.map(haltText).join(', ')}` };
  }
  return { ...where, tone: t.task && !t.task.workers.length && !t.task.openPolls ? 'warn' : 'run', more: [...more, ...details(t)], sentence: sentence(t, now) };
}

function sentence(t: ThreadExplanation, now: number): string {
  const since = t.arrivalTime ? `, since ${agoText(t.arrivalTime, now).replace(' ago', '')}` : '';
  if (t.task) return taskSentence(t.nodeName, t.task, since);
  if (t.externalEvent) {
    const key = t.externalEvent.correlationKey;
    return `Waits for the event ${t.externalEvent.externalEventDefId?.name ?? ''}${key !== undefined ? ` with the key “${key}”` : ''}${since}`;
  }
  if (t.threads) return `Waits for ${t.threads.open.length}${t.threads.more ? ' or more' : ''} other threads${since}`;
  if (t.childWfRun) {
    const status = t.childWfRun.status ? lookOf(t.childWfRun.status).word : 'gone';
    return `Waits for the child run ${runId(t.childWfRun.wfRunId)}, which is ${status}${since}`;
  }
  if (t.userTask) {
    const who = t.userTask.userId ?? (t.userTask.userGroup ? `somebody of ${t.userTask.userGroup}` : 'somebody');
    return `Waits for ${who} to complete ${t.userTask.userTaskDefId?.name ?? 'a user task'}${since}`;
  }
  if (t.condition) return `Waits until its condition holds${since}`;
  if (t.sleep) return `Sleeps, and wakes ${t.sleep.maturationTime ? agoText(t.sleep.maturationTime, now) : 'some time'}`;
  return `Is ${lookOf(t.status).word} at ${t.nodeName}${since}`;
}

function taskSentence(node: string, t: TaskWait, since: string): string {
  const name = t.taskDefId?.name ?? node;
  const attempt = t.totalAttempts > 1 ? `, attempt ${t.attempt} of ${t.totalAttempts}` : '';
  switch (t.status) {
    case 'TASK_RUNNING':
      return `${t.taskWorkerId || 'A worker'} is working on ${name}${attempt}${since}`;
    case 'TASK_PENDING':
      return `Waits to try ${name} again${attempt}${since}`;
    default:
      break;
  }
  if (t.workers.length === 0 && t.openPolls === 0) return `${name} waits in the queue, and no worker has registered for it${since}`;
  const ahead = t.ahead ? `, with ${t.ahead.count}${t.ahead.more ? ' or more' : ''} tasks ahead of it` : '';
  return `${name} waits in the queue for a worker${ahead}${attempt}${since}`;
}

function details(t: ThreadExplanation): string[] {
  const out: string[] = [];
  if (t.task?.lastError) out.push(`the attempt before went wrong: ${firstLine(t.task.lastError)}`);
  if (t.task && t.task.openPolls > 0) out.push(`${t.task.openPolls} requests of workers lie open`);
  return out;
}

function haltText(r: ThreadHaltReason): string {
  if (r.manualHalt) return 'stopped by hand';
  if (r.parentHalted) return `its parent, thread ${r.parentHalted.parentThreadId}, is halted`;
  if (r.interrupted) return `interrupted by thread ${r.interrupted.interruptThreadId}`;
  if (r.pendingInterrupt) return `about to be interrupted by ${r.pendingInterrupt.externalEventId?.externalEventDefId?.name ?? 'an event'}`;
  if (r.pendingFailure) return 'about to handle its failure';
  if (r.handlingFailure) return `thread ${r.handlingFailure.handlerThreadId} handles its failure`;
  if (r.haltedByParent) return `thread ${r.haltedByParent.parentThreadRunNumber}, which waits for it, has failed`;
  return 'halted';
}

export const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';

