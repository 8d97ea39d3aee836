'use strict'

// What the examples stand on: a client, definitions, workers, and how to see the end of a run.

const { ClientError, Status } = require('nice-grpc')
const { Worker, connect, fromValue, toValue } = require('./worker')
const { typed } = require('./spec')

const PATIENCE_MS = 60_000

class Stage {
  client = connect()
  #workers = []

  constructor(say) {
    this.say = say
  }

  /** tasks: {name: {inputs: [[name, type], …], output: type, run}}. Registers them, and does them until the stage is closed. */
  async work(tasks) {
    for (const [name, { inputs = [], output, run }] of Object.entries(tasks)) {
      await this.client.putTaskDef({
        name,
        inputVars: inputs.map(([input, type]) => ({ name: input, typeDef: typed(type) })),
        returnType: output ? { returnType: typed(output) } : {},
      })
      const worker = new Worker(this.client, name, run)
      await worker.start()
      this.#workers.push(worker)
    }
  }

  close() {
    for (const worker of this.#workers) worker.stop()
  }

  async start(wfSpecName, variables) {
    const values = Object.fromEntries(Object.entries(variables).map(([name, v]) => [name, toValue(v)]))
    return (await this.client.runWf({ wfSpecName, variables: values })).id
  }

  post(wfRunId, event, content) {
    return this.client.putExternalEvent({ wfRunId, externalEventDefId: { name: event }, content })
  }

  async variable(wfRunId, name) {
    return fromValue((await this.client.getVariable({ wfRunId, threadRunNumber: 0, name })).value)
  }

  /** Asks again and again until the answer is yes. */
  async until(what, seen) {
    const deadline = Date.now() + PATIENCE_MS
    while (Date.now() < deadline) {
      try {
        const found = await seen()
        if (found) return found
      } catch (error) {
        if (!(error instanceof ClientError && error.code === Status.NOT_FOUND)) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    throw new Error(`waited in vain for ${what}`)
  }

  /** Waits for the end of a run and tells it: the status, and why if it is no good one. */
  async end(wfRunId) {
    const last = await this.until(`the end of ${wfRunId.id}`, async () => {
      const run = await this.client.getWfRun(wfRunId)
      return ['COMPLETED', 'ERROR', 'EXCEPTION'].includes(run.status) && run
    })
    return last.status === 'COMPLETED' ? last.status : `${last.status}: ${last.threadRuns[0].errorMessage}`
  }
}

/** Tells a story on a stage of its own. */
async function perform(story, say = console.log) {
  const s = new Stage(say)
  try {
    await story(s)
  } finally {
    s.close()
  }
}

module.exports = { perform }
