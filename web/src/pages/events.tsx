import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useEffect, useRef, useState } from 'react';
import { Preview } from '../actions';
import { ask, batch, need, session } from '../api';
import { command, curl } from '../commands';
import { Choice, each, pageSize, Rows, since, Table, usePages, within } from '../lists';
import { useSeen } from '../live';
import { useForm } from '../offers';
import { missing, useWhoami } from '../permissions';
import { go, setSearch, to, useRoute } from '../router';
import { MaySources } from '../source';
import { spanText } from '../times';
import { compose, documentOf, useStructs, veiled } from '../typed';
import { TypedInput } from '../typedinput';
import type { CorrelatedEvent, ExternalEventDef, TypeDefinition, WorkflowEvent as ThrownEvent } from '../types.gen';
import { A, Badge, Button, Empty, Field, Heading, ObjectHeading, Panel, Problem, Skeleton, Tabs, Time } from '../ui';
import { UsedBy, Users } from '../usedby';
import { Value } from '../payload';
import { parseRunId, runId, runIdOf, runParts, textOf, typeText } from '../values';
import { Names } from './definitions';
import { PrefixField } from './specs';

export function Events(): ReactElement {
  const { search } = useRoute();
  const prefix = search.get('prefix') ?? '';
  const found = useQuery({
    queryKey: [session.tenant, 'events', prefix],
    queryFn: async ({ signal }) => {
      const asked = { limit: 1000, ...(prefix ? { prefix } : {}) };
      const [outer, inner] = await batch([ask('SearchExternalEventDef', asked), ask('SearchWorkflowEventDef', asked)] as const, signal);
      return { outer: need(outer).results, inner: need(inner).results };
    },
    placeholderData: (old) => old,
  });
  return (
    <>
      <Heading title="Events" about="What comes to runs from outside, and what they throw themselves." />
      <div className="filters">
        <PrefixField />
      </div>
      {found.error && <Problem error={found.error} retry={() => void found.refetch()} />}
      {found.isPending && <Skeleton />}
      {found.data && (
        <>
          <h2>External events</h2>
          <Names of={found.data.outer} page="events" icon="mail" prefix={prefix} empty="lhctl deploy externalEventDef my-event.json" />
          <h2>Workflow events</h2>
          <Names of={found.data.inner} page="workflow-events" icon="throw" prefix={prefix} empty="lhctl deploy workflowEventDef my-event.json" />
        </>
      )}
    </>
  );
}

export const contentText = (t: { returnType?: TypeDefinition } | undefined): string => (t ? (t.returnType ? typeText(t.returnType) : 'nothing') : 'anything');

const seconds = (s: string | undefined): string => (s === undefined ? 'for ever' : spanText(Number(s) * 1000));

type Acting = 'delete' | CorrelatedEvent;

