'use strict'

// Letters to many at once, in parallel; then a pause; then a reminder in a loop, as often as it takes.

const {
  assign, chain, condition, edge, expression, fromVariable, graph, literal, outputOf, spec, task, variable,
} = require('../spec')
const { same } = require('./stage')

const sent = []

const tasks = {
  mail: {
    inputs: [['to', 'STR'], ['text', 'STR']],
    output: 'INT',
    run: ({ to, text }) => {
      sent.push(`${to}: ${text}`)
      return text.length
    },
  },
}

async function run(s) {
  const mail = (to, text) => ({ task: { taskDefId: { name: s.name('mail') }, variables: [to, text] } })
  const more = condition(fromVariable('reminders'), 'LESS_THAN', literal(2))
  await s.put(
    spec('campaign', {
      main: graph(
        [
          variable('people', 'JSON_ARR', { required: true }),
          variable('letters', 'INT', { default: 0 }),
          variable('reminders', 'INT', { default: 0 }),
        ],
        {
          entrypoint: { entrypoint: {}, outgoingEdges: [edge('start')] },
          start: {
            startMultipleThreads: {
              threadSpecName: 'letter',
              iterable: fromVariable('people'),
              variables: { text: literal('hello') },
            },
            outgoingEdges: [edge('wait')],
          },
          wait: { waitForThreads: { threadList: outputOf('start') }, outgoingEdges: [edge('sleep')] },
          sleep: { sleep: { rawSeconds: literal(1) }, outgoingEdges: [edge('while')] },
          while: { nop: {}, outgoingEdges: [edge('remind', [], more), edge('exit')] },
          remind: {
            ...mail(literal('all'), literal('remember')),
            outgoingEdges: [
              edge('while', [assign('reminders', expression(fromVariable('reminders'), 'ADD', literal(1)))]),
            ],
          },
          exit: { exit: {} },
        },
      ),
      letter: chain(
        [variable('INPUT', 'JSON_OBJ'), variable('text', 'STR', { required: true })],
        [
          task('mail', s.name('mail'), [fromVariable('INPUT', '$.name'), fromVariable('text')], {
            set: [assign('letters', expression(fromVariable('letters'), 'ADD', literal(1)))],
          }),
        ],
      ),
    }),
  )
  await s.run('campaign', 'campaign', { people: [{ name: 'Ana' }, { name: 'Bo' }, { name: 'Cleo' }] })
  const end = await s.ended('campaign', 'COMPLETED')
  same('threads', 4, end.threadRuns.length)
  same('letters', 3, await s.variable('campaign', 'letters'))
  same('sent first', ['Ana: hello', 'Bo: hello', 'Cleo: hello'], sent.slice(0, 3).sort())
  same('sent then', ['all: remember', 'all: remember'], sent.slice(3))
}

module.exports = { run, tasks }
