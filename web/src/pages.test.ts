import { afterEach, describe, expect, it, vi } from 'vitest';
import { about, batch, ask, reach, Refusal } from './api';
import { aclsOf, cellsOf, effective } from './acls';
import { nextTimes, parseCron } from './cron';
import { compare } from './diff';
import { follow } from './follow';
import { heatOf } from './heat';
import { partitionsOf } from './jobs';
import { copies, lag, ranges, sumOf, worst } from './members';
import { mermaidOf } from './mermaid';
import { failuresOf, hourBySpec, newestFirst } from './overview';
import { compose, documentOf, pasted, spread, structured, type Structs, veiled } from './typed';
import { momentsOf, stepsAt, threadsAt } from './replay';
import { byId, latestFirst, listed, met, nothing, type Older, read } from './rows';
import { asAddress, between, bulk, fieldText, filtersOf, matchOf, needs, searchables, versionOf, whereOf } from './runsearch';
import { readInputs } from './runinputs';
import { searchesOf, withSearch } from './searches';
import { linesOf, storyOf } from './story';
import { plain, svgOf } from './svg';
import { causeOf, criticalPath, marksOf, spentOf, viewOf, viewText, zoomed } from './timeline';
import type { ExplainWfRunResponse, Node, Step, StructDef, ThreadRun, ThreadVarDef, TypeDefinition, UserTaskEvent, WfRunRow, WfSpec } from './types.gen';
import { usersOf } from './usages';
import { defined, whenOf } from './threads';
import { commentsOf, nameOfSpec, trail } from './usertasks';

const times = (text: string, after: string, count = 2): string[] => nextTimes(parseCron(text)!, Date.parse(after), count).map((d) => d.toISOString().slice(0, 16));

describe('cron', () => {
  it('is due as in UNIX, in UTC', () => {
    expect(times('*/20 * * * *', '2026-01-01T23:41:00Z')).toEqual(['2026-01-02T00:00', '2026-01-02T00:20']);
    expect(times('0 3 * * *', '2026-01-01T03:00:00Z')).toEqual(['2026-01-02T03:00', '2026-01-03T03:00']);
    expect(times('30 7 * * MON-FRI', '2026-01-02T08:00:00Z')).toEqual(['2026-01-05T07:30', '2026-01-06T07:30']);
    expect(times('0 0 29 2 *', '2026-01-01T00:00:00Z', 1)).toEqual(['2028-02-29T00:00']);
    expect(times('0 0 13 * 5', '2026-02-01T00:00:00Z')).toEqual(['2026-02-06T00:00', '2026-02-13T00:00']);
    expect(times('0 0 * * 7', '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-04T00:00']);
  });
  it('knows what is none', () => {
    for (const text of ['', '* * * *', '60 * * * *', '* * * * 8', '5-3 * * * *', '*/0 * * * *', 'a * * * *']) expect(parseCron(text), text).toBeUndefined();
  });
});

describe('servers', () => {
  it('tell their partitions in few words, and which is behind most', () => {
    expect(ranges([7, 1, 0, 2, 9, 8])).toBe('0–2, 7–9');
    expect(ranges([3])).toBe('3');
    const of = (...waiting: number[]) => ({ serves: waiting.map((w, number) => ({ number, position: 1, waiting: w })) }) as never;
    expect([sumOf(of(0, 5, 2)), worst(of(0, 5, 2))]).toEqual([7, ', 5 of them in partition 1']);
    expect([sumOf(of()), worst(of(0, 0))]).toEqual([0, '']);
  });
  it('tell what copies they keep, and how far behind all is', () => {
    const copy = (number: number, behind: number) => ({ number, behind, end: 9 });
    const one = { serves: [{ number: 0, position: 1, waiting: 2 }], follows: [copy(1, 0), copy(2, 0)] } as never;
    const two = { serves: [{ number: 1, position: 1, waiting: 3 }], follows: [copy(0, 1)] } as never;
    expect([copies(one), copies(two), copies({ serves: null } as never)]).toEqual(['1–2, none behind', '0, 1 entry behind', 'none']);
    expect(lag(one)).toBe('2 waiting, 2 hot copies up to date');
    expect(lag({ members: [{ told: one }, { told: two }, { problem: 'silent' }] } as never)).toBe('5 waiting, 3 hot copies 1 behind');
    expect(lag({ serves: null } as never)).toBe('0 waiting');
  });
});

describe('a bulk job', () => {
  it('tells of each partition, also of those that have not begun', () => {
    const job = { totalSubprocesses: 3, subprocesses: [{ id: 2, status: 'BULK_JOB_COMPLETED' }, { id: 0, status: 'BULK_JOB_RUNNING' }] } as never;
    expect(partitionsOf(job).map((p) => [p.id, p.status])).toEqual([[0, 'BULK_JOB_RUNNING'], [1, undefined], [2, 'BULK_JOB_COMPLETED']]);
  });
});

describe('the last hour', () => {
  const id = (name: string, majorVersion: number, revision: number) => ({ name, majorVersion, revision });
  it('asks for the newest versions of all workflows before it asks for older ones', () => {
    const ids = newestFirst([id('b', 0, 0), id('a', 0, 1), id('a', 1, 0), id('a', 0, 0)]);
    expect(ids.map((i) => `${i.name} ${i.majorVersion}.${i.revision}`)).toEqual(['a 1.0', 'b 0.0', 'a 0.1', 'a 0.0']);
  });
  it('adds up the versions of a workflow, and says how much of it ended badly', () => {
    const of = (started: number, completed: number, failed: number, exceptions: number) => ({ started: `${started}`, completed: `${completed}`, failed: `${failed}`, exceptions: `${exceptions}`, halted: '0' });
    const all = hourBySpec([id('a', 1, 0), id('b', 0, 0), id('c', 0, 0), id('a', 0, 0)], [[of(1, 1, 0, 0), of(2, 0, 0, 0)], [of(0, 1, 1, 1), of(0, 0, 0, 0)], [of(0, 0, 0, 0)], [of(4, 3, 0, 0), of(0, 0, 0, 0)]]);
    expect(all).toEqual([
      { name: 'b', started: 0, ended: 3, bad: 2, parts: [0, 0] },
      { name: 'a', started: 7, ended: 4, bad: 0, parts: [5, 2] },
    ]);
  });
});

