import { type ReactElement, type ReactNode, useEffect, useState } from 'react';
import { Preview } from '../actions';
import { ask, batch, call, need, session } from '../api';
import { answering, command, curl } from '../commands';
import { keep, useDraft } from '../drafts';
import { ValueInput } from '../inputs';
import { elsewhere } from '../keys';
import { Choice, each, type Pages, pageSize, Rows, since, TextFilter, usePages, within } from '../lists';
import { useSeen } from '../live';
import { missing, useWhoami } from '../permissions';
import { usePerson } from '../person';
import { go, setSearch, to, useRoute } from '../router';
import { agoText } from '../times';
import type { UserTaskDef, UserTaskRun, UserTaskRunStatus } from '../types.gen';
import { A, Badge, Button, Empty, Field, Note, Panel, Problem, Skeleton, Tabs, Time, useNow } from '../ui';
import { type Comment, commentsOf, fill, holder, isOpen, nameOfSpec, savedTexts, type Texts, trail, userTaskLook, userTaskStatuses } from '../usertasks';
import { runId, runIdOf, runParts } from '../values';

type Queue = 'mine' | 'unassigned' | 'group' | 'all';

const queues: { id: Queue; title: string }[] = [
  { id: 'unassigned', title: 'Unassigned' },
  { id: 'mine', title: 'Mine' },
  { id: 'group', title: 'Of a group' },
  { id: 'all', title: 'By status' },
];

const rowId = (t: UserTaskRun): string => `${runId(t.id?.wfRunId)}/${t.id?.userTaskGuid}`;

/** addressOf is where a user task is worked on, with the list as it is. */
const addressOf = (t: UserTaskRun, search: URLSearchParams): string =>
  to(['user-tasks', t.id?.userTaskGuid ?? '', ...runParts(t.id?.wfRunId)], Object.fromEntries(search));

export function Inbox(): ReactElement {
  const { rest, search } = useRoute();
  const [person, setPerson] = usePerson();
  const me = useWhoami();
  const queue = (search.get('queue') ?? 'unassigned') as Queue;
  const found = useFound(queue, search, person);
  const chosen = rest.length > 1 ? `${rest.slice(1).join('_')}/${rest[0]}` : '';
  useSteps(found.rows, chosen, search);
  return (
    <>
      <div className="title">
        <div className="grow">
          <h1>User tasks</h1>
          <p className="soft">What people are asked to decide, and to fill in.</p>
        </div>
        <div className="row tight">
          <A className="button" href={to(['user-task-defs'])}>
            Forms
          </A>
        </div>
      </div>
      <Tabs label="Queues" chosen={queue} choose={(id) => setSearch({ queue: id === 'unassigned' ? undefined : id })} tabs={queues} />
      <div className="filters">
        <Field label="In the name of">
          {(id) => <input id={id} className="input" style={{ width: 180 }} autoComplete="off" placeholder={me?.id?.id === 'anonymous' ? 'a user' : me?.id?.id} value={person} onChange={(e) => setPerson(e.target.value)} />}
        </Field>
        {queue === 'group' && <TextFilter label="Group" name="group" width={160} />}
        {queue !== 'unassigned' && (
          <Choice
            label="Status"
            name="status"
            value={search.get('status') ?? (queue === 'all' ? 'ASSIGNED' : '')}
            options={[...(queue === 'all' ? [] : [['', 'any'] as [string, string]]), ...userTaskStatuses.map((s): [string, string] => [s, userTaskLook(s).word])]}
          />
        )}
        <TextFilter label="Form" name="def" width={180} search />
        <TextFilter label="Workflow" name="spec" width={180} />
        <Choice label="Since" name="since" value={search.get('since') ?? ''} options={within} />
      </div>
      <div className={chosen ? 'inbox opened' : 'inbox'}>
        <Panel bare>
          <Rows of={found} empty={<NothingToDo queue={queue} person={person} group={search.get('group') ?? ''} />}>
            {(rows) => (
              <ul className="tickets" aria-label="User tasks">
                {rows.map((t) => (
                  <li key={rowId(t)} data-row={rowId(t)}>
                    <A href={addressOf(t, search)} current={rowId(t) === chosen} className="ticket">
                      <span className="row">
                        <strong className="grow clip">{t.userTaskDefId?.name}</strong>
                        <Begun of={rowId(t)} />
                        <Badge look={userTaskLook(t.status)} />
                      </span>
                      <span className="clip">{t.notes || runId(t.id?.wfRunId)}</span>
                      <span className="soft small clip">
                        {holder(t.userId, t.userGroup)} · <Time at={t.scheduledTime} />
                      </span>
                    </A>
                  </li>
                ))}
              </ul>
            )}
          </Rows>
        </Panel>
        {chosen && <Detail key={chosen} guid={rest[0] ?? ''} run={rest.slice(1)} person={person} />}
      </div>
    </>
  );
}