export function EventDef(): ReactElement {
  const { rest, search } = useRoute();
  const name = rest[0] ?? '';
  const me = useWhoami();
  const mayPost = missing(me, 'RUN', 'ACL_EXTERNAL_EVENT');
  const [posting, setPosting] = useForm('post', mayPost);
  const [acting, act] = useState<Acting>();
  const of = { externalEventDefId: { name } };
  const seen = useQuery({
    queryKey: [session.tenant, 'eventDef', name],
    queryFn: async ({ signal }) => {
      const [def, users] = await batch([ask('GetExternalEventDef', { name }), ask('SearchUsages', of)] as const, signal);
      return { def: need(def), users };
    },
  });
  if (seen.error) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={8} />;
  const { def, users } = seen.data;
  const correlated = def.correlatedEventConfig;
  const tab = search.get('tab') ?? 'events';
  const close = (): void => act(undefined);
  return (
    <>
      <ObjectHeading
        list="Events"
        href={to(['events'])}
        title={name}
        about={
          <>
            Registered <Time at={def.createdAt} />
          </>
        }
      >
        <Button kind="main" icon="mail" forbidden={mayPost} onClick={() => setPosting(true)}>
          Post event
        </Button>
        <Button kind="danger" icon="bin" label="Delete this event's definition" forbidden={missing(me, 'WRITE_METADATA', 'ACL_EXTERNAL_EVENT')} onClick={() => act('delete')} />
      </ObjectHeading>
      <Panel title="Definition">
        <dl className="facts">
          <dt>Content</dt>
          <dd>{contentText(def.typeInformation)}</dd>
          <dt>Kept</dt>
          <dd>{def.retentionPolicy ? `${seconds(def.retentionPolicy.secondsAfterPut)} if no run takes it` : 'as long as its run'}</dd>
          <dt>Found by a key</dt>
          <dd>{correlated ? `yes; an event waits ${seconds(correlated.ttlSeconds)} for its run${correlated.deleteAfterFirstCorrelation ? ', and is for one run only' : ''}` : 'no'}</dd>
        </dl>
      </Panel>
      <UsedBy of={of} first={users} />
      <Tabs
        label="Events of this kind"
        chosen={tab}
        choose={(t) => setSearch({ tab: t, claimed: undefined })}
        tabs={[
          { id: 'events', title: 'Events' },
          { id: 'correlated', title: 'Correlated events' },
        ]}
      />
      <div role="tabpanel" aria-labelledby={`tab-${tab}`}>
        {tab === 'events' ? <Posted name={name} /> : <Correlated name={name} act={act} />}
      </div>
      <MaySources name={name} of={def} rpc="GetExternalEventDef" request={of.externalEventDefId} />
      {posting && <Post def={def} onClose={() => setPosting(false)} />}
      {acting === 'delete' && (
        <Preview
          title="Delete this definition?"
          rpc="DeleteExternalEventDef"
          request={{ id: { name } }}
          cli={command('delete', 'externalEventDef', name)}
          confirm="Delete"
          done="Deleted."
          danger
          onClose={close}
          onDone={() => go(to(['events']))}
        >
          <p>
            <strong>{name}</strong> goes: nobody can post it any more. Now these use it:
          </p>
          <Users of={of} first={users} />
        </Preview>
      )}
      {typeof acting === 'object' && (
        <Preview
          title="Delete this event?"
          rpc="DeleteCorrelatedEvent"
          request={{ id: acting.id! }}
          cli={command('delete', 'correlatedEvent', acting.id?.key ?? '', name)}
          confirm="Delete"
          done="Deleted."
          danger
          onClose={close}
        >
          <p>
            No run that begins to wait for <strong className="mono">{acting.id?.key}</strong> will find it.
          </p>
        </Preview>
      )}
    </>
  );
}

function TakenFilters({ label, claimed, back }: { label: string; claimed: string; back: string }): ReactElement {
  return (
    <div className="body filters">
      <Choice
        label={label}
        name="claimed"
        value={claimed}
        options={[
          ['', 'either'],
          ['yes', 'yes'],
          ['no', 'not yet'],
        ]}
      />
      <Choice label="Since" name="since" value={back} options={within} />
    </div>
  );
}

function Posted({ name }: { name: string }): ReactElement {
  const { search } = useRoute();
  const claimed = search.get('claimed') ?? '';
  const back = search.get('since') ?? '';
  const found = usePages(
    ['posted', name, claimed, back],
    (bookmark) =>
      ask('SearchExternalEvent', { externalEventDefId: { name }, limit: pageSize, ...(bookmark ? { bookmark } : {}), ...(claimed ? { isClaimed: claimed === 'yes' } : {}), ...since(back) }),
    (ids, signal) => each(ids, (id) => ask('GetExternalEvent', id), signal),
    ['events'],
  );
  return (
    <Panel bare>
      <TakenFilters label="Taken by a run" claimed={claimed} back={back} />
      <Rows of={found} empty={<Empty icon="mail" title="There is none like that" />}>
        {(rows) => (
          <Table
            label="External events"
            rows={rows}
            id={(e) => `${runId(e.id?.wfRunId)}/${e.id?.guid}`}
            columns={[
              { name: 'Run', of: (e) => <A href={to(['runs', ...runParts(e.id?.wfRunId)])}>{runId(e.id?.wfRunId)}</A> },
              { name: 'Event', of: (e) => <span className="mono">{e.id?.guid}</span> },
              { name: 'Posted', of: (e) => <Time at={e.createdAt} /> },
              { name: 'Taken', of: (e) => <Badge look={e.claimed ? { word: 'yes', tone: 'good', icon: 'check' } : { word: 'not yet', tone: 'still', icon: 'clock' }} /> },
              { name: 'Content', of: (e) => <Value of={e.content} />, wide: true },
            ]}
          />
        )}
      </Rows>
    </Panel>
  );
}

