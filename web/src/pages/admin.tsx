import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useState } from 'react';
import { actions, aclWord, aclsOf, actionText, cell, cellsOf, effective, resources, resourceText } from '../acls';
import { Preview } from '../actions';
import { ask, call, session } from '../api';
import { command } from '../commands';
import { each, pageSize, Rows, Table, TextFilter, usePages } from '../lists';
import { useForm } from '../offers';
import { missing, useWhoami } from '../permissions';
import { address, go, setSearch, to, useRoute } from '../router';
import type { Principal, Quota, ServerACL, Tenant } from '../types.gen';
import { A, Button, Empty, Field, Heading, ObjectHeading, Panel, Problem, Skeleton, Time } from '../ui';

export function Tenants(): ReactElement {
  const me = useWhoami();
  const may = missing(me, 'WRITE_METADATA', 'ACL_TENANT');
  const [making, setMaking] = useForm('new', may);
  const [editing, edit] = useState<Tenant>();
  const found = usePages(
    ['tenantPages'],
    (bookmark) => ask('SearchTenant', { limit: pageSize, ...(bookmark ? { bookmark } : {}) }),
    (ids, signal) => each(ids, (id) => ask('GetTenant', id), signal),
  );
  return (
    <>
      <Heading title="Tenants" about="Each has definitions, runs and rights of its own.">
        <Button kind="main" forbidden={may} onClick={() => setMaking(true)}>
          New tenant
        </Button>
      </Heading>
      <Panel bare>
        <Rows of={found} empty={<Empty icon="nest" title="There is none that you may see" />}>
          {(rows) => (
            <Table
              label="Tenants"
              rows={rows}
              id={(t) => t.id?.id ?? ''}
              columns={[
                { name: 'Tenant', of: (t) => <A href={address([t.id?.id ?? '', 'runs'])}>{t.id?.id}</A> },
                { name: 'Made', of: (t) => <Time at={t.createdAt} /> },
                { name: 'Output topics', of: (t) => (t.outputTopicConfig ? (t.outputTopicConfig.defaultRecordingLevel === 'ALL_ENTITY_EVENTS' ? 'record all' : 'record what is asked for') : 'none') },
                { name: 'Principals', of: (t) => <A href={to(['principals'], { of: t.id?.id })}>of {t.id?.id}</A> },
                { name: 'Change', of: (t) => <Button label={`Change tenant ${t.id?.id}`} icon="repair" forbidden={may} onClick={() => edit(t)} /> },
              ]}
            />
          )}
        </Rows>
      </Panel>
      {making && <TenantForm of={undefined} onClose={() => setMaking(false)} />}
      {editing && <TenantForm of={editing} onClose={() => edit(undefined)} />}
    </>
  );
}

type Level = '' | 'ALL_ENTITY_EVENTS' | 'NO_ENTITY_EVENTS';

function TenantForm({ of, onClose }: { of: Tenant | undefined; onClose: () => void }): ReactElement {
  const [id, setId] = useState(of?.id?.id ?? '');
  const [level, setLevel] = useState<Level>(of?.outputTopicConfig?.defaultRecordingLevel ?? '');
  return (
    <Preview
      title={of ? `Change tenant ${id}` : 'New tenant'}
      rpc="PutTenant"
      request={{ id, ...(level ? { outputTopicConfig: { defaultRecordingLevel: level } } : {}) }}
      cli={command('put', 'tenant', id || '<tenant>', ...(level ? [level === 'ALL_ENTITY_EVENTS' ? '--all-entity-events' : '--no-entity-events'] : []))}
      confirm={of ? 'Change' : 'Make it'}
      done={of ? 'Changed.' : 'It is there.'}
      problem={id ? undefined : 'Name it.'}
      onClose={onClose}
    >
      {!of && <Field label="Name">{(field) => <input id={field} className="input" autoComplete="off" value={id} onChange={(e) => setId(e.target.value)} />}</Field>}
      <Field label="Output topics">
        {(field) => (
          <select id={field} className="input" value={level} onChange={(e) => setLevel(e.target.value as Level)}>
            <option value="">none</option>
            <option value="ALL_ENTITY_EVENTS">record every object unless told otherwise</option>
            <option value="NO_ENTITY_EVENTS">record what is asked for</option>
          </select>
        )}
      </Field>
    </Preview>
  );
}