/** Begun marks a task of which somebody has filled in something and not saved it. */
const Begun = ({ of }: { of: string }): ReactElement | null => (useDraft(of) ? <span className="tag">not saved</span> : null);

function NothingToDo({ queue, person, group }: { queue: Queue; person: string; group: string }): ReactElement {
  const asks = queue === 'mine' && !person ? 'Say in whose name you look.' : queue === 'group' && !group ? 'Name the group.' : '';
  return (
    <Empty icon="person" title={asks ? 'Whose?' : 'Nothing waits here'}>
      <p>{asks || 'A workflow asks people by assigning a user task to them or to their group.'}</p>
    </Empty>
  );
}

function useFound(queue: Queue, search: URLSearchParams, person: string): Pages<UserTaskRun> {
  const status = queue === 'unassigned' ? 'UNASSIGNED' : ((search.get('status') ?? (queue === 'all' ? 'ASSIGNED' : '')) as UserTaskRunStatus | '');
  const group = queue === 'group' ? (search.get('group') ?? '') : '';
  const def = search.get('def') ?? '';
  const spec = search.get('spec') ?? '';
  const back = search.get('since') ?? '';
  const nobody = (queue === 'mine' && !person) || (queue === 'group' && !group);
  return usePages(
    ['userTasks', queue, status, group, def, spec, back, queue === 'mine' ? person : ''],
    (bookmark) => {
      if (nobody) return undefined;
      return ask('SearchUserTaskRun', {
        limit: pageSize,
        ...(bookmark ? { bookmark } : {}),
        ...(status ? { status } : {}),
        ...(queue === 'mine' ? { userId: person } : {}),
        ...(group ? { userGroup: group } : {}),
        ...(def ? { userTaskDefName: def } : {}),
        ...since(back),
      });
    },
    async (ids, signal) => {
      const tasks = await each(ids, (id) => ask('GetUserTaskRun', id), signal);
      return spec ? ofSpec(spec, tasks, signal) : tasks;
    },
    ['usertasks'],
  );
}

/** ofSpec are those that runs of a workflow ask: their steps say of which one they are. */
async function ofSpec(spec: string, tasks: UserTaskRun[], signal: AbortSignal): Promise<UserTaskRun[]> {
  const steps = await batch(tasks.map((t) => ask('GetNodeRun', t.nodeRunId ?? {})), signal);
  return tasks.filter((_, i) => nameOfSpec(steps[i]!) === spec);
}

