'use strict'

// People decide about expenses. Who takes long is reminded, who takes longer loses the task, and what nobody wants is withdrawn.

const { toValue } = require('./worker')
const { perform } = require('./stage')
const { assign, condition, fail, format, fromVariable, literal, onException, outputOf, task, thread, variable, wfSpec } = require('./spec')

const [PATIENT, HURRIED] = ['js-approval', 'js-approval-hurried']
const [FORM, REMIND, TELL] = ['js-approval-form', 'js-approval-remind', 'js-approval-tell']

const form = {
  name: FORM,
  fields: [
    { name: 'approved', displayName: 'Approved', type: 'BOOL', required: true },
    { name: 'reason', displayName: 'Reason', type: 'STR' },
  ],
}

/** The workflow, with days of any number of seconds. */
const approval = (name, day) => {
  const after = (days, action) => ({ delaySeconds: literal(days * day), hook: 'ON_ARRIVAL', ...action })
  const remind = { taskDefId: { name: REMIND }, variables: [fromVariable('approver'), fromVariable('purpose')] }
  return wfSpec(name, {
    entrypoint: thread(
      [
        variable('employee', 'STR', { required: true, searchable: true }),
        variable('purpose', 'STR', { required: true }),
        variable('approver', 'STR', { required: true }),
        variable('decision', 'JSON_OBJ'),
      ],
      [
        {
          name: 'decide',
          userTask: {
            userTaskDefName: FORM,
            userId: fromVariable('approver'),
            userGroup: literal('managers'),
            notes: format('{0} asks for {1}', fromVariable('employee'), fromVariable('purpose')),
            onCancellationExceptionName: literal('withdrawn'),
            actions: [
              after(1, { task: { task: remind } }),
              after(3, { hook: 'ON_TASK_ASSIGNED', reassign: { userId: literal('director') } }),
              after(90, { cancel: {} }),
            ],
          },
          handlers: [onException('withdrawn', 'withdrawn')],
          set: [assign('decision', outputOf('decide'))],
        },
        {
          name: 'decided',
          nop: {},
          branches: [
            [
              condition(fromVariable('decision', '$.approved'), 'EQUALS', literal(true)),
              task('approved', TELL, [fromVariable('employee'), literal('approved')]),
            ],
            [undefined, task('refused', TELL, [fromVariable('employee'), fromVariable('decision', '$.reason')])],
          ],
        },
      ],
    ),
    withdrawn: thread(
      [],
      [
        task('tell', TELL, [fromVariable('employee'), literal('nobody has decided')]),
        fail('off', 'withdrawn', 'nobody has decided'),
      ],
    ),
  })
}

const letters = []

const tasks = {
  [REMIND]: {
    inputs: [['approver', 'STR'], ['purpose', 'STR']],
    run: ({ approver, purpose }) => void letters.push(`to ${approver}: please decide about ${purpose}`),
  },
  [TELL]: {
    inputs: [['employee', 'STR'], ['text', 'STR']],
    run: ({ employee, text }) => void letters.push(`to ${employee}: ${text}`),
  },
}

async function story(s) {
  await s.work(tasks)
  await s.client.putUserTaskDef(form)
  await s.client.putWfSpec(approval(PATIENT, 24 * 3600))
  await s.client.putWfSpec(approval(HURRIED, 1))

  let run = await ask(s, PATIENT, 'Ana', 'a train ticket')
  await decide(s, run, 'manager', true, '')
  await tell(s, run)

  run = await ask(s, HURRIED, 'Bo', 'a helicopter')
  await has(s, run, 'director')
  await s.until('the reminder, a task of its own', () => letters.length > 0)
  await decide(s, run, 'director', false, 'take the train')
  await tell(s, run)

  run = await ask(s, PATIENT, 'Cleo', 'a new desk')
  await s.client.cancelUserTaskRun({ userTaskRunId: formOf(run) })
  await tell(s, run)
}

/** The user task of a run: it stands at the first node of thread 0. */
const formOf = (wfRunId) => ({ wfRunId, userTaskGuid: '0-1' })

async function ask(s, spec, employee, purpose) {
  const run = await s.start(spec, { employee, purpose, approver: 'manager' })
  s.say(`${employee} asks for ${purpose}`)
  await s.until('a user task', async () => (await s.client.getUserTaskRun(formOf(run))).userId)
  return run
}

const has = (s, run, user) =>
  s.until(`${user} to have it`, async () => (await s.client.getUserTaskRun(formOf(run))).userId === user)

const decide = (s, run, userId, approved, reason) =>
  s.client.completeUserTaskRun({
    userTaskRunId: formOf(run),
    userId,
    results: { approved: toValue(approved), reason: toValue(reason) },
  })

async function tell(s, run) {
  s.say(`WfRun ${run.id}\n    ${await s.end(run)}`)
  for (const letter of letters.splice(0)) s.say(`    ${letter}`)
}

if (require.main === module) perform(story)

module.exports = { story }
