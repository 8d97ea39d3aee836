import { type Answer, need } from './api';
import type { Look } from './status';
import type { NodeRun, UserTaskDef, UserTaskEvent, UserTaskRun, UserTaskRunStatus, VariableValue } from './types.gen';
import { editable, type Read, read } from './inputs';
import { textOf } from './values';

const looks: Record<UserTaskRunStatus, Look> = {
  UNASSIGNED: { word: 'unassigned', tone: 'warn', icon: 'clock' },
  ASSIGNED: { word: 'assigned', tone: 'run', icon: 'person' },
  DONE: { word: 'done', tone: 'good', icon: 'check' },
  CANCELLED: { word: 'cancelled', tone: 'still', icon: 'cross' },
};

export const userTaskLook = (s: UserTaskRunStatus): Look => looks[s] ?? { word: String(s), tone: 'still', icon: 'dot' };
export const userTaskStatuses: UserTaskRunStatus[] = ['UNASSIGNED', 'ASSIGNED', 'DONE', 'CANCELLED'];
export const isOpen = (t: UserTaskRun): boolean => t.status === 'UNASSIGNED' || t.status === 'ASSIGNED';

/** nameOfSpec is of which workflow a step is. Who may not read steps is told so; one that has gone meanwhile is of none. */
export const nameOfSpec = (step: Answer<NodeRun>): string | undefined => (step.error?.code === 'not_found' ? undefined : need(step).wfSpecId?.name);

/** holder says whose a user task is. */
export function holder(user: string | undefined, group: string | undefined): string {
  if (user && group) return `${user}, of ${group}`;
  return user || (group ? `anybody of ${group}` : 'nobody');
}

/** Comment is a comment as it reads now. */
export interface Comment {
  id: number;
  user: string;
  text: string;
  time: string | undefined;
  edited: boolean;
}

/** commentsOf are those that are not deleted: the last event of each says what it is. */
export function commentsOf(events: UserTaskEvent[]): Comment[] {
  const out = new Map<number, Comment>();
  for (const e of events) {
    const said = e.commentAdded ?? e.commentEdited;
    if (said) out.set(said.userCommentId, { id: said.userCommentId, user: said.userId, text: said.comment, time: e.time, edited: e.commentEdited !== undefined });
    if (e.commentDeleted) out.delete(e.commentDeleted.userCommentId);
  }
  return [...out.values()];
}

/** Happened is a line of the audit trail. */
export interface Happened {
  time: string | undefined;
  text: string;
  more: string[];
}

/** trail tells all that happened, in order; of what was saved, what became another value. */
export function trail(events: UserTaskEvent[]): Happened[] {
  let saved: Record<string, VariableValue> = {};
  return events.map((e) => {
    const at = { time: e.time, more: [] as string[] };
    if (e.assigned) {
      const { oldUserId, oldUserGroup, newUserId, newUserGroup } = e.assigned;
      const from = oldUserId || oldUserGroup ? `, from ${holder(oldUserId, oldUserGroup)}` : '';
      return { ...at, text: `given to ${holder(newUserId, newUserGroup)}${from}` };
    }
    if (e.saved) {
      const more = changes(saved, e.saved.results);
      saved = e.saved.results;
      return { ...at, text: `${e.saved.userId || 'somebody'} saved`, more: more.length > 0 ? more : ['nothing changed'] };
    }
    if (e.taskExecuted) return { ...at, text: `the task ${e.taskExecuted.taskRun?.taskGuid ?? ''} was run` };
    if (e.commentAdded) return { ...at, text: `${e.commentAdded.userId} commented`, more: [e.commentAdded.comment] };
    if (e.commentEdited) return { ...at, text: `${e.commentEdited.userId} changed comment ${e.commentEdited.userCommentId}`, more: [e.commentEdited.comment] };
    if (e.commentDeleted) return { ...at, text: `${e.commentDeleted.userId} deleted comment ${e.commentDeleted.userCommentId}` };
    if (e.cancelled) return { ...at, text: e.cancelled.message || 'cancelled' };
    return { ...at, text: e.completed ? 'completed' : 'something happened' };
  });
}

function changes(before: Record<string, VariableValue>, after: Record<string, VariableValue>): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((n) => {
    const [old, now] = [before[n], after[n]];
    if (!now) return [`${n} is empty`];
    if (!old) return [`${n}: ${textOf(now)}`];
    return textOf(old) === textOf(now) ? [] : [`${n}: ${textOf(old)} → ${textOf(now)}`];
  });
}

/** Texts are what stands in the fields of a form. */
export type Texts = Record<string, string>;

/** savedTexts are the fields as they were saved last. */
export const savedTexts = (def: UserTaskDef, run: UserTaskRun): Texts => Object.fromEntries(def.fields.map((f) => [f.name, editable(run.results[f.name])]));

/** Filled is a form with its values; problems are those of fields, by name. */
export interface Filled {
  results: Record<string, VariableValue>;
  problems: Record<string, string>;
  missing: string[];
}

/** fill reads a form. An empty field is left out. */
export function fill(def: UserTaskDef, texts: Texts): Filled {
  const out: Filled = { results: {}, problems: {}, missing: [] };
  for (const f of def.fields) {
    const text = texts[f.name] ?? '';
    if (text === '') {
      if (f.required) out.missing.push(f.name);
      continue;
    }
    const { value, problem }: Read = read(f.type, text);
    if (value) out.results[f.name] = value;
    if (problem) out.problems[f.name] = problem;
  }
  return out;
}
