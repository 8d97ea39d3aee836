import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useState } from 'react';
import { Preview } from '../actions';
import { ask, batch, call, need, session } from '../api';
import { command } from '../commands';
import { Choice, each, pageSize, Rows, since, Table, TextFilter, usePages, within } from '../lists';
import { missing, useWhoami } from '../permissions';
import { go, to, useRoute } from '../router';
import { MaySources } from '../source';
import type { UserTaskDef, UserTaskRunStatus } from '../types.gen';
import { A, Badge, Button, Empty, ObjectHeading, Panel, Problem, Skeleton, Time } from '../ui';
import { UsedBy, Users } from '../usedby';
import { holder, type Texts, userTaskLook, userTaskStatuses } from '../usertasks';
import { runId, runParts } from '../values';
import { Compared, Definitions, Versions } from './definitions';
import { FormFields } from './inbox';

export function Forms(): ReactElement {
  return (
    <Definitions
      kind="forms"
      title="Forms"
      about="What people are asked to fill in when a workflow gives them a user task."
      page="user-task-defs"
      versioned
      find={async (prefix, signal) => (await call('SearchUserTaskDef', { limit: 1000, ...prefix }, signal)).results.map((d) => ({ name: d.name, version: d.version }))}
      empty="lhctl deploy userTaskDef my-form.json"
    />
  );
}

/** textsOf are the fields of a form as they are compared. */
const textsOf = (d: UserTaskDef): Map<string, string> =>
  new Map(d.fields.map((f) => [f.name, [f.type, f.required ? 'required' : 'optional', f.displayName && `shown as ${f.displayName}`, f.description].filter(Boolean).join(', ')]));

export function Form(): ReactElement {
  const { rest, search } = useRoute();
  const [name = '', version = ''] = rest;
  const me = useWhoami();
  const [texts, setTexts] = useState<Texts>({});
  const [deleting, setDeleting] = useState(false);
  const other = search.get('with') ?? '';
  const seen = useQuery({
    queryKey: [session.tenant, 'form', name, version, other],
    queryFn: async ({ signal }) => {
      const chosen = version ? Number(version) : need((await batch([ask('GetLatestUserTaskDef', { name })], signal))[0]).version;
      const of = { userTaskDefId: { name, version: chosen } };
      const [def, all, users, than] = await batch(
        [ask('GetUserTaskDef', of.userTaskDefId), ask('SearchUserTaskDef', { name, limit: 1000 }), ask('SearchUsages', of), ...(other ? [ask('GetUserTaskDef', { name, version: Number(other) })] : [])] as const,
        signal,
      );
      return { def: need(def), versions: (all.reply?.results ?? []).map((v) => v.version), of, users, than: than?.reply };
    },
  });
  const status = (search.get('status') ?? 'UNASSIGNED') as UserTaskRunStatus | 'ANY';
  const user = search.get('user') ?? '';
  const group = search.get('group') ?? '';
  const back = search.get('since') ?? '';
  const runs = usePages(
    ['formRuns', name, status, user, group, back],
    (bookmark) =>
      ask('SearchUserTaskRun', {
        userTaskDefName: name,
        limit: pageSize,
        ...(bookmark ? { bookmark } : {}),
        ...(status === 'ANY' ? {} : { status }),
        ...(user ? { userId: user } : {}),
        ...(group ? { userGroup: group } : {}),
        ...since(back),
      }),
    (ids, signal) => each(ids, (id) => ask('GetUserTaskRun', id), signal),
    ['usertasks'],
  );
  if (seen.error) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={8} />;
  const { def, versions, of, users, than } = seen.data;
  return (
    <>
      <ObjectHeading
        list="Forms"
        href={to(['user-task-defs'])}
        title={def.name}
        version={
            <Versions all={versions} chosen={def.version} choose={(v) => go(to(['user-task-defs', name, v]))} />
        }
        about={
          <>
            {def.description && <>{def.description} · </>}Registered <Time at={def.createdAt} />
          </>
        }
      >
        <Button kind="danger" icon="bin" label="Delete this version" forbidden={missing(me, 'WRITE_METADATA', 'ACL_USER_TASK')} onClick={() => setDeleting(true)} />
      </ObjectHeading>
      <Panel title="Fields" bare>
        <Table
          label="Fields"
          rows={def.fields}
          id={(f) => f.name}
          columns={[
            { name: 'Name', of: (f) => <strong>{f.name}</strong> },
            { name: 'Shown as', of: (f) => f.displayName || '–' },
            { name: 'Type', of: (f) => <span className="tag">{f.type}</span> },
            { name: 'Required', of: (f) => (f.required ? 'yes' : 'no') },
            { name: 'Description', of: (f) => f.description ?? '–', wide: true },
          ]}
        />
      </Panel>
      <Panel title="As people see it">
        <FormFields def={{ ...def, description: '' }} texts={texts} set={setTexts} />
      </Panel>
      <Compared versions={versions} version={def.version} fields={textsOf(def)} than={than && textsOf(than)} />
      <UsedBy of={of} first={users} />
      <Panel title="User tasks with it" bare>
        <div className="body filters">
          <Choice label="Status" name="status" value={status} options={[...userTaskStatuses.map((s): [string, string] => [s, userTaskLook(s).word]), ['ANY', 'any']]} />
          <TextFilter label="User" name="user" width={140} />
          <TextFilter label="Group" name="group" width={140} />
          <Choice label="Since" name="since" value={back} options={within} />
        </div>
        <Rows of={runs} empty={<Empty icon="person" title="There is none like that" />}>
          {(rows) => (
            <Table
              label="User tasks"
              rows={rows}
              id={(t) => `${runId(t.id?.wfRunId)}/${t.id?.userTaskGuid}`}
              columns={[
                { name: 'User task', of: (t) => <A href={to(['user-tasks', t.id?.userTaskGuid ?? '', ...runParts(t.id?.wfRunId)], { queue: 'all' })}>{t.id?.userTaskGuid} with its history</A> },
                { name: 'Run', of: (t) => <A href={to(['runs', ...runParts(t.id?.wfRunId)])}>{runId(t.id?.wfRunId)}</A> },
                { name: 'Status', of: (t) => <Badge look={userTaskLook(t.status)} /> },
                { name: 'With', of: (t) => holder(t.userId, t.userGroup) },
                { name: 'Asked', of: (t) => <Time at={t.scheduledTime} /> },
              ]}
            />
          )}
        </Rows>
      </Panel>
      <MaySources name={`${def.name} ${def.version}`} of={def} rpc="GetUserTaskDef" request={of.userTaskDefId} />
      {deleting && (
        <Preview
          title="Delete this version of the form?"
          rpc="DeleteUserTaskDef"
          request={{ id: { name: def.name, version: def.version } }}
          cli={command('delete', 'userTaskDef', def.name, String(def.version))}
          confirm="Delete"
          done="Deleted."
          danger
          onClose={() => setDeleting(false)}
          onDone={() => go(to(['user-task-defs']))}
        >
          <p>
            {def.name} version {def.version} goes. Runs that come to a user task with it fail there; user tasks that are open stay. Now these use it:
          </p>
          <Users of={of} first={users} />
        </Preview>
      )}
    </>
  );
}