function Correlated({ name, act }: { name: string; act: (a: Acting) => void }): ReactElement {
  const { search } = useRoute();
  const me = useWhoami();
  const claimed = search.get('claimed') ?? '';
  const back = search.get('since') ?? '';
  const found = usePages(
    ['correlated', name, claimed, back],
    (bookmark) =>
      ask('SearchCorrelatedEvent', { externalEventDefId: { name }, limit: pageSize, ...(bookmark ? { bookmark } : {}), ...(claimed ? { hasExternalEvents: claimed === 'yes' } : {}), ...since(back) }),
    (ids, signal) => each(ids, (id) => ask('GetCorrelatedEvent', id), signal),
    ['events'],
  );
  return (
    <Panel bare>
      <TakenFilters label="Has found a run" claimed={claimed} back={back} />
      <Rows of={found} empty={<Empty icon="mail" title="There is none like that" />}>
        {(rows) => (
          <Table
            label="Correlated events"
            rows={rows}
            id={(e) => e.id?.key ?? ''}
            columns={[
              { name: 'Key', of: (e) => <strong className="mono">{e.id?.key}</strong> },
              { name: 'Posted', of: (e) => <Time at={e.createdAt} /> },
              {
                name: 'Runs that took it',
                of: (e) => (e.externalEvents.length === 0 ? 'none yet' : e.externalEvents.map((x) => <A key={x.guid} href={to(['runs', ...runParts(x.wfRunId)])}>{runId(x.wfRunId)}</A>)),
              },
              { name: 'Content', of: (e) => <Value of={e.content} />, wide: true },
              { name: 'Delete', of: (e) => <Button kind="danger" icon="bin" label={`Delete the event ${e.id?.key}`} forbidden={missing(me, 'RUN', 'ACL_EXTERNAL_EVENT')} onClick={() => act(e)} /> },
            ]}
          />
        )}
      </Rows>
    </Panel>
  );
}

