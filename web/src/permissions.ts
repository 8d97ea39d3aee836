import { useQuery } from '@tanstack/react-query';
import { call, session } from './api';
import type { ACLAction, ACLResource, Principal, ServerACL } from './types.gen';

export const useWhoami = (): Principal | undefined =>
  useQuery({ queryKey: ['whoami', session.token ?? ''], queryFn: ({ signal }) => call('Whoami', {}, signal), staleTime: 60_000 }).data;

/** missing says which right is missing for an action; the server decides in any case. */
export function missing(me: Principal | undefined, action: ACLAction, resource: ACLResource): string | undefined {
  if (!me) return undefined;
  const all: ServerACL[] = [...(me.globalAcls?.acls ?? []), ...(me.perTenantAcls[session.tenant]?.acls ?? [])];
  const given = all.some(
    (a) =>
      (a.resources.includes('ACL_ALL_RESOURCES') || a.resources.includes(resource)) &&
      (a.allowedActions.includes('ALL_ACTIONS') || a.allowedActions.includes(action)),
  );
  return given ? undefined : `You have no right to ${action} on ${resource}.`;
}

/** missingOf says of several rights which one is missing first. */
export const missingOf = (me: Principal | undefined, actions: ACLAction[], resource: ACLResource): string | undefined => actions.map((a) => missing(me, a, resource)).find(Boolean);
