import type { ACLAction, ACLResource, ServerACL, ServerACLs } from './types.gen';

export const resources: ACLResource[] = [
  'ACL_ALL_RESOURCES',
  'ACL_WORKFLOW',
  'ACL_TASK',
  'ACL_USER_TASK',
  'ACL_EXTERNAL_EVENT',
  'ACL_WORKFLOW_EVENT',
  'ACL_STRUCT',
  'ACL_TASK_WORKER_GROUP',
  'ACL_PRINCIPAL',
  'ACL_TENANT',
  'ACL_QUOTA',
];

export const actions: ACLAction[] = ['READ', 'RUN', 'WRITE_METADATA', 'ALL_ACTIONS'];

/** resourceText is a resource as people call it. */
export const resourceText = (r: ACLResource): string => (r === 'ACL_ALL_RESOURCES' ? 'everything' : r.replace(/^ACL_/, '').toLowerCase().replaceAll('_', ' '));
export const actionText = (a: ACLAction): string => ({ READ: 'read', RUN: 'run', WRITE_METADATA: 'change', ALL_ACTIONS: 'all' })[a] ?? String(a);

/** Cell is a right without a name: a place of the matrix. */
export const cell = (r: ACLResource, a: ACLAction): string => `${r} ${a}`;

/** cellsOf are the rights that a matrix can show, and the others, which are for certain names only. */
export function cellsOf(of: ServerACLs | undefined): { cells: Set<string>; named: ServerACL[] } {
  const out = { cells: new Set<string>(), named: [] as ServerACL[] };
  for (const acl of of?.acls ?? []) {
    if (acl.name !== undefined || acl.prefix !== undefined) out.named.push(acl);
    else for (const r of acl.resources) for (const a of acl.allowedActions) out.cells.add(cell(r, a));
  }
  return out;
}

/** aclsOf is the opposite of cellsOf. */
export function aclsOf(cells: Set<string>, named: ServerACL[]): ServerACL[] {
  const out: ServerACL[] = [];
  for (const r of resources) {
    const allowed = actions.filter((a) => cells.has(cell(r, a)));
    if (allowed.length > 0) out.push({ resources: [r], allowedActions: allowed });
  }
  return [...out, ...named];
}

/** effective says who may do what in a tenant, whatever it follows from. */
export function effective(acls: ServerACL[], r: ACLResource, a: ACLAction): 'yes' | 'some' | 'no' {
  const fits = acls.filter((x) => (x.resources.includes('ACL_ALL_RESOURCES') || x.resources.includes(r)) && (x.allowedActions.includes('ALL_ACTIONS') || x.allowedActions.includes(a)));
  if (fits.some((x) => x.name === undefined && x.prefix === undefined)) return 'yes';
  return fits.length > 0 ? 'some' : 'no';
}

/** aclWord is a right as lhctl takes it. */
export const aclWord = (r: ACLResource, a: ACLAction): string =>
  `${r === 'ACL_ALL_RESOURCES' ? 'all' : r.toLowerCase()}:${{ READ: 'read', RUN: 'run', WRITE_METADATA: 'write', ALL_ACTIONS: 'all' }[a]}`;
