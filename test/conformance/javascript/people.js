'use strict'

// User tasks: assignment, completion, cancellation.

const { assign, chain, literal, outputOf, spec, task, variable } = require('./spec')
const { expect } = require('./transcript')

async function putForm(s) {
  const form = await s.client.putUserTaskDef({
    name: s.name('form'),
    fields: [
      { name: 'approved', type: 'BOOL', displayName: 'Approved?', required: true },
      { name: 'note', type: 'STR', displayName: 'Note' },
    ],
  })
  await s.eventually(() => s.client.getUserTaskDef({ name: form.name, version: form.version }))
  return form
}

const userTaskRuns = async (s, wfRun) =>
  (await s.client.listUserTaskRuns({ wfRunId: s.wfRunId(wfRun) })).results

async function userTask(s) {
  const t = s.transcript
  t.step('user-task/def', await putForm(s))
  expect((await putForm(s)).version === 0, 'a repeated put made a new version')
  await s.put(
    spec('user-task', {
      main: chain(
        [variable('approved', 'BOOL')],
        [
          {
            name: 'form',
            userTask: { userTaskDefName: s.name('form'), userId: literal('ana'), userGroup: literal('finance') },
            set: [assign('approved', outputOf('form', '$.approved'))],
          },
          task('greet', s.name('greet'), [literal('approver')]),
        ],
      ),
    }),
  )
  await s.run('user-task', 'user-task')
  const userTaskRunId = { wfRunId: s.wfRunId('user-task'), userTaskGuid: '0-1' }
  const reassign = (fields) => s.client.assignUserTaskRun({ userTaskRunId, ...fields })
  const complete = (results) => s.client.completeUserTaskRun({ userTaskRunId, userId: 'bo', results })

  await t.refused('user-task/claimed', 'FAILED_PRECONDITION', () => reassign({ userId: 'bo' }))
  await t.refused('user-task/nobody', 'INVALID_ARGUMENT', () => reassign({}))
  await reassign({ userId: 'bo', overrideClaim: true })
  await t.refused('user-task/incomplete', 'INVALID_ARGUMENT', () => complete({}))
  await t.refused('user-task/wrong-type', 'INVALID_ARGUMENT', () => complete({ approved: { str: 'yes' } }))
  const found = await s.pages('searchUserTaskRun', { userId: 'bo', userTaskDefName: s.name('form') })
  t.step('user-task/search', found.results.map((r) => r.wfRunId.id).sort())
  await complete({ approved: { bool: true } })
  await s.record('user-task/run', 'user-task', 'COMPLETED')
  t.step('user-task/list', await userTaskRuns(s, 'user-task'))
  expect((await s.variable('user-task', 'approved')) === true, "the form's answer is lost")
  await complete({ approved: { bool: false } })
  t.step('user-task/completed-again', await s.client.getUserTaskRun(userTaskRunId))
}

async function cancelledUserTask(s) {
  await s.put(
    spec('user-task-cancelled', {
      main: chain([], [
        {
          name: 'form',
          userTask: { userTaskDefName: s.name('form'), userGroup: literal('finance') },
          handlers: [{ handlerSpecName: 'handler', specificFailure: 'USER_TASK_CANCELLED' }],
        },
      ]),
      handler: chain([], [task('greet', s.name('greet'), [literal('handler')])]),
    }),
  )
  await s.run('user-task-cancelled', 'user-task-cancelled')
  await s.client.cancelUserTaskRun({
    userTaskRunId: { wfRunId: s.wfRunId('user-task-cancelled'), userTaskGuid: '0-1' },
  })
  await s.record('cancelled-user-task/run', 'user-task-cancelled', 'COMPLETED')
  s.transcript.step('cancelled-user-task/list', await userTaskRuns(s, 'user-task-cancelled'))
}

module.exports = { scenarios: { 'user-task': userTask, 'cancelled-user-task': cancelledUserTask } }