describe('a version', () => {
  it('is a major one or one revision', () => {
    expect([versionOf('1'), versionOf('1.20'), versionOf('0.0')]).toEqual([{ major: 1 }, { major: 1, revision: 20 }, { major: 0, revision: 0 }]);
    for (const text of ['', 'a', '1.', '.1', '1.2.3', '-1', '1e3', ' 1', '99999999999']) expect(versionOf(text), text).toBeUndefined();
    expect(bulk('stop', { spec: 'order', version: { major: 1 }, statuses: ['RUNNING'], within: '' })).toBeUndefined();
  });
});

describe('who uses a definition', () => {
  it('is told once by name, with a link to the newest version', () => {
    const wfSpec = (name: string, majorVersion: number, revision: number) => ({ wfSpecId: { name, majorVersion, revision } });
    const users = usersOf([wfSpec('order', 0, 0), wfSpec('order', 1, 0), wfSpec('order', 1, 2), wfSpec('ship', 0, 0), { structDefId: { name: 'order', version: 2 } }, { taskDefId: { name: 'print' } }, { externalEventDefId: { name: 'moved' } }, { workflowEventDefId: { name: 'moved' } }]);
    expect(users.map((u) => `${u.kind} ${u.name} ${u.version} +${u.older} ${u.path.join('/')}`)).toEqual([
      'workflow order 1.2 +2 specs/order/1.2',
      'workflow ship 0.0 +0 specs/ship/0.0',
      'struct order 2 +0 structs/order/2',
      'task print  +0 tasks/print',
      'event moved  +0 events/moved',
      'workflow event moved  +0 workflow-events/moved',
    ]);
  });
});

/** threaded has a thread that a node starts, one that handles failures of two threads, and one for an event. */
const threaded = (() => {
  const entry = { entrypoint: {}, failureHandlers: [], outgoingEdges: [] };
  const brief = { interruptDefs: [], nodes: { in: entry } };
  return {
    entrypointThreadName: 'main',
    threadSpecs: {
      kid: brief,
      answer: { interruptDefs: [], nodes: { in: { ...entry, failureHandlers: [{ handlerSpecName: 'a-mend', specificFailure: 'declined' }] } } },
      'a-mend': brief,
      main: {
        interruptDefs: [{ externalEventDefId: { name: 'knock' }, handlerSpecName: 'answer' }],
        nodes: { in: entry, starts: { startThread: { threadSpecName: 'kid', variables: {} }, failureHandlers: [{ handlerSpecName: 'a-mend', anyFailureOfType: 'FAILURE_TYPE_ERROR' }], outgoingEdges: [] } },
      },
    },
  } as unknown as WfSpec;
})();

describe('threads of a workflow', () => {
  it('stand below what lets them begin, each once', () => {
    expect(defined(threaded).map((l) => `${l.depth} ${l.id} ${whenOf(l.starts)}`)).toEqual(['0 main ', '1 a-mend on any error, on declined', '1 answer interrupted by knock', '1 kid ']);
    expect(defined(threaded).map((l) => l.starts.map((s) => [s.lane, s.node, s.cause]))).toEqual([
      [],
      [['main', 'starts', 'handler'], ['answer', 'in', 'handler']],
      [['main', undefined, 'interrupt']],
      [['main', 'starts', 'child']],
    ]);
  });
  it('say when they begin in a few words', () => {
    const on = (...names: string[]) => whenOf(names.map((n) => ({ lane: 'main', cause: 'handler', when: n })));
    expect([on(), on('a', '', 'a'), on('a', 'b', 'c'), on('a', 'b', 'c', 'd', 'e')]).toEqual(['', 'a', 'a, b, c', 'a, b, c, …']);
  });
  it('come all, whoever starts them and however they start each other', () => {
    const around = { interruptDefs: [], nodes: { n: { entrypoint: {}, startThread: { threadSpecName: 'b', variables: {} }, failureHandlers: [], outgoingEdges: [] } } };
    const back = { interruptDefs: [], nodes: { n: { entrypoint: {}, startThread: { threadSpecName: 'a', variables: {} }, failureHandlers: [], outgoingEdges: [] } } };
    const spec = { entrypointThreadName: 'a', threadSpecs: { a: around, b: back, alone: { interruptDefs: [], nodes: {} } } } as unknown as WfSpec;
    expect(defined(spec).map((l) => [l.depth, l.id])).toEqual([[0, 'a'], [1, 'b'], [0, 'alone']]);
  });
});

describe('a diagram', () => {
  it('has the threads, steps and ways, and takes no name for more than text', () => {
    const spec = { entrypointThreadName: 'main', threadSpecs: { main: { interruptDefs: [], nodes: {
      '0-in-ENTRYPOINT': { entrypoint: {}, failureHandlers: [], outgoingEdges: [{ sinkNodeName: 'x' }] },
      x: { task: { taskDefId: { name: 'a"]; <b>' }, variables: [] }, failureHandlers: [], outgoingEdges: [] },
    } } } } as never;
    expect(mermaidOf(spec)).toBe('flowchart LR\n  subgraph t0["main"]\n    t0n0["start"]\n    t0n1["task a#34;#93;; #60;b#62;"]\n    t0n0 --> t0n1\n  end\n');
  });
  it('leads to threads from what lets them begin', () => {
    expect(mermaidOf(threaded).split('\n').filter((l) => l.includes('-.->'))).toEqual([
      '  t0n1 -.->|"on any error"| t1n0',
      '  t2n0 -.->|"on declined"| t1n0',
      '  t0 -.->|"interrupted by knock"| t2n0',
      '  t0n1 -.-> t3n0',
    ]);
  });
});

