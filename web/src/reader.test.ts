import { describe, expect, it } from 'vitest';
import { again, changed } from './runinputs';
import type { GetVariableHistoryResponse, Variable, VariableValue, WfSpec } from './types.gen';

const spec = {
  entrypointThreadName: 'main',
  threadSpecs: {
    main: {
      variableDefs: ['customer', 'tries', 'stock', 'card', 'huge'].map((name) => ({ varDef: { name }, accessLevel: 'PRIVATE_VAR' })),
      nodes: { a: { outgoingEdges: [{ variableMutations: [{ lhsName: 'tries' }] }] } },
    },
    other: { variableDefs: [], nodes: { b: { outgoingEdges: [{ variableMutations: [{ lhsName: 'stock' }, { lhsName: 'its own' }] }] } } },
  },
} as unknown as WfSpec;
const kept = (name: string, value: VariableValue, of: Partial<Variable> = {}): Variable => ({ id: { name, threadRunNumber: 0 }, value, masked: false, ...of }) as Variable;
const past = (...values: (VariableValue | undefined)[]): GetVariableHistoryResponse => ({
  changes: values.map((value, i) => ({ atMs: '0', thread: 0, node: '', known: value !== undefined, leftOutBytes: 0, ...(value ? { value } : {}), ...(i > 0 ? { position: i } : {}) })),
  more: false,
});

describe('what a run was given', () => {
  it('is not what was made of it on the way', () => {
    expect(changed(spec)).toEqual(['tries', 'stock']);
    const now = [kept('customer', { str: 'Ana' }), kept('tries', { int: '2' }), kept('stock', { str: 'shelf 7' })];
    expect(again(now, new Map([['tries', past({ int: '0' }, { int: '2' })], ['stock', past({ str: 'shelf 7' })]]))).toEqual({ inputs: { customer: { str: 'Ana' }, tries: { int: '0' }, stock: { str: 'shelf 7' } }, lost: [] });
  });
  it('is said to be lost where it is', () => {
    const now = [kept('tries', { int: '2' }), kept('stock', { str: 'shelf 7' }), kept('card', { str: '' }, { masked: true })];
    const cut = { ...past({ int: '1' }, { int: '2' }), more: true }; // the first that is told is not how it began
    expect(again(now, new Map([['tries', cut], ['stock', past(undefined, { str: 'shelf 7' })]]))).toEqual({ inputs: {}, lost: ['tries', 'stock', 'card'] });
    const large = past({}, { str: 'b' });
    large.changes[0]!.leftOutBytes = 99_999;
    expect(again([kept('huge', { str: 'b' })], new Map([['huge', large]])).lost).toEqual(['huge']);
    expect(again([kept('tries', { int: '2' })], new Map([['tries', undefined]]))).toEqual({ inputs: {}, lost: ['tries'] });
  });
  it('is of the thread that a run begins with', () => {
    expect(again([kept('tries', { int: '2' }, { id: { name: 'tries', threadRunNumber: 1 } as never })], new Map())).toEqual({ inputs: {}, lost: [] });
  });
});
