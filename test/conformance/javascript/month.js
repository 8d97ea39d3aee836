'use strict'

// A saga that takes thirty days, on a server whose clock skips what nobody has to wait for. Prints one line of JSON: what the
// tasks did, the seconds that it took by the server's clock, and the milliseconds by that of the machine.

const { Stage } = require('./examples/stage')
const { chain, event, literal, spec, task } = require('./spec')

const DAY = 24 * 60 * 60
const ledger = []

const act = {
  inputs: [['what', 'STR']],
  output: 'STR',
  run: ({ what }) => {
    ledger.push(what)
    if (what === 'charge' && ledger.filter((done) => done === what).length === 1) throw new Error('the bank is closed')
    return what
  },
}

async function main() {
  const { LHC_API_HOST, LHC_API_PORT, LHW_TASK_WORKER_ID, LH_CONFORMANCE_PREFIX } = process.env
  const s = new Stage(LH_CONFORMANCE_PREFIX, LHC_API_HOST, LHC_API_PORT)
  await s.work('do', act, LHW_TASK_WORKER_ID)
  await s.putEventDef('delivered')
  const step = (what, options) => task(what, s.name('do'), [literal(what)], options)
  await s.put(
    spec('month', {
      main: chain(
        [],
        [
          step('reserve'),
          { name: 'sleep', sleep: { rawSeconds: literal(10 * DAY) } },
          step('charge', { retries: 2, backoff: { baseIntervalMs: 3_600_000, multiplier: 1, maxDelayMs: 3_600_000 } }),
          event('delivered', s.name('delivered'), {
            timeoutSeconds: 20 * DAY,
            handlers: [{ handlerSpecName: 'lost', specificFailure: 'TIMEOUT' }],
          }),
        ],
      ),
      lost: chain(
        [],
        [
          step('refund'),
          step('release'),
          { name: 'end', exit: { failureDef: { failureName: 'order-lost', message: 'nobody has seen the parcel' } } },
        ],
      ),
    }),
  )
  const begun = performance.now()
  await s.run('month', 'month')
  const run = await s.waitStatus('month', 'EXCEPTION')
  const ms = Math.round(performance.now() - begun)
  const seconds = (Date.parse(run.endTime) - Date.parse(run.startTime)) / 1000
  console.log(JSON.stringify({ ledger, seconds, ms }))
  process.exit(0)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