describe('arrow keys', () => {
  const ways = [['in', 'a'], ['a', 'b'], ['a', 'c'], ['b', 'join'], ['c', 'join'], ['join', 'a', 'back'], ['join', 'out']].map(([source, target, back]) => ({ source: source!, target: target!, back: back !== undefined }));
  it('lead along the edges, and around loops only if there is no other way', () => {
    expect(['in', 'a', 'b', 'join', 'out'].map((at) => follow(ways, at, 'ArrowRight'))).toEqual(['a', 'b', 'join', 'out', undefined]);
    expect(['in', 'a', 'join'].map((at) => follow(ways, at, 'ArrowLeft'))).toEqual([undefined, 'in', 'b']);
    expect([follow(ways, 'b', 'ArrowDown'), follow(ways, 'c', 'ArrowUp'), follow(ways, 'c', 'ArrowDown'), follow(ways, 'b', 'Enter')]).toEqual(['c', 'b', undefined, undefined]);
  });
});

describe('a story', () => {
  const at = (s: number) => new Date(s * 1000).toISOString();
  const attempt = (status: string, from: number, to: number) => ({ status, scheduledMs: `${from * 1000}`, startedMs: `${from * 1000}`, endedMs: `${to * 1000}` });
  const step = { thread: 0, position: 1, node: '1-charge-TASK', status: 'ERROR', arrivedMs: '1000', about: 'charge', failure: 'TASK_FAILURE', attempts: [attempt('TASK_FAILED', 1, 2), attempt('TASK_TIMEOUT', 4, 5)] };
  const told = {
    threads: [{ number: 0, threadSpecName: 'main', status: 'ERROR', startTime: at(0), endTime: at(5) }],
    steps: new Map([[0, [step]]]),
    posted: [{ id: { externalEventDefId: { name: 'paid' } }, createdAt: at(3), claimed: false }],
    thrown: [],
    children: [{ id: { id: 'c' }, wfSpecId: { name: 'ship' }, status: 'COMPLETED', startTime: at(3) }],
  } as never;
  it('is told in the order of time', () => {
    expect(storyOf(told).map((h) => `${h.at / 1000} ${h.bad ? 'bad ' : ''}${h.sort}: ${h.what}`)).toEqual([
      '0 thread: thread main began',
      '1 step: came to it',
      '1 attempt: attempt 1 of charge began',
      '2 bad attempt: attempt 1 of charge failed',
      '3 event: event paid was posted, and nobody has taken it',
      '3 child: run c of ship began',
      '4 attempt: attempt 2 of charge began',
      '5 bad attempt: attempt 2 of charge timed out',
      '5 bad step: failed: TASK_FAILURE',
      '5 bad thread: thread main failed',
    ]);
  });
  it('tells what variables became, what people did, who took an event, and when a thread stood still', () => {
    const step = (thread: number, position: number, node: string, arrivedMs: string) => ({ thread, position, node, status: 'COMPLETED', arrivedMs, about: '', failure: '', attempts: [] });
    const story = storyOf({
      threads: [
        { number: 0, threadSpecName: 'main', type: 'ENTRYPOINT', status: 'RUNNING', startTime: at(0) },
        { number: 1, threadSpecName: 'answer', type: 'INTERRUPT', parentThreadId: 0, status: 'COMPLETED', startTime: at(4), endTime: at(6), interruptTriggerId: { externalEventDefId: { name: 'knock' } } },
        { number: 2, threadSpecName: 'answer', type: 'INTERRUPT', parentThreadId: 0, status: 'COMPLETED', startTime: at(5), endTime: at(7), interruptTriggerId: { externalEventDefId: { name: 'knock' } } },
      ],
      steps: new Map([[0, [step(0, 1, '1-paid-EXTERNAL_EVENT', '2000'), step(0, 2, '2-check-USER_TASK', '3000')]]]),
      posted: [{ id: { externalEventDefId: { name: 'paid' } }, createdAt: at(1), claimed: true, threadRunNumber: 0, nodeRunPosition: 1 }],
      thrown: [],
      children: [],
      past: {
        variables: [{ id: { name: 'total', threadRunNumber: 0 }, changes: [
          { atMs: '0', thread: 0, node: '', known: true, value: { int: '0' }, leftOutBytes: 0 },
          { atMs: '2000', thread: 0, position: 1, node: '1-paid-EXTERNAL_EVENT', known: true, value: { int: '9007199254740993' }, leftOutBytes: 0 },
          { atMs: '3000', thread: 0, position: 2, node: '2-check-USER_TASK', known: false, leftOutBytes: 0 },
          { atMs: '3000', thread: 0, position: 2, node: '2-check-USER_TASK', known: true, leftOutBytes: 70000 },
        ] }],
        userTasks: [{ userTaskDefId: { name: 'check' }, nodeRunId: { threadRunNumber: 0, position: 2 }, events: [
          { time: at(3), assigned: { newUserGroup: 'finance' } },
          { time: at(8), commentAdded: { userId: 'bo', userCommentId: 1, comment: 'late' } },
          { time: at(8), saved: { userId: 'bo', results: { sum: { int: '5' } } } },
          { time: at(9), taskExecuted: { taskRun: { taskGuid: 'remind' } } },
          { time: at(9), completed: {} },
        ] }],
        more: false,
      },
    } as never);
    const of = (...sorts: string[]) => story.filter((h) => sorts.includes(h.sort)).map((h) => `${h.at / 1000} ${h.thread}/${h.position ?? ''} ${h.what}`);
    expect(of('variable')).toEqual([
      '0 0/ variable total began as 0',
      '2 0/1 variable total became 9007199254740993',
      '3 0/2 variable total was given another value',
      '3 0/2 variable total became a value of 70000 bytes',
    ]);
    expect(of('userTask')).toEqual([
      '3 0/2 user task check: given to anybody of finance',
      '8 0/2 user task check: bo commented; late',
      '8 0/2 user task check: bo saved; sum: 5',
      '9 0/2 user task check: the task remind was run',
      '9 0/2 user task check: completed',
    ]);
    expect(story.filter((h) => h.sort === 'userTask').every((h) => h.node === '2-check-USER_TASK')).toBe(true);
    expect(of('event')).toEqual(['1 undefined/ event paid was posted', '2 0/1 took the event paid']);
    expect(of('thread').filter((l) => /halted|went on/.test(l))).toEqual([
      '4 0/ thread 0 was halted: thread 1 interrupts it for the event knock',
      '5 0/ thread 0 was halted: thread 2 interrupts it for the event knock',
      '7 0/ thread 0 went on',
    ]);
    expect(JSON.parse(linesOf(story.filter((h) => h.sort === 'variable')).split('\n')[1]!)).toMatchObject({ at: at(2), what: 'variable total became 9007199254740993' });
  });
  it('is a line each for programs', () => {
    const lines = linesOf(storyOf(told)).trimEnd().split('\n');
    expect(lines).toHaveLength(10);
    expect(JSON.parse(lines[3]!)).toMatchObject({ at: at(2), thread: 0, node: '1-charge-TASK', position: 1, bad: true });
  });
});

