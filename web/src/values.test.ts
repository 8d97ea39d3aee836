import { describe, expect, it, test } from 'vitest';
import { oldest, Reader } from './events';
import { condition, infix, mutation } from './infix';
import { session } from './api';
import { links, type Placed } from './layout';
import { laidOut } from './layouts';
import { bytesOf, Exact, hexOf, hitsOf, pathText, within } from './paths';
import { place } from './place';
import { sceneOf } from './scene';
import { historyOf, lanesOf, unsettled, withSteps, writersOf } from './steps';
import { barOf, rowsOf, totals } from './timeline';
import { agoText, localText, spanText } from './times';
import type { Edge, Node, Step, ThreadRun, ThreadSpec, VariableAssignment, VariableMutation, WfSpec } from './types.gen';
import { byteCount, kindOf, parseRunId, parseValue, runId, runIdOf, textOf } from './values';

describe('values', () => {
  test('whole numbers of 64 bits stay whole', () => {
    expect(parseValue('INT', '9223372036854775807')).toEqual({ int: '9223372036854775807' });
    expect(parseValue('INT', ' -9223372036854775808 ')).toEqual({ int: '-9223372036854775808' });
    expect(() => parseValue('INT', '9223372036854775808')).toThrow('64 bits');
    expect(() => parseValue('INT', '1.5')).toThrow('whole number');
    expect(textOf({ int: '9007199254740993' })).toBe('9007199254740993');
  });
  test.each([
    ['STR', 'a b', { str: 'a b' }],
    ['DOUBLE', '1.5', { double: 1.5 }],
    ['BOOL', 'true', { bool: true }],
    ['JSON_OBJ', '{"n": 12345678901234567890}', { jsonObj: '{"n": 12345678901234567890}' }],
    ['JSON_ARR', '[1]', { jsonArr: '[1]' }],
    ['BYTES', 'aGk=', { bytes: 'aGk=' }],
    ['WF_RUN_ID', 'p_c', { wfRunId: { id: 'c', parentWfRunId: { id: 'p' } } }],
    ['TIMESTAMP', '2026-01-02', { utcTimestamp: '2026-01-02T00:00:00.000Z' }],
  ] as const)('%s is read', (type, text, value) => expect(parseValue(type, text)).toEqual(value));
  test.each([
    ['DOUBLE', ''],
    ['BOOL', 'yes'],
    ['JSON_OBJ', '[1]'],
    ['JSON_ARR', '{}'],
    ['JSON_OBJ', 'null'],
    ['BYTES', 'ä'],
    ['TIMESTAMP', 'soon'],
  ] as const)('%s is not read from %s', (type, text) => expect(() => parseValue(type, text)).toThrow());
  test('nothing is null', () => {
    expect([textOf(undefined), textOf({}), kindOf({})]).toEqual(['null', 'null', 'NULL']);
    expect(textOf({ bool: false })).toBe('false');
    expect(textOf({ str: '' })).toBe('');
  });
  test('bytes are counted', () => expect([byteCount('aGk='), byteCount(''), byteCount('YWJj')]).toEqual([2, 0, 3]));
  test('ids of runs are told and read', () => {
    expect(runId(runIdOf(['a', 'b', 'c']))).toBe('a_b_c');
    expect(parseRunId('http://h/t/runs/a/b?tab=x')).toEqual(['a', 'b']);
    expect(parseRunId(' a_b ')).toEqual(['a', 'b']);
    expect(parseRunId('http://h/t/runs/50%/b')).toEqual(['50%', 'b']);
  });
  test('a moment keeps what was written of it', () => {
    expect(parseValue('TIMESTAMP', '2026-01-02T03:04:05.123456789Z')).toEqual({ utcTimestamp: '2026-01-02T03:04:05.123456789Z' });
    expect(parseValue('TIMESTAMP', ' 2026-01-02T03:04:05+02:00')).toEqual({ utcTimestamp: '2026-01-02T03:04:05+02:00' });
  });
});

