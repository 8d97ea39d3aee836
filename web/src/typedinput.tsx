import type { ReactElement } from 'react';
import { ValueInput } from './inputs';
import { type Structs, structKey } from './typed';
import type { TypeDefinition } from './types.gen';
import { Field } from './ui';
import { typeText } from './values';

interface Props {
  id: string;
  type: TypeDefinition;
  path: string;
  texts: Record<string, string>;
  set: (path: string, text: string) => void;
  structs: Structs;
  hint?: string;
}

/** TypedInput takes a value of any type: a struct field by field, other values with parts as JSON. */
export function TypedInput({ id, type, path, texts, set, structs, hint }: Props): ReactElement {
  const def = type.structDefId && structs.get(structKey(type.structDefId));
  if (!def) {
    return <ValueInput id={id} type={type.primitiveType ?? 'JSON_OBJ'} masked={type.masked} text={texts[path] ?? ''} set={(text) => set(path, text)} {...(hint ? { hint } : {})} />;
  }
  return (
    <div className="group" role="group" id={id} aria-label={typeText(type)}>
      {Object.entries(def.structDef?.fields ?? {}).map(([name, f]) => (
        <Field
          key={name}
          label={
            <>
              {name} <span className="tag">{typeText(f.fieldType)}</span> {!f.isNullable && !f.defaultValue && <span className="tag">required</span>}
              {f.description && <span className="soft small"> {f.description}</span>}
            </>
          }
        >
          {(inner) => <TypedInput id={inner} type={f.fieldType ?? { masked: false }} path={`${path}.${name}`} texts={texts} set={set} structs={structs} />}
        </Field>
      ))}
    </div>
  );
}
