'use strict'

// Control flow: branches, loops, threads, sleeps, conditions.

const {
  assign,
  chain,
  condition,
  edge,
  event,
  expression,
  fromVariable,
  graph,
  literal,
  mutate,
  outputOf,
  spec,
  task,
  variable,
  waitForThreads,
} = require('./spec')
const { expect } = require('./transcript')

async function ifElse(s) {
  const smaller = (than) => condition(fromVariable('size'), 'LESS_THAN', literal(than))
  const kind = (name) => [assign('kind', literal(name))]
  const main = graph([variable('size', 'INT', { required: true }), variable('kind', 'STR', { default: 'unset' })], {
    entrypoint: { entrypoint: {}, outgoingEdges: [edge('if')] },
    if: {
      nop: {},
      outgoingEdges: [
        edge('end', kind('small'), smaller(10)),
        edge('add', kind('medium'), smaller(100)),
        edge('end', kind('large')),
      ],
    },
    add: {
      task: { taskDefId: { name: s.name('add') }, variables: [fromVariable('size'), literal(1)] },
      outgoingEdges: [edge('end')],
    },
    end: { nop: {}, outgoingEdges: [edge('exit')] },
    exit: { exit: {} },
  })
  s.transcript.step('if-else/spec', await s.put(spec('if-else', { main })))
  for (const [size, name] of [[1, 'small'], [10, 'medium'], [100, 'large']]) {
    await s.run('if-else', `if-else-${name}`, { size })
    await s.record(`if-else/${name}`, `if-else-${name}`, 'COMPLETED')
    expect((await s.variable(`if-else-${name}`, 'kind')) === name, `${size} is not ${name}`)
  }
}

async function loop(s) {
  const more = condition(fromVariable('left'), 'GREATER_THAN', literal(0))
  const main = graph([variable('left', 'INT', { required: true }), variable('total', 'INT', { default: 0 })], {
    entrypoint: { entrypoint: {}, outgoingEdges: [edge('while')] },
    while: { nop: {}, outgoingEdges: [edge('add', [], more), edge('exit')] },
    add: {
      task: { taskDefId: { name: s.name('add') }, variables: [fromVariable('total'), fromVariable('left')] },
      outgoingEdges: [
        edge('while', [assign('total', outputOf('add')), mutate('left', 'SUBTRACT', literal(1))]),
      ],
    },
    exit: { exit: {} },
  })
  await s.put(spec('loop', { main }))
  await s.run('loop', 'loop', { left: 4 })
  await s.record('loop/run', 'loop', 'COMPLETED')
  expect((await s.variable('loop', 'total')) === 10, '4+3+2+1 is not 10')
  await s.run('loop', 'loop-never', { left: 0 })
  await s.record('loop/never', 'loop-never', 'COMPLETED')
}

const start = (name, thread, variables = {}) => ({ name, startThread: { threadSpecName: thread, variables } })

async function threads(s) {
  await s.put(
    spec('threads', {
      main: chain(
        [variable('total', 'INT', { default: 0 })],
        [start('start', 'child', { a: literal(5) }), waitForThreads('wait', ['start'])],
      ),
      child: chain(
        [variable('a', 'INT', { required: true })],
        [
          task('add', s.name('add'), [fromVariable('a'), literal(100)], {
            set: [assign('total', outputOf('add'))],
          }),
        ],
      ),
    }),
  )
  await s.run('threads', 'threads')
  await s.record('threads/run', 'threads', 'COMPLETED')
  expect((await s.variable('threads', 'total')) === 105, "the child did not reach its parent's variable")
}

async function failingThreads(s) {
  const broken = chain([], [task('flaky', s.name('flaky'), [literal(9)])])
  const denied = chain([], [
    { name: 'denied', exit: { failureDef: { failureName: 'denied', message: 'not today', content: literal('why') } } },
  ])
  const handler = chain([], [task('greet', s.name('greet'), [literal('handler')])])
  const perThread = [{ handlerSpecName: 'handler', specificFailure: 'denied' }]
  const started = start('start', 'child')
  const waits = chain([], [started, waitForThreads('wait', ['start'])])
  const cases = {
    error: ['ERROR', { main: waits, child: broken }],
    exception: ['EXCEPTION', { main: waits, child: denied }],
    handled: [
      'COMPLETED',
      { main: chain([], [started, waitForThreads('wait', ['start'], { perThread })]), child: denied, handler },
    ],
    unwaited: ['ERROR', { main: chain([], [started]), child: broken }],
  }
  for (const [name, [status, threadSpecs]] of Object.entries(cases)) {
    await s.put(spec(`threads-${name}`, threadSpecs))
    await s.run(`threads-${name}`, `threads-${name}`)
    await s.record(`failing-threads/${name}`, `threads-${name}`, status)
  }
}