test('times', () => {
  expect([spanText(12), spanText(1500), spanText(61_000), spanText(90_061_000), spanText(3_600_000)]).toEqual(['12 ms', '1.5 s', '1 min 1 s', '1 d 1 h', '1 h']);
  const now = Date.parse('2026-01-01T00:00:00Z');
  for (const typed of ['2026-01-31T10:00', '0202-01-31T10:00', '0002-12-01T09:05']) expect(localText(new Date(typed).toISOString())).toBe(typed);
  expect([agoText('2025-12-31T23:59:59Z', now), agoText('2025-12-31T22:00:00Z', now), agoText('2026-01-01T00:03:00Z', now)]).toEqual(['now', '2 h ago', 'in 3 min']);
});

const v = (variableName: string): VariableAssignment => ({ variableName });

test('expressions are read as people write them', () => {
  const total: VariableAssignment = { expression: { lhs: v('total'), comparator: 'GREATER_THAN', rhs: { literalValue: { int: '10' } } } };
  const tier: VariableAssignment = { expression: { lhs: v('tier'), comparator: 'NOT_EQUALS', rhs: { literalValue: { str: 'gold' } } } };
  const both: VariableAssignment = { expression: { lhs: total, mutationType: 'AND', rhs: tier } };
  expect(infix(both)).toBe('(total > 10) and (tier ≠ "gold")');
  expect(infix({ variableName: 'a', jsonPath: '$.b[0]' })).toBe('a.b[0]');
  expect(infix({ variableName: 'a', lhPath: { path: [{ key: 'b' }, { index: 2 }, { dynamic: v('i') }] } })).toBe('a.b[2][i]');
  expect(infix({ nodeOutput: { nodeName: '1-x-TASK' } })).toBe('output of 1-x-TASK');
  expect(infix({ formatString: { format: { literalValue: { str: '{0}!' } }, args: [v('n')] } })).toBe('format("{0}!", n)');
  expect(infix({ sizeOf: { operand: v('list') } })).toBe('size of list');
  expect(infix(undefined)).toBe('null');
  expect(condition({ sinkNodeName: 'x', variableMutations: [], legacyCondition: { comparator: 'IN', left: v('a'), right: v('b') } })).toBe('a in b');
  const add: VariableMutation = { lhsName: 'tally', operation: 'ADD', rhsAssignment: v('n') };
  expect(mutation(add)).toBe('tally += n');
  expect(mutation({ lhsName: 'a', operation: 'ASSIGN', nodeOutput: { jsonpath: '$.x' } })).toBe('a = output.x');
});

const node = (kind: Partial<Node>, ...to: string[]): Node => ({
  ...kind,
  failureHandlers: [],
  outgoingEdges: to.map((sinkNodeName): Edge => ({ sinkNodeName, variableMutations: [] })),
});
const thread = (nodes: Record<string, Node>): ThreadSpec => ({ nodes, variableDefs: [], interruptDefs: [] });

/** chain is a choice after the other, all in a loop. */
function chain(choices: number): Record<string, Node> {
  const out: Record<string, Node> = { start: node({ entrypoint: {} }, 'c0'), end: node({ exit: {} }) };
  for (let i = 0; i < choices; i++) {
    out[`c${i}`] = node({ nop: {} }, `t${i}`, `c${i + 1}`);
    out[`t${i}`] = node({ nop: {} }, `c${i + 1}`);
  }
  out[`c${choices}`] = node({ nop: {} }, 'c0', 'end');
  return out;
}

