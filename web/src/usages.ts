import type { Usage } from './types.gen';

/** User is a definition that uses another: of one with versions the newest, and how many older ones do too. */
export interface User {
  kind: string;
  name: string;
  version: string;
  older: number;
  /** path of its page. */
  path: string[];
}

/** usersOf are those of pages of usages, which come by kind, name and version. */
export function usersOf(usages: Usage[]): User[] {
  const out: User[] = [];
  for (const u of usages) {
    const user = userOf(u);
    const last = out.at(-1);
    if (last && last.kind === user.kind && last.name === user.name) out[out.length - 1] = { ...user, older: last.older + 1 };
    else out.push(user);
  }
  return out;
}

function userOf({ wfSpecId: w, structDefId: s, taskDefId: t, externalEventDefId: e, workflowEventDefId: thrown }: Usage): User {
  const user = (kind: string, page: string, name: string, version = ''): User => ({ kind, name, version, older: 0, path: version ? [page, name, version] : [page, name] });
  if (w) return user('workflow', 'specs', w.name, `${w.majorVersion}.${w.revision}`);
  if (s) return user('struct', 'structs', s.name, String(s.version));
  if (t) return user('task', 'tasks', t.name);
  if (e) return user('event', 'events', e.name);
  return user('workflow event', 'workflow-events', thrown?.name ?? '');
}
