'use strict'

// An order as a saga: what was done for an order that cannot be finished is taken back, in reverse.

const { TaskException } = require('./worker')
const { perform } = require('./stage')
const { assign, fail, fromVariable, onAnyFailure, onException, outputOf, task, thread, variable, wfSpec } = require('./spec')

const ORDER = 'js-order-saga'
const [RESERVE, RELEASE] = ['js-saga-reserve', 'js-saga-release']
const [CHARGE, REFUND] = ['js-saga-charge', 'js-saga-refund']
const SHIP = 'js-saga-ship'
const retries = 5

const release = task('release', RELEASE, [fromVariable('reservation')], { retries })
const refund = task('refund', REFUND, [fromVariable('payment')], { retries })

const order = wfSpec(ORDER, {
  entrypoint: thread(
    [
      variable('item', 'STR', { required: true, searchable: true }),
      variable('price', 'INT', { required: true }),
      variable('card', 'STR', { required: true, masked: true }),
      variable('address', 'STR', { required: true }),
      variable('reservation', 'STR'),
      variable('payment', 'STR'),
    ],
    [
      task('reserve', RESERVE, [fromVariable('item')], {
        retries,
        set: [assign('reservation', outputOf('reserve'))],
      }),
      task('charge', CHARGE, [fromVariable('card'), fromVariable('price')], {
        retries,
        handlers: [onException('card-declined', 'declined')],
        set: [assign('payment', outputOf('charge'))],
      }),
      task('ship', SHIP, [fromVariable('item'), fromVariable('address')], {
        retries,
        handlers: [onAnyFailure('undeliverable')],
      }),
    ],
  ),
  declined: thread([], [release, fail('refused', 'order-refused', 'the card was declined')]),
  undeliverable: thread([], [refund, release, fail('refused', 'order-refused', 'it cannot be delivered')]),
})

/** What happens outside: the warehouse, the bank, the carrier. */
const world = {
  begin() {
    this.keys = new Set()
    this.done = []
  },
  /** Does a thing once for each TaskRun: a task may be tried again after it has done its work. */
  act({ taskRunId }, what) {
    const key = `${taskRunId.wfRunId.id}/${taskRunId.taskGuid}`
    if (!this.keys.has(key)) this.done.push(what)
    this.keys.add(key)
    return key
  },
}

const tasks = {
  [RESERVE]: {
    inputs: [['item', 'STR']],
    output: 'STR',
    run: ({ item }, scheduled) => world.act(scheduled, `reserve ${item}`),
  },
  [RELEASE]: {
    inputs: [['reservation', 'STR']],
    run: (_, scheduled) => void world.act(scheduled, 'release'),
  },
  [CHARGE]: {
    inputs: [['card', 'STR'], ['price', 'INT']],
    output: 'STR',
    run({ card, price }, scheduled) {
      if (card === 'empty') throw new TaskException('card-declined', `there is no ${price} on it`)
      return world.act(scheduled, 'charge')
    },
  },
  [REFUND]: {
    inputs: [['payment', 'STR']],
    run: (_, scheduled) => void world.act(scheduled, 'refund'),
  },
  [SHIP]: {
    inputs: [['item', 'STR'], ['address', 'STR']],
    run({ item, address }, scheduled) {
      if (address === 'the Moon') throw new TaskException('out-of-reach', `no carrier goes to ${address}`)
      if (scheduled.attemptNumber === 0) throw new Error('the carrier does not answer') // tried again
      world.act(scheduled, `ship ${item}`)
    },
  },
}

async function story(s) {
  await s.work(tasks)
  await s.client.putWfSpec(order)
  for (const input of [
    { item: 'lamp', price: 30, card: '4111', address: 'Elm Street 1' },
    { item: 'sofa', price: 900, card: 'empty', address: 'Elm Street 1' },
    { item: 'tent', price: 200, card: '4111', address: 'the Moon' },
  ]) {
    world.begin()
    const run = await s.start(ORDER, input)
    const end = await s.end(run)
    s.say(`${input.item} (WfRun ${run.id})\n    ${end}\n    done: ${world.done.join(', ')}`)
  }
}

if (require.main === module) perform(story)

module.exports = { story }