describe('layout', () => {
  const loop = thread({
    a: node({ entrypoint: {} }, 'b'),
    b: node({ nop: {} }, 'c', 'd'),
    c: node({ nop: {} }, 'b'),
    d: node({ exit: {} }),
  });
  test('edges that close a loop are found', () => {
    expect(links(loop, () => '').map((l) => `${l.from}${l.to}${l.back ? ' back' : ''}`)).toEqual(['ab', 'bc', 'cb back', 'bd']);
  });
  test('no two nodes lie on each other, and it is the same again', () => {
    const wide: Record<string, Node> = { start: node({ entrypoint: {} }, ...Array.from({ length: 12 }, (_, i) => `n${i}`)), end: node({ exit: {} }) };
    for (let i = 0; i < 12; i++) wide[`n${i}`] = node({ nop: {} }, i % 3 === 0 ? 'start' : 'end');
    const lost = thread({ ...loop.nodes, x: node({ nop: {} }, 'y'), y: node({ nop: {} }) });
    for (const t of [thread(chain(40)), loop, thread(wide), lost]) {
      const { places: all, runs } = place(t, links(t, () => 'if so'));
      expect(place(t, links(t, () => 'if so'))).toEqual({ places: all, runs });
      expect(all.map((p) => p.name).sort()).toEqual(Object.keys(t.nodes).sort());
      const apart = (a: Placed, b: Placed): boolean => a === b || a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      expect(all.flatMap((a) => all.flatMap((b) => (apart(a, b) ? [] : [`${a.name} and ${b.name}`])))).toEqual([]);
    }
  });
  test('ways of large threads lead from left to right, and the main way is straight', () => {
    const t = thread(chain(60));
    const at = new Map(place(t, links(t, () => '')).places.map((p) => [p.name, p]));
    for (const l of links(t, () => '')) expect(l.back || at.get(l.from)!.x < at.get(l.to)!.x, `${l.from} to ${l.to}`).toBe(true);
    const middles = new Set(Array.from({ length: 60 }, (_, i) => Math.round(at.get(`c${i}`)!.y + at.get(`c${i}`)!.height / 2)));
    expect(middles.size).toBe(1);
  });
  test('of several ways the first goes straight on, and each further one stands below it, as they are written', () => {
    const branches = thread({
      start: node({ entrypoint: {} }, 'if'),
      if: node({ nop: {} }, 'a', 'b', 'c'),
      a: node({ nop: {} }, 'a1', 'a2'),
      a1: node({ nop: {} }, 'aEnd'),
      a2: node({ nop: {} }, 'aEnd'),
      aEnd: node({ nop: {} }, 'join'),
      b: node({ nop: {} }, 'join'),
      c: node({ nop: {} }, 'join'),
      join: node({ nop: {} }, 'maybe'),
      maybe: node({ nop: {} }, 'so', 'end'),
      so: node({ nop: {} }, 'end'),
      end: node({ exit: {} }),
    });
    const all = links(branches, () => '');
    const { places, runs } = place(branches, all);
    const middle = new Map(places.map((p) => [p.name, p.y + p.height / 2]));
    const rows = (...names: string[]): number[] => names.map((n) => middle.get(n)!);
    expect(new Set(rows('start', 'if', 'a', 'a1', 'aEnd', 'join', 'maybe', 'so', 'end')).size).toBe(1);
    const down = rows('a', 'a2', 'b', 'c');
    expect([...new Set(down)].sort((x, y) => x - y)).toEqual(down);
    // What is passed by is passed below it, and comes up behind it.
    const by = runs[all.findIndex((l) => l.from === 'maybe' && l.to === 'end')]!;
    const at = new Map(places.map((p) => [p.name, p]));
    expect(by.y).toBeGreaterThan(at.get('so')!.y + at.get('so')!.height);
    expect([by.from, by.to].map((x) => x > at.get('maybe')!.x + at.get('maybe')!.width && x < at.get('end')!.x)).toEqual([true, true]);
  });
  test('no way that goes on a run lies on a node', () => {
    for (const t of [thread(chain(40)), loop]) {
      const all = links(t, () => '');
      const { places, runs } = place(t, all);
      for (const [i, run] of runs.entries()) {
        const own = [all[i]!.from, all[i]!.to];
        for (const p of run ? places : []) expect(!own.includes(p.name) && run!.y > p.y && run!.y < p.y + p.height && run!.from < p.x + p.width && run!.to > p.x, `${own} and ${p.name}`).toBe(false);
      }
    }
  });
  test('a thousand nodes in a row are no trouble', () => {
    const row: Record<string, Node> = { n0: node({ entrypoint: {} }, 'n1') };
    for (let i = 1; i < 1000; i++) row[`n${i}`] = node({ nop: {} }, `n${i + 1}`);
    row.n1000 = node({ exit: {} });
    expect(links(thread(row), () => '').length).toBe(1000);
  });
});

const step = (thread: number, position: number, node: string, more: Partial<Step> = {}): Step => ({
  thread, position, node, status: 'COMPLETED', arrivedMs: String(position * 1000), endedMs: String(position * 1000 + 500), attempts: [], about: '', failure: '', startedThreads: [], ...more,
});

