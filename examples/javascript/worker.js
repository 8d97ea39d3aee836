'use strict'

// The client has no task worker. This one speaks the protocol of workers through the client's generated code: it
// registers, polls each server that it is given, does what comes, and reports.

const { randomUUID } = require('node:crypto')
const { LHConfig } = require('littlehorse-client')

const AT_A_TIME = 4
const HEARTBEAT_MS = 60_000
const REPORT_TRIES = 10

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** A client of the server that the environment names. */
function connect(apiHost = process.env.LHC_API_HOST ?? 'localhost', apiPort = process.env.LHC_API_PORT ?? '2023') {
  return LHConfig.from({ apiHost, apiPort }).getClient()
}

/** A business exception, to be thrown by a task: it is not tried again, and the workflow can handle it by its name. */
class TaskException extends Error {
  constructor(name, message, content) {
    super(message)
    this.name = name
    this.content = content
  }
}

/** The LittleHorse value of a JavaScript value; whole numbers are INT. */
function toValue(v) {
  if (v === null || v === undefined) return {}
  if (Buffer.isBuffer(v)) return { bytes: v }
  if (Array.isArray(v)) return { jsonArr: JSON.stringify(v) }
  switch (typeof v) {
    case 'string':
      return { str: v }
    case 'boolean':
      return { bool: v }
    case 'number':
      return Number.isInteger(v) ? { int: v } : { double: v }
    default:
      return { jsonObj: JSON.stringify(v) }
  }
}

/** The JavaScript value of a LittleHorse value. */
function fromValue({ str, int, double, bool, bytes, jsonObj, jsonArr } = {}) {
  const json = jsonObj ?? jsonArr
  return json === undefined ? (str ?? int ?? double ?? bool ?? bytes ?? null) : JSON.parse(json)
}

/** An endless stream of requests: each asks for one task. */
class Requests {
  #free = AT_A_TIME
  #wake = () => {}
  #stopped = false

  constructor(request) {
    this.request = request
  }

  another() {
    this.#free++
    this.#wake()
  }

  stop() {
    this.#stopped = true
    this.#wake()
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#free === 0 && !this.#stopped) await new Promise((resolve) => (this.#wake = resolve))
      if (this.#stopped) return
      this.#free--
      yield this.request
    }
  }
}

class Worker {
  #id = randomUUID()
  #hosts = new Map()
  #heartbeat

  /** task gets the inputs by their names, and the ScheduledTask itself; what it returns is the output. */
  constructor(client, taskDefName, task) {
    this.client = client
    this.taskDefId = { name: taskDefName }
    this.task = task
  }

  async start() {
    await this.#register()
    this.#heartbeat = setInterval(() => this.#register().catch(complain('heartbeat')), HEARTBEAT_MS)
  }

  stop() {
    clearInterval(this.#heartbeat)
    for (const { requests, ended } of this.#hosts.values()) {
      requests.stop()
      ended.abort()
    }
  }

  async #register() {
    const { yourHosts } = await this.client.registerTaskWorker({ taskDefId: this.taskDefId, taskWorkerId: this.#id })
    for (const { host, port } of yourHosts) {
      const address = `${host}:${port}`
      if (this.#hosts.has(address)) continue
      const polling = {
        requests: new Requests({ taskDefId: this.taskDefId, clientId: this.#id, taskWorkerVersion: '1' }),
        ended: new AbortController(),
      }
      this.#hosts.set(address, polling)
      this.#poll(connect(host, String(port)), polling)
        .catch((error) => polling.ended.signal.aborted || complain(`polling ${address}`)(error))
        .finally(() => this.#hosts.delete(address))
    }
  }

  async #poll(client, { requests, ended }) {
    for await (const { result } of client.pollTask(requests, { signal: ended.signal })) {
      if (result === undefined) requests.another()
      else this.#execute(client, result).finally(() => requests.another())
    }
  }

  async #execute(client, scheduled) {
    const report = {
      taskRunId: scheduled.taskRunId,
      attemptNumber: scheduled.attemptNumber,
      time: new Date().toISOString(),
      ...(await this.#outcome(scheduled)),
    }
    for (let tries = 1; ; tries++) {
      try {
        await client.reportTask(report)
        return
      } catch (error) {
        complain('reporting')(error)
        if (tries === REPORT_TRIES) return
        await pause(500)
      }
    }
  }

  async #outcome(scheduled) {
    const inputs = Object.fromEntries(scheduled.variables.map((v) => [v.varName, fromValue(v.value)]))
    try {
      return { status: 'TASK_SUCCESS', output: toValue(await this.task(inputs, scheduled)) }
    } catch (error) {
      if (error instanceof TaskException) {
        const { name, message, content } = error
        return { status: 'TASK_EXCEPTION', exception: { name, message, content: toValue(content) } }
      }
      return { status: 'TASK_FAILED', error: { type: 'TASK_FAILURE', message: error.stack } }
    }
  }
}

const complain = (what) => (error) => process.stderr.write(`${what}: ${error.message}\n`)

module.exports = { TaskException, Worker, connect, fromValue, toValue }
