import type { NodeRun, TaskRun } from './types.gen';

/** What a step does with its time. */
export type Use = 'worked' | 'queued' | 'backoff' | 'waited';

export interface Part {
  use: Use;
  from: number;
  to: number;
}

/** Bar is one step on the axis of time. */
export interface Bar {
  node: string;
  position: number;
  status: NodeRun['status'];
  from: number;
  to: number;
  open: boolean;
  parts: Part[];
}

const ms = (at: string | undefined): number | undefined => (at === undefined ? undefined : Date.parse(at));

/** bars are the steps in their order, each with what it did when. */
export function bars(nodes: NodeRun[], tasks: TaskRun[], now: number): Bar[] {
  const byGuid = new Map(tasks.map((t) => [t.id?.taskGuid, t]));
  return [...nodes]
    .sort((a, b) => (a.id?.position ?? 0) - (b.id?.position ?? 0))
    .flatMap((n) => {
      const from = ms(n.arrivalTime);
      if (from === undefined) return [];
      const task = byGuid.get(n.task?.taskRunId?.taskGuid);
      const last = Math.max(from, ...(task?.attempts ?? []).map((a) => ms(a.endTime) ?? 0));
      const ended = ms(n.endTime) ?? (n.status === 'ERROR' || n.status === 'EXCEPTION' ? last : undefined);
      const to = Math.max(from, ended ?? now);
      const waits = n.externalEvent ?? n.sleep ?? n.userTask ?? n.waitForThreads ?? n.waitForCondition ?? n.waitForChildWf;
      const parts = task ? attempts(task, from, to) : [{ use: waits ? ('waited' as const) : ('worked' as const), from, to }];
      return [{ node: n.nodeName, position: n.id?.position ?? 0, status: n.status, from, to, open: ended === undefined, parts }];
    });
}

/** attempts tells a task's time apart: in the queue, with a worker, and between two attempts. */
function attempts(task: TaskRun, from: number, to: number): Part[] {
  const out: Part[] = [];
  const add = (use: Use, a: number, b: number): void => {
    if (b > a) out.push({ use, from: a, to: b });
  };
  let at = from;
  for (const a of task.attempts) {
    const scheduled = ms(a.scheduleTime) ?? at;
    const started = ms(a.startTime);
    const end = ms(a.endTime) ?? to;
    if (out.length > 0) add('backoff', at, scheduled);
    add('queued', Math.max(at, scheduled), started ?? end);
    if (started !== undefined) add('worked', started, end);
    at = end;
  }
  if (task.status === 'TASK_PENDING') add('backoff', at, to);
  return out;
}

/** totals of all parts by what they are. */
export function totals(all: Bar[]): Record<Use, number> {
  const out: Record<Use, number> = { worked: 0, queued: 0, backoff: 0, waited: 0 };
  for (const bar of all) for (const p of bar.parts) out[p.use] += p.to - p.from;
  return out;
}
