'use strict'

// Each example must say what the README of the same example in Go promises. The test needs a server: lh serve.

const assert = require('node:assert')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { test } = require('node:test')
const { perform } = require('./stage')

/** Ids differ in each run. */
const even = (text) => text.replaceAll(/[0-9a-f]{32}/g, '<id>')

for (const name of ['orders', 'alerts', 'approval']) {
  test(name, async () => {
    const [, promised] = readFileSync(join(__dirname, '..', name, 'README.md'), 'utf8').match(/```text\n(.*?)```/s)
    let said = ''
    await perform(require(`./${name}`).story, (line) => (said += `${line}\n`))
    assert.strictEqual(even(said), even(promised))
  })
}