const tenantsOf = (p: Principal): string[] => Object.keys(p.perTenantAcls).sort();

export function Principals(): ReactElement {
  const { search } = useRoute();
  const of = search.get('of') ?? '';
  const admins = search.get('admins') === 'yes';
  const may = missing(useWhoami(), 'WRITE_METADATA', 'ACL_PRINCIPAL');
  const [making, setMaking] = useForm('new', may);
  const found = usePages(
    ['principals', of, admins],
    (bookmark) => ask('SearchPrincipal', { limit: pageSize, ...(bookmark ? { bookmark } : {}), ...(of ? { tenantId: of } : admins ? { isAdmin: true } : {}) }),
    (ids, signal) => each(ids, (id) => ask('GetPrincipal', id), signal),
  );
  if (making) return <Rights of={undefined} />;
  return (
    <>
      <Heading title="Principals" about="Who may do what. Whoever has no principal has no rights.">
        <Button kind="main" icon="person" forbidden={may} onClick={() => setMaking(true)}>
          New principal
        </Button>
      </Heading>
      <div className="filters">
        <TextFilter label="Of the tenant" name="of" width={180} search />
        <label className="row">
          <input type="checkbox" checked={admins} onChange={(e) => setSearch({ admins: e.target.checked ? 'yes' : undefined })} /> only those who may do everything
        </label>
      </div>
      <Panel bare>
        <Rows of={found} empty={<Empty icon="person" title="There is none like that" />}>
          {(rows) => (
            <Table
              label="Principals"
              rows={rows}
              id={(p) => p.id?.id ?? ''}
              columns={[
                { name: 'Principal', of: (p) => <A href={to(['principals', p.id?.id ?? ''])}>{p.id?.id}</A> },
                { name: 'Made', of: (p) => <Time at={p.createdAt} /> },
                { name: 'Everywhere', of: (p) => summary(p.globalAcls?.acls ?? []), wide: true },
                { name: 'In tenants', of: (p) => tenantsOf(p).join(', ') || '–', wide: true },
              ]}
            />
          )}
        </Rows>
      </Panel>
    </>
  );
}

function summary(acls: ServerACL[]): string {
  if (acls.length === 0) return '–';
  return acls.map((a) => `${a.allowedActions.map(actionText).join(', ')} on ${a.resources.map(resourceText).join(', ')}${a.name !== undefined ? ` named ${a.name}` : a.prefix !== undefined ? ` beginning with ${a.prefix}` : ''}`).join('; ');
}

export function PrincipalPage(): ReactElement {
  const id = useRoute().rest[0] ?? '';
  const seen = useQuery({ queryKey: [session.tenant, 'principal', id], queryFn: ({ signal }) => call('GetPrincipal', { id }, signal) });
  if (seen.error) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={8} />;
  return <Rights key={seen.data.createdAt ?? id} of={seen.data} />;
}

/** scopes of rights: everywhere, or a tenant. */
const everywhere = '';

