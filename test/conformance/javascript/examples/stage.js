'use strict'

// What every example stands on: the session of ../session, with workers and with checks of the end of a run.

const assert = require('node:assert')
const { ClientError, Status } = require('nice-grpc')
const { Session, value } = require('../session')
const { Worker } = require('../worker')

/** Compares by content; the message of a difference is one line. */
function same(what, want, got) {
  const text = (v) => JSON.stringify(v)
  assert.ok(text(want) === text(got), `${what} is ${text(got)}, want ${text(want)}`)
}

class Stage extends Session {
  /** task: {inputs: [[name, type]…], output: type, run}. Registers the TaskDef and works on it. */
  async work(suffix, { inputs = [], output, run }, workerId) {
    const def = await this.client.putTaskDef({
      name: this.name(suffix),
      inputVars: inputs.map(([name, type]) => ({ name, typeDef: { type, masked: false } })),
      returnType: output ? { returnType: { type: output, masked: false } } : {},
    })
    await this.eventually(() => this.client.getTaskDef(def.id))
    const byName = (task) => Object.fromEntries(task.variables.map((v) => [v.varName, plain(v.value)]))
    await new Worker(this, this.name(suffix), workerId, (task) => run(byName(task), task)).start()
  }

  /** Waits for the end of a run, which must have this status. */
  async ended(run, status) {
    try {
      return await this.waitStatus(run, status)
    } catch (error) {
      const { results } = await this.client.listNodeRuns({ wfRunId: this.wfRunId(run) })
      const failures = results.flatMap((n) => n.failures.map((f) => `${n.nodeName}: ${f.failureName}: ${f.message}`))
      throw new Error(`${error.message}; ${failures.join('; ')}`)
    }
  }

  async refused(what, code, call) {
    let answer
    try {
      answer = await call()
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      same(`code of ${what}`, code, Status[error.code])
      return
    }
    throw new Error(`${what} is not refused: ${JSON.stringify(answer)}`)
  }
}

/** The JavaScript value of a wire form. */
function plain({ str, int, double, bool, jsonObj, jsonArr }) {
  const json = jsonObj ?? jsonArr
  return json === undefined ? (str ?? int ?? double ?? bool ?? null) : JSON.parse(json)
}

module.exports = { Stage, plain, same, value }