/** useSteps leads through the list by keys, as through letters. */
function useSteps(rows: UserTaskRun[], chosen: string, search: URLSearchParams): void {
  useEffect(() => {
    const pressed = (e: KeyboardEvent): void => {
      if (elsewhere(e) || e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key === 'c') document.querySelector<HTMLElement>('[data-claim] button')?.click();
      const by = e.key === 'j' ? 1 : e.key === 'k' ? -1 : 0;
      const next = by && rows[rows.findIndex((t) => rowId(t) === chosen) + by];
      if (next) go(addressOf(next, search));
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [rows, chosen, search]);
}

type Chosen = 'claim' | 'release' | 'assign' | 'save' | 'complete' | 'cancel' | 'comment' | Comment | { gone: Comment };

function Detail({ guid, run, person }: { guid: string; run: string[]; person: string }): ReactElement {
  const id = { wfRunId: runIdOf(run), userTaskGuid: guid };
  const topics = [`run:${runId(id.wfRunId)}`];
  const seen = useSeen({
    key: [session.tenant, 'userTask', ...run, guid],
    topics,
    read: async (signal) => {
      const [task, why] = await batch([ask('GetUserTaskRun', id), ask('ExplainWfRun', { wfRunId: id.wfRunId })] as const, signal, topics);
      const of = need(task);
      const def = await call('GetUserTaskDef', of.userTaskDefId ?? {}, signal);
      const timers = why.reply?.threads.find((t) => t.userTask?.userTaskRunId?.userTaskGuid === guid)?.timers ?? [];
      return { task: of, def, due: timers.flatMap((t) => (t.kind === 'TIMER_KIND_USER_TASK_ACTION' && t.due ? [t.due] : [])) };
    },
  });
  if (seen.error && !seen.data) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={8} />;
  return <Worked {...seen.data} person={person} />;
}

interface WorkedProps {
  task: UserTaskRun;
  def: UserTaskDef;
  due: string[];
  person: string;
}

function Worked({ task, def, due, person }: WorkedProps): ReactElement {
  const me = useWhoami();
  const now = useNow();
  const [chosen, choose] = useState<Chosen>();
  const open = isOpen(task);
  const draft = useDraft(rowId(task));
  const texts = open ? draft : undefined;
  const shown = texts ?? savedTexts(def, task);
  const may = missing(me, 'RUN', 'ACL_USER_TASK');
  const mayAssign = missing(me, 'WRITE_METADATA', 'ACL_USER_TASK');
  const close = (): void => choose(undefined);
  const forget = (): void => keep(rowId(task), undefined);
  const props = { task, def, texts: shown, person, onClose: close };
  useEffect(() => {
    if (!open) forget();
  }, [open]);
  useEffect(() => {
    const pressed = (e: KeyboardEvent): void => {
      if ((e.ctrlKey || e.metaKey) && e.key === 'Enter' && open && !may && !document.querySelector('dialog[open]')) choose('complete');
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [open, may]);
  return (
    <div className="stack" data-user-task>
      <div className="title">
        <div className="stack tight grow">
          <div className="row">
            <h2>{def.name}</h2>
            <Badge look={userTaskLook(task.status)} />
          </div>
          <p className="soft small">
            of <A href={to(['runs', ...runParts(task.id?.wfRunId)])}>{runId(task.id?.wfRunId)}</A> · form{' '}
            <A href={to(['user-task-defs', def.name, def.version])}>version {def.version}</A> · with {holder(task.userId, task.userGroup)} · asked <Time at={task.scheduledTime} />
          </p>
        </div>
        <div className="row tight actions">
          {open && task.userId !== person && (
            <span data-claim>
              <Button icon="person" forbidden={mayAssign ?? (person ? undefined : 'Say in whose name.')} onClick={() => choose('claim')}>
                Claim
              </Button>
            </span>
          )}
          {open && task.userId && task.userGroup && (
            <Button forbidden={mayAssign} onClick={() => choose('release')}>
              Release
            </Button>
          )}
          {open && (
            <Button forbidden={mayAssign} onClick={() => choose('assign')}>
              Assign…
            </Button>
          )}
          {open && (
            <Button kind="danger" icon="cross" forbidden={may} onClick={() => choose('cancel')}>
              Cancel
            </Button>
          )}
        </div>
      </div>
      {task.notes && (
        <Note tone="run" icon="mail">
          <strong>{task.notes}</strong>
        </Note>
      )}
      {open && due.length > 0 && (
        <p className="soft small" data-due>
          {due.map((d) => `The workflow does something about it ${agoText(d, now)}`).join('. ')}.
        </p>
      )}
      <Panel
        title={open ? 'Form' : 'What was filled in'}
        actions={
          open && (
            <>
              {texts && (
                <Button kind="plain" onClick={forget}>
                  Undo
                </Button>
              )}
              <Button forbidden={may} onClick={() => choose('save')}>
                Save
              </Button>
              <Button kind="main" icon="check" forbidden={may} onClick={() => choose('complete')}>
                Complete
              </Button>
            </>
          )
        }
      >
        <div className="stack">
          <p className="soft small" role="status" data-draft={texts !== undefined}>
            {texts && 'What you have filled in is not saved yet. It stays here while you look at other tasks, until this page is closed.'}
          </p>
          <FormFields def={def} texts={shown} set={open ? (next) => keep(rowId(task), next) : undefined} />
        </div>
      </Panel>
      <Comments of={commentsOf(task.events)} forbidden={may} choose={choose} />
      <Panel title="What happened">
        <ol className="trail">
          {trail(task.events).map((h, i) => (
            <li key={i}>
              <span>{h.text}</span> <span className="soft small"><Time at={h.time} /></span>
              {h.more.map((m, n) => (
                <div key={n} className="soft small">
                  {m}
                </div>
              ))}
            </li>
          ))}
        </ol>
      </Panel>
      {chosen === 'claim' && <Claim {...props} />}
      {chosen === 'release' && <Release {...props} />}
      {chosen === 'assign' && <Assign {...props} />}
      {chosen === 'save' && <Save {...props} onDone={forget} />}
      {chosen === 'complete' && <Complete {...props} onDone={forget} />}
      {chosen === 'cancel' && <Cancel {...props} />}
      {chosen === 'comment' && <Say {...props} />}
      {typeof chosen === 'object' && 'id' in chosen && <Say {...props} comment={chosen} />}
      {typeof chosen === 'object' && 'gone' in chosen && <Unsay {...props} comment={chosen.gone} />}
    </div>
  );
}

/** FormFields are those of a UserTaskDef; without set they can only be read. */
export function FormFields({ def, texts, set }: { def: UserTaskDef; texts: Texts; set: ((texts: Texts) => void) | undefined }): ReactElement {
  const { problems } = fill(def, texts);
  if (def.fields.length === 0) return <p className="soft">The form has no fields.</p>;
  return (
    <div className="stack" data-form>
      {def.description && <p className="soft">{def.description}</p>}
      {def.fields.map((f) => (
        <Field
          key={f.name}
          problem={problems[f.name]}
          label={
            <>
              {f.displayName || f.name} <span className="tag">{f.type}</span> {f.required && <span className="tag">required</span>}
              {f.description && <span className="soft small"> {f.description}</span>}
            </>
          }
        >
          {(id) => <ValueInput id={id} type={f.type} text={texts[f.name] ?? ''} required={f.required} disabled={!set} set={(text) => set?.({ ...texts, [f.name]: text })} />}
        </Field>
      ))}
    </div>
  );
}

function Comments({ of, forbidden, choose }: { of: Comment[]; forbidden: string | undefined; choose: (c: Chosen) => void }): ReactElement {
  return (
    <Panel
      title="Comments"
      actions={
        <Button icon="mail" forbidden={forbidden} onClick={() => choose('comment')}>
          Comment
        </Button>
      }
    >
      {of.length === 0 && <p className="soft">Nobody has commented.</p>}
      <ul className="stack">
        {of.map((c) => (
          <li key={c.id} className="row" data-comment={c.id}>
            <span className="grow">
              <strong>{c.user}</strong>{' '}
              <span className="soft small">
                <Time at={c.time} /> {c.edited && '(changed)'}
              </span>
              <br />
              {c.text}
            </span>
            <Button kind="plain" icon="repair" label={`Change comment ${c.id}`} forbidden={forbidden} onClick={() => choose(c)} />
            <Button kind="plain" icon="bin" label={`Delete comment ${c.id}`} forbidden={forbidden} onClick={() => choose({ gone: c })} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

interface ActionProps {
  task: UserTaskRun;
  def: UserTaskDef;
  texts: Texts;
  person: string;
  onClose: () => void;
}

const words = (t: UserTaskRun): [string, string] => [runId(t.id?.wfRunId), t.id?.userTaskGuid ?? ''];

function Claim({ task, person, onClose }: ActionProps): ReactElement {
  const [override, setOverride] = useState(false);
  const group = task.userGroup;
  return (
    <Preview
      title="Claim this task?"
      rpc="AssignUserTaskRun"
      request={{ userTaskRunId: task.id!, userId: person, overrideClaim: override, ...(group ? { userGroup: group } : {}) }}
      cli={command('assign', 'userTaskRun', ...words(task), '--userId', person, ...(group ? ['--userGroup', group] : []), ...(override ? ['--overrideClaim'] : []))}
      confirm="Claim"
      done={`It is ${person}'s now.`}
      problem={task.userId && !override ? `${task.userId} has it: say that you take it over.` : undefined}
      onClose={onClose}
    >
      <p>
        <strong>{person}</strong> gets it{group && <>, and stays in {group}</>}.
      </p>
      {task.userId && <Override of={task.userId} on={override} set={setOverride} />}
    </Preview>
  );
}

function Override({ of, on, set }: { of: string; on: boolean; set: (on: boolean) => void }): ReactElement {
  return (
    <label className="row">
      <input type="checkbox" checked={on} onChange={(e) => set(e.target.checked)} />
      <span className="grow">Take it from {of}</span>
    </label>
  );
}

function Release({ task, onClose }: ActionProps): ReactElement {
  const group = task.userGroup ?? '';
  return (
    <Preview
      title="Give it back to the group?"
      rpc="AssignUserTaskRun"
      request={{ userTaskRunId: task.id!, userGroup: group, overrideClaim: true }}
      cli={command('assign', 'userTaskRun', ...words(task), '--userGroup', group, '--overrideClaim')}
      confirm="Release"
      done={`Anybody of ${group} can take it.`}
      onClose={onClose}
    >
      <p>Anybody of {group} can take it then. What was saved stays.</p>
    </Preview>
  );
}

function Assign({ task, onClose }: ActionProps): ReactElement {
  const [user, setUser] = useState('');
  const [group, setGroup] = useState(task.userGroup ?? '');
  const [override, setOverride] = useState(false);
  const problem = !user && !group ? 'Name a user or a group.' : task.userId && !override ? `${task.userId} has it: say that it is taken from there.` : undefined;
  return (
    <Preview
      title="Assign this task"
      rpc="AssignUserTaskRun"
      request={{ userTaskRunId: task.id!, overrideClaim: override, ...(user ? { userId: user } : {}), ...(group ? { userGroup: group } : {}) }}
      cli={command('assign', 'userTaskRun', ...words(task), ...(user ? ['--userId', user] : []), ...(group ? ['--userGroup', group] : []), ...(override ? ['--overrideClaim'] : []))}
      confirm="Assign"
      done="Assigned."
      problem={problem}
      onClose={onClose}
    >
      <Field label="User">{(id) => <input id={id} className="input" autoComplete="off" value={user} onChange={(e) => setUser(e.target.value)} />}</Field>
      <Field label="Group">{(id) => <input id={id} className="input" autoComplete="off" value={group} onChange={(e) => setGroup(e.target.value)} />}</Field>
      {task.userId && <Override of={task.userId} on={override} set={setOverride} />}
    </Preview>
  );
}

/** lines are what lhctl asks for when somebody fills in a form; none if a line cannot hold it. */
function lines(def: UserTaskDef, texts: Texts, person: string): string[] | undefined {
  const out = [person, ...def.fields.map((f) => texts[f.name] ?? '')];
  return out.some((l) => l.includes('\n')) ? undefined : out;
}

function Who({ person }: { person: string }): ReactNode {
  return person ? (
    <p>
      In the name of <strong>{person}</strong>.
    </p>
  ) : (
    <p>Say above in whose name.</p>
  );
}

function Save({ task, def, texts, person, onClose, onDone }: ActionProps & { onDone: () => void }): ReactElement {
  const { results, problems } = fill(def, texts);
  const [anyway, setAnyway] = useState(false);
  const policy = anyway ? ('IGNORE_CLAIM' as const) : ('FAIL_IF_CLAIMED_BY_OTHER' as const);
  const request = { userTaskRunId: task.id!, results, userId: person, policy };
  const asked = def.fields.some((f) => f.required && !texts[f.name]) ? undefined : lines(def, texts, person);
  const [run, guid] = words(task);
  const other = task.userId && task.userId !== person;
  return (
    <Preview
      title="Save what is filled in?"
      rpc="SaveUserTaskRunProgress"
      request={request}
      cli={asked ? answering([...asked, anyway ? '1' : '0'], 'save', 'userTaskRun', '--wfRunId', run, '--userTaskGuid', guid) : curl('SaveUserTaskRunProgress', request)}
      confirm="Save"
      done="Saved."
      problem={person ? (Object.values(problems)[0] ?? (other && !anyway ? `${task.userId} has it.` : undefined)) : 'Say in whose name.'}
      onClose={onClose}
      onDone={onDone}
    >
      <Who person={person} />
      <p>
        {Object.keys(results).length} of {def.fields.length} fields are filled in. What was saved before is replaced, and the task stays open.
      </p>
      {other && (
        <label className="row">
          <input type="checkbox" checked={anyway} onChange={(e) => setAnyway(e.target.checked)} />
          <span className="grow">Save although {task.userId} has it</span>
        </label>
      )}
    </Preview>
  );
}

function Complete({ task, def, texts, person, onClose, onDone }: ActionProps & { onDone: () => void }): ReactElement {
  const { results, problems, missing: empty } = fill(def, texts);
  const request = { userTaskRunId: task.id!, results, userId: person };
  const asked = lines(def, texts, person);
  const label = (name: string): string => def.fields.find((f) => f.name === name)?.displayName || name;
  const problem = !person ? 'Say in whose name.' : empty.length > 0 ? `Still needed: ${empty.map(label).join(', ')}.` : Object.values(problems)[0];
  return (
    <Preview
      title="Complete this task?"
      rpc="CompleteUserTaskRun"
      request={request}
      cli={asked ? answering(asked, 'execute', 'userTaskRun', ...words(task)) : curl('CompleteUserTaskRun', request)}
      confirm="Complete"
      done="Completed: the run goes on."
      problem={problem}
      onClose={onClose}
      onDone={onDone}
    >
      <Who person={person} />
      {problem && <p role="status">{problem}</p>}
      <p>The run goes on with what is filled in. It cannot be taken back.</p>
    </Preview>
  );
}

function Cancel({ task, onClose }: ActionProps): ReactElement {
  return (
    <Preview
      title="Cancel this task?"
      rpc="CancelUserTaskRun"
      request={{ userTaskRunId: task.id! }}
      cli={command('cancel', 'userTaskRun', ...words(task))}
      confirm="Cancel the task"
      done="Cancelled."
      danger
      onClose={onClose}
    >
      <p>Its node fails: the run takes the way that the workflow has for that, or fails with it.</p>
    </Preview>
  );
}

function Say({ task, person, comment, onClose }: ActionProps & { comment?: Comment }): ReactElement {
  const [text, setText] = useState(comment?.text ?? '');
  const line = !text.includes('\n');
  const put = { userTaskRunId: task.id!, userId: person, comment: text };
  const problem = !person ? 'Say in whose name.' : text.trim() ? undefined : 'Write something.';
  const common = { confirm: 'Comment', problem, onClose };
  const field = <Field label="Comment">{(id) => <textarea id={id} className="input" value={text} onChange={(e) => setText(e.target.value)} />}</Field>;
  if (!comment) {
    return (
      <Preview {...common} title="Comment" rpc="PutUserTaskRunComment" request={put} done="Commented." cli={line ? answering([person, text], 'put', 'userTaskRunComment', ...words(task)) : curl('PutUserTaskRunComment', put)}>
        <Who person={person} />
        {field}
      </Preview>
    );
  }
  const edit = { ...put, userCommentId: comment.id };
  return (
    <Preview
      {...common}
      title="Change the comment"
      rpc="EditUserTaskRunComment"
      request={edit}
      done="Changed."
      cli={line ? answering([person, text], 'edit', 'userTaskRunComment', ...words(task), String(comment.id)) : curl('EditUserTaskRunComment', edit)}
    >
      <Who person={person} />
      {field}
    </Preview>
  );
}

function Unsay({ task, person, comment, onClose }: ActionProps & { comment: Comment }): ReactElement {
  return (
    <Preview
      title="Delete the comment?"
      rpc="DeleteUserTaskRunComment"
      request={{ userTaskRunId: task.id!, userCommentId: comment.id, userId: person }}
      cli={command('delete', 'userTaskRunComment', ...words(task), String(comment.id), person)}
      confirm="Delete"
      done="Deleted."
      danger
      problem={person ? undefined : 'Say in whose name.'}
      onClose={onClose}
    >
      <Who person={person} />
      <p>“{comment.text}” is shown no longer. The trail keeps it.</p>
    </Preview>
  );
}
