'use strict'

// Example workflows on the official JavaScript client: PASS or FAIL on a line for each, DONE and their number at
// the end. The client has neither a workflow DSL nor a worker: specs are written in its generated types (../spec),
// tasks are polled through its generated stubs (../worker).
//
// LHC_API_HOST, LHC_API_PORT and LHW_TASK_WORKER_ID say where the server is and what the worker is called;
// LH_CONFORMANCE_PREFIX begins every name.

const { Stage } = require('./stage')

const examples = {
  thumbnails: require('./thumbnails'),
  refund: require('./refund'),
  invoices: require('./invoices'),
  onboarding: require('./onboarding'),
  delivery: require('./delivery'),
  campaign: require('./campaign'),
  furnace: require('./furnace'),
  tickets: require('./tickets'),
}

async function main() {
  const { LH_CONFORMANCE_PREFIX, LHC_API_HOST, LHC_API_PORT, LHW_TASK_WORKER_ID } = process.env
  const stage = new Stage(LH_CONFORMANCE_PREFIX, LHC_API_HOST, LHC_API_PORT)
  for (const { tasks = {} } of Object.values(examples)) {
    for (const [name, task] of Object.entries(tasks)) await stage.work(name, task, LHW_TASK_WORKER_ID)
  }
  let failures = 0
  for (const [name, { run }] of Object.entries(examples)) {
    try {
      await run(stage)
      console.log(`PASS ${name}`)
    } catch (error) {
      failures++
      console.error(error.stack)
      console.log(`FAIL ${name} ${error.message.replace(/\s+/g, ' ')}`)
    }
  }
  console.log(`DONE ${Object.keys(examples).length}`)
  return failures === 0 ? 0 : 1
}

main().then((status) => {
  process.stdout.write('', () => process.exit(status)) // everything written, whatever streams are open
})
