'use strict'

// Tasks: outputs, retries, timeouts, exceptions.

const { pause } = require('./session')
const { assign, chain, fromVariable, literal, outputOf, spec, task, variable } = require('./spec')
const { expect } = require('./transcript')
const { TaskException, Worker } = require('./worker')

const lateReports = new Set()

const INT = { type: 'INT', masked: false }
const STR = { type: 'STR', masked: false }
const OBJECT = { type: 'JSON_OBJ', masked: false }

const input = (t, name) => t.variables.find((v) => v.varName === name).value

/** Each: the declared inputs, the declared output, and the function. */
const functions = {
  greet: [{ name: STR }, STR, (t) => `hello ${input(t, 'name').str}`],
  add: [{ a: INT, b: INT }, INT, (t) => input(t, 'a').int + input(t, 'b').int],
  nothing: [{}, undefined, () => undefined],
  context: [
    {},
    OBJECT,
    (t) => ({
      wfRun: t.taskRunId.wfRunId.id,
      taskRun: t.taskRunId.taskGuid,
      nodeRun: t.source.taskNode.nodeRunId.position,
      attempt: t.attemptNumber,
      taskDef: t.taskDefId.name,
    }),
  ],
  flaky: [
    { failures: INT },
    STR,
    (t) => {
      if (t.attemptNumber < input(t, 'failures').int) throw new Error(`attempt ${t.attemptNumber} fails`)
      return `attempt ${t.attemptNumber} succeeds`
    },
  ],
  // Late in its first attempt only.
  slow: [
    {},
    STR,
    async (t) => {
      if (t.attemptNumber > 0) return 'in time'
      await pause(5000)
      lateReports.add(t.taskRunId.wfRunId.id)
      return 'too late'
    },
  ],
  charge: [
    { item: STR },
    STR,
    (t) => {
      const item = input(t, 'item').str
      if (item === 'rare') throw new TaskException('out-of-stock', 'none left', item)
      if (item === 'gone') throw new TaskException('discontinued', 'no longer sold')
      return `charged ${item}`
    },
  ],
  liar: [{}, INT, () => 'not a number'],
}

async function startWorkers(s, workerId) {
  for (const [suffix, [inputs, output, run]] of Object.entries(functions)) {
    const name = s.name(suffix)
    await s.client.putTaskDef({
      name,
      inputVars: Object.entries(inputs).map(([input, typeDef]) => ({ name: input, typeDef })),
      returnType: { returnType: output },
    })
    await s.eventually(() => s.client.getTaskDef({ name }))
    await new Worker(s, name, workerId, run).start()
  }
}

async function greet(s) {
  const stored = await s.put(
    spec('greet', {
      main: chain(
        [variable('name', 'STR', { required: true }), variable('result', 'STR')],
        [task('greet', s.name('greet'), [fromVariable('name')], { set: [assign('result', outputOf('greet'))] })],
      ),
    }),
  )
  s.transcript.step('greet/spec', stored)
  await s.run('greet', 'greet', { name: 'Ana' })
  await s.record('greet/run', 'greet', 'COMPLETED')
  expect((await s.variable('greet', 'result')) === 'hello Ana', 'wrong greeting')
  const run = await s.client.getWfRun(s.wfRunId('greet'))
  expect(run.endTime >= run.startTime, 'ends before it starts')
}

async function generatedId(s) {
  const run = await s.client.runWf({ wfSpecName: s.name('greet'), variables: { name: { str: 'Bo' } } })
  expect(run.id.id.length === 32, `generated id ${run.id.id}`)
  s.transcript.step('generated-id/run', run)
}

async function nothing(s) {
  await s.put(spec('void', { main: chain([], [task('nothing', s.name('nothing'), [])]) }))
  await s.run('void', 'void')
  await s.record('void/run', 'void', 'COMPLETED')
}

