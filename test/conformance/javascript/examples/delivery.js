'use strict'

// A delivery that may be put off while it is on its way, and tells when it has arrived.

const { assign, chain, event, expression, fromVariable, outputOf, spec, variable } = require('../spec')
const { same } = require('./stage')

async function run(s) {
  await s.putEventDef('arrived')
  await s.putEventDef('put-off')
  await s.client.putWorkflowEventDef({
    name: s.name('delivered'),
    contentType: { returnType: { type: 'STR', masked: false } },
  })
  await s.eventually(() => s.client.getWorkflowEventDef({ name: s.name('delivered') }))
  await s.put(
    spec('delivery', {
      main: chain(
        [variable('place', 'STR', { default: 'door' }), variable('days', 'INT', { default: 0 })],
        [
          event('wait', s.name('arrived'), { set: [assign('place', outputOf('wait'))] }),
          { name: 'tell', throwEvent: { eventDefId: { name: s.name('delivered') }, content: fromVariable('place') } },
        ],
        { interruptDefs: [{ externalEventDefId: { name: s.name('put-off') }, handlerSpecName: 'later' }] },
      ),
      later: chain([variable('INPUT', 'INT')], [], {
        first: [assign('days', expression(fromVariable('days'), 'ADD', fromVariable('INPUT')))],
      }),
    }),
  )
  await s.run('delivery', 'delivery')
  await s.waitNode('delivery', 0, 1, 'RUNNING')
  const delivered = s.client.awaitWorkflowEvent({
    wfRunId: s.wfRunId('delivery'),
    eventDefIds: [{ name: s.name('delivered') }],
  })
  for (const [guid, days] of [['first', 2], ['second', 5]]) {
    const before = await s.variable('delivery', 'days')
    await s.post('delivery', 'put-off', guid, days)
    await s.waitFor('the delivery to be put off', async () => (await s.variable('delivery', 'days')) === before + days)
    await s.waitNode('delivery', 0, 1, 'RUNNING')
  }
  await s.post('delivery', 'arrived', 'at-last', 'garage')
  same('told', 'garage', (await delivered).content.str)
  const end = await s.ended('delivery', 'COMPLETED')
  same('days', 7, await s.variable('delivery', 'days'))
  same('threads', ['ENTRYPOINT', 'INTERRUPT', 'INTERRUPT'], end.threadRuns.map((t) => t.type))
}

module.exports = { run }
