import { compose, documentOf, type Structs, veiled } from './typed';
import type { GetVariableHistoryResponse, ThreadVarDef, Variable, VariableValue, WfSpec } from './types.gen';
import { kindOf, typeOf } from './values';

/** inputsOf are the variables that a run can be given. */
export const inputsOf = (spec: WfSpec): ThreadVarDef[] =>
  (spec.threadSpecs[spec.entrypointThreadName]?.variableDefs ?? []).filter((d) => d.accessLevel !== 'INHERITED_VAR' && d.varDef);

/** Inputs are what was typed for variables. */
export interface Inputs {
  variables: Record<string, VariableValue>;
  /** shown are the same as others may read them. */
  shown: Record<string, VariableValue>;
  problems: Record<string, string>;
  /** words are the same for the command line. */
  words: string[];
}

/** readInputs reads what was typed. What is left empty is not sent, and what is masked is not written where others may read it. */
export function readInputs(defs: ThreadVarDef[], texts: Record<string, string>, structs: Structs): Inputs {
  const out: Inputs = { variables: {}, shown: {}, problems: {}, words: [] };
  for (const d of defs) {
    const name = d.varDef!.name;
    const type = typeOf(d.varDef);
    const { value, problem } = compose(type, name, texts, structs);
    if (problem) out.problems[name] = problem;
    else if (value) {
      const shown = veiled(type, value, name, structs);
      out.variables[name] = value;
      out.shown[name] = shown;
      out.words.push(name, type.masked ? `<${name}>` : type.primitiveType ? (texts[name] ?? '') : documentOf(shown));
    } else if (d.required) out.problems[name] = 'It is required.';
  }
  return out;
}

/** changed are the inputs that a run may change on its way: they may no longer be what it was given. */
export function changed(spec: WfSpec): string[] {
  const mutated = new Set<string>();
  for (const thread of Object.values(spec.threadSpecs)) {
    for (const node of Object.values(thread.nodes)) for (const edge of node.outgoingEdges) for (const m of edge.variableMutations) mutated.add(m.lhsName);
  }
  return inputsOf(spec).flatMap((d) => (mutated.has(d.varDef!.name) ? [d.varDef!.name] : []));
}

/** again are the inputs of a run for one like it: of those with a history what they began with. Lost is what is not known. */
export function again(variables: Variable[], past: Map<string, GetVariableHistoryResponse | undefined>): { inputs: Record<string, VariableValue>; lost: string[] } {
  const inputs: Record<string, VariableValue> = {};
  const lost: string[] = [];
  for (const v of variables) {
    if (v.id?.threadRunNumber !== 0) continue;
    const value = v.masked ? undefined : past.has(v.id.name) ? beginning(past.get(v.id.name), v.value) : (v.value ?? {});
    if (!value) lost.push(v.id.name);
    else if (kindOf(value) !== 'NULL') inputs[v.id.name] = value;
  }
  return { inputs, lost };
}

function beginning(past: GetVariableHistoryResponse | undefined, now: VariableValue | undefined): VariableValue | undefined {
  const first = past?.changes[0];
  if (!past || past.more || !first) return undefined;
  if (past.changes.length === 1) return now ?? {};
  return first.known && first.leftOutBytes === 0 ? (first.value ?? {}) : undefined;
}