describe('a replay', () => {
  const s = (position: number, status: string, arrivedMs: number, endedMs?: number, attempts: object[] = []) => ({ thread: 0, position, node: `n${position}`, status, arrivedMs: `${arrivedMs}`, ...(endedMs === undefined ? {} : { endedMs: `${endedMs}` }), attempts, about: '', failure: status === 'ERROR' ? 'X' : '', startedThreads: [] });
  const steps = new Map([[0, [s(0, 'COMPLETED', 1, 1), s(1, 'ERROR', 1, undefined, [{ status: 'TASK_FAILED', scheduledMs: '1', startedMs: '3', endedMs: '5' }]), s(2, 'RUNNING', 6)]]]) as never;
  const at = (then: number) => (stepsAt(steps, then).get(0) ?? []).map((x) => `${x.node} ${x.status} ${x.attempts.map((a) => a.status).join()}${x.failure}`.trim());
  it('shows steps as they were', () => {
    expect(at(0)).toEqual([]);
    expect(at(1)).toEqual(['n0 COMPLETED', 'n1 RUNNING TASK_SCHEDULED']);
    expect(at(4)).toEqual(['n0 COMPLETED', 'n1 RUNNING TASK_RUNNING']);
    expect(at(5)).toEqual(['n0 COMPLETED', 'n1 ERROR TASK_FAILEDX']);
    expect(at(9)).toHaveLength(3);
  });
  it('shows threads as they were, moment by moment', () => {
    const iso = (ms: number) => new Date(ms).toISOString();
    const threads = [{ number: 0, status: 'ERROR', startTime: iso(0), endTime: iso(5) }, { number: 1, status: 'COMPLETED', startTime: iso(3), endTime: iso(4) }] as never;
    expect(threadsAt(threads, 3).map((t) => t.status)).toEqual(['RUNNING', 'RUNNING']);
    expect(threadsAt(threads, 4).map((t) => t.status)).toEqual(['RUNNING', 'COMPLETED']);
    expect(threadsAt(threads, 2)).toHaveLength(1);
    const h = (ms: number) => ({ at: ms }) as never;
    expect(momentsOf([h(1), h(1), h(2)]).map((m) => [m.at, m.what.length])).toEqual([[1, 2], [2, 1]]);
  });
});

describe('the axis of time', () => {
  const s = (thread: number, position: number, node: string, from: number, to: number, about = '') => ({ thread, position, node, status: 'COMPLETED', arrivedMs: `${from}`, endedMs: `${to}`, attempts: [], about, failure: '', startedThreads: [] });
  const threads = [{ number: 0 }, { number: 1, parentThreadId: 0 }, { number: 2, parentThreadId: 0 }] as never;
  const steps = new Map([
    [0, [s(0, 0, 'start', 0, 0), s(0, 1, 'join', 0, 100), s(0, 2, 'end', 100, 100)]],
    [1, [s(1, 0, 'slow', 0, 90, 'x')]],
    [2, [s(2, 0, 'fast', 0, 20, 'x'), s(2, 1, 'fast', 20, 30, 'x')]],
  ]) as never;
  it('has the path through the thread that was waited for', () => {
    expect([...criticalPath(threads, steps, 0)].sort()).toEqual(['0/0', '0/1', '0/2', '1/0']);
  });
  it('adds up what took long', () => {
    expect(spentOf(steps, 0).slice(0, 3).map((x) => [x.node, x.times, x.total])).toEqual([['join', 1, 100], ['slow', 1, 90], ['fast', 2, 30]]);
  });
  it('is looked at closer, within what there is', () => {
    expect(viewOf(null, 100)).toEqual({ from: 0, to: 100 });
    for (const text of ['', 'x', '5', '9-3', '-1-4']) expect(viewOf(text, 100), text).toEqual({ from: 0, to: 100 });
    expect(zoomed({ from: 0, to: 100 }, 100, 2)).toEqual({ from: 25, to: 75 });
    expect(zoomed({ from: 25, to: 75 }, 100, 1, 1)).toEqual({ from: 50, to: 100 });
    expect(zoomed({ from: 25, to: 75 }, 100, 0.1)).toEqual({ from: 0, to: 100 });
    expect([viewText({ from: 25, to: 75 }, 100), viewText({ from: 0, to: 100 }, 100)]).toEqual(['25-75', undefined]);
    expect(viewOf('25-75', 100)).toEqual({ from: 25, to: 75 });
  });
});

