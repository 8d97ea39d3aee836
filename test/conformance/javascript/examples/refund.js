'use strict'

// A saga without a DSL: stock and money are reserved; when the parcel cannot be sent, both are given back.

const { assign, chain, fromVariable, literal, spec, task, variable } = require('../spec')
const { TaskException } = require('../worker')
const { same } = require('./stage')

const ledger = []

const tasks = {
  reserve: {
    inputs: [['order', 'STR'], ['what', 'STR']],
    run: ({ order, what }) => void ledger.push(`${order}: reserve ${what}`),
  },
  release: {
    inputs: [['order', 'STR'], ['what', 'STR']],
    run: ({ order, what }) => void ledger.push(`${order}: release ${what}`),
  },
  send: {
    inputs: [['order', 'STR'], ['country', 'STR']],
    output: 'STR',
    run: ({ country }) => {
      if (country === 'Atlantis') throw new TaskException('no-such-country', 'sunk', country)
      return `parcel to ${country}`
    },
  },
}

async function run(s) {
  const both = (name, what) => task(`${name}-${what}`, s.name(name), [fromVariable('order'), literal(what)])
  await s.put(
    spec('refund', {
      main: chain(
        [
          variable('order', 'STR', { required: true }),
          variable('country', 'STR', { required: true }),
          variable('refused', 'STR', { default: 'no' }),
        ],
        [
          both('reserve', 'stock'),
          both('reserve', 'money'),
          task('send', s.name('send'), [fromVariable('order'), fromVariable('country')], {
            handlers: [{ handlerSpecName: 'give-back', anyFailureOfType: 'FAILURE_TYPE_EXCEPTION' }],
          }),
        ],
      ),
      'give-back': chain(
        [variable('INPUT', 'STR')],
        [
          both('release', 'money'),
          both('release', 'stock'),
          { name: 'refused', exit: { failureDef: { failureName: 'order-refused', message: 'all is given back' } } },
        ],
        { first: [assign('refused', fromVariable('INPUT'))] },
      ),
    }),
  )
  await s.run('refund', 'refund-none', { order: 'one', country: 'Chile' })
  await s.ended('refund-none', 'COMPLETED')
  await s.run('refund', 'refund-all', { order: 'two', country: 'Atlantis' })
  await s.ended('refund-all', 'EXCEPTION')
  same(
    'ledger',
    [
      'one: reserve stock',
      'one: reserve money',
      'two: reserve stock',
      'two: reserve money',
      'two: release money',
      'two: release stock',
    ],
    ledger,
  )
  same('refused', 'Atlantis', await s.variable('refund-all', 'refused'))
  const end = await s.client.getWfRun(s.wfRunId('refund-all'))
  same('threads', ['EXCEPTION', 'EXCEPTION'], end.threadRuns.map((t) => t.status))
}

module.exports = { run, tasks }
