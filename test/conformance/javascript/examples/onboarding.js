'use strict'

// A new colleague gets a desk: the form goes to a group, is taken, given to another, filled in, or called off.

const { assign, chain, fromVariable, literal, outputOf, spec, variable } = require('../spec')
const { same, value } = require('./stage')

async function run(s) {
  const form = await s.client.putUserTaskDef({
    name: s.name('desk-form'),
    fields: [
      { name: 'floor', type: 'INT', displayName: 'Floor', required: true },
      { name: 'window', type: 'BOOL', displayName: 'By the window?' },
    ],
  })
  await s.eventually(() => s.client.getUserTaskDef({ name: form.name, version: form.version }))
  await s.put(
    spec('onboarding', {
      main: chain(
        [variable('colleague', 'STR', { required: true }), variable('floor', 'INT')],
        [
          {
            name: 'desk',
            userTask: {
              userTaskDefName: form.name,
              userGroup: literal('house'),
              notes: fromVariable('colleague'),
            },
            set: [assign('floor', outputOf('desk', '$.floor'))],
          },
        ],
      ),
    }),
  )
  await s.run('onboarding', 'onboarding', { colleague: 'Ana' })
  const userTaskRunId = { wfRunId: s.wfRunId('onboarding'), userTaskGuid: '0-1' }
  await s.waitNode('onboarding', 0, 1, 'RUNNING')
  const assignTo = (userId, overrideClaim = false) =>
    s.client.assignUserTaskRun({ userTaskRunId, userId, overrideClaim })
  const complete = (results) => s.client.completeUserTaskRun({ userTaskRunId, userId: 'bo', results })

  same('status', 'UNASSIGNED', (await s.client.getUserTaskRun(userTaskRunId)).status)
  await assignTo('mia')
  await s.refused('a second claim', 'FAILED_PRECONDITION', () => assignTo('bo'))
  await assignTo('bo', true)
  await s.refused('a form of another', 'FAILED_PRECONDITION', () =>
    s.client.saveUserTaskRunProgress({ userTaskRunId, userId: 'mia', results: {}, policy: 'FAIL_IF_CLAIMED_BY_OTHER' }),
  )
  await s.refused('a form without its floor', 'INVALID_ARGUMENT', () => complete({ window: value(true) }))
  await complete({ floor: value(3), window: value(true) })
  await s.ended('onboarding', 'COMPLETED')
  same('floor', 3, await s.variable('onboarding', 'floor'))
  const done = await s.client.getUserTaskRun(userTaskRunId)
  same('end of the form', ['DONE', 'bo', 'Ana'], [done.status, done.userId, done.notes])

  await s.run('onboarding', 'onboarding-off', { colleague: 'Cleo' })
  await s.waitNode('onboarding-off', 0, 1, 'RUNNING')
  await s.client.cancelUserTaskRun({
    userTaskRunId: { wfRunId: s.wfRunId('onboarding-off'), userTaskGuid: '0-1' },
  })
  await s.ended('onboarding-off', 'ERROR')
  const node = await s.client.getNodeRun(s.nodeRunId('onboarding-off', 0, 1))
  same('failures', ['USER_TASK_CANCELLED'], node.failures.map((f) => f.failureName))
}

module.exports = { run }
