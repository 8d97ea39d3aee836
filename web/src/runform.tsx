import { type ReactElement, useState } from 'react';
import { Preview } from './actions';
import { command } from './commands';
import { editable } from './inputs';
import { go, to } from './router';
import { inputsOf, readInputs } from './runinputs';
import { type Structs, spread, useStructs } from './typed';
import { TypedInput } from './typedinput';
import type { ThreadVarDef, VariableValue, WfSpec } from './types.gen';
import { Field, Skeleton } from './ui';
import { kindOf, parseRunId, runIdOf, runParts, textOf, typeOf, typeText } from './values';

/** startTexts is what would have been typed for values. */
export function startTexts(from: Record<string, VariableValue>): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [name, v] of Object.entries(from)) spread(v, name, out, editable);
  return out;
}

interface FieldsProps {
  defs: ThreadVarDef[];
  texts: Record<string, string>;
  set: (path: string, text: string) => void;
  structs: Structs;
  problems: Record<string, string>;
}

export function InputFields({ defs, texts, set, structs, problems }: FieldsProps): ReactElement {
  return (
    <>
      {defs.map((d) => {
        const name = d.varDef!.name;
        const type = typeOf(d.varDef);
        const preset = d.varDef!.defaultValue;
        const hint = preset && kindOf(preset) !== 'NULL' ? `default ${textOf(preset)}` : d.required ? 'required' : 'not sent';
        return (
          <Field
            key={name}
            problem={Object.keys(texts).some((p) => p === name || p.startsWith(`${name}.`)) ? problems[name] : undefined}
            label={
              <>
                {name} <span className="tag">{typeText(type)}</span> {d.required && <span className="tag">required</span>}{' '}
                {type.masked && <span className="tag">masked</span>}
              </>
            }
          >
            {(id) => <TypedInput id={id} type={type} path={name} texts={texts} set={set} structs={structs} hint={hint} />}
          </Field>
        );
      })}
    </>
  );
}

/** RunForm starts a run. */
export function RunForm({ spec, from, onClose }: { spec: WfSpec; from: { inputs: Record<string, VariableValue>; lost: string[] } | undefined; onClose: () => void }): ReactElement {
  const defs = inputsOf(spec);
  const structs = useStructs(defs.map((d) => typeOf(d.varDef)));
  const [texts, setTexts] = useState(() => startTexts(from?.inputs ?? {}));
  const [id, setId] = useState('');
  const [parent, setParent] = useState('');
  const { variables, shown, problems, words } = readInputs(defs, texts, structs ?? new Map());
  const first = Object.keys(problems)[0];
  const version = spec.id!;
  const lost = (from?.lost ?? []).filter((name) => defs.some((d) => d.varDef?.name === name));
  const above = spec.parentWfSpec && parent ? { parentWfRunId: runIdOf(parseRunId(parent)) } : {};
  const request = { wfSpecName: version.name, majorVersion: version.majorVersion, revision: version.revision, ...above, ...(id ? { id } : {}) };
  return (
    <Preview
      title={`Run ${version.name}`}
      rpc="RunWf"
      request={{ ...request, variables }}
      shown={{ ...request, variables: shown }}
      cli={command(
        'run',
        version.name,
        ...words,
        '--majorVersion',
        String(version.majorVersion),
        '--revision',
        String(version.revision),
        ...(above.parentWfRunId ? ['--parentWfRunId', parent] : []),
        ...(id ? ['--wfRunId', id] : []),
      )}
      confirm="Run"
      done="It runs."
      problem={spec.parentWfSpec && !parent ? `It is a child of ${spec.parentWfSpec.wfSpecName}: name the parent.` : first ? `${first}: ${problems[first]}` : undefined}
      onClose={onClose}
      onDone={(run) => go(to(['runs', ...runParts(run.id)]))}
    >
      {lost.length > 0 && (
        <p className="soft small" role="status">
          What the run was given is not known of {lost.join(', ')}.
        </p>
      )}
      {structs ? <InputFields defs={defs} texts={texts} set={(p, t) => setTexts({ ...texts, [p]: t })} structs={structs} problems={problems} /> : <Skeleton />}
      {spec.parentWfSpec && <Field label="Id of the parent run">{(field) => <input id={field} className="input mono" autoComplete="off" value={parent} onChange={(e) => setParent(e.target.value)} />}</Field>}
      <Field label="Id of the run">{(field) => <input id={field} className="input mono" placeholder="made up by the server" value={id} onChange={(e) => setId(e.target.value)} />}</Field>
    </Preview>
  );
}
