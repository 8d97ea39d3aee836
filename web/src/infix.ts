import type {
  Comparator,
  Edge,
  LegacyEdgeCondition,
  LHPath,
  VariableAssignment,
  VariableMutation,
  VariableMutationType,
} from './types.gen';
import { literal } from './values';

const comparators: Record<Comparator, string> = {
  LESS_THAN: '<',
  GREATER_THAN: '>',
  LESS_THAN_EQ: '≤',
  GREATER_THAN_EQ: '≥',
  EQUALS: '=',
  NOT_EQUALS: '≠',
  IN: 'in',
  NOT_IN: 'not in',
};

const operators: Record<VariableMutationType, string> = {
  ASSIGN: '←',
  ADD: '+',
  SUBTRACT: '−',
  MULTIPLY: '×',
  DIVIDE: '÷',
  EXTEND: 'extended by',
  REMOVE_IF_PRESENT: 'without',
  REMOVE_INDEX: 'without index',
  REMOVE_KEY: 'without key',
  AND: 'and',
  OR: 'or',
  POW: '^',
};

/** mutated are the operators of a mutation, which changes its left side. */
const mutated: Record<VariableMutationType, string> = {
  ASSIGN: '=',
  ADD: '+=',
  SUBTRACT: '−=',
  MULTIPLY: '×=',
  DIVIDE: '÷=',
  EXTEND: 'is extended by',
  REMOVE_IF_PRESENT: 'loses',
  REMOVE_INDEX: 'loses index',
  REMOVE_KEY: 'loses key',
  AND: 'and=',
  OR: 'or=',
  POW: '^=',
};

/** infix writes an assignment as people read it. */
export function infix(a: VariableAssignment | undefined, inner = false): string {
  if (!a) return 'null';
  return source(a, inner) + path(a.jsonPath, a.lhPath);
}

function source(a: VariableAssignment, inner: boolean): string {
  if (a.variableName !== undefined) return a.variableName;
  if (a.literalValue !== undefined) return literal(a.literalValue);
  if (a.nodeOutput !== undefined) return `output of ${a.nodeOutput.nodeName}`;
  if (a.sizeOf !== undefined) return `size of ${infix(a.sizeOf.operand, true)}`;
  if (a.formatString !== undefined) {
    const args = a.formatString.args.map((x) => infix(x)).join(', ');
    return `format(${infix(a.formatString.format)}${args ? `, ${args}` : ''})`;
  }
  if (a.structBuilder !== undefined) return `new ${a.structBuilder.structDefId?.name ?? 'struct'}`;
  if (a.mapBuilder !== undefined) {
    return `{${a.mapBuilder.entries.map((e) => `${infix(e.key)}: ${infix(e.value)}`).join(', ')}}`;
  }
  if (a.expression !== undefined) {
    const { lhs, rhs, mutationType, comparator } = a.expression;
    const operator = comparator !== undefined ? comparators[comparator] : operators[mutationType ?? 'ASSIGN'];
    const text = `${infix(lhs, true)} ${operator} ${infix(rhs, true)}`;
    return inner ? `(${text})` : text;
  }
  return 'null';
}

function path(jsonPath: string | undefined, steps: LHPath | undefined): string {
  if (jsonPath !== undefined) return jsonPath.replace(/^\$/, '');
  return (steps?.path ?? [])
    .map((s) => (s.key !== undefined ? `.${s.key}` : s.index !== undefined ? `[${s.index}]` : `[${infix(s.dynamic)}]`))
    .join('');
}

export const legacy = (c: LegacyEdgeCondition): string =>
  `${infix(c.left, true)} ${comparators[c.comparator]} ${infix(c.right, true)}`;

/** condition of an edge; empty if it has none. */
export function condition(e: Edge): string {
  if (e.condition) return infix(e.condition);
  return e.legacyCondition ? legacy(e.legacyCondition) : '';
}

export function mutation(m: VariableMutation): string {
  const right =
    m.rhsAssignment !== undefined
      ? infix(m.rhsAssignment)
      : m.literalValue !== undefined
        ? literal(m.literalValue)
        : `output${path(m.nodeOutput?.jsonpath, m.nodeOutput?.lhPath)}`;
  return `${m.lhsName}${path(m.lhsJsonPath, m.lhsLhPath)} ${mutated[m.operation]} ${right}`;
}
