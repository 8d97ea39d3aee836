'use strict'

// A furnace is watched from outside: stopped, resumed, and rescued after its task has failed.

const { assign, chain, event, outputOf, spec, task, variable } = require('../spec')
const { same } = require('./stage')

let fuel = false

const tasks = {
  burn: {
    output: 'STR',
    run: () => {
      if (!fuel) throw new Error('nothing to burn')
      return 'warm'
    },
  },
}

async function run(s) {
  await s.putEventDef('light')
  await s.put(
    spec('furnace', {
      main: chain(
        [variable('room', 'STR', { default: 'cold' })],
        [event('light', s.name('light')), task('burn', s.name('burn'), [], { set: [assign('room', outputOf('burn'))] })],
      ),
    }),
  )
  const wfRunId = s.wfRunId('furnace')
  await s.run('furnace', 'furnace')
  await s.waitNode('furnace', 0, 1, 'RUNNING')
  await s.client.stopWfRun({ wfRunId })
  await s.waitFor('the furnace to halt', async () => (await s.client.getWfRun(wfRunId)).status === 'HALTED')
  await s.post('furnace', 'light', 'match', null)
  same('node of the stopped run', 'HALTED', (await s.client.getNodeRun(s.nodeRunId('furnace', 0, 1))).status)
  await s.client.resumeWfRun({ wfRunId })

  await s.ended('furnace', 'ERROR')
  fuel = true
  await s.client.rescueThreadRun({ wfRunId, threadRunNumber: 0 })
  await s.ended('furnace', 'COMPLETED')
  same('room', 'warm', await s.variable('furnace', 'room'))
  const { results } = await s.client.listNodeRuns({ wfRunId })
  same(
    'nodes',
    ['entrypoint COMPLETED', 'light COMPLETED', 'burn ERROR', 'burn COMPLETED', 'exit COMPLETED'],
    results.map((n) => `${n.nodeName} ${n.status}`),
  )
  await s.refused('the rescue of a run that is well', 'FAILED_PRECONDITION', () =>
    s.client.rescueThreadRun({ wfRunId, threadRunNumber: 0 }),
  )
}

module.exports = { run, tasks }
