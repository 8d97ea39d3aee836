'use strict'

// An alert of a machine that is too hot: readings of its sensor interrupt whatever the alert waits for.

const { perform } = require('./stage')
const { add, assign, condition, fromVariable, literal, onException, outputOf, task, thread, typed, variable, wfSpec } = require('./spec')

const ALERT = 'js-sensor-alert'
const [WARN, CALL] = ['js-alert-warn', 'js-alert-call']
const [READING, ACKNOWLEDGED, COOLED] = ['js-sensor-reading', 'js-alert-acknowledged', 'js-machine-cooled']
const COOL = { literalValue: { double: 70 } }

const alert = wfSpec(ALERT, {
  entrypoint: thread(
    [
      variable('machine', 'STR', { required: true, searchable: true }),
      variable('temperature', 'DOUBLE', { required: true }),
      variable('patienceSeconds', 'INT', { initial: 600 }),
      variable('peak', 'DOUBLE'),
      variable('readings', 'INT', { initial: 0 }),
      variable('acknowledgedBy', 'STR'),
      variable('called', 'STR'),
    ],
    [
      task('warn', WARN, [fromVariable('machine'), fromVariable('temperature')], { retries: 3 }),
      {
        name: 'acknowledged',
        externalEvent: { externalEventDefId: { name: ACKNOWLEDGED }, timeoutSeconds: fromVariable('patienceSeconds') },
        handlers: [onException('TIMEOUT', 'unanswered')],
        set: [assign('acknowledgedBy', outputOf('acknowledged'))],
      },
      { name: 'cool', waitForCondition: { condition: condition(fromVariable('temperature'), 'LESS_THAN', COOL) } },
      { name: 'tell', throwEvent: { eventDefId: { name: COOLED }, content: fromVariable('machine') } },
    ],
    {
      first: [assign('peak', fromVariable('temperature'))],
      interruptDefs: [{ externalEventDefId: { name: READING }, handlerSpecName: 'read' }],
    },
  ),
  // The handler runs whenever the event comes, as often as it comes, wherever the alert stands.
  read: thread(
    [variable('INPUT', 'DOUBLE')],
    [
      {
        name: 'compare',
        nop: {},
        branches: [
          [condition(fromVariable('INPUT'), 'GREATER_THAN', fromVariable('peak')), undefined, [assign('peak', fromVariable('INPUT'))]],
          [undefined],
        ],
      },
      { name: 'count', nop: {}, set: [add('readings', literal(1))] },
    ],
    { first: [assign('temperature', fromVariable('INPUT'))] },
  ),
  unanswered: thread(
    [],
    [
      task('call', CALL, [fromVariable('machine'), fromVariable('peak')], {
        retries: 3,
        set: [assign('called', outputOf('call'))],
      }),
    ],
  ),
})

const tasks = {
  [WARN]: { inputs: [['machine', 'STR'], ['temperature', 'DOUBLE']], run: () => {} },
  [CALL]: { inputs: [['machine', 'STR'], ['peak', 'DOUBLE']], output: 'STR', run: () => 'the technician on duty' },
}

async function story(s) {
  await s.work(tasks)
  await s.client.putExternalEventDef({ name: READING, contentType: { returnType: typed('DOUBLE') } })
  await s.client.putExternalEventDef({ name: ACKNOWLEDGED, contentType: { returnType: typed('STR') } })
  await s.client.putWorkflowEventDef({ name: COOLED, contentType: { returnType: typed('STR') } })
  await s.client.putWfSpec(alert)

  // Somebody takes care of the first.
  let run = await begin(s, 'press-1', 91.5)
  for (const [n, reading] of [97, 104.5].entries()) {
    await s.post(run, READING, { double: reading })
    await s.until('the reading', async () => (await s.variable(run, 'readings')) === n + 1)
  }
  await s.post(run, ACKNOWLEDGED, { str: 'Ines' })
  await cooled(s, run)

  // Nobody answers the second.
  run = await begin(s, 'press-2', 120, 1)
  await s.until('the technician', () => s.variable(run, 'called'))
  await cooled(s, run)
}

/** A whole number would be an INT: temperatures are given as the API has them. */
async function begin(s, machine, temperature, patienceSeconds = 600) {
  const variables = { machine: { str: machine }, temperature: { double: temperature }, patienceSeconds: { int: patienceSeconds } }
  return (await s.client.runWf({ wfSpecName: ALERT, variables })).id
}

/** Lets the machine cool down, and waits for the WorkflowEvent that tells. */
async function cooled(s, wfRunId) {
  await s.post(wfRunId, READING, { double: 65 })
  const event = await s.client.awaitWorkflowEvent({ wfRunId, eventDefIds: [{ name: COOLED }] })
  s.say(`${event.content.str} (WfRun ${wfRunId.id})\n    ${await s.end(wfRunId)}`)
  for (const name of ['acknowledgedBy', 'called']) {
    const who = await s.variable(wfRunId, name)
    if (who) s.say(`    ${name}: ${who}`)
  }
  s.say(`    peak: ${(await s.variable(wfRunId, 'peak')).toFixed(1)}`)
}

if (require.main === module) perform(story)

module.exports = { story }