async function context(s) {
  await s.put(
    spec('context', {
      main: chain(
        [variable('result', 'JSON_OBJ')],
        [task('context', s.name('context'), [], { set: [assign('result', outputOf('context'))] })],
      ),
    }),
  )
  await s.run('context', 'context')
  await s.record('context/run', 'context', 'COMPLETED')
}

async function dynamic(s) {
  const node = { name: 'which', task: { dynamicTask: fromVariable('which'), variables: [literal('Cleo')] } }
  await s.put(spec('dynamic', { main: chain([variable('which', 'STR', { required: true })], [node]) }))
  await s.run('dynamic', 'dynamic', { which: s.name('greet') })
  await s.record('dynamic/run', 'dynamic', 'COMPLETED')
  await s.run('dynamic', 'dynamic-unknown', { which: 'no-such-task' })
  await s.record('dynamic/unknown', 'dynamic-unknown', 'ERROR')
}

async function retries(s) {
  await s.put(
    spec('retries', {
      main: chain(
        [variable('failures', 'INT', { required: true }), variable('result', 'STR')],
        [
          task('flaky', s.name('flaky'), [fromVariable('failures')], {
            retries: 2,
            set: [assign('result', outputOf('flaky'))],
          }),
        ],
      ),
    }),
  )
  await s.run('retries', 'retries-enough', { failures: 2 })
  await s.record('retries/enough', 'retries-enough', 'COMPLETED')
  expect((await s.variable('retries-enough', 'result')) === 'attempt 2 succeeds', 'wrong attempt')
  await s.run('retries', 'retries-exhausted', { failures: 9 })
  await s.record('retries/exhausted', 'retries-exhausted', 'ERROR')
}

/** Reports of attempts that are over are answered OK and change nothing. */
async function repeatedReport(s) {
  const before = await s.taskRun('retries-enough', '0-1')
  await s.client.reportTask({
    taskRunId: before.id,
    status: 'TASK_SUCCESS',
    output: { str: 'again' },
    attemptNumber: 0,
  })
  await pause(200) // a server may answer before it looks at the report
  const after = await s.taskRun('retries-enough', '0-1')
  expect(JSON.stringify(after) === JSON.stringify(before), 'a second report counted')
  s.transcript.step('repeated-report/finished', 'dropped')
}

async function backoff(s) {
  const base = 400
  const ceiling = 600
  const node = task('flaky', s.name('flaky'), [literal(2)], {
    retries: 2,
    backoff: { baseIntervalMs: base, multiplier: 2, maxDelayMs: ceiling },
  })
  await s.put(spec('backoff', { main: chain([], [node]) }))
  await s.run('backoff', 'backoff')
  await s.waitFor(
    'a pending attempt', // or, where time was short, the end
    async () => ['TASK_PENDING', 'TASK_SUCCESS'].includes((await s.taskRun('backoff', '0-1')).status),
  )
  await s.record('backoff/run', 'backoff', 'COMPLETED')
  const { attempts } = await s.taskRun('backoff', '0-1')
  for (const [number, delay] of [[1, base], [2, ceiling]]) {
    const waited = Date.parse(attempts[number].scheduleTime) - Date.parse(attempts[number - 1].endTime)
    expect(
      delay - 5 <= waited && waited <= delay + 60_000,
      `retry ${number} came ${waited} ms after the failure, want ${delay}`,
    )
  }
}

async function timeout(s) {
  const node = task('slow', s.name('slow'), [], {
    retries: 1,
    timeoutSeconds: 3,
    set: [assign('result', outputOf('slow'))],
  })
  await s.put(spec('timeout', { main: chain([variable('result', 'STR')], [node]) }))
  await s.run('timeout', 'timeout')
  await s.record('timeout/run', 'timeout', 'COMPLETED')
  expect((await s.variable('timeout', 'result')) === 'in time', 'the late result won')
  const before = JSON.stringify(await s.taskRun('timeout', '0-1'))
  await s.waitFor('the late report', () => lateReports.has(s.name('timeout')))
  await pause(300) // the report itself follows the function's return
  const after = JSON.stringify(await s.taskRun('timeout', '0-1'))
  expect(after === before, 'a late report changed the TaskRun')
  s.transcript.step('timeout/late-report', 'dropped')
}

