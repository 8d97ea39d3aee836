'use strict'

// Searches and lists: criteria, pages, refusals.

const { value } = require('./session')
const { condition, edge, event, fromVariable, graph, literal, spec, variable } = require('./spec')
const { expect } = require('./transcript')

async function wfRuns(s) {
  await s.putEventDef('search-wait')
  const { name, ...wait } = event('wait', s.name('search-wait'))
  const large = condition(fromVariable('size'), 'GREATER_THAN', literal(4))
  await s.put(
    spec('search', {
      main: graph(
        [
          variable('colour', 'STR', { searchable: true }),
          variable('size', 'INT', { searchable: true }),
          variable('details', 'JSON_OBJ', { jsonIndexes: [{ fieldPath: '$.city', fieldType: 'STR' }] }),
        ],
        {
          entrypoint: { entrypoint: {}, outgoingEdges: [edge(name, [], large), edge('exit')] },
          [name]: { ...wait, outgoingEdges: [edge('exit')] },
          exit: { exit: {} },
        },
      ),
    }),
  )
  for (let i = 0; i < 7; i++) {
    await s.run('search', `search-${i}`, {
      colour: ['red', 'blue'][i % 2],
      size: i,
      details: { city: ['Oslo', 'Lima', 'Pune'][i % 3] },
    })
  }

  const t = s.transcript
  const search = (criteria) => s.pages('searchWfRun', { wfSpecName: s.name('search'), ...criteria })
  const found = async (criteria) => (await search(criteria)).results.map((r) => r.id).sort()
  const blue = [{ varName: 'colour', value: value('blue') }]
  t.step('search-wf-run/name', await found({}))
  t.step('search-wf-run/completed', await found({ status: 'COMPLETED' }))
  t.step('search-wf-run/running', await found({ status: 'RUNNING' }))
  t.step('search-wf-run/error', await found({ status: 'ERROR' }))
  t.step('search-wf-run/version', await found({ wfSpecMajorVersion: 0, wfSpecRevision: 0 }))
  t.step('search-wf-run/major-and-status', await found({ wfSpecMajorVersion: 0, status: 'RUNNING' }))
  t.step('search-wf-run/variable', await found({ variableFilters: blue }))
  t.step('search-wf-run/variable-and-status', await found({ variableFilters: blue, status: 'RUNNING' }))

  const { sizes, results } = await search({ limit: 3 })
  const ids = results.map((r) => r.id).sort()
  expect(new Set(ids).size === 7, 'pages repeat or lose WfRuns')
  t.step('search-wf-run/pages', { sizes, found: ids })

  const refusals = {
    'unknown-name': { wfSpecName: s.name('no-such-spec') },
    'version-without-name': { wfSpecName: '', wfSpecMajorVersion: 0 },
    'revision-without-major': { wfSpecRevision: 0 },
    'unknown-variable': { variableFilters: [{ varName: 'nope', value: value('x') }] },
  }
  for (const [step, criteria] of Object.entries(refusals)) {
    await t.refused(`search-wf-run/${step}`, 'INVALID_ARGUMENT', () => search(criteria))
  }
}

async function variables(s) {
  const found = async (varName, wanted, criteria = {}) => {
    const request = { wfSpecName: s.name('search'), varName, value: value(wanted), ...criteria }
    const { results } = await s.pages('searchVariable', request)
    return results.map((v) => `${v.wfRunId.id} ${v.threadRunNumber} ${v.name}`).sort()
  }
  const t = s.transcript
  t.step('search-variable/str', await found('colour', 'red'))
  t.step('search-variable/case', await found('colour', 'Red'))
  t.step('search-variable/int', await found('size', 3))
  t.step('search-variable/json', await found('details_$.city', 'Oslo'))
  t.step('search-variable/version', await found('size', 3, { wfSpecMajorVersion: 0, wfSpecRevision: 0 }))
  for (const [step, name, wanted] of [
    ['unknown-variable', 'nope', 'x'],
    ['wrong-type', 'size', 'three'],
    ['no-index', 'details_$.street', 'x'],
  ]) {
    await t.refused(`search-variable/${step}`, 'INVALID_ARGUMENT', () => found(name, wanted))
  }
}

async function taskRuns(s) {
  const search = (task, criteria) => s.pages('searchTaskRun', { taskDefName: s.name(task), ...criteria })
  const found = async (task, criteria) =>
    (await search(task, criteria)).results.map((r) => `${r.wfRunId.id} ${r.taskGuid}`).sort()
  const t = s.transcript
  t.step('search-task-run/name', await found('charge'))
  t.step('search-task-run/exception', await found('charge', { status: 'TASK_EXCEPTION' }))
  t.step('search-task-run/failed', await found('flaky', { status: 'TASK_FAILED' }))
  t.step('search-task-run/timeout', await found('slow', { status: 'TASK_TIMEOUT' }))
  t.step('search-task-run/unknown', await found('no-such-task'))
  const { sizes, results } = await search('charge', { limit: 3 })
  t.step('search-task-run/pages', { sizes, found: results.length })
}

/** The run of the while loop has many NodeRuns and four TaskRuns. */
async function lists(s) {
  const t = s.transcript
  const wfRunId = s.wfRunId('loop')
  const nodes = await s.pages('listNodeRuns', { wfRunId, limit: 4 })
  const positions = nodes.results.map((n) => n.id.position).sort((a, b) => a - b)
  t.step('lists/node-runs', { sizes: nodes.sizes, positions })
  const tasks = await s.pages('listTaskRuns', { wfRunId, limit: 3 })
  t.step('lists/task-runs', { sizes: tasks.sizes, guids: tasks.results.map((r) => r.id.taskGuid).sort() })
  const unknown = { wfRunId: s.wfRunId('no-such-run') }
  t.step('lists/unknown-run', {
    nodeRuns: (await s.client.listNodeRuns(unknown)).results.length,
    taskRuns: (await s.client.listTaskRuns(unknown)).results.length,
    variables: (await s.client.listVariables(unknown)).results.length,
  })
}

async function definitions(s) {
  const t = s.transcript
  const names = (pages) => pages.results.map((r) => r.name)
  t.step('search-definitions/wf-spec-prefix', names(await s.pages('searchWfSpec', { prefix: s.name('errors') })))
  const byTask = await s.pages('searchWfSpec', { taskDefName: s.name('charge') })
  t.step('search-definitions/wf-spec-task', names(byTask).sort())
  const taskDefs = await s.pages('searchTaskDef', { prefix: s.name(''), limit: 3 })
  t.step('search-definitions/task-def-pages', { sizes: taskDefs.sizes, found: names(taskDefs) })
  const events = await s.pages('searchExternalEventDef', { prefix: s.name('s') })
  t.step('search-definitions/event-def-prefix', names(events))
}

async function events(s) {
  const found = async (criteria) => {
    const request = { externalEventDefId: { name: s.name('signed') }, ...criteria }
    const { results } = await s.pages('searchExternalEvent', request)
    return results.map((e) => `${e.wfRunId.id} ${e.guid}`).sort()
  }
  const t = s.transcript
  t.step('search-events/all', await found({}))
  t.step('search-events/claimed', await found({ isClaimed: true }))
  t.step('search-events/unclaimed', await found({ isClaimed: false }))
  await t.refused('search-events/unknown-def', 'INVALID_ARGUMENT', () =>
    found({ externalEventDefId: { name: s.name('no-such-event') } }),
  )
}

module.exports = {
  scenarios: {
    'search-wf-run': wfRuns,
    'search-variable': variables,
    'search-task-run': taskRuns,
    lists,
    'search-definitions': definitions,
    'search-events': events,
  },
}
