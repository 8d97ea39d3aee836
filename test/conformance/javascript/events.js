'use strict'

// External events, interrupts, correlated events, workflow events.

const { pause, value } = require('./session')
const { assign, chain, event, fromVariable, literal, outputOf, spec, task, variable } = require('./spec')
const { expect } = require('./transcript')

async function externalEvent(s) {
  await s.putEventDef('signed')
  await s.put(
    spec('signed', {
      main: chain(
        [variable('content', 'STR')],
        [event('signed', s.name('signed'), { set: [assign('content', outputOf('signed'))] })],
      ),
    }),
  )
  const t = s.transcript
  await s.run('signed', 'signed-waiting')
  t.step('external-event/put', await s.post('signed-waiting', 'signed', 'g1', 'hello'))
  await s.record('external-event/while-waiting', 'signed-waiting', 'COMPLETED')

  await s.post('signed-before', 'signed', 'g1', 'first')
  await pause(20) // the older event is the one that is taken
  await s.post('signed-before', 'signed', 'a0', 'second')
  await t.refused('external-event/same-guid', 'ALREADY_EXISTS', () =>
    s.post('signed-before', 'signed', 'g1', 'again'),
  )
  await s.run('signed', 'signed-before')
  await s.record('external-event/before', 'signed-before', 'COMPLETED')
  expect((await s.variable('signed-before', 'content')) === 'first', 'not the oldest event')

  await t.refused('external-event/unknown-def', 'INVALID_ARGUMENT', () =>
    s.post('signed-before', 'no-such-event', 'g1', 'x'),
  )
  await t.refused('external-event/missing', 'NOT_FOUND', () =>
    s.client.getExternalEvent({
      wfRunId: s.wfRunId('signed-before'),
      externalEventDefId: { name: s.name('signed') },
      guid: 'nope',
    }),
  )
}

async function eventTimeout(s) {
  await s.putEventDef('never')
  const waiting = (handlers) => chain([], [event('never', s.name('never'), { timeoutSeconds: 1, handlers })])
  await s.put(
    spec('never-handled', {
      main: waiting([{ handlerSpecName: 'handler', specificFailure: 'TIMEOUT' }]),
      handler: chain([], [task('greet', s.name('greet'), [literal('late')])]),
    }),
  )
  await s.put(spec('never-unhandled', { main: waiting([]) }))
  await s.run('never-handled', 'never-handled')
  await s.run('never-unhandled', 'never-unhandled')
  await s.record('event-timeout/handled', 'never-handled', 'COMPLETED')
  await s.record('event-timeout/unhandled', 'never-unhandled', 'ERROR')
}

async function typedEvent(s) {
  await s.putEventDef('typed', { contentType: { returnType: { type: 'INT' } } })
  await s.put(
    spec('typed', {
      main: chain(
        [variable('amount', 'INT')],
        [event('typed', s.name('typed'), { set: [assign('amount', outputOf('typed'))] })],
      ),
    }),
  )
  await s.run('typed', 'typed')
  await s.transcript.refused('typed-event/wrong-type', 'INVALID_ARGUMENT', () =>
    s.post('typed', 'typed', 't1', 'seven'),
  )
  await s.post('typed', 'typed', 't2', 7)
  await s.record('typed-event/run', 'typed', 'COMPLETED')
}

async function interrupt(s) {
  for (const name of ['stop', 'parent', 'child']) await s.putEventDef(name)
  await s.put(
    spec('interrupt', {
      main: chain([variable('reason', 'STR')], [event('parent', s.name('parent'))], {
        interruptDefs: [{ externalEventDefId: { name: s.name('stop') }, handlerSpecName: 'handler' }],
      }),
      handler: chain([variable('INPUT', 'STR')], [event('child', s.name('child'))], {
        first: [assign('reason', fromVariable('INPUT'))],
      }),
    }),
  )
  await s.run('interrupt', 'interrupt')
  await s.post('interrupt', 'stop', 's1', 'fire drill')
  await s.waitNode('interrupt', 1, 1, 'RUNNING')
  s.transcript.step('interrupt/interrupted', await s.describe('interrupt'))
  await s.post('interrupt', 'parent', 'p1', null)
  await s.post('interrupt', 'child', 'c1', null)
  await s.record('interrupt/resumed', 'interrupt', 'COMPLETED')
  expect((await s.variable('interrupt', 'reason')) === 'fire drill', 'the handler got no input')
}

async function correlatedEvent(s) {
  await s.putEventDef('document', { correlatedEventConfig: { deleteAfterFirstCorrelation: false } })
  await s.put(
    spec('correlated', {
      main: chain(
        [variable('key', 'STR', { required: true }), variable('content', 'STR')],
        [
          event('document', s.name('document'), {
            correlationKey: fromVariable('key'),
            set: [assign('content', outputOf('document'))],
          }),
        ],
      ),
    }),
  )
  const put = (key, content) =>
    s.client.putCorrelatedEvent({
      key,
      externalEventDefId: { name: s.name('document') },
      content: value(content),
    })
  const t = s.transcript
  await s.run('correlated', 'correlated-waiting', { key: s.name('d1') })
  await s.waitNode('correlated-waiting', 0, 1, 'RUNNING')
  await pause(1200) // the key reaches its partition by the timer path
  t.step('correlated-event/put', await put(s.name('d1'), 'one'))
  await s.record('correlated-event/while-waiting', 'correlated-waiting', 'COMPLETED')
  await t.refused('correlated-event/same-key', 'ALREADY_EXISTS', () => put(s.name('d1'), 'again'))
  await t.refused('correlated-event/bad-key', 'INVALID_ARGUMENT', () => put('a/b', 'x'))

  t.step('correlated-event/put-first', await put(s.name('d2'), 'two'))
  await s.run('correlated', 'correlated-before', { key: s.name('d2') })
  await s.record('correlated-event/before', 'correlated-before', 'COMPLETED')
  expect((await s.variable('correlated-before', 'content')) === 'two', 'wrong content')
}

async function workflowEvent(s) {
  const thrown = { name: s.name('thrown') }
  await s.client.putWorkflowEventDef({ name: thrown.name, contentType: { returnType: { type: 'STR' } } })
  await s.eventually(() => s.client.getWorkflowEventDef(thrown))
  await s.putEventDef('throw-now')
  await s.put(
    spec('thrower', {
      main: chain([], [
        event('throw-now', s.name('throw-now')),
        { name: 'throw', throwEvent: { eventDefId: thrown, content: outputOf('throw-now') } },
      ]),
    }),
  )
  await s.run('thrower', 'thrower')
  const request = { wfRunId: s.wfRunId('thrower'), eventDefIds: [thrown] }
  const waiting = s.client.awaitWorkflowEvent(request)
  await pause(200) // lets the call reach the server before the event is thrown
  await s.post('thrower', 'throw-now', 'n1', 'ready')
  s.transcript.step('workflow-event/awaited', await waiting)
  await s.record('workflow-event/run', 'thrower', 'COMPLETED')
  s.transcript.step('workflow-event/awaited-late', await s.client.awaitWorkflowEvent(request))
}

module.exports = {
  scenarios: {
    'external-event': externalEvent,
    'event-timeout': eventTimeout,
    'typed-event': typedEvent,
    interrupt,
    'correlated-event': correlatedEvent,
    'workflow-event': workflowEvent,
  },
}
