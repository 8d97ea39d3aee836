'use strict'

// Tickets are found by their topic, page by page, and deleted when they are closed.

const { chain, event, spec, variable } = require('../spec')
const { same, value } = require('./stage')

async function run(s) {
  await s.putEventDef('closed')
  await s.put(
    spec('support', {
      main: chain(
        [variable('topic', 'STR', { required: true, searchable: true, accessLevel: 'PUBLIC_VAR' })],
        [event('closed', s.name('closed'))],
      ),
    }),
  )
  const topics = ['paper', 'ink', 'paper', 'paper', 'ink']
  for (const [i, topic] of topics.entries()) await s.run('support', `ticket-${i}`, { topic })

  const request = (topic, limit) => ({
    wfSpecName: s.name('support'),
    varName: 'topic',
    value: value(topic),
    limit,
  })
  const found = async (topic, limit = 10) => {
    const { results } = await s.pages('searchVariable', request(topic, limit))
    return results.map((r) => r.wfRunId.id).sort()
  }
  const ids = (...numbers) => numbers.map((n) => s.name(`ticket-${n}`))
  await s.waitFor('three tickets about paper', async () => (await found('paper')).length === 3)
  same('about paper, two a page', ids(0, 2, 3), await found('paper', 2))
  same('about ink', ids(1, 4), await found('ink'))

  await s.post('ticket-2', 'closed', 'done', null)
  await s.ended('ticket-2', 'COMPLETED')
  await s.client.deleteWfRun({ id: s.wfRunId('ticket-2') })
  await s.refused('the deleted ticket', 'NOT_FOUND', () => s.client.getWfRun(s.wfRunId('ticket-2')))
  await s.waitFor('two tickets about paper', async () => (await found('paper')).length === 2)
  same('about paper', ids(0, 3), await found('paper'))

  const running = async () => {
    const { results } = await s.pages('searchWfRun', { wfSpecName: s.name('support'), status: 'RUNNING', limit: 2 })
    return results.map((r) => r.id).sort()
  }
  same('open', ids(0, 1, 3, 4), await running())
  for (const n of [0, 1, 3, 4]) await s.post(`ticket-${n}`, 'closed', 'done', null)
  await s.waitFor('nothing to be open', async () => (await running()).length === 0)
}

module.exports = { run }