describe('a picture of a graph', () => {
  it('has each node and way, and takes no name for more than text', () => {
    const node = (id: string, x: number) => ({ id, x, y: 0, width: 204, height: 62, icon: 'tasks' as const, title: `<b>"${id}"&\u0001`, kind: 'task', mark: '', tone: 'bad' as const, faded: false });
    const svg = svgOf([node('a', 0), node('b', 300)], [{ from: 'a', to: 'b', label: '1 < 2', back: false, low: 0, passed: true }, { from: 'b', to: 'a', label: '', back: true, low: 70, passed: false }, { from: 'a', to: 'none', label: '', back: false, low: 0, passed: false }, { from: 'lane', to: 'b', label: '', back: false, low: 0, passed: false, starts: 'interrupt' }, { from: 'a', to: 'b', label: '', back: false, low: 0, passed: false, starts: 'handler', into: { gap: -18, beside: -30 } }], [{ id: 'lane', x: -10, y: -10, width: 600, height: 90, title: "thread '1'" }]);
    expect(svg.match(/<title>/g)).toHaveLength(2);
    expect(svg.match(/marker-end/g)).toHaveLength(4);
    expect(svg).toContain('M 20 80 V 17 q');
    expect(svg).toContain('M 204 31 h 4 q 10 0 10 -10 V -8 q 0 -10 -10 -10 H -20 q -10 0 -10 10 V 21 q 0 10 10 10 H 300');
    expect(svg).not.toContain('<b>');
    expect(svg).toContain('1 &#60; 2');
    expect(plain('\u0000<\ufffe>')).toBe('&#60;&#62;');
  });
});

describe('failures', () => {
  it('of one kind are one line, those that failed last first', () => {
    const row = (id: string, node: string, failure: string) => ({ id: { id }, wfSpecId: { name: 'order', majorVersion: 0, revision: 0 }, node, failure }) as never;
    const all = failuresOf([row('5', 'ship', 'storm'), row('4', 'charge', 'no bank'), row('3', 'ship', 'storm'), row('2', 'ship', 'no street')]);
    expect(all.map((f) => `${f.times} ${f.node} ${f.failure} ${f.latest.id?.id}`)).toEqual(['2 ship storm 5', '1 charge no bank 4', '1 ship no street 2']);
  });
});

describe('heat', () => {
  const heat = (node: string, visits: number, failures: number, ended: number, totalMs: string) => ({ threadSpecName: 'main', node, visits, failures, ended, totalMs, maxMs: totalMs });
  const nodes = [heat('a', 10, 0, 10, '1000'), heat('b', 4, 1, 1, '5000'), { ...heat('c', 90, 9, 0, '0'), threadSpecName: 'other' }];
  const thread = { nodes: { a: {}, b: {}, c: {} } } as never;
  const shown = (by: 'count' | 'failures' | 'time') => [...heatOf('main', thread, nodes, by)].map(([node, r]) => `${node} ${r.text} ${r.tone}`);
  it('is of the nodes of a thread, the much above the little', () => {
    expect(shown('count')).toEqual(['a 10 warn', 'b 4 still', 'c 0 still']);
    expect(shown('failures')).toEqual(['a 0 still', 'b 1 bad', 'c 0 still']);
    expect(shown('time')).toEqual(['a 100 ms still', 'b 5.0 s warn', 'c – still']);
  });
});

const int: TypeDefinition = { primitiveType: 'INT', masked: false };
const str: TypeDefinition = { primitiveType: 'STR', masked: false };
const pointType: TypeDefinition = { structDefId: { name: 'point', version: 1 }, masked: false };
const point: StructDef = { id: { name: 'point', version: 1 }, structDef: { fields: { x: { fieldType: int, isNullable: false }, name: { fieldType: str, isNullable: true } } } };
const structs: Structs = new Map([['point 1', point]]);

describe('values with parts', () => {
  it('are composed field by field, and whole numbers stay whole', () => {
    const { value } = compose(pointType, 'p', { 'p.x': '9007199254740993' }, structs);
    expect(value?.struct?.struct?.fields.x?.value).toEqual({ int: '9007199254740993' });
    expect(documentOf(value)).toBe('{"x": 9007199254740993}');
    const texts: Record<string, string> = {};
    spread(value, 'p', texts, (v) => v.int ?? '');
    expect(texts).toEqual({ 'p.x': '9007199254740993' });
  });
  it('are not sent when nothing was typed, and say what is missing', () => {
    expect(compose(pointType, 'p', {}, structs)).toEqual({});
    expect(compose(pointType, 'p', { 'p.name': 'a' }, structs).problem).toBe('x is missing.');
  });
  it('are read from JSON by their type', () => {
    const list: TypeDefinition = { inlineArrayDef: { arrayType: pointType }, masked: false };
    expect(documentOf(structured(list, '[{"x": 9223372036854775807}]', structs).value)).toBe('[{"x": 9223372036854775807}]');
    expect(structured(list, '[{"y": 1}]', structs).problem).toBe('point has no field y.');
    expect(structured(list, '{}', structs).problem).toContain('array');
  });
  it('are written down without what is masked in them', () => {
    const secret: TypeDefinition = { primitiveType: 'STR', masked: true };
    const card: StructDef = { id: { name: 'card', version: 0 }, structDef: { fields: { owner: { fieldType: { primitiveType: 'STR', masked: false }, isNullable: false }, number: { fieldType: secret, isNullable: false } } } };
    const cards: Structs = new Map([['card 0', card]]);
    const type: TypeDefinition = { structDefId: { name: 'card', version: 0 }, masked: false };
    const typed = '{"owner": "Ana", "number": "4111"}';
    const one = structured(type, typed, cards).value!;
    expect(documentOf(veiled(type, one, 'card', cards))).toBe('{"owner": "Ana", "number": "<number>"}');
    const list: TypeDefinition = { inlineArrayDef: { arrayType: type }, masked: false };
    expect(documentOf(veiled(list, structured(list, `[${typed}]`, cards).value!, 'cards', cards))).toBe('[{"owner": "Ana", "number": "<number>"}]');
    const map: TypeDefinition = { inlineMapDef: { keyType: { primitiveType: 'STR', masked: false }, valueType: type }, masked: false };
    expect(documentOf(veiled(map, structured(map, `{"a": ${typed}}`, cards).value!, 'cards', cards))).toBe('{"a": {"owner": "Ana", "number": "<number>"}}');
    expect(veiled(secret, { str: '4111' }, 'pin', cards)).toEqual({ str: '<pin>' });
    expect(veiled({ ...type, masked: true }, one, 'card', cards)).toEqual({ str: '<card>' });
    expect(documentOf(one)).toBe(typed); // what is sent is whole
    const defs = [{ varDef: { name: 'card', typeDef: type }, accessLevel: 'PRIVATE_VAR' }] as ThreadVarDef[];
    const read = readInputs(defs, { 'card.owner': 'Ana', 'card.number': '4111' }, cards);
    expect(JSON.stringify([read.words, read.shown])).not.toContain('4111');
    expect(documentOf(read.variables.card)).toBe(typed);
  });
});