function Rights({ of }: { of: Principal | undefined }): ReactElement {
  const me = useWhoami();
  const [id, setId] = useState(of?.id?.id ?? '');
  const [scope, setScope] = useState(() => (of && !of.globalAcls?.acls.length ? (tenantsOf(of)[0] ?? everywhere) : everywhere));
  const [more, setMore] = useState('');
  const [acls, setAcls] = useState<Record<string, ServerACL[]>>(() => ({
    [everywhere]: of?.globalAcls?.acls ?? [],
    ...Object.fromEntries(Object.entries(of?.perTenantAcls ?? {}).map(([t, a]) => [t, a.acls])),
  }));
  const [asking, askFor] = useState<'save' | 'delete'>();
  const here = acls[scope] ?? [];
  const { cells, named } = cellsOf({ acls: here });
  const all = scope === everywhere ? here : [...here, ...(acls[everywhere] ?? [])];
  const may = missing(me, 'WRITE_METADATA', 'ACL_PRINCIPAL');
  const flip = (place: string): void => {
    const next = new Set(cells);
    if (!next.delete(place)) next.add(place);
    setAcls({ ...acls, [scope]: aclsOf(next, named) });
  };
  return (
    <>
      <ObjectHeading
        list="Principals"
        href={to(['principals'])}
        title={of ? of.id?.id : 'New principal'}
        about={
          of && (
            <>
              Made <Time at={of.createdAt} />
            </>
          )
        }
      >
        <Button kind="main" forbidden={may ?? (id ? undefined : 'Name it.')} onClick={() => askFor('save')}>
          Save
        </Button>
        {of && <Button kind="danger" icon="bin" label="Delete this principal" forbidden={may} onClick={() => askFor('delete')} />}
      </ObjectHeading>
      {!of && <Field label="Name">{(field) => <input id={field} className="input" style={{ width: 320 }} autoComplete="off" value={id} onChange={(e) => setId(e.target.value)} />}</Field>}
      <div className="row">
        <div className="chips" role="group" aria-label="Where the rights hold">
          {Object.keys(acls)
            .sort()
            .map((s) => (
              <button key={s} type="button" className="button" aria-current={s === scope} onClick={() => setScope(s)}>
                {s === everywhere ? 'everywhere' : s}
              </button>
            ))}
        </div>
        <input className="input" style={{ width: 160 }} aria-label="Another tenant" placeholder="another tenant" value={more} onChange={(e) => setMore(e.target.value)} />
        <Button
          forbidden={more ? undefined : 'Name the tenant.'}
          onClick={() => {
            setAcls({ [more]: [], ...acls });
            setScope(more);
            setMore('');
          }}
        >
          Add
        </Button>
      </div>
      <Panel title={scope === everywhere ? 'Rights everywhere' : `Rights in ${scope}`} bare>
        <div className="scroll" tabIndex={0} role="region" aria-label="Rights">
          <table className="matrix">
            <thead>
              <tr>
                <th scope="col">On</th>
                {actions.map((a) => (
                  <th key={a} scope="col">
                    {actionText(a)}
                  </th>
                ))}
                <th scope="col">So it may</th>
              </tr>
            </thead>
            <tbody>
              {resources.map((r) => (
                <tr key={r}>
                  <th scope="row">{resourceText(r)}</th>
                  {actions.map((a) => (
                    <td key={a}>
                      <input type="checkbox" aria-label={`${actionText(a)} on ${resourceText(r)}`} checked={cells.has(cell(r, a))} disabled={may !== undefined} onChange={() => flip(cell(r, a))} />
                    </td>
                  ))}
                  <td className="soft small">{wordsOf(all, r)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
      {named.length > 0 && (
        <Panel title="Only for certain names">
          <ul className="stack tight">
            {named.map((a, i) => (
              <li key={i} className="row">
                <span className="grow">{summary([a])}</span>
                <Button icon="bin" label={`Take away: ${summary([a])}`} forbidden={may} onClick={() => setAcls({ ...acls, [scope]: here.filter((x) => x !== a) })} />
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {asking === 'save' && <Save id={id} acls={acls} exists={of !== undefined} onClose={() => askFor(undefined)} />}
      {asking === 'delete' && (
        <Preview
          title="Delete this principal?"
          rpc="DeletePrincipal"
          request={{ id: { id } }}
          cli={command('delete', 'principal', id)}
          confirm="Delete"
          done="Deleted."
          danger
          onClose={() => askFor(undefined)}
          onDone={() => go(to(['principals']))}
        >
          <p>
            <strong>{id}</strong> has no rights then, and his quotas go with him.
          </p>
        </Preview>
      )}
    </>
  );
}

function wordsOf(all: ServerACL[], r: (typeof resources)[number]): string {
  const words = actions.slice(0, 3).flatMap((a) => {
    const how = effective(all, r, a);
    return how === 'no' ? [] : [how === 'some' ? `${actionText(a)} some` : actionText(a)];
  });
  return words.join(', ') || 'nothing';
}

function Save({ id, acls, exists, onClose }: { id: string; acls: Record<string, ServerACL[]>; exists: boolean; onClose: () => void }): ReactElement {
  const tenants = Object.entries(acls).filter(([t, a]) => t !== everywhere && a.length > 0);
  const global = acls[everywhere] ?? [];
  const request = { id, globalAcls: { acls: global }, perTenantAcls: Object.fromEntries(tenants.map(([t, a]) => [t, { acls: a }])), overwrite: exists };
  return (
    <Preview
      title={exists ? `Change the rights of ${id}?` : `Make the principal ${id}?`}
      rpc="PutPrincipal"
      request={request}
      cli={principalCommand(id, tenants, global, exists) ?? `lhctl deploy principal - <<'END'\n${JSON.stringify(request, null, 2)}\nEND`}
      confirm={exists ? 'Change them' : 'Make it'}
      done={exists ? 'Changed.' : 'It is there.'}
      onClose={onClose}
      onDone={() => go(to(['principals', id]))}
    >
      <dl className="facts">
        <dt>everywhere</dt>
        <dd>{summary(global)}</dd>
        {tenants.map(([t, a]) => (
          <div key={t} style={{ display: 'contents' }}>
            <dt>in {t}</dt>
            <dd>{summary(a)}</dd>
          </div>
        ))}
      </dl>
    </Preview>
  );
}

/** principalCommand is the short form, which is for rights in one place and for all names. */
function principalCommand(id: string, tenants: [string, ServerACL[]][], global: ServerACL[], exists: boolean): string | undefined {
  if (tenants.length > 1 || (tenants.length === 1 && global.length > 0)) return undefined;
  const [tenant, acls] = tenants[0] ?? [undefined, global];
  if (acls.some((a) => a.name !== undefined || a.prefix !== undefined)) return undefined;
  const words = acls.flatMap((a) => a.resources.flatMap((r) => a.allowedActions.map((x) => aclWord(r, x))));
  return command('put', 'principal', id, ...(words.length > 0 ? ['--acl', words.join(',')] : []), ...(tenant === undefined ? [] : ['--tenantId', tenant]), ...(exists ? ['--overwrite'] : []));
}

const quotaKey = (q: Quota): string => `${q.id?.tenant?.id}/${q.id?.principal?.id ?? ''}`;

export function Quotas(): ReactElement {
  const { search } = useRoute();
  const of = search.get('of') ?? '';
  const me = useWhoami();
  const may = missing(me, 'WRITE_METADATA', 'ACL_QUOTA');
  const [making, setMaking] = useForm('new', may);
  const [editing, edit] = useState<Quota>();
  const [gone, setGone] = useState<Quota>();
  const found = usePages(
    ['quotas', of],
    (bookmark) => ask('SearchQuota', { limit: pageSize, ...(bookmark ? { bookmark } : {}), ...(of ? { tenantId: of } : {}) }),
    async (ids, signal) => {
      const now = new Date();
      const windowStart = new Date(now.getTime() - 3_600_000).toISOString();
      const quotas = await each(ids, (id) => ask('GetQuota', id), signal);
      const usage = await each(quotas, (q) => ask('ListQuotaUsageMetrics', { quotaId: q.id!, windowStart, windowEnd: now.toISOString() }), signal);
      return quotas.map((quota, i) => ({ quota, usage: usage[i]?.windows.map((w) => w.quotaUsage) ?? [] }));
    },
  );
  const sum = (of: ({ requestsObserved: number; requestsThrottled: number } | undefined)[], what: 'requestsObserved' | 'requestsThrottled'): number => of.reduce((n, u) => n + (u?.[what] ?? 0), 0);
  return (
    <>
      <Heading title="Quotas" about="How much a tenant, or one of its principals, may write in a second.">
        <Button kind="main" forbidden={may} onClick={() => setMaking(true)}>
          New quota
        </Button>
      </Heading>
      <div className="filters">
        <TextFilter label="Of the tenant" name="of" width={180} search />
      </div>
      <Panel bare>
        <Rows of={found} empty={<Empty icon="flag" title="There is none: nobody is held back" />}>
          {(rows) => (
            <Table
              label="Quotas"
              rows={rows}
              id={({ quota }) => quotaKey(quota)}
              columns={[
                { name: 'Tenant', of: ({ quota: q }) => <strong>{q.id?.tenant?.id}</strong> },
                { name: 'Principal', of: ({ quota: q }) => q.id?.principal?.id ?? 'all together' },
                { name: 'Writes in a second', of: ({ quota: q }) => q.writeRequestsPerSecond },
                { name: 'Calls in the last hour', of: ({ usage }) => sum(usage, 'requestsObserved') },
                { name: 'Held back', of: ({ usage }) => sum(usage, 'requestsThrottled') },
                { name: 'Made', of: ({ quota: q }) => <Time at={q.createdAt} /> },
                {
                  name: 'Change',
                  of: ({ quota: q }) => (
                    <span className="row tight">
                      <Button icon="repair" label={`Change the quota of ${quotaKey(q)}`} forbidden={may} onClick={() => edit(q)} />
                      <Button kind="danger" icon="bin" label={`Delete the quota of ${quotaKey(q)}`} forbidden={may} onClick={() => setGone(q)} />
                    </span>
                  ),
                },
              ]}
            />
          )}
        </Rows>
      </Panel>
      {making && <QuotaForm of={undefined} onClose={() => setMaking(false)} />}
      {editing && <QuotaForm of={editing} onClose={() => edit(undefined)} />}
      {gone && (
        <Preview
          title="Delete this quota?"
          rpc="DeleteQuota"
          request={{ id: gone.id! }}
          cli={command('delete', 'quota', gone.id?.tenant?.id ?? '', ...(gone.id?.principal ? ['--principal', gone.id.principal.id] : []))}
          confirm="Delete"
          done="Deleted."
          danger
          onClose={() => setGone(undefined)}
        >
          <p>Nothing holds {gone.id?.principal?.id ?? gone.id?.tenant?.id} back any more.</p>
        </Preview>
      )}
    </>
  );
}

function QuotaForm({ of, onClose }: { of: Quota | undefined; onClose: () => void }): ReactElement {
  const [tenant, setTenant] = useState(of?.id?.tenant?.id ?? session.tenant);
  const [principal, setPrincipal] = useState(of?.id?.principal?.id ?? '');
  const [text, setText] = useState(String(of?.writeRequestsPerSecond ?? 100));
  const most = /^\d+$/.test(text) ? Number(text) : undefined;
  return (
    <Preview
      title={of ? 'Change the quota' : 'New quota'}
      rpc="PutQuota"
      request={{ tenant: { id: tenant }, ...(principal ? { principal: { id: principal } } : {}), writeRequestsPerSecond: most ?? 0 }}
      cli={command('put', 'quota', tenant || '<tenant>', ...(principal ? ['--principal', principal] : []), '--writeRequestsPerSecond', text)}
      confirm={of ? 'Change' : 'Make it'}
      done={of ? 'Changed.' : 'It is there.'}
      problem={!tenant ? 'Name the tenant.' : most ? undefined : 'It is a whole number above zero.'}
      onClose={onClose}
    >
      {!of && <Field label="Tenant">{(id) => <input id={id} className="input" value={tenant} onChange={(e) => setTenant(e.target.value)} />}</Field>}
      {!of && <Field label="Principal; empty for all together">{(id) => <input id={id} className="input" value={principal} onChange={(e) => setPrincipal(e.target.value)} />}</Field>}
      <Field label="Writes in a second" problem={most ? undefined : 'It is a whole number above zero.'}>
        {(id) => <input id={id} className="input" inputMode="numeric" value={text} onChange={(e) => setText(e.target.value)} />}
      </Field>
    </Preview>
  );
}
