'use strict'

// PutWfSpec requests in the client's generated types. A thread is a chain of nodes; a node is
// {name, <kind>: {…}, set: [mutations on leaving it], handlers: [failure handlers]}.

const { value } = require('./session')

const ENTRYPOINT = 'entrypoint'
const EXIT = 'exit'

const literal = (v) => ({ literalValue: value(v) })
const fromVariable = (variableName, jsonPath) => ({ variableName, jsonPath })
const outputOf = (nodeName, jsonPath) => ({ nodeOutput: { nodeName }, jsonPath })
const expression = (lhs, operation, rhs) => ({ expression: { lhs, operation, rhs } })
const condition = (left, comparator, right) => ({ left, comparator, right })
const assign = (lhsName, rhsAssignment) => ({ lhsName, operation: 'ASSIGN', rhsAssignment })
const mutate = (lhsName, operation, rhsAssignment) => ({ lhsName, operation, rhsAssignment })

/** Options: default, required, searchable, masked, jsonIndexes, accessLevel. */
function variable(name, type, { default: initial, masked = false, ...options } = {}) {
  return {
    varDef: {
      name,
      typeDef: { type, masked },
      defaultValue: initial === undefined ? undefined : value(initial),
    },
    accessLevel: 'PRIVATE_VAR',
    ...options,
  }
}

function task(name, taskDef, inputs, { retries = 0, timeoutSeconds = 0, backoff, ...more } = {}) {
  return {
    name,
    task: {
      taskDefId: { name: taskDef },
      variables: inputs,
      retries,
      timeoutSeconds,
      exponentialBackoff: backoff,
    },
    ...more,
  }
}

function event(name, eventDef, { timeoutSeconds, correlationKey, ...more } = {}) {
  return {
    name,
    externalEvent: {
      externalEventDefId: { name: eventDef },
      timeoutSeconds: timeoutSeconds === undefined ? undefined : literal(timeoutSeconds),
      correlationKey,
    },
    ...more,
  }
}

const waitForThreads = (name, startNodes, { perThread = [], ...more } = {}) => ({
  name,
  waitForThreads: {
    threads: { threads: startNodes.map((n) => ({ threadRunNumber: outputOf(n) })) },
    perThreadFailureHandlers: perThread,
  },
  ...more,
})

const edge = (sinkNodeName, variableMutations = [], when) => ({
  sinkNodeName,
  variableMutations,
  condition: when,
})

/** A thread whose nodes follow one another. first: mutations on the edge into the first node. */
function chain(variableDefs, nodes, { first = [], ...more } = {}) {
  const all = {}
  const names = [...nodes.map((n) => n.name), EXIT]
  all[ENTRYPOINT] = { entrypoint: {}, outgoingEdges: [edge(names[0], first)] }
  nodes.forEach(({ name, set = [], handlers = [], ...kind }, i) => {
    all[name] = { ...kind, failureHandlers: handlers, outgoingEdges: [edge(names[i + 1], set)] }
  })
  if (all[nodes.at(-1)?.name]?.exit) all[nodes.at(-1).name].outgoingEdges = []
  else all[EXIT] = { exit: {} }
  return { variableDefs, nodes: all, ...more }
}

/** A thread whose edges are given: nodes by name, each with its outgoingEdges. */
const graph = (variableDefs, nodes) => ({ variableDefs, nodes })

/** threads: by name; the one called "main" is the entrypoint. */
const spec = (name, threads, more = {}) => ({
  name,
  threadSpecs: threads,
  entrypointThreadName: 'main',
  allowedUpdates: 'ALL_UPDATES',
  ...more,
})

module.exports = {
  assign,
  chain,
  condition,
  edge,
  event,
  expression,
  fromVariable,
  graph,
  literal,
  mutate,
  outputOf,
  spec,
  task,
  variable,
  waitForThreads,
}