const node = (of: Partial<Node>, ...to: string[]): Node => ({ outgoingEdges: to.map((sinkNodeName) => ({ sinkNodeName, variableMutations: [] })), failureHandlers: [], ...of });
const task = (name: string, retries: number, ...to: string[]): Node => node({ task: { taskDefId: { name }, retries, timeoutSeconds: 60, variables: [] } }, ...to);
const spec = (nodes: Record<string, Node>): WfSpec => ({
  frozenVariables: [],
  status: 'ACTIVE',
  entrypointThreadName: 'main',
  threadSpecs: { main: { nodes, variableDefs: [], interruptDefs: [] } },
});

describe('the server', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });
  const says = (...answers: (() => Response)[]): void => {
    vi.stubGlobal('fetch', () => Promise.resolve().then(answers.shift()));
  };
  const broken = (): Response => new Response('{"answers": [{"rep', { status: 200 });
  const away = (): Response => {
    throw new TypeError('Failed to fetch');
  };
  const refusal = (of: Promise<unknown>): Promise<unknown> => of.then(() => 'none', (e: unknown) => (e instanceof Refusal ? e.code : e));

  it('has not answered if its answer breaks off', async () => {
    says(broken, () => new Response('{"answers": []}'));
    expect(await refusal(batch([ask('Whoami', {})]))).toBe('unavailable');
    expect(reach.good).toBe(false);
    expect(await batch([ask('Whoami', {})])).toEqual([]);
    expect(reach.good).toBe(true);
  });
  it('is asked again what it is, when it could not be reached or was not well', async () => {
    says(away, broken, () => new Response('{"code": "unavailable", "message": "later"}', { status: 503 }), () => new Response('{"open": true}'));
    for (let n = 0; n < 3; n++) expect(await refusal(about())).toBe('unavailable');
    expect(await about()).toEqual({ open: true });
  });
  it('says why it refuses, even where something between says it', async () => {
    says(() => new Response('<html>', { status: 502 }), () => new Response('{"code": "not_found", "message": "There is no run"}', { status: 404 }));
    expect(await refusal(batch([ask('Whoami', {})]))).toBe('unknown');
    expect(await refusal(batch([ask('Whoami', {})]))).toBe('not_found');
  });
});

