'use strict'

// Runs from outside: refusals, stop and resume, rescue, delete.

const { pause } = require('./session')
const { assign, chain, event, fromVariable, literal, outputOf, spec, task, variable } = require('./spec')
const { expect } = require('./transcript')

async function refusals(s) {
  const { client: c, transcript: t } = s
  const wfSpecName = s.name('greet')
  const wfRunId = s.wfRunId('no-such-run')
  const cases = [
    ['unknown-spec', 'NOT_FOUND', () => s.run('no-such-spec', 'x')],
    ['same-id', 'ALREADY_EXISTS', () => s.run('greet', 'greet', { name: 'again' })],
    ['unknown-version', 'NOT_FOUND', () => c.runWf({ wfSpecName, majorVersion: 7 })],
    ['no-name', 'INVALID_ARGUMENT', () => c.runWf({})],
    ['bad-id', 'INVALID_ARGUMENT', () => c.runWf({ wfSpecName, id: 'a_b' })],
    ['empty-id', 'INVALID_ARGUMENT', () => c.runWf({ wfSpecName, id: '' })],
    ['get-run', 'NOT_FOUND', () => c.getWfRun(wfRunId)],
    ['get-node-run', 'NOT_FOUND', () => c.getNodeRun({ wfRunId })],
    ['get-task-run', 'NOT_FOUND', () => c.getTaskRun({ wfRunId, taskGuid: '0-1' })],
    ['get-variable', 'NOT_FOUND', () => c.getVariable({ wfRunId, name: 'x' })],
    ['stop', 'NOT_FOUND', () => c.stopWfRun({ wfRunId })],
    ['resume', 'NOT_FOUND', () => c.resumeWfRun({ wfRunId })],
    ['rescue', 'NOT_FOUND', () => c.rescueThreadRun({ wfRunId })],
  ]
  for (const [step, code, call] of cases) await t.refused(`refusals/${step}`, code, call)
}

async function stopAndResume(s) {
  await s.putEventDef('go-on')
  await s.put(spec('stoppable', { main: chain([], [event('go-on', s.name('go-on'))]) }))
  await s.run('stoppable', 'stoppable')
  const wfRunId = s.wfRunId('stoppable')
  await s.client.stopWfRun({ wfRunId })
  await s.record('stop-and-resume/stopped', 'stoppable', 'HALTED')
  await s.post('stoppable', 'go-on', 'g1', null)
  await pause(200)
  const node = await s.client.getNodeRun(s.nodeRunId('stoppable', 0, 1))
  expect(node.status === 'HALTED', 'a stopped thread went on')
  await s.transcript.refused('stop-and-resume/no-such-thread', 'INVALID_ARGUMENT', () =>
    s.client.stopWfRun({ wfRunId, threadRunNumber: 9 }),
  )
  await s.client.resumeWfRun({ wfRunId })
  await s.record('stop-and-resume/resumed', 'stoppable', 'COMPLETED')
}

async function rescue(s) {
  await s.putEventDef('rescue')
  await s.put(
    spec('rescue', {
      main: chain(
        [variable('amount', 'INT', { default: 1 })],
        [
          event('rescue', s.name('rescue'), { set: [assign('amount', outputOf('rescue', '$.amount'))] }),
          task('add', s.name('add'), [fromVariable('amount'), literal(1)]),
        ],
      ),
    }),
  )
  await s.run('rescue', 'rescue')
  await s.post('rescue', 'rescue', 'r1', { amount: 'many' })
  await s.waitStatus('rescue', 'ERROR')
  const wfRunId = s.wfRunId('rescue')
  const rescued = (threadRunNumber) => s.client.rescueThreadRun({ wfRunId, threadRunNumber })
  await s.transcript.refused('rescue/no-such-thread', 'INVALID_ARGUMENT', () => rescued(4))
  await rescued(0)
  await s.transcript.refused('rescue/running', 'FAILED_PRECONDITION', () => rescued(0))
  await s.post('rescue', 'rescue', 'r2', { amount: 41 })
  await s.record('rescue/run', 'rescue', 'COMPLETED')
  expect((await s.variable('rescue', 'amount')) === 41, 'the second event was not used')
}

async function remove(s) {
  await s.run('greet', 'delete', { name: 'Dora' })
  await s.waitStatus('delete', 'COMPLETED')
  const t = s.transcript
  await s.client.deleteWfRun({ id: s.wfRunId('delete') })
  await t.refused('delete/get-run', 'NOT_FOUND', () => s.client.getWfRun(s.wfRunId('delete')))
  await t.refused('delete/get-task-run', 'NOT_FOUND', () => s.taskRun('delete', '0-1'))
  await s.client.deleteWfRun({ id: s.wfRunId('delete') })
  t.step('delete/again', 'OK')
  await s.run('greet', 'delete', { name: 'Dora' })
  await s.waitStatus('delete', 'COMPLETED')
  t.step('delete/id-free-again', 'OK')
}

module.exports = { scenarios: { refusals, 'stop-and-resume': stopAndResume, rescue, delete: remove } }
