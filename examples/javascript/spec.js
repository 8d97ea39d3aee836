'use strict'

// Builds WfSpecs as the API has them: the client has no builder. A thread is a list of nodes, one behind the other; a node is
// {name, <kind>: {…}, set: what happens to variables when it is left, handlers: its failure handlers}.

const { toValue } = require('./worker')

const typed = (type, masked = false) => ({ type, masked })
const literal = (v) => ({ literalValue: toValue(v) })
const fromVariable = (variableName, jsonPath) => ({ variableName, jsonPath })
const outputOf = (nodeName, jsonPath) => ({ nodeOutput: { nodeName }, jsonPath })
const format = (text, ...args) => ({ formatString: { format: literal(text), args } })
const assign = (lhsName, rhsAssignment) => ({ lhsName, operation: 'ASSIGN', rhsAssignment })
const add = (lhsName, rhsAssignment) => ({ lhsName, operation: 'ADD', rhsAssignment })
const condition = (left, comparator, right) => ({ left, comparator, right })

const variable = (name, type, { initial, masked, required, searchable } = {}) => ({
  varDef: { name, typeDef: typed(type, masked), defaultValue: initial === undefined ? undefined : toValue(initial) },
  accessLevel: 'PRIVATE_VAR',
  required,
  searchable,
})

const task = (name, taskDef, inputs, { retries = 0, ...more } = {}) => ({
  name,
  task: { taskDefId: { name: taskDef }, variables: inputs, retries, timeoutSeconds: 60 },
  ...more,
})

const fail = (name, failureName, message) => ({ name, exit: { failureDef: { failureName, message } } })

const onException = (specificFailure, handlerSpecName) => ({ specificFailure, handlerSpecName })
const onAnyFailure = (handlerSpecName) => ({ handlerSpecName })

/** A node may lead to several others: it has branches, [[condition, node], …, [undefined, node]], that all lead to the one behind it. */
function thread(variableDefs, nodes, { first = [], interruptDefs = [] } = {}) {
  const all = {}
  const edge = (sinkNodeName, variableMutations = [], when) => ({ sinkNodeName, variableMutations, condition: when })
  const names = nodes.map((n) => n.name)
  if (!nodes.at(-1)?.exit) names.push('end')
  all.begin = { entrypoint: {}, outgoingEdges: [edge(names[0], first)] }
  nodes.forEach(({ name, set = [], handlers = [], branches, ...kind }, i) => {
    const next = names[i + 1]
    all[name] = { ...kind, failureHandlers: handlers, outgoingEdges: next ? [edge(next, set)] : [] }
    if (!branches) return
    all[name].outgoingEdges = branches.map(([when, to, mutations]) => edge(to?.name ?? next, mutations, when))
    for (const [, to] of branches) {
      if (to === undefined) continue
      const { name: branch, ...step } = to
      all[branch] = { ...step, failureHandlers: [], outgoingEdges: [edge(next)] }
    }
  })
  if (names.at(-1) === 'end') all.end = { exit: {} }
  return { variableDefs, nodes: all, interruptDefs }
}

/** threads: by name; the one called "entrypoint" is where a run begins. */
const wfSpec = (name, threadSpecs) => ({
  name,
  threadSpecs,
  entrypointThreadName: 'entrypoint',
  allowedUpdates: 'ALL_UPDATES',
})

module.exports = {
  add,
  assign,
  condition,
  fail,
  format,
  fromVariable,
  literal,
  onAnyFailure,
  onException,
  outputOf,
  task,
  thread,
  typed,
  variable,
  wfSpec,
}
