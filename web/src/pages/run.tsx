import { useQuery } from '@tanstack/react-query';
import { lazy, type ReactElement, type ReactNode, Suspense, useMemo } from 'react';
import { RunActions } from '../actions';
import { ask, batch, call, need, session } from '../api';
import type { Visited } from '../graph';
import { condition, infix, mutation } from '../infix';
import { useSeen } from '../live';
import { kindOfNode, shortName } from '../nodes';
import { Value } from '../payload';
import { setSearch, to, useRoute } from '../router';
import { ended, failed, lookOf, taskLookOf, waitingThread } from '../status';
import { spanText } from '../times';
import type { ExternalEvent, Failure, Node, NodeRun, TaskAttempt, TaskRun, ThreadRun, Variable, WfRun, WfSpec } from '../types.gen';
import { A, Badge, Boundary, Copy, Empty, Note, Panel, Problem, Skeleton, Status, Tabs, Time, useNow } from '../ui';
import { runId, runIdOf, runParts, specText, typeOf, typeText } from '../values';
import { type Wait, waits } from '../wait';
import { Timeline } from './timeline';

const Graph = lazy(() => import('../graph'));
const most = 1000;

/** Run is one run: what it does, why it does not go on, and what can be done about it. */
export function Run(): ReactElement {
  const { rest, search } = useRoute();
  const id = runIdOf(rest);
  const thread = Number(search.get('thread') ?? 0);
  const topics = [`run:${runId(id)}`];
  const seen = useSeen({
    key: [session.tenant, 'run', rest.join('/'), thread],
    topics,
    read: async (signal) => {
      const [run, nodes, variables, why, tasks, events] = await batch(
        [
          ask('GetWfRun', id),
          ask('ListNodeRuns', { wfRunId: id, threadRunNumber: thread, limit: most }),
          ask('ListVariables', { wfRunId: id, limit: most }),
          ask('ExplainWfRun', { wfRunId: id }),
          ask('ListTaskRuns', { wfRunId: id, limit: most }),
          ask('ListExternalEvents', { wfRunId: id, limit: 200 }),
        ],
        signal,
        topics,
      );
      return {
        run: need(run),
        nodes: nodes.reply?.results ?? [],
        moreNodes: Boolean(nodes.reply?.bookmark),
        variables: variables.reply?.results ?? [],
        refused: nodes.error ?? variables.error ?? tasks.error,
        why: why.reply,
        tasks: tasks.reply?.results ?? [],
        events: events.reply?.results ?? [],
      };
    },
    // How many are ahead in a queue is of other runs.
    slow: (data) => (data?.why?.threads.some((t) => t.task?.status === 'TASK_SCHEDULED') ? 5000 : false),
  });
  const run = seen.data?.run;
  const threadRun = run?.threadRuns.find((t) => t.number === thread);
  const version = threadRun?.wfSpecId ?? run?.wfSpecId;
  const spec = useQuery({
    queryKey: [session.tenant, 'spec', specText(version)],
    queryFn: ({ signal }) => call('GetWfSpec', version!, signal),
    enabled: version !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (seen.error && !run) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!run || !seen.data) return <Skeleton lines={10} />;
  const why = seen.data.why;
  return (
    <>
      <Head run={run} thread={thread} event={why?.threads.find((t) => t.externalEvent)?.externalEvent?.externalEventDefId?.name} />
      {seen.error && <Problem error={seen.error} />}
      {why && <Why run={run} of={why} />}
      <Threads run={run} chosen={thread} />
      <Body {...seen.data} thread={thread} threadRun={threadRun} spec={spec.data} />
    </>
  );
}

function Head({ run, thread, event }: { run: WfRun; thread: number; event: string | undefined }): ReactElement {
  const now = useNow();
  const parent = run.id?.parentWfRunId;
  const took = (run.endTime ? Date.parse(run.endTime) : now) - Date.parse(run.startTime ?? '');
  return (
    <div className="title">
      <div className="stack tight grow">
        <nav className="crumbs" aria-label="Where this is">
          <A href={to(['runs'])}>Runs</A> <span aria-hidden="true">/</span>
          <A href={to(['specs', run.wfSpecId?.name ?? '', `${run.wfSpecId?.majorVersion}.${run.wfSpecId?.revision}`])}>{specText(run.wfSpecId)}</A>
          {parent && (
            <>
              <span aria-hidden="true">/</span> child of <A href={to(['runs', ...runParts(parent)])}>{runId(parent)}</A>
            </>
          )}
        </nav>
        <div className="row tight">
          <h1 className="id">{runId(run.id)}</h1>
          <Copy text={runId(run.id)} what="id" />
          <Status of={run.status} />
        </div>
        <p className="soft small">
          Started <Time at={run.startTime} /> · {run.endTime ? 'took' : 'open for'} {spanText(took)}
          {run.endTime && (
            <>
              {' '}
              · ended <Time at={run.endTime} />
            </>
          )}
        </p>
      </div>
      <RunActions run={run} thread={thread} event={event} />
    </div>
  );
}

/** Why says in a sentence what a run waits for, or why it failed. */
function Why({ run, of }: { run: WfRun; of: NonNullable<Parameters<typeof waits>[0]> }): ReactElement | null {
  const now = useNow();
  const all = waits(of, now);
  const shown = all.slice(0, 4);
  if (run.status === 'COMPLETED' || all.length === 0) return null;
  return (
    <div className="stack tight" data-why>
      {shown.map((w) => (
        <Note key={w.thread} tone={w.tone} icon={w.tone === 'bad' ? 'alert' : w.tone === 'warn' ? 'pause' : 'clock'}>
          <div>
            <strong>{plain(w)}</strong>
            {all.length > 1 && <span className="soft small"> · thread {w.thread}</span>}
          </div>
          {w.more.length > 0 && <span className="small soft">{w.more.join(' · ')}</span>}
          {w.node && (
            <div className="small">
              <button type="button" className="button plain" style={{ minHeight: 24, padding: '0 6px', marginLeft: -6 }} onClick={() => setSearch({ thread: w.thread ? String(w.thread) : undefined, node: w.node })}>
                Show {shortName(w.node)}
              </button>
            </div>
          )}
        </Note>
      ))}
      {(all.length > shown.length || of.bookmark) && <span className="small soft">… and {all.length - shown.length}{of.bookmark ? ' or more' : ''} other threads</span>}
    </div>
  );
}

/** plain takes the numbers of SDKs from the names of nodes. */
const plain = (w: Wait): string => (w.node ? w.sentence.replace(w.node, shortName(w.node)) : w.sentence);

function Threads({ run, chosen }: { run: WfRun; chosen: number }): ReactElement | null {
  if (run.threadRuns.length < 2) return null;
  const shown = run.threadRuns.length <= 40 ? run.threadRuns : run.threadRuns.filter((t, i) => i < 30 || t.number === chosen || failed(t.status));
  return (
    <div className="chips" role="group" aria-label="Threads of the run">
      {shown.slice(0, 80).map((t) => (
        <button
          key={t.number}
          type="button"
          className="button"
          aria-current={t.number === chosen}
          title={`${t.threadSpecName}: ${lookOf(t.status).word}`}
          onClick={() => setSearch({ thread: t.number ? String(t.number) : undefined, node: undefined })}
        >
          {t.number} · {t.threadSpecName} <Status of={t.status} />
        </button>
      ))}
      {shown.length < run.threadRuns.length && <span className="soft small">{run.threadRuns.length} threads in all</span>}
    </div>
  );
}

interface Seen {
  run: WfRun;
  nodes: NodeRun[];
  moreNodes: boolean;
  variables: Variable[];
  tasks: TaskRun[];
  events: ExternalEvent[];
  refused: { code: string; message: string } | undefined;
  thread: number;
  threadRun: ThreadRun | undefined;
  spec: WfSpec | undefined;
}

function Body(p: Seen): ReactElement {
  const { search } = useRoute();
  const node = search.get('node') ?? undefined;
  const tab = search.get('tab') ?? 'variables';
  const name = p.threadRun?.threadSpecName ?? p.nodes[0]?.threadSpecName ?? p.spec?.entrypointThreadName ?? '';
  const threadSpec = p.spec?.threadSpecs[name];
  const { visited, passed } = useMemo(() => history(p.nodes, p.tasks, p.moreNodes), [p.nodes, p.tasks, p.moreNodes]);
  return (
    <div className="work">
      <div className="stack">
        <Panel title={p.run.threadRuns.length > 1 ? `Thread ${p.thread}: ${name}` : 'Graph'} bare>
          <Boundary>
            {threadSpec ? (
              <Suspense fallback={<div className="body canvas"><Skeleton lines={3} /></div>}>
                <Graph key={name} thread={threadSpec} visited={visited} passed={passed} focus={p.threadRun?.status === 'COMPLETED' ? undefined : p.nodes.find((n) => n.id?.position === p.threadRun?.currentNodePosition)?.nodeName} chosen={node} choose={(n) => setSearch({ node: n })} />
              </Suspense>
            ) : (
              <div className="body canvas">
                <Skeleton lines={3} />
              </div>
            )}
          </Boundary>
        </Panel>
        {p.refused && <Problem error={p.refused.message} />}
        <section className="panel">
          <Tabs
            label="More of this run"
            chosen={tab}
            choose={(t) => setSearch({ tab: t })}
            tabs={[
              { id: 'variables', title: 'Variables' },
              { id: 'timeline', title: 'Timeline' },
              { id: 'steps', title: 'Steps' },
              { id: 'events', title: 'Events' },
              { id: 'json', title: 'JSON' },
            ]}
          />
          <div className="body" role="tabpanel" aria-labelledby={`tab-${tab}`}>
            <Boundary key={tab}>
              {tab === 'variables' && <Variables all={p.variables} spec={p.spec} run={p.run} />}
              {tab === 'timeline' && <Timeline nodes={p.nodes} tasks={p.tasks} />}
              {tab === 'steps' && <Steps nodes={p.nodes} more={p.moreNodes} thread={threadSpec?.nodes} />}
              {tab === 'events' && <Events all={p.events} />}
              {tab === 'json' && <pre className="scroll" tabIndex={0}>{JSON.stringify(p.run, null, 2)}</pre>}
            </Boundary>
          </div>
        </section>
      </div>
      <aside className="panel details" aria-label="Details of the chosen step">
        <Boundary key={node}>
          <Details {...p} node={node} definition={node ? threadSpec?.nodes[node] : undefined} />
        </Boundary>
      </aside>
    </div>
  );
}

/** history is what became of each node, and the way that was taken. */
function history(nodes: NodeRun[], tasks: TaskRun[], more: boolean): { visited: Map<string, Visited>; passed: Set<string> } {
  const visited = new Map<string, Visited>();
  const passed = new Set<string>();
  const attempts = new Map(tasks.map((t) => [t.id?.taskGuid, t.attempts.length]));
  const inOrder = [...nodes].sort((a, b) => (a.id?.position ?? 0) - (b.id?.position ?? 0));
  inOrder.forEach((n, i) => {
    const before = inOrder[i - 1];
    if (before) passed.add(`${before.nodeName}\n${n.nodeName}`);
    const span = n.arrivalTime && n.endTime ? spanText(Date.parse(n.endTime) - Date.parse(n.arrivalTime)) : '';
    visited.set(n.nodeName, {
      status: n.status,
      times: (visited.get(n.nodeName)?.times ?? 0) + 1,
      attempts: attempts.get(n.task?.taskRunId?.taskGuid) ?? 0,
      span: n.entrypoint || n.exit || more ? '' : span,
      waits: ended(n.status) ? '' : waitWord(n),
    });
  });
  return { visited, passed };
}

function waitWord(n: NodeRun): string {
  if (n.externalEvent) return `waits for ${n.externalEvent.externalEventDefId?.name ?? 'an event'}`;
  if (n.userTask) return 'waits for a person';
  if (n.sleep) return 'sleeps';
  return '';
}

function Variables({ all, spec, run }: { all: Variable[]; spec: WfSpec | undefined; run: WfRun }): ReactElement {
  if (all.length === 0) return <Empty icon="link" title="This run has no variables" />;
  const specOf = (v: Variable): string => run.threadRuns.find((t) => t.number === v.id?.threadRunNumber)?.threadSpecName ?? '';
  const sorted = [...all].sort((a, b) => (a.id?.threadRunNumber ?? 0) - (b.id?.threadRunNumber ?? 0));
  return (
    <div className="stack">
      {sorted.map((v) => {
        const def = spec?.threadSpecs[specOf(v)]?.variableDefs.find((d) => d.varDef?.name === v.id?.name);
        return (
          <div key={`${v.id?.threadRunNumber}/${v.id?.name}`} className="stack tight" data-variable={v.id?.name}>
            <div className="row tight">
              <strong>{v.id?.name}</strong>
              {def && <span className="tag">{typeText(typeOf(def.varDef))}</span>}
              {def?.searchable && <span className="tag">searchable</span>}
              {def?.accessLevel === 'PUBLIC_VAR' && <span className="tag">public</span>}
              {def?.accessLevel === 'INHERITED_VAR' && <span className="tag">inherited</span>}
              {run.threadRuns.length > 1 && <span className="soft small">thread {v.id?.threadRunNumber}</span>}
            </div>
            <Value of={v.value} masked={v.masked} />
          </div>
        );
      })}
    </div>
  );
}

/** Steps is the graph as a list: what happened, in order. */
function Steps({ nodes, more, thread }: { nodes: NodeRun[]; more: boolean; thread: Record<string, Node> | undefined }): ReactElement {
  const inOrder = [...nodes].sort((a, b) => (a.id?.position ?? 0) - (b.id?.position ?? 0));
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label="Steps in order">
      <table>
        <thead>
          <tr>
            <th>#</th>
            <th>Step</th>
            <th>Kind</th>
            <th>Status</th>
            <th>Began</th>
            <th>Took</th>
          </tr>
        </thead>
        <tbody>
          {inOrder.map((n) => {
            const def = thread?.[n.nodeName];
            return (
              <tr key={n.id?.position}>
                <td>{n.id?.position}</td>
                <td>
                  <button type="button" className="button plain" onClick={() => setSearch({ node: n.nodeName })}>
                    {shortName(n.nodeName)}
                  </button>
                </td>
                <td className="soft">{def ? `${kindOfNode(def).word} ${kindOfNode(def).about}` : ''}</td>
                <td>
                  <Status of={n.status} />
                </td>
                <td>
                  <Time at={n.arrivalTime} />
                </td>
                <td>{n.arrivalTime && n.endTime ? spanText(Date.parse(n.endTime) - Date.parse(n.arrivalTime)) : ''}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {more && <p className="soft small">The first {most} steps are shown.</p>}
    </div>
  );
}

function Events({ all }: { all: ExternalEvent[] }): ReactElement {
  if (all.length === 0) return <Empty icon="mail" title="No event was posted to this run" />;
  return (
    <div className="stack">
      {all.map((e) => (
        <div key={`${e.id?.externalEventDefId?.name}/${e.id?.guid}`} className="stack tight">
          <div className="row tight">
            <strong>{e.id?.externalEventDefId?.name}</strong>
            <span className="tag">{e.claimed ? 'claimed' : 'not claimed'}</span>
            <span className="soft small">
              <Time at={e.createdAt} />
            </span>
          </div>
          <Value of={e.content} />
        </div>
      ))}
    </div>
  );
}

function Details(p: Seen & { node: string | undefined; definition: Node | undefined }): ReactElement {
  const { search } = useRoute();
  if (!p.node) {
    return <Empty icon="specs" title="Choose a step">
      <p>Click a step of the graph, or reach it with the Tab key, to see what happened there.</p>
    </Empty>;
  }
  const visits = p.nodes.filter((n) => n.nodeName === p.node).sort((a, b) => (a.id?.position ?? 0) - (b.id?.position ?? 0));
  const asked = Number(search.get('visit') ?? Number.NaN);
  const visit = visits.find((v) => v.id?.position === asked) ?? visits.at(-1);
  const task = p.tasks.find((t) => t.id?.taskGuid === visit?.task?.taskRunId?.taskGuid);
  const kind = p.definition && kindOfNode(p.definition);
  return (
    <>
      <header>
        <div className="grow stack" style={{ gap: 2 }}>
          <h2 style={{ overflowWrap: 'anywhere' }}>{shortName(p.node)}</h2>
          <span className="soft small">{kind ? `${kind.word} ${kind.about}` : p.node}</span>
        </div>
        {visit ? <Status of={visit.status} /> : <span className="tag">not reached</span>}
      </header>
      <div className="body stack" data-details>
        {visits.length > 1 && (
          <div className="stack tight">
            <h3>{visits.length} visits</h3>
            <div className="chips">
              {visits.slice(-40).map((v) => (
                <button key={v.id?.position} type="button" className="button" aria-current={v === visit} onClick={() => setSearch({ visit: String(v.id?.position) })}>
                  {v.id?.position} <Status of={v.status} />
                </button>
              ))}
            </div>
          </div>
        )}
        {visit && <VisitFacts of={visit} />}
        {visit?.failures.map((f, i) => <FailureBox key={i} of={f} />)}
        {visit?.errorMessage && visit.failures.length === 0 && <Text title="Error" text={visit.errorMessage} />}
        {task && <Task of={task} />}
        {p.definition && <Definition of={p.definition} />}
      </div>
    </>
  );
}

function Facts({ rows }: { rows: [string, ReactNode][] }): ReactElement {
  return (
    <dl className="facts">
      {rows.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function VisitFacts({ of }: { of: NodeRun }): ReactElement {
  const rows: [string, ReactNode][] = [['Arrived', <Time key="a" at={of.arrivalTime} />]];
  if (of.endTime) rows.push(['Ended', <Time key="e" at={of.endTime} />]);
  if (of.arrivalTime && of.endTime) rows.push(['Took', spanText(Date.parse(of.endTime) - Date.parse(of.arrivalTime))]);
  if (of.externalEvent) {
    rows.push(['Event', of.externalEvent.externalEventDefId?.name]);
    if (of.externalEvent.correlationKey !== undefined) rows.push(['Key', of.externalEvent.maskCorrelationKey ? 'masked' : of.externalEvent.correlationKey]);
    if (of.externalEvent.timedOut) rows.push(['Outcome', 'timed out']);
  }
  if (of.sleep?.maturationTime) rows.push(['Wakes', <Time key="s" at={of.sleep.maturationTime} />]);
  if (of.startThread?.childThreadId !== undefined) rows.push(['Started', <ThreadLink key="t" number={of.startThread.childThreadId} />]);
  if (of.startMultipleThreads) rows.push(['Started', `${of.startMultipleThreads.childThreadIds.length} threads`]);
  if (of.runChildWf?.childWfRunId) rows.push(['Child', <A key="c" href={to(['runs', ...runParts(of.runChildWf.childWfRunId)])}>{runId(of.runChildWf.childWfRunId)}</A>]);
  if (of.waitForChildWf?.childWfRunId) rows.push(['Child', <A key="w" href={to(['runs', ...runParts(of.waitForChildWf.childWfRunId)])}>{runId(of.waitForChildWf.childWfRunId)}</A>]);
  for (const t of of.waitForThreads?.threads.slice(0, 20) ?? []) rows.push([`Thread ${t.threadRunNumber}`, waitingThread[t.waitingStatus]]);
  return <Facts rows={rows} />;
}

function ThreadLink({ number }: { number: number }): ReactElement {
  return (
    <button type="button" className="button plain" onClick={() => setSearch({ thread: String(number), node: undefined })}>
      thread {number}
    </button>
  );
}

function FailureBox({ of }: { of: Failure }): ReactElement {
  return (
    <div className="stack tight" data-failure={of.failureName}>
      <div className="row tight">
        <span className="badge bad">{of.failureName}</span>
        {of.wasProperlyHandled && <span className="tag">handled</span>}
        {of.failureHandlerThreadrunId !== undefined && <ThreadLink number={of.failureHandlerThreadrunId} />}
      </div>
      {of.message && <Text title="Message" text={of.message} />}
      {of.content && <Value of={of.content} />}
    </div>
  );
}

/** Text shows a message, the stack trace under it folded away. */
function Text({ title, text }: { title: string; text: string }): ReactElement {
  const [first = '', ...others] = text.split('\n');
  return (
    <div className="value">
      <header>
        <span className="grow small soft">{title}</span>
        <Copy text={text} what="message" />
      </header>
      <div className="text" tabIndex={0} role="region" aria-label={title}>
        {first}
        {others.length > 0 && (
          <details>
            <summary className="soft">{others.length} more lines</summary>
            {others.join('\n')}
          </details>
        )}
      </div>
    </div>
  );
}

function Task({ of }: { of: TaskRun }): ReactElement {
  return (
    <div className="stack tight">
      <h3>
        Task <A href={to(['tasks', of.taskDefId?.name ?? ''])}>{of.taskDefId?.name}</A> · {of.attempts.length} of {of.totalAttempts} attempts
      </h3>
      {of.attempts.map((a, i) => (
        <Attempt key={i} of={a} number={i + 1} />
      ))}
      {of.inputVariables.length > 0 && <h3>Input</h3>}
      {of.inputVariables.map((v) => (
        <div key={v.varName} className="stack tight">
          <span className="small">{v.varName}</span>
          <Value of={v.value} masked={v.masked} />
        </div>
      ))}
    </div>
  );
}

function Attempt({ of, number }: { of: TaskAttempt; number: number }): ReactElement {
  const look = taskLookOf(of.status);
  const queued = of.scheduleTime && of.startTime ? Date.parse(of.startTime) - Date.parse(of.scheduleTime) : undefined;
  const worked = of.startTime && of.endTime ? Date.parse(of.endTime) - Date.parse(of.startTime) : undefined;
  return (
    <div className={`attempt ${look.tone}`}>
      <div className="row tight">
        <strong className="small">Attempt {number}</strong>
        <Badge look={look} />
      </div>
      <span className="small soft">
        {queued !== undefined && `queued ${spanText(queued)}`}
        {worked !== undefined && `, worked ${spanText(worked)}`}
        {of.taskWorkerId && ` by ${of.taskWorkerId}`}
        {of.taskWorkerVersion && ` ${of.taskWorkerVersion}`}
      </span>
      {of.error && <Text title={of.error.type} text={of.error.message} />}
      {of.exception && <Text title={of.exception.name} text={of.exception.message} />}
      {of.output && <Value of={of.output} masked={of.maskedValue} />}
      {of.logOutput?.str && <Text title="Log" text={of.logOutput.str} />}
    </div>
  );
}

/** Definition is what the WfSpec says of a node. */
export function Definition({ of }: { of: Node }): ReactElement {
  const rows: [string, ReactNode][] = [];
  if (of.task) {
    if (of.task.taskDefId) rows.push(['Task', <A key="t" href={to(['tasks', of.task.taskDefId.name])}>{of.task.taskDefId.name}</A>]);
    rows.push(['Timeout', `${of.task.timeoutSeconds} s`], ['Retries', String(of.task.retries)]);
    const backoff = of.task.exponentialBackoff;
    if (backoff) rows.push(['Backoff', `${backoff.baseIntervalMs} ms × ${backoff.multiplier}, at most ${backoff.maxDelayMs} ms`]);
    of.task.variables.forEach((v, i) => rows.push([`Input ${i + 1}`, <code key={i}>{infix(v)}</code>]));
  }
  if (of.externalEvent?.timeoutSeconds) rows.push(['Timeout', <code key="t">{infix(of.externalEvent.timeoutSeconds)} s</code>]);
  if (of.externalEvent?.correlationKey) rows.push(['Key', <code key="k">{infix(of.externalEvent.correlationKey)}</code>]);
  if (of.exit?.returnContent) rows.push(['Returns', <code key="r">{infix(of.exit.returnContent)}</code>]);
  for (const e of of.outgoingEdges) {
    const text = [condition(e) && `if ${condition(e)}`, ...e.variableMutations.map(mutation)].filter(Boolean).join('; ');
    rows.push([`→ ${shortName(e.sinkNodeName)}`, text ? <code key={e.sinkNodeName}>{text}</code> : 'always']);
  }
  for (const h of of.failureHandlers) rows.push([`On ${h.specificFailure ?? (h.anyFailureOfType === 'FAILURE_TYPE_EXCEPTION' ? 'any exception' : h.anyFailureOfType === 'FAILURE_TYPE_ERROR' ? 'any error' : 'any failure')}`, h.handlerSpecName]);
  if (rows.length === 0) return <></>;
  return (
    <div className="stack tight">
      <h3>Definition</h3>
      <Facts rows={rows} />
    </div>
  );
}
