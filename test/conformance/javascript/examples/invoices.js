'use strict'

// Invoices wait for their payment, which names the invoice and not the run. One is paid before it is made out, one too late.

const { assign, chain, fromVariable, outputOf, spec, variable } = require('../spec')
const { same, value } = require('./stage')

async function run(s) {
  await s.putEventDef('payment', { correlatedEventConfig: { deleteAfterFirstCorrelation: true } })
  await s.put(
    spec('invoice', {
      main: chain(
        [
          variable('number', 'STR', { required: true }),
          variable('seconds', 'INT', { default: 60 }),
          variable('paid', 'INT', { default: 0 }),
        ],
        [
          {
            name: 'payment',
            externalEvent: {
              externalEventDefId: { name: s.name('payment') },
              correlationKey: fromVariable('number'),
              timeoutSeconds: fromVariable('seconds'),
            },
            set: [assign('paid', outputOf('payment'))],
          },
        ],
      ),
    }),
  )
  const externalEventDefId = { name: s.name('payment') }
  const pay = (number, amount) =>
    s.client.putCorrelatedEvent({ key: s.name(number), externalEventDefId, content: value(amount) })

  await pay('n1', 100)
  await s.run('invoice', 'invoice-early', { number: s.name('n1') })
  await s.ended('invoice-early', 'COMPLETED')
  same('paid', 100, await s.variable('invoice-early', 'paid'))
  await s.refused('the payment after its use', 'NOT_FOUND', () =>
    s.client.getCorrelatedEvent({ key: s.name('n1'), externalEventDefId }),
  )

  await s.run('invoice', 'invoice-never', { number: s.name('n2'), seconds: 1 })
  await s.ended('invoice-never', 'ERROR')
  const node = await s.client.getNodeRun(s.nodeRunId('invoice-never', 0, 1))
  same('failures', ['TIMEOUT'], node.failures.map((f) => f.failureName))
  await pay('n2', 1)
  same('paid in time', 0, await s.variable('invoice-never', 'paid'))
}

module.exports = { run }