test('the time of a task is told apart', () => {
  const at = (s: number): string => String(s * 1000);
  const failedStep = step(0, 1, 'n', {
    status: 'ERROR',
    arrivedMs: at(0),
    attempts: [
      { status: 'TASK_FAILED', scheduledMs: at(0), startedMs: at(2), endedMs: at(5) },
      { status: 'TASK_FAILED', scheduledMs: at(9), startedMs: at(10), endedMs: at(16) },
    ],
  });
  delete failedStep.endedMs;
  const waiting = step(0, 2, 'w', { status: 'RUNNING', arrivedMs: at(20) });
  delete waiting.endedMs;
  const bar = barOf(failedStep, 30_000);
  expect([bar.open, bar.to - bar.from]).toEqual([false, 16_000]);
  expect(bar.parts.map((p) => `${p.use} ${(p.to - p.from) / 1000}`)).toEqual(['queued 2', 'worked 3', 'backoff 4', 'queued 1', 'worked 6']);
  expect(barOf(waiting, 30_000).open).toBe(true);
  expect(totals(new Map([[0, [failedStep, waiting]]]), 30_000)).toEqual({ worked: 9000, queued: 3000, backoff: 4000, waited: 10_000 });
});

const threadRun = (number: number, name: string, parent?: number): ThreadRun =>
  ({ number, threadSpecName: name, status: 'RUNNING', ...(parent === undefined ? {} : { parentThreadId: parent }) }) as ThreadRun;

