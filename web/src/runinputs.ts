import { compose, documentOf, type Structs, veiled } from './typed';
import type { ThreadVarDef, VariableValue, WfSpec } from './types.gen';
import { typeOf } from './values';

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