async function forEach(s) {
  await s.put(
    spec('for-each', {
      main: chain(
        [variable('people', 'JSON_ARR', { required: true })],
        [
          { name: 'start', startMultipleThreads: { threadSpecName: 'child', iterable: fromVariable('people') } },
          { name: 'wait', waitForThreads: { threadList: outputOf('start') } },
        ],
      ),
      child: chain(
        [variable('INPUT', 'JSON_OBJ')],
        [task('greet', s.name('greet'), [fromVariable('INPUT', '$.name')])],
      ),
    }),
  )
  await s.run('for-each', 'for-each', { people: [{ name: 'Ana' }, { name: 'Bo' }, { name: 'Cleo' }] })
  await s.waitStatus('for-each', 'COMPLETED')
  const { results } = await s.client.listTaskRuns({ wfRunId: s.wfRunId('for-each') })
  s.transcript.step('for-each/greetings', results.map((t) => t.attempts[0].output.str).sort())
  await s.run('for-each', 'for-each-empty', { people: [] })
  await s.record('for-each/empty', 'for-each-empty', 'COMPLETED')
}

async function sleep(s) {
  await s.put(
    spec('sleep', {
      main: chain([], [
        { name: 'sleep', sleep: { rawSeconds: literal(1) } },
        task('greet', s.name('greet'), [literal('sleeper')]),
      ]),
    }),
  )
  await s.run('sleep', 'sleep')
  await s.record('sleep/run', 'sleep', 'COMPLETED')
  const arrival = async (position) =>
    Date.parse((await s.client.getNodeRun(s.nodeRunId('sleep', 0, position))).arrivalTime)
  const slept = (await arrival(2)) - (await arrival(1))
  expect(995 <= slept && slept <= 60_000, `slept ${slept} ms, want 1000`)
}

async function waitForCondition(s) {
  await s.putEventDef('condition')
  await s.put(
    spec('condition', {
      main: chain(
        [variable('ready', 'BOOL', { default: false })],
        [
          start('start', 'child'),
          { name: 'ready', waitForCondition: { condition: condition(fromVariable('ready'), 'EQUALS', literal(true)) } },
          waitForThreads('wait', ['start']),
        ],
      ),
      child: chain([], [event('event', s.name('condition'), { set: [assign('ready', outputOf('event'))] })]),
    }),
  )
  await s.run('condition', 'condition')
  await s.waitNode('condition', 0, 2, 'RUNNING')
  await s.post('condition', 'condition', 'c1', true)
  await s.record('condition/run', 'condition', 'COMPLETED')
}

async function fail(s) {
  const failureDef = { failureName: 'declined', message: 'the bank says no', content: literal({ code: 51 }) }
  await s.put(spec('fail', { main: chain([], [{ name: 'declined', exit: { failureDef } }]) }))
  await s.run('fail', 'fail')
  await s.record('fail/run', 'fail', 'EXCEPTION')
}

/** A WfRun started by hand under a parent reads and writes what it inherits. */
async function lineage(s) {
  await s.put(
    spec('lineage-parent', {
      main: chain([variable('shared', 'INT', { default: 1, accessLevel: 'PUBLIC_VAR' })], []),
    }),
  )
  await s.put(
    spec(
      'lineage-child',
      {
        main: chain([variable('shared', 'INT', { accessLevel: 'INHERITED_VAR' })], [], {
          first: [assign('shared', expression(fromVariable('shared'), 'ADD', literal(10)))],
        }),
      },
      { parentWfSpec: { wfSpecName: s.name('lineage-parent'), wfSpecMajorVersion: 0 } },
    ),
  )
  await s.run('lineage-parent', 'lineage-parent')
  await s.waitStatus('lineage-parent', 'COMPLETED')
  const request = s.runRequest('lineage-child', 'lineage-child')
  await s.transcript.refused('lineage/orphan', 'INVALID_ARGUMENT', () => s.client.runWf(request))
  await s.transcript.refused('lineage/unknown-parent', 'FAILED_PRECONDITION', () =>
    s.client.runWf({ ...request, parentWfRunId: s.wfRunId('no-such-parent') }),
  )
  const child = await s.client.runWf({ ...request, parentWfRunId: s.wfRunId('lineage-parent') })
  s.transcript.step('lineage/child', child)
  expect((await s.variable('lineage-parent', 'shared')) === 11, "the parent's variable did not change")
}

module.exports = {
  scenarios: {
    'if-else': ifElse,
    loop,
    threads,
    'failing-threads': failingThreads,
    'for-each': forEach,
    sleep,
    condition: waitForCondition,
    fail,
    lineage,
  },
}