describe('steps', () => {
  test('what is read again takes the place of what was', () => {
    const first = withSteps(new Map(), [step(0, 0, 'a'), step(0, 1, 'b', { status: 'RUNNING' }), step(1, 0, 'x')]);
    expect(unsettled(first)).toEqual([{ thread: 0, position: 1 }, { thread: 1, position: 1 }]);
    const next = withSteps(first, [step(0, 1, 'b'), step(0, 2, 'a')]);
    expect(next.get(0)?.map((s) => `${s.node} ${s.status}`)).toEqual(['a COMPLETED', 'b COMPLETED', 'a COMPLETED']);
    expect(next.get(1)).toBe(first.get(1));
    expect(first.get(0)?.length).toBe(2);
  });
  test('loops are counted, and the way is that which was gone', () => {
    const { visited, passed } = historyOf(new Map([[0, [step(0, 0, 'a'), step(0, 1, 'b'), step(0, 2, 'a', { status: 'ERROR' })]]]), [0]);
    expect(visited.get('a')).toMatchObject({ times: 2, status: 'ERROR' });
    expect([...passed]).toEqual(['a\nb', 'b\na']);
  });
  test('where a thread waits it is told what happens next, of several what happens first', () => {
    const steps = new Map([[1, [step(1, 0, 'a'), step(1, 1, 'b', { status: 'RUNNING' })]], [2, [step(2, 0, 'b', { status: 'RUNNING' })]]]);
    const due = (what: string, at: string) => ({ what, at });
    const { visited } = historyOf(steps, [1, 2], new Map([[1, due('later', '2026-01-01T00:00:10Z')], [2, due('soon', '2026-01-01T00:00:09.5Z')]]));
    expect([visited.get('a')?.due, visited.get('b')?.due?.what]).toEqual([undefined, 'soon']);
  });
  test('of several threads that are one lane the one that needs somebody is shown', () => {
    const { visited } = historyOf(new Map([[1, [step(1, 0, 'a', { status: 'ERROR' })]], [2, [step(2, 0, 'a')]]]), [1, 2]);
    expect(visited.get('a')).toMatchObject({ times: 2, status: 'ERROR' });
  });
  const plain = (sink?: string): Node => ({ outgoingEdges: sink ? [{ sinkNodeName: sink, variableMutations: [] }] : [], failureHandlers: [] }) as unknown as Node;
  const main = { nodes: { s: { ...plain('t'), entrypoint: {} }, t: plain('e'), e: { ...plain(), exit: {} } }, variableDefs: [], interruptDefs: [] } as unknown as ThreadSpec;
  const spec = { threadSpecs: { main, child: main }, entrypointThreadName: 'main' } as unknown as WfSpec;
  test('threads are lanes below those that started them, many of one kind are one', () => {
    const steps = new Map([[0, [step(0, 1, 't', { startedThreads: [1] })]]]);
    const few = lanesOf([threadRun(0, 'main'), threadRun(1, 'child', 0)], steps, spec);
    expect(few.map((l) => [l.threads, l.depth, l.starts])).toEqual([[[0], 0, []], [[1], 1, [{ lane: few[0]!.id, node: 't', cause: 'child', when: '' }]]]);
    const many = lanesOf([threadRun(0, 'main'), ...Array.from({ length: 300 }, (_, i) => threadRun(i + 1, 'child', 0))], steps, spec);
    expect(many.map((l) => l.threads.length)).toEqual([1, 300]);
    const threads = [threadRun(0, 'main'), ...Array.from({ length: 300 }, (_, i) => ({ ...threadRun(i + 1, 'child', 0), ...(i === 250 ? { status: 'ERROR' as const } : {}) }))];
    const each = lanesOf(threads, steps, spec, ['child']);
    expect(each.map((l) => l.threads.length)).toEqual([1, ...Array.from({ length: 20 }, () => 1), 279, 1]); // the first of them, the others, one that failed
    expect(each.at(-1)!.threads).toEqual([251]);
    const laid = sceneOf(few.map((l) => ({ id: l.id, thread: l.spec, depth: l.depth, titled: true })));
    expect(laid[1]!.y).toBeGreaterThan(laid[0]!.y + laid[0]!.height);
  });
  test('what another tenant has under the same name is laid out for itself', () => {
    const other = { ...main, nodes: { s: { ...plain('other'), entrypoint: {} }, other: { ...plain(), exit: {} } } } as unknown as ThreadSpec;
    const before = session.tenant;
    const inTenant = (tenant: string, thread: ThreadSpec): string[] => {
      session.tenant = tenant;
      return laidOut('order 0.0', [{ id: 'main', thread, depth: 0, titled: false }])[0]!.places.map((p) => p.name);
    };
    expect([inTenant('a', main), inTenant('b', other), inTenant('a', main)]).toEqual([['s', 't', 'e'], ['s', 'other'], ['s', 't', 'e']]);
    session.tenant = before;
  });
  test('a thread that handles a failure or an event has an arrow from where that happened', () => {
    const steps = new Map([[0, [step(0, 1, 't', { failure: 'declined', status: 'ERROR' })]]]);
    const handler = { ...threadRun(1, 'child', 0), type: 'FAILURE_HANDLER' as const, failureBeingHandled: { threadRunNumber: 0, nodeRunPosition: 1, failureNumber: 0 } };
    const interrupt = { ...threadRun(2, 'child', 0), type: 'INTERRUPT' as const, interruptTriggerId: { externalEventDefId: { name: 'knock' } } };
    const [main, ...others] = lanesOf([threadRun(0, 'main'), handler, interrupt] as ThreadRun[], steps, spec);
    expect(others.map((l) => l.starts)).toEqual([[{ lane: main!.id, node: 't', cause: 'handler', when: 'on declined' }], [{ lane: main!.id, cause: 'interrupt', when: 'interrupted by knock' }]]);
  });
  test('threads of one lane have arrows from lanes of all their parents, none from their own', () => {
    const steps = new Map([[0, [step(0, 1, 't', { startedThreads: [1, 2, 3, 4] })]], [4, [step(4, 1, 't', { startedThreads: [5] })]], [1, [step(1, 1, 't', { startedThreads: [6] })]]]);
    const other = { ...spec, threadSpecs: { ...spec.threadSpecs, other: main } } as WfSpec;
    const lanes = lanesOf([threadRun(0, 'main'), threadRun(1, 'child', 0), threadRun(2, 'child', 0), threadRun(3, 'child', 0), threadRun(4, 'other', 0), threadRun(5, 'child', 4), threadRun(6, 'child', 1)], steps, other);
    expect(lanes.map((l) => [l.id, l.starts.map((s) => s.lane)])).toEqual([['main', []], ['child', ['main', 'other']], ['other', ['main']]]);
  });
  test('rows of the timeline put a thread below its parent', () => {
    const rows = rowsOf([threadRun(0, 'main'), threadRun(1, 'child', 0), threadRun(2, 'child', 1)], new Map([[1, [step(1, 0, 'x')]]]));
    expect(rows.map((r) => ('step' in r ? r.step.node : `${r.thread.number}@${r.depth}`))).toEqual(['0@0', '1@1', 'x', '2@2']);
  });
  test('who wrote a variable last is told', () => {
    const sets = { lhsName: 'total', operation: 'ASSIGN' } as unknown as VariableMutation;
    const own = {
      nodes: { a: { outgoingEdges: [{ sinkNodeName: 'b', variableMutations: [sets] }] }, b: { outgoingEdges: [{ sinkNodeName: 'a', variableMutations: [] }] } },
      variableDefs: [{ varDef: { name: 'total' }, accessLevel: 'PRIVATE_VAR' }],
    };
    const of = { threadSpecs: { main: own }, entrypointThreadName: 'main' } as unknown as WfSpec;
    const steps = new Map([[0, [step(0, 0, 'a'), step(0, 1, 'b'), step(0, 2, 'a'), step(0, 3, 'b')]]]);
    expect(writersOf([threadRun(0, 'main')], steps, of).get('0/total')).toMatchObject({ node: 'a', position: 2, times: 2 });
  });
});