/** Post sends an event to a run, or to whichever waits for its key. Its content is of the type that was registered. */
function Post({ def, onClose }: { def: ExternalEventDef; onClose: () => void }): ReactElement {
  const [byKey, setByKey] = useState(def.correlatedEventConfig !== undefined);
  const [target, setTarget] = useState('');
  const [texts, setTexts] = useState<Record<string, string>>({});
  const name = def.id?.name ?? '';
  const type = def.typeInformation?.returnType;
  const empty = def.typeInformation !== undefined && !type;
  const taken = type ?? { primitiveType: 'STR' as const, masked: false };
  const structs = useStructs([taken]);
  const content = structs ? compose(taken, 'content', texts, structs) : {};
  const value = content.value ? { content: content.value } : {};
  const problem = !target ? (byKey ? 'Say by which key.' : 'Say to which run.') : (content.problem ?? (type && !content.value ? 'The content is missing.' : undefined));
  const typed = content.value && taken.primitiveType;
  const veil = content.value && structs && veiled(taken, content.value, 'content', structs);
  const open = veil ? { content: veil } : {};
  const text = documentOf(veil).replace(/^"(.*)"$/, (_, inner: string) => JSON.parse(`"${inner}"`) as string);
  const fields = (
    <>
      {def.correlatedEventConfig && (
        <fieldset className="stack tight plain">
          <legend className="small soft">Which run shall get it?</legend>
          <label className="row">
            <input type="radio" name="how" checked={byKey} onChange={() => setByKey(true)} />
            <span>Whichever waits for a key</span>
          </label>
          <label className="row">
            <input type="radio" name="how" checked={!byKey} onChange={() => setByKey(false)} />
            <span>A certain one</span>
          </label>
        </fieldset>
      )}
      <Field label={byKey ? 'Key' : 'Id of the run'}>{(id) => <input id={id} className="input mono" autoComplete="off" value={target} onChange={(e) => setTarget(e.target.value)} />}</Field>
      {!empty && structs && (
        <Field
          problem={content.problem}
          label={
            <>
              Content <span className="tag">{contentText(def.typeInformation)}</span>
            </>
          }
        >
          {(id) => <TypedInput id={id} type={taken} path="content" texts={texts} set={(path, t) => setTexts({ ...texts, [path]: t })} structs={structs} />}
        </Field>
      )}
    </>
  );
  const common = { title: `Post ${name}`, confirm: 'Post', done: `Posted ${name}.`, problem, onClose };
  if (byKey) {
    const request = { key: target, externalEventDefId: { name } };
    const shown = { ...request, ...open };
    const cli = content.value && !typed ? curl('PutCorrelatedEvent', shown) : command('put', 'correlatedEvent', target || '<key>', name, ...(typed ? [typed, text] : []));
    return (
      <Preview {...common} rpc="PutCorrelatedEvent" request={{ ...request, ...value }} shown={shown} cli={cli}>
        {fields}
      </Preview>
    );
  }
  const request = { wfRunId: runIdOf(parseRunId(target)), externalEventDefId: { name } };
  const shown = { ...request, ...open };
  const cli = content.value && !typed ? curl('PutExternalEvent', shown) : command('postEvent', target || '<run>', name, ...(typed ? [typed, text] : []));
  return (
    <Preview {...common} rpc="PutExternalEvent" request={{ ...request, ...value }} shown={shown} cli={cli}>
      {fields}
    </Preview>
  );
}

/** Followed are the events that were thrown lately, the latest last, and from where on there may be others. */
interface Followed {
  from: string;
  rows: ThrownEvent[];
}

const tailTopics = ['events'];
/** Bounds of what is followed: lines that are kept, and pages that one read takes. */
const [mostFollowed, mostPages] = [500, 4];
/** overlap is how far servers that throw may be apart in time. */
const overlap = 2000;

const eventKey = (e: ThrownEvent): string => `${runId(e.id?.wfRunId)}/${e.id?.number}`;

async function readTail(name: string, signal: AbortSignal, old: Followed | undefined): Promise<Followed> {
  const from = old?.from ?? new Date(Date.now() - 60_000).toISOString();
  const rows = new Map((old?.rows ?? []).map((e) => [eventKey(e), e]));
  let bookmark: string | undefined;
  for (let page = 0; page < mostPages; page++) {
    const asked = { workflowEventDefId: { name }, limit: pageSize, earliestStart: from, ...(bookmark ? { bookmark } : {}) };
    const found = need((await batch([ask('SearchWorkflowEvent', asked)], signal, page === 0 ? tailTopics : []))[0]);
    const fresh = found.results.filter((id) => !rows.has(`${runId(id.wfRunId)}/${id.number}`));
    for (const e of await each(fresh, (id) => ask('GetWorkflowEvent', id), signal)) rows.set(eventKey(e), e);
    bookmark = found.bookmark;
    if (!bookmark) break;
  }
  const all = [...rows.values()].sort((a, b) => ((a.createdAt ?? '') < (b.createdAt ?? '') ? -1 : 1)).slice(-mostFollowed);
  const last = Date.parse(all.at(-1)?.createdAt ?? '');
  return { from: Number.isNaN(last) ? from : new Date(Math.max(Date.parse(from), last - overlap)).toISOString(), rows: all };
}

