'use strict'

// The official JavaScript client against a LittleHorse server: a transcript on standard output.
//
// LHC_API_HOST, LHC_API_PORT and LHW_TASK_WORKER_ID say where the server is and what the worker is called;
// LH_CONFORMANCE_PREFIX begins every name this program makes. Exit status 1: an expectation was not met.

const { Session } = require('./session')
const tasks = require('./tasks')

const chapters = [
  tasks,
  require('./flow'),
  require('./events'),
  require('./values'),
  require('./people'),
  require('./searches'),
  require('./control'),
  require('./definitions'),
]

async function main() {
  const { LH_CONFORMANCE_PREFIX, LHC_API_HOST, LHC_API_PORT, LHW_TASK_WORKER_ID } = process.env
  const session = new Session(LH_CONFORMANCE_PREFIX, LHC_API_HOST, LHC_API_PORT)
  await tasks.startWorkers(session, LHW_TASK_WORKER_ID)
  for (const { scenarios } of chapters) {
    for (const [name, scenario] of Object.entries(scenarios)) {
      try {
        await scenario(session)
      } catch (error) {
        session.transcript.failed(name, error)
      }
    }
  }
  return session.transcript.hasFailed ? 1 : 0
}

main().then((status) => {
  process.stdout.write('', () => process.exit(status)) // everything written, whatever streams are open
})
