'use strict'

// Definitions: puts that repeat, versions, refusals, deletes.

const { chain, fromVariable, spec, task, variable } = require('./spec')
const { expect } = require('./transcript')

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b)

async function taskDefs(s) {
  const { client: c, transcript: t } = s
  const request = { name: s.name('defined'), inputVars: [{ name: 'x', typeDef: { type: 'INT' } }] }
  const first = await c.putTaskDef(request)
  t.step('task-def/put', first)
  expect(same(await c.putTaskDef(request), first), 'a repeated put is not the same TaskDef')
  t.step('task-def/put-again', 'same')
  await s.eventually(() => c.getTaskDef(first.id))
  await t.refused('task-def/changed', 'ALREADY_EXISTS', () => c.putTaskDef({ ...request, inputVars: [] }))
  await t.refused('task-def/bad-name', 'INVALID_ARGUMENT', () => c.putTaskDef({ name: 'not_a_hostname' }))
  const missing = { name: s.name('no-such-task') }
  await t.refused('task-def/get-missing', 'NOT_FOUND', () => c.getTaskDef(missing))
  await t.refused('task-def/delete-missing', 'NOT_FOUND', () => c.deleteTaskDef({ id: missing }))
  await c.deleteTaskDef({ id: first.id })
  await t.refused('task-def/delete-again', 'NOT_FOUND', () => c.deleteTaskDef({ id: first.id }))
}

async function wfSpecs(s) {
  const { client: c, transcript: t } = s
  const version = ({ majorVersion, revision }) => `${majorVersion}.${revision}`
  const put = async (allowedUpdates, { called = 'greet', required = false, extra = false } = {}) => {
    const nodes = [task('first', s.name(called), [fromVariable('name')])]
    if (extra) nodes.push(task('second', s.name('nothing'), []))
    const main = chain([variable('name', 'STR', { required })], nodes)
    return version((await s.put(spec('versions', { main }, { allowedUpdates }))).id)
  }
  t.step('wf-spec/first', await put('ALL_UPDATES'))
  t.step('wf-spec/same', await put('ALL_UPDATES'))
  t.step('wf-spec/same-no-updates', await put('NO_UPDATES'))
  await t.refused('wf-spec/changed-no-updates', 'ALREADY_EXISTS', () => put('NO_UPDATES', { extra: true }))
  t.step('wf-spec/changed', await put('MINOR_REVISION_UPDATES', { extra: true }))
  await t.refused('wf-spec/breaking-minor-only', 'FAILED_PRECONDITION', () =>
    put('MINOR_REVISION_UPDATES', { required: true }),
  )
  t.step('wf-spec/breaking', await put('ALL_UPDATES', { required: true }))
  const name = s.name('versions')
  const latest = await c.getLatestWfSpec({ name })
  t.step('wf-spec/latest', latest)
  t.step('wf-spec/latest-of-major', (await c.getLatestWfSpec({ name, majorVersion: 0 })).id)
  t.step('wf-spec/versions', (await s.pages('searchWfSpec', { name })).results.map(version))

  await t.refused('wf-spec/unknown-task', 'INVALID_ARGUMENT', () => put('ALL_UPDATES', { called: 'no-such-task' }))
  await t.refused('wf-spec/bad-name', 'INVALID_ARGUMENT', () => s.put(spec('bad_name', { main: chain([], []) })))
  await t.refused('wf-spec/get-missing', 'NOT_FOUND', () => c.getWfSpec({ name, majorVersion: 9 }))
  await t.refused('wf-spec/latest-missing', 'NOT_FOUND', () => c.getLatestWfSpec({ name: s.name('no-such-spec') }))
  await c.deleteWfSpec({ id: latest.id })
  await t.refused('wf-spec/delete-again', 'NOT_FOUND', () => c.deleteWfSpec({ id: latest.id }))
}

async function eventDefs(s) {
  const { client: c, transcript: t } = s
  const put = (type) =>
    c.putWorkflowEventDef({ name: s.name('defined-event'), contentType: { returnType: { type } } })
  const first = await put('STR')
  t.step('event-def/thrown', first)
  expect(same(await put('STR'), first), 'a repeated put is not the same WorkflowEventDef')
  await t.refused('event-def/thrown-changed', 'ALREADY_EXISTS', () => put('INT'))
  t.step('event-def/awaited', await s.putEventDef('defined-event'))
  t.step('event-def/awaited-again', await s.putEventDef('defined-event'))
  await t.refused('event-def/bad-name', 'INVALID_ARGUMENT', () => c.putExternalEventDef({ name: 'a.b' }))
  await t.refused('event-def/get-missing', 'NOT_FOUND', () =>
    c.getExternalEventDef({ name: s.name('no-such-event') }),
  )
}

async function whoami(s) {
  s.transcript.step('whoami/id', (await s.client.whoami({})).id)
}

module.exports = { scenarios: { 'task-def': taskDefs, 'wf-spec': wfSpecs, 'event-def': eventDefs, whoami } }
