'use strict'

// The client has no task worker. This one speaks the worker protocol through the client's generated code:
// register, poll every host it is given, report.

const { LHConfig } = require('littlehorse-client')
const { pause, value } = require('./session')

const CREDITS = 4
const HEARTBEAT_MS = 60_000

/** A business exception, to be thrown by a task function. */
class TaskException extends Error {
  constructor(name, message, content) {
    super(message)
    this.name = name
    this.content = content
  }
}

/** An endless stream of requests, each a permit to send one task. */
class Credits {
  #waiting = CREDITS
  #wake = () => {}

  constructor(request) {
    this.request = request
  }

  giveBack() {
    this.#waiting++
    this.#wake()
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#waiting === 0) await new Promise((resolve) => (this.#wake = resolve))
      this.#waiting--
      yield this.request
    }
  }
}

class Worker {
  #hosts = new Set()

  /** run gets the input values by name and the task {wfRunId, attempt, …}; its return value is the output. */
  constructor(session, taskDefName, workerId, run) {
    this.session = session
    this.taskDefId = { name: taskDefName }
    this.workerId = workerId
    this.run = run
  }

  async start() {
    await this.#heartbeat()
    setInterval(() => this.#heartbeat(), HEARTBEAT_MS).unref()
  }

  async #heartbeat() {
    const { yourHosts } = await this.session.client.registerTaskWorker({
      taskDefId: this.taskDefId,
      taskWorkerId: this.workerId,
    })
    for (const { host, port } of yourHosts) {
      const address = `${host}:${port}`
      if (this.#hosts.has(address)) continue
      this.#hosts.add(address)
      this.#poll(LHConfig.from({ apiHost: host, apiPort: String(port) }).getClient())
        .catch((error) => process.stderr.write(`polling ${address}: ${error.message}\n`))
        .finally(() => this.#hosts.delete(address))
    }
  }

  async #poll(client) {
    const credits = new Credits({
      taskDefId: this.taskDefId,
      clientId: this.workerId,
      taskWorkerVersion: 'v1',
    })
    for await (const { result } of client.pollTask(credits)) {
      if (result === undefined) credits.giveBack()
      else this.#execute(client, result).finally(() => credits.giveBack())
    }
  }

  async #execute(client, task) {
    const report = {
      taskRunId: task.taskRunId,
      attemptNumber: task.attemptNumber,
      time: new Date().toISOString(),
      ...(await this.#outcome(task)),
    }
    for (let tries = 0; tries < 5; tries++) {
      try {
        await client.reportTask(report)
        return
      } catch (error) {
        process.stderr.write(`reporting: ${error.message}\n`)
        await pause(500)
      }
    }
  }

  async #outcome(task) {
    try {
      return { status: 'TASK_SUCCESS', output: value(await this.run(task)) }
    } catch (error) {
      if (error instanceof TaskException) {
        const { name, message, content } = error
        return { status: 'TASK_EXCEPTION', exception: { name, message, content: value(content) } }
      }
      return { status: 'TASK_FAILED', error: { type: 'TASK_FAILURE', message: error.stack } }
    }
  }
}

module.exports = { TaskException, Worker }
