'use strict'

// Variables: types, defaults, masking, inputs that are refused, arithmetic.

const { Double } = require('./session')
const { assign, chain, event, expression, fromVariable, literal, mutate, outputOf, spec, task, variable } = require('./spec')
const { expect } = require('./transcript')

async function variables(s) {
  const stored = await s.put(
    spec('variables', {
      main: chain(
        [
          variable('int', 'INT', { default: 1 }),
          variable('str', 'STR', { default: 'default' }),
          variable('double', 'DOUBLE', { default: 1.5 }),
          variable('bool', 'BOOL', { default: true }),
          variable('object', 'JSON_OBJ', { default: { a: { b: 1 } } }),
          variable('array', 'JSON_ARR', { default: [1, 'two', null] }),
          variable('bytes', 'BYTES', { default: Buffer.from('raw') }),
          variable('unset', 'STR'),
          variable('secret', 'STR', { default: 'hush', masked: true }),
        ],
        [],
      ),
    }),
  )
  s.transcript.step('variables/spec', stored)
  await s.run('variables', 'variables-defaults')
  await s.record('variables/defaults', 'variables-defaults', 'COMPLETED')
  await s.run('variables', 'variables-given', {
    int: -7,
    str: 'ünïcode',
    double: new Double(-2),
    bool: false,
    object: { z: [1, { y: 'x' }] },
    array: [],
    bytes: Buffer.from([0, 255]),
    unset: null,
    secret: 'open',
  })
  await s.record('variables/given', 'variables-given', 'COMPLETED')
  for (const [name, want] of [['int', -7], ['double', -2], ['bool', false]]) {
    const got = await s.variable('variables-given', name)
    expect(got === want, `${name} is ${got}, want ${want}`)
  }
}

async function inputs(s) {
  await s.put(
    spec('inputs', {
      main: chain([variable('needed', 'INT', { required: true }), variable('optional', 'INT', { default: 5 })], []),
    }),
  )
  const run = (suffix, variables) => s.run('inputs', `inputs-${suffix}`, variables)
  const t = s.transcript
  await t.refused('inputs/missing', 'INVALID_ARGUMENT', () => run('missing', {}))
  await t.refused('inputs/wrong-type', 'INVALID_ARGUMENT', () => run('wrong', { needed: 'seven' }))
  await t.refused('inputs/unknown', 'INVALID_ARGUMENT', () => run('unknown', { needed: 1, other: 2 }))
  await t.refused('inputs/nothing-stored', 'NOT_FOUND', () => s.client.getWfRun(s.wfRunId('inputs-missing')))
  t.step('inputs/null', await run('null', { needed: null }))
  await run('defaulted', { needed: 1, optional: null })
  expect((await s.variable('inputs-defaulted', 'optional')) === 5, 'NULL did not take the default')
}

async function arithmetic(s) {
  const x = fromVariable('x')
  const timesSix = expression(x, 'MULTIPLY', literal(6))
  await s.put(
    spec('arithmetic', {
      main: chain(
        [
          variable('x', 'INT', { default: 7 }),
          variable('d', 'DOUBLE', { default: 1.5 }),
          variable('text', 'STR', { default: 'ab' }),
          variable('array', 'JSON_ARR', { default: [1, 2, 3, 2] }),
          variable('object', 'JSON_OBJ', { default: { keep: 1, drop: 2 } }),
          variable('nested', 'INT'),
        ],
        [task('nothing', s.name('nothing'), [])],
        {
          first: [
            assign('x', expression(expression(timesSix, 'SUBTRACT', literal(2)), 'DIVIDE', literal(4))),
            mutate('d', 'ADD', x),
            mutate('text', 'EXTEND', literal('cd')),
            mutate('array', 'REMOVE_IF_PRESENT', literal(2)),
            mutate('array', 'REMOVE_INDEX', literal(0)),
            mutate('object', 'REMOVE_KEY', literal('drop')),
            { ...assign('object', literal('new')), lhsJsonPath: '$.added' },
            assign('nested', fromVariable('object', '$.keep')),
          ],
        },
      ),
    }),
  )
  await s.run('arithmetic', 'arithmetic')
  await s.record('arithmetic/run', 'arithmetic', 'COMPLETED')
  expect((await s.variable('arithmetic', 'x')) === 10, '(7*6-2)/4 is not 10')
}

async function brokenMutation(s) {
  await s.putEventDef('number')
  await s.put(
    spec('broken-mutation', {
      main: chain(
        [variable('x', 'INT', { default: 1 })],
        [event('number', s.name('number'), { set: [assign('x', outputOf('number', '$.result'))] })],
      ),
    }),
  )
  await s.run('broken-mutation', 'broken-mutation')
  await s.post('broken-mutation', 'number', 'n1', { result: 'x' })
  await s.record('broken-mutation/run', 'broken-mutation', 'ERROR')
  expect((await s.variable('broken-mutation', 'x')) === 1, 'a failed mutation was stored')
}

module.exports = { scenarios: { variables, inputs, arithmetic, 'broken-mutation': brokenMutation } }