test('events come in pieces', () => {
  const r = new Reader();
  expect(r.take('id: a.1\nevent: open\ndata: {}\n\n: nothing new\n\nevent: cha')).toEqual([{ id: 'a.1', name: 'open', data: '{}' }]);
  expect(r.take('nge\ndata: {"topic":"run:a"}')).toEqual([]);
  expect(r.take('\n\n')).toEqual([{ id: '', name: 'change', data: '{"topic":"run:a"}' }]);
  expect(oldest(['a.z', 'a.10', 'a.2'])).toBe('a.2');
  expect(oldest(['a.z', 'b.1'])).toBeUndefined();
});

describe('a value that is looked into', () => {
  const value = { a: [1, { 'b c': 'needle' }], number: new Exact('9007199254740993'), empty: {}, no: null };
  it('has a path to each part', () => {
    expect([within('$', 'a'), within('$.a', 1), within('$', 'b c'), within('$', "it's"), within('$', 'é')]).toEqual(['$.a', '$.a[1]', "$['b c']", "$['it\\'s']", "$['é']"]);
  });
  it('is searched by names and values, and what is around is known', () => {
    expect([pathText('$.a[1]', 'JSONPath', 'doc'), pathText('$.a[1]', 'field path', 'doc'), pathText("$['b c'].d", 'field path', 'doc'), pathText('$.a.b', 'field path'), pathText('$[0].b', 'field path')]).toEqual(['$.a[1]', 'doc.a[1]', "doc['b c'].d", 'a.b', '[0].b']);
    expect([...hitsOf({ a: ['needle'] }, 'needle', '$.doc')!.found]).toEqual(['$.doc.a[0]']);
    const hits = hitsOf(value, ' NEEDLE ');
    expect([...hits!.found]).toEqual(["$.a[1]['b c']"]);
    expect([...hits!.around]).toEqual(['$', '$.a', '$.a[1]']);
    expect([...hitsOf(value, '740993')!.found]).toEqual(['$.number']);
    expect([...hitsOf(value, 'nu')!.found]).toEqual(['$.number', '$.no']);
    expect(hitsOf(value, ' ')).toBeUndefined();
    expect(hitsOf(value, 'absent')!.found.size).toBe(0);
  });
  it('is hexadecimal if it is bytes', () => {
    const bytes = bytesOf(btoa('lunch: 18.50\n\u00ff and more'))!;
    expect(hexOf(bytes, 1024)).toBe('00000000  6c 75 6e 63 68 3a 20 31 38 2e 35 30 0a ff 20 61  lunch: 18.50.. a\n00000010  6e 64 20 6d 6f 72 65                             nd more');
    expect(hexOf(bytes, 4)).toBe(`00000000  ${'6c 75 6e 63'.padEnd(47)}  lunc`);
    expect(hexOf(new Uint8Array(), 9)).toBe('');
    expect(bytesOf('%%')).toBeUndefined();
  });
});
