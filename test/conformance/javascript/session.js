'use strict'

const { LHConfig } = require('littlehorse-client')
const { ClientError, Status } = require('nice-grpc')
const { Transcript, Unmet, expect } = require('./transcript')

const WAIT_MS = 120_000 // for hangs alone
const POLL_MS = 30
// A server may show the writes of one command one after the other; this long after the first, all are there.
const SETTLE_MS = Number(process.env.LH_CONFORMANCE_SETTLE_MS ?? 0)

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const isNotFound = (error) => error instanceof ClientError && error.code === Status.NOT_FOUND

/** The wire form of a JavaScript value. A whole number is an INT; wrap it in `double` for a DOUBLE. */
function value(v) {
  if (v === null || v === undefined) return {}
  if (Buffer.isBuffer(v)) return { bytes: v }
  if (v instanceof Double) return { double: v.number }
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

class Double {
  constructor(number) {
    this.number = number
  }
}

/** The JavaScript value of a wire form. */
function fromWire({ str, int, double, bool, bytes, jsonObj, jsonArr }) {
  const json = jsonObj ?? jsonArr
  return json === undefined ? (str ?? int ?? double ?? bool ?? bytes ?? null) : JSON.parse(json)
}

/** A client of one server, whose objects all carry one prefix in their names. */
class Session {
  transcript = new Transcript()

  constructor(prefix, apiHost, apiPort) {
    this.prefix = prefix
    this.client = LHConfig.from({ apiHost, apiPort }).getClient()
  }

  name(suffix) {
    return `${this.prefix}-${suffix}`
  }

  wfRunId(suffix) {
    return { id: this.name(suffix) }
  }

  nodeRunId(wfRun, threadRunNumber, position) {
    return { wfRunId: this.wfRunId(wfRun), threadRunNumber, position }
  }

  taskRun(wfRun, taskGuid) {
    return this.client.getTaskRun({ wfRunId: this.wfRunId(wfRun), taskGuid })
  }

  async variable(wfRun, name) {
    const found = await this.client.getVariable({ wfRunId: this.wfRunId(wfRun), threadRunNumber: 0, name })
    return fromWire(found.value)
  }

  /** Definitions reach the readers a moment after the write was answered. */
  async eventually(call) {
    const deadline = Date.now() + WAIT_MS
    for (;;) {
      try {
        return await call()
      } catch (error) {
        if (!isNotFound(error) || Date.now() > deadline) throw error
      }
      await pause(POLL_MS)
    }
  }

  async put(request) {
    const { id } = await this.client.putWfSpec({ ...request, name: this.name(request.name) })
    return this.eventually(() => this.client.getWfSpec(id))
  }

  async putEventDef(suffix, fields = {}) {
    const def = await this.client.putExternalEventDef({ name: this.name(suffix), ...fields })
    await this.eventually(() => this.client.getExternalEventDef(def.id))
    return def
  }

  run(spec, wfRun, variables = {}) {
    return this.client.runWf(this.runRequest(spec, wfRun, variables))
  }

  runRequest(spec, wfRun, variables = {}) {
    const inputs = Object.fromEntries(Object.entries(variables).map(([k, v]) => [k, value(v)]))
    return { wfSpecName: this.name(spec), id: this.name(wfRun), variables: inputs }
  }

  post(wfRun, event, guid, content) {
    return this.client.putExternalEvent({
      wfRunId: this.wfRunId(wfRun),
      externalEventDefId: { name: this.name(event) },
      guid,
      content: value(content),
    })
  }

  async waitFor(what, check) {
    const deadline = Date.now() + WAIT_MS
    while (!(await check())) {
      expect(Date.now() < deadline, `waited ${WAIT_MS} ms for ${what}`)
      await pause(POLL_MS)
    }
    await pause(SETTLE_MS)
  }

  async waitStatus(wfRun, status) {
    const deadline = Date.now() + WAIT_MS
    for (;;) {
      const run = await this.client.getWfRun(this.wfRunId(wfRun))
      if (run.status === status) {
        await pause(SETTLE_MS)
        return run
      }
      if (['COMPLETED', 'ERROR', 'EXCEPTION'].includes(run.status) || Date.now() > deadline) {
        throw new Unmet(`WfRun ${wfRun} is ${run.status}, want ${status}`)
      }
      await pause(POLL_MS)
    }
  }

  async waitNode(wfRun, thread, position, status) {
    await this.waitFor(`${wfRun} ${thread}/${position} to be ${status}`, async () => {
      try {
        return (await this.client.getNodeRun(this.nodeRunId(wfRun, thread, position))).status === status
      } catch (error) {
        if (isNotFound(error)) return false
        throw error
      }
    })
  }

  /** Waits for the status and writes down everything the WfRun consists of. */
  async record(step, wfRun, status) {
    await this.waitStatus(wfRun, status)
    this.transcript.step(step, await this.describe(wfRun))
  }

  async describe(name) {
    const wfRun = await this.client.getWfRun(this.wfRunId(name))
    const of = { wfRunId: wfRun.id }
    const parts = {
      nodeRuns: await this.client.listNodeRuns(of),
      taskRuns: await this.client.listTaskRuns(of),
      variables: await this.client.listVariables(of),
      externalEvents: await this.client.listExternalEvents(of),
      workflowEvents: await this.client.listWorkflowEvents(of),
    }
    const story = { wfRun }
    for (const [name, { results }] of Object.entries(parts)) {
      if (results.length > 0) story[name] = results
    }
    return story
  }

  /** Follows the bookmarks of a search or list to the end. An empty last page is left out. */
  async pages(rpc, request) {
    const sizes = []
    const results = []
    for (;;) {
      const reply = await this.client[rpc](request)
      if (reply.results.length > 0) sizes.push(reply.results.length)
      results.push(...reply.results)
      if (reply.bookmark === undefined) return { sizes, results }
      request = { ...request, bookmark: reply.bookmark }
    }
  }
}

module.exports = { Double, Session, pause, value }