/** Tail shows what is thrown as it is thrown, and says it to who listens. */
function Tail({ name }: { name: string }): ReactElement {
  const box = useRef<HTMLDivElement>(null);
  const seen = useSeen<Followed>({ key: [session.tenant, 'tail', name], topics: tailTopics, read: (signal, old) => readTail(name, signal, old) });
  const rows = seen.data?.rows ?? [];
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [rows.length]);
  if (seen.error && !seen.data) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  return (
    <div className="body tail small mono" ref={box} tabIndex={0} role="log" aria-label="Thrown lately">
      <ol>
      {rows.length === 0 && <li className="soft">None within the last minute. What is thrown from now on comes here by itself.</li>}
      {rows.map((e) => (
        <li key={eventKey(e)} data-thrown={eventKey(e)}>
          <time dateTime={e.createdAt}>{e.createdAt?.slice(11, 23)}</time> <A href={to(['runs', ...runParts(e.id?.wfRunId)])}>{runId(e.id?.wfRunId)}</A> {textOf(e.content).slice(0, 200)}
        </li>
      ))}
      </ol>
    </div>
  );
}

export function WorkflowEvent(): ReactElement {
  const { rest, search } = useRoute();
  const name = rest[0] ?? '';
  const back = search.get('since') ?? '';
  const me = useWhoami();
  const [deleting, setDeleting] = useState(false);
  const of = { workflowEventDefId: { name } };
  const seen = useQuery({
    queryKey: [session.tenant, 'workflowEventDef', name],
    queryFn: async ({ signal }) => {
      const [def, users] = await batch([ask('GetWorkflowEventDef', { name }), ask('SearchUsages', of)] as const, signal);
      return { def: need(def), users };
    },
  });
  const tail = search.get('tail') === '1';
  const found = usePages(
    ['thrown', name, back],
    (bookmark) => ask('SearchWorkflowEvent', { workflowEventDefId: { name }, limit: pageSize, ...(bookmark ? { bookmark } : {}), ...since(back) }),
    (ids, signal) => each(ids, (id) => ask('GetWorkflowEvent', id), signal),
    ['events'],
  );
  if (seen.error) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={8} />;
  const { def, users } = seen.data;
  return (
    <>
      <ObjectHeading
        list="Events"
        href={to(['events'])}
        title={name}
        about={
          <>
            Thrown by workflows, with {contentText(def.contentType)} · registered <Time at={def.createdAt} />
          </>
        }
      >
        <Button kind="danger" icon="bin" label="Delete this event's definition" forbidden={missing(me, 'WRITE_METADATA', 'ACL_WORKFLOW_EVENT')} onClick={() => setDeleting(true)} />
      </ObjectHeading>
      <UsedBy of={of} first={users} />
      <Panel title="Thrown" bare>
        <div className="body filters">
          <Choice label="Since" name="since" value={back} options={within} />
          <Button pressed={tail} onClick={() => setSearch({ tail: tail ? undefined : '1' })}>
            Follow the latest
          </Button>
        </div>
        {tail && <Tail name={name} />}
        <Rows of={found} empty={<Empty icon="throw" title="None has been thrown" />}>
          {(rows) => (
            <Table
              label="Workflow events"
              rows={rows}
              id={(e) => `${runId(e.id?.wfRunId)}/${e.id?.number}`}
              columns={[
                { name: 'Run', of: (e) => <A href={to(['runs', ...runParts(e.id?.wfRunId)])}>{runId(e.id?.wfRunId)}</A> },
                { name: 'Number', of: (e) => e.id?.number },
                { name: 'Thrown', of: (e) => <Time at={e.createdAt} /> },
                { name: 'Content', of: (e) => <Value of={e.content} />, wide: true },
              ]}
            />
          )}
        </Rows>
      </Panel>
      <MaySources name={name} of={def} rpc="GetWorkflowEventDef" request={of.workflowEventDefId} />
      {deleting && (
        <Preview
          title="Delete this definition?"
          rpc="DeleteWorkflowEventDef"
          request={{ id: { name } }}
          cli={command('delete', 'workflowEventDef', name)}
          confirm="Delete"
          done="Deleted."
          danger
          onClose={() => setDeleting(false)}
          onDone={() => go(to(['events']))}
        >
          <p>
            <strong>{name}</strong> goes. Workflows that throw it fail there. Now these do:
          </p>
          <Users of={of} first={users} />
        </Preview>
      )}
    </>
  );
}
