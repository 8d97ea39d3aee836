'use strict'

// One JSON object a line: {"step", "outcome"}, or {"step", "failed"}.

const { ClientError, Status } = require('nice-grpc')

/** An expectation that the server did not meet. */
class Unmet extends Error {}

function expect(condition, message) {
  if (!condition) throw new Unmet(message)
}

function asBase64(_, value) {
  return value && value.type === 'Buffer' ? Buffer.from(value.data).toString('base64') : value
}

class Transcript {
  hasFailed = false

  step(name, outcome) {
    process.stdout.write(JSON.stringify({ step: name, outcome }, asBase64) + '\n')
  }

  failed(name, error) {
    this.hasFailed = true
    process.stdout.write(JSON.stringify({ step: name, failed: error.message }) + '\n')
    process.stderr.write(error.stack + '\n')
  }

  /** The call must be refused with exactly this status code. */
  async refused(name, code, call) {
    let answer
    try {
      answer = await call()
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      expect(Status[error.code] === code, `${name}: want ${code}, got ${error.message}`)
      this.step(name, { code })
      return
    }
    throw new Unmet(`${name}: want ${code}, got OK: ${JSON.stringify(answer)}`)
  }
}

module.exports = { Transcript, Unmet, expect }
