'use strict'

// An official client that starts WfRuns until it is killed; its package has no worker. Prints "acknowledged WFRUN", a line each.

const { LHConfig } = require('littlehorse-client')
const { ClientError, Status } = require('nice-grpc')

const { LHC_API_HOST: apiHost, LHC_API_PORT: apiPort } = process.env
const CALL_MS = 5000
const BREATH_MS = 250

const TO_BE_REPEATED = [Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED, Status.RESOURCE_EXHAUSTED]

const pause = () => new Promise((resolve) => setTimeout(resolve, BREATH_MS))

/** Repeats a call until there is an answer. */
async function insist(call) {
  for (;;) {
    const ends = new AbortController()
    const timer = setTimeout(() => ends.abort(), CALL_MS)
    try {
      return await call({ signal: ends.signal })
    } catch (e) {
      if (e instanceof ClientError && e.code === Status.ALREADY_EXISTS) return
      if (e.name !== 'AbortError' && !(e instanceof ClientError && TO_BE_REPEATED.includes(e.code))) throw e
    } finally {
      clearTimeout(timer)
    }
    await pause()
  }
}

async function main() {
  const client = LHConfig.from({ apiHost, apiPort }).getClient()
  for (let i = 0; ; i++) {
    const id = `official-javascript-${i}`
    await insist((options) => client.runWf({ wfSpecName: 'official', id }, options))
    console.log(`acknowledged ${id}`)
    await pause()
  }
}

main()