describe('a list of runs', () => {
  const run = (n: number): WfRunRow => ({ id: { id: `run-${n}` }, startTime: new Date(n * 1000).toISOString() }) as WfRunRow;
  const page = (from: number, until: number): WfRunRow[] => Array.from({ length: from - until + 1 }, (_, i) => run(from - i));
  const ids = (rows: WfRunRow[]): number[] => rows.map((r) => Number(r.id!.id.slice(4)));
  const first = page(10, 6);
  const older: Older = read(nothing, first, { results: page(5, 1), bookmark: 'next' });

  it('goes on behind its first page', () => {
    expect([ids(listed(first, older, latestFirst)), older.bookmark, older.more]).toEqual([[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 'next', true]);
    expect(read(older, first, { results: [] }).more).toBe(false);
    expect(ids(listed(first, nothing, latestFirst))).toEqual(ids(first));
  });
  it('keeps what leaves the first page, however often that happens', () => {
    let all = older;
    for (let n = 11; n <= 20; n++) all = met(all, page(n, n - 4));
    expect(ids(listed(page(20, 16), all, latestFirst))).toEqual(ids(page(20, 1)));
  });
  it('begins anew where runs may be missing between the page and what is behind it', () => {
    expect(met(older, page(40, 36))).toEqual(nothing);
    expect(met(older, [])).toEqual(nothing);
    expect(met(nothing, page(40, 36))).toBe(nothing);
    expect(met(read(nothing, first, { results: page(5, 5 - 20_000) }), first)).toEqual(nothing); // nor is it kept without end
  });
  it('shows nothing twice, and nothing that has left the search within its first page', () => {
    const now = page(10, 6).filter((r) => r.id!.id !== 'run-8');
    expect(ids(listed(now, met(older, now), latestFirst))).toEqual([10, 9, 7, 6, 5, 4, 3, 2, 1]);
    expect(ids(listed([run(1), run(2)], read(nothing, [run(1), run(2)], { results: [run(20), run(3), run(19)] }), byId))).toEqual([1, 2, 20, 3]); // an id before the last of the page has gone from there
  });
});

describe('a value that is copied', () => {
  it('is what can be pasted: all its bytes, and JSON of what has parts', () => {
    expect(pasted({ bytes: 'aGk=' })).toBe('aGk=');
    expect(pasted({ str: '"a" b' })).toBe('"a" b');
    expect(pasted({ jsonObj: '{"n": 12345678901234567890}' })).toBe('{"n": 12345678901234567890}');
    expect(pasted({ array: { items: [{ str: 'a' }, { int: '9007199254740993' }] } })).toBe('["a", 9007199254740993]');
    const of = { struct: { structDefId: { name: 's', version: 0 }, struct: { fields: { a: { value: { str: 'x' }, masked: false } } } } };
    expect(pasted(of)).toBe('{"a": "x"}');
    expect(pasted({})).toBe('null');
  });
});

describe('versions', () => {
  it('differ by what their nodes do, whatever they are called', () => {
    const old = spec({ '0': node({ entrypoint: {} }, '1-pay'), '1-pay': task('pay', 1, '2-exit'), '2-exit': node({ exit: {} }) });
    const now = spec({ '0': node({ entrypoint: {} }, '1-wrap'), '1-wrap': task('wrap', 0, '2-pay'), '2-pay': task('pay', 3, '3-exit'), '3-exit': node({ exit: {} }) });
    const { differences } = compare(old, now);
    expect(differences.filter((d) => d.change === 'added').map((d) => d.what)).toEqual(['task wrap']);
    expect(differences.filter((d) => d.change === 'removed')).toEqual([]);
    expect(differences.find((d) => d.what === 'task pay')?.more).toEqual(['retries: 1 → 3']);
    expect(compare(now, now).differences).toEqual([]);
  });
});

describe('user tasks', () => {
  it('are not left out for want of a right to know of which workflow they are', () => {
    expect(nameOfSpec({ reply: { wfSpecId: { name: 'order', majorVersion: 0, revision: 0 } } as never })).toBe('order');
    expect(nameOfSpec({ error: { code: 'not_found', message: 'gone' } })).toBeUndefined();
    expect(() => nameOfSpec({ error: { code: 'permission_denied', message: 'no right to READ' } })).toThrow('no right to READ');
  });
  const events = [
    { assigned: { newUserGroup: 'g' } },
    { saved: { userId: 'ana', results: { a: { int: '1' } } } },
    { saved: { userId: 'ana', results: { a: { int: '2' } } } },
    { commentAdded: { userCommentId: 1, userId: 'ana', comment: 'one' } },
    { commentEdited: { userCommentId: 1, userId: 'bo', comment: 'two' } },
    { commentAdded: { userCommentId: 2, userId: 'ana', comment: 'three' } },
    { commentDeleted: { userCommentId: 2, userId: 'ana' } },
  ] as UserTaskEvent[];
  it('tell what was saved and what is left of comments', () => {
    expect(trail(events)[2]?.more).toEqual(['a: 1 → 2']);
    expect(commentsOf(events).map((c) => [c.text, c.edited])).toEqual([['two', true]]);
  });
});

describe('rights', () => {
  it('survive the matrix, those for certain names too', () => {
    const acls = [
      { resources: ['ACL_WORKFLOW' as const], allowedActions: ['RUN' as const, 'READ' as const] },
      { resources: ['ACL_TASK' as const], allowedActions: ['READ' as const], prefix: 'pay' },
    ];
    const { cells, named } = cellsOf({ acls });
    expect(aclsOf(cells, named)).toEqual([{ resources: ['ACL_WORKFLOW'], allowedActions: ['READ', 'RUN'] }, acls[1]]);
    expect(effective(acls, 'ACL_WORKFLOW', 'RUN')).toBe('yes');
    expect(effective(acls, 'ACL_TASK', 'READ')).toBe('some');
    expect(effective(acls, 'ACL_TASK', 'RUN')).toBe('no');
  });
});

describe('a search of runs', () => {
  const of = { spec: 'order', statuses: ['ERROR' as const], within: '', from: '2026-01-02T03:00:00Z', until: 'tomorrow' };
  it('is by exact moments, and leaves out what is none', () => {
    expect(between(of)).toEqual({ earliestStart: '2026-01-02T03:00:00.000Z' });
    expect(between({ within: '' })).toEqual({});
    expect(Date.now() - Date.parse(between({ within: '1h' }).earliestStart ?? '')).toBeLessThan(3_700_000);
  });
  it('is a bulk job if that can say the same', () => {
    expect(bulk('delete', of)).toEqual({ delete: 'order', of: 'ERROR', from: '2026-01-02T03:00:00.000Z', until: undefined, var: [], value: [], type: [] });
    expect(bulk('delete', { ...of, filters: [{ name: 'a', text: '1', type: 'INT' }, { name: 'd_$.b', text: '', type: 'STR' }] })).toMatchObject({ delete: 'order', var: ['a', 'd_$.b'], value: ['1', ''], type: ['INT', 'STR'] });
    expect(bulk('stop', of)).toBeUndefined();
    expect(bulk('stop', { ...of, statuses: ['RUNNING'] })).toMatchObject({ stop: 'order', of: 'RUNNING' });
    expect(bulk('resume', { ...of, statuses: ['HALTED'] })).toMatchObject({ resume: 'order', of: 'HALTED' });
    for (const other of [{ spec: '' }, { statuses: [] }, { statuses: ['RUNNING' as const] }, { statuses: ['ERROR' as const, 'COMPLETED' as const] }, { id: 'o' }, { parent: 'p' }]) {
      expect(bulk('delete', { ...of, ...other }), JSON.stringify(other)).toBeUndefined();
    }
  });
  it('goes by searchable variables and by indexed fields of documents, each by its type', () => {
    const def = (name: string, primitiveType: 'STR' | 'JSON_OBJ', more: object): ThreadVarDef =>
      ({ varDef: { name, typeDef: { primitiveType, masked: false }, maskedValue: false }, required: false, searchable: false, jsonIndexes: [], accessLevel: 'PRIVATE_VAR', ...more }) as ThreadVarDef;
    const index = (fieldPath: string, fieldType: 'STR' | 'INT' | 'BOOL') => ({ fieldPath, fieldType });
    const found = searchables([def('who', 'STR', { searchable: true }), def('note', 'STR', {}), def('doc', 'JSON_OBJ', { jsonIndexes: [index('$.n', 'INT'), index('$.in.ok', 'BOOL')] })]);
    expect(found).toEqual([['who', 'STR'], ['doc_$.n', 'INT'], ['doc_$.in.ok', 'BOOL']]);
    expect(found.map(([name]) => fieldText(name))).toEqual(['who', 'doc.n', 'doc.in.ok']);
    expect(matchOf({ name: 'doc_$.n', text: '7', type: 'INT' })).toEqual({ varName: 'doc_$.n', value: { int: '7' } });
    const search = new URLSearchParams(Object.entries(asAddress([{ name: 'doc_$.n', text: '7', type: 'INT' }])).map(([k, [v]]) => [k, v!]));
    expect(filtersOf(search)).toEqual([{ name: 'doc_$.n', text: '7', type: 'INT' }]);
  });
  it('is on the command line as it is asked here, however it was typed', () => {
    const typed = (type: string, ...texts: string[]): string[] => texts.map((text) => whereOf([matchOf({ name: 'v', text, type })]).join(' '));
    expect(typed('INT', ' 7', '+7', '007')).toEqual(['--where v=7', '--where v=7', '--where v=7']);
    expect(typed('DOUBLE', '0x10', ' 1.50 ', '5')).toEqual(['--where v=16', '--where v=1.5', '--where v=5']);
    expect(typed('TIMESTAMP', '2026-01-31T10:00:00+00:00', '2026-01-31')).toEqual(['--where v=2026-01-31T10:00:00+00:00', '--where v=2026-01-31T00:00:00.000Z']);
    expect(typed('WF_RUN_ID', 'http://here/default/runs/a/b')).toEqual(['--where v=a_b']);
    expect(typed('STR', ' a=b ', '')).toEqual(['--where v= a=b ', '--where v=']);
    expect(typed('BYTES', 'aGk=')).toEqual(['--where v=aGk=']);
    expect(() => matchOf({ name: 'doc_$.n', text: 'x', type: 'INT' })).toThrow('doc.n must be a whole number');
  });
  it('needs the rights of the job that it is', () => {
    const filter = { name: 'v', text: '7', type: 'INT' };
    expect([needs('stop', []), needs('resume', [filter])]).toEqual([['RUN'], ['RUN']]);
    expect([needs('delete', []), needs('delete', [filter])]).toEqual([['WRITE_METADATA'], ['WRITE_METADATA', 'RUN']]);
  });
  it('is kept by its name, and what is not a search is passed over', () => {
    const all = withSearch(withSearch(withSearch([], { name: 'b', query: '1' }), { name: 'a', query: '2' }), { name: 'b', query: '3' });
    expect(all).toEqual([{ name: 'a', query: '2' }, { name: 'b', query: '3' }]);
    expect(searchesOf(JSON.stringify(all))).toEqual(all);
    for (const text of [null, '', '{', '{}', '[1, null, {"name": 1, "query": "x"}]']) expect(searchesOf(text)).toEqual([]);
  });
});

describe('marks on the axis of time', () => {
  const step = (thread: number, position: number, arrived: number, more: Partial<Step> = {}): Step =>
    ({ thread, position, node: `n${position}`, status: 'RUNNING', arrivedMs: String(arrived), attempts: [], about: '', failure: '', startedThreads: [], ...more }) as Step;
  const thread = (number: number, more: Partial<ThreadRun> = {}): ThreadRun => ({ number, status: 'RUNNING', threadSpecName: `t${number}`, type: 'ENTRYPOINT', ...more }) as ThreadRun;
  const at = (ms: number): string => new Date(ms).toISOString();

  it('are timers, failures, and what began because of them', () => {
    const steps = new Map([
      [0, [
        step(0, 1, 1000, { status: 'ERROR', failure: 'TASK_ERROR', attempts: [
          { status: 'TASK_FAILED', scheduledMs: '1000', startedMs: '1100', endedMs: '1200' },
          { status: 'TASK_TIMEOUT', scheduledMs: '2000', startedMs: '2100', endedMs: '3000' },
        ] }),
        step(0, 2, 4000, { status: 'ERROR', failure: 'TIMEOUT', endedMs: '5000' }),
        step(0, 3, 6000),
      ]],
    ]);
    const threads = [
      thread(0),
      thread(1, { type: 'FAILURE_HANDLER', parentThreadId: 0, startTime: at(5001), failureBeingHandled: { threadRunNumber: 0, nodeRunPosition: 2, failureNumber: 0 } }),
      thread(2, { type: 'INTERRUPT', parentThreadId: 0, startTime: at(7000), interruptTriggerId: { wfRunId: { id: 'r' }, externalEventDefId: { name: 'stop' }, guid: 'g' } }),
      thread(3, { type: 'INTERRUPT', parentThreadId: 9, startTime: at(7000) }),
    ];
    const why = { threads: [{ number: 0, position: 3, timers: [{ kind: 'TIMER_KIND_EVENT_TIMEOUT', due: at(90_000) }, { kind: 'TIMER_KIND_SLEEP' }] }] } as unknown as ExplainWfRunResponse;
    const told = [...marksOf(threads, steps, why)].map(([key, all]) => [key, ...all.map((m) => `${m.sort} ${m.at}${m.due ? ' due' : ''}${m.to === undefined ? '' : ` to ${m.to}`}: ${m.what}`)]);
    expect(told).toEqual([
      ['0/1', 'failure 1200: attempt 1 failed', 'timer 2000: attempt 2 was due', 'timer 3000: attempt 2 timed out'],
      ['0/2', 'timer 5000: TIMEOUT', 'handler 5001 to 1: t1 handles the failure'],
      ['0/3', 'interrupt 7000 to 2: stop interrupts it', 'timer 90000 due: the event is not waited for any longer'],
    ]);
    expect(threads.map((t) => causeOf(t, steps))).toEqual(['', 'handles TIMEOUT of thread 0', 'interrupts thread 0 for stop', 'interrupts thread 9 for an event']);
  });
});