async function timeoutExhausted(s) {
  await s.put(
    spec('timeout-exhausted', { main: chain([], [task('slow', s.name('slow'), [], { timeoutSeconds: 3 })]) }),
  )
  await s.run('timeout-exhausted', 'timeout-exhausted')
  await s.record('timeout-exhausted/run', 'timeout-exhausted', 'ERROR')
}

async function exceptions(s) {
  await s.put(
    spec('exceptions', {
      main: chain(
        [variable('item', 'STR', { required: true })],
        [
          task('charge', s.name('charge'), [fromVariable('item')], {
            retries: 3,
            handlers: [{ handlerSpecName: 'handler', specificFailure: 'out-of-stock' }],
          }),
          task('add', s.name('add'), [literal(1), literal(2)]),
        ],
      ),
      handler: chain([variable('INPUT', 'STR')], [task('greet', s.name('greet'), [fromVariable('INPUT')])]),
    }),
  )
  await s.run('exceptions', 'exceptions-none', { item: 'common' })
  await s.record('exceptions/none', 'exceptions-none', 'COMPLETED')
  await s.run('exceptions', 'exceptions-handled', { item: 'rare' })
  await s.record('exceptions/handled', 'exceptions-handled', 'COMPLETED')
  await s.run('exceptions', 'exceptions-unhandled', { item: 'gone' })
  await s.record('exceptions/unhandled', 'exceptions-unhandled', 'EXCEPTION')
}

async function errors(s) {
  const handler = chain([], [task('greet', s.name('greet'), [literal('handler')])])
  const flaky = (retries, handlers) => task('flaky', s.name('flaky'), [literal(9)], { retries, handlers })
  const put = (name, node) => s.put(spec(name, { main: chain([], [node]), handler }))

  await put('errors-any', flaky(1, [{ handlerSpecName: 'handler', anyFailureOfType: 'FAILURE_TYPE_ERROR' }]))
  await s.run('errors-any', 'errors-any')
  await s.record('errors/any-error', 'errors-any', 'COMPLETED')
  await put('errors-other', flaky(0, [{ handlerSpecName: 'handler', specificFailure: 'TIMEOUT' }]))
  await s.run('errors-other', 'errors-other')
  await s.record('errors/other-error', 'errors-other', 'ERROR')
  await put(
    'errors-failure',
    task('charge', s.name('charge'), [literal('gone')], { handlers: [{ handlerSpecName: 'handler' }] }),
  )
  await s.run('errors-failure', 'errors-failure')
  await s.record('errors/any-failure', 'errors-failure', 'COMPLETED')
}

async function wrongOutput(s) {
  await s.put(spec('liar', { main: chain([], [task('liar', s.name('liar'), [], { retries: 2 })]) }))
  await s.run('liar', 'liar')
  await s.record('wrong-output/run', 'liar', 'ERROR')
}

async function workerGroup(s) {
  const group = await s.client.getTaskWorkerGroup({ name: s.name('greet') })
  s.transcript.step('worker-group/registered', {
    taskDef: group.id.taskDefId.name,
    workers: Object.keys(group.taskWorkers),
    hosts: Object.values(group.taskWorkers).map((w) => w.hosts.length),
  })
  await s.transcript.refused('worker-group/missing', 'NOT_FOUND', () =>
    s.client.getTaskWorkerGroup({ name: s.name('unserved') }),
  )
}

module.exports = {
  startWorkers,
  scenarios: {
    greet,
    'generated-id': generatedId,
    void: nothing,
    context,
    dynamic,
    retries,
    'repeated-report': repeatedReport,
    backoff,
    timeout,
    'timeout-exhausted': timeoutExhausted,
    exceptions,
    errors,
    'wrong-output': wrongOutput,
    'worker-group': workerGroup,
  },
}
