import type { ReactElement } from 'react';
import type { VariableType, VariableValue } from './types.gen';
import { kindOf, parseValue, Problem as Wrong, textOf } from './values';

/** Read is what somebody typed, as a value or with what is wrong with it. */
export interface Read {
  value?: VariableValue;
  problem?: string;
}

export function read(type: VariableType | undefined, text: string): Read {
  try {
    return { value: parseValue(type, text) };
  } catch (e) {
    if (e instanceof Wrong) return { problem: `It ${e.message}.` };
    throw e;
  }
}

/** editable is a value as it is typed. */
export const editable = (v: VariableValue | undefined): string => (v === undefined || kindOf(v) === 'NULL' ? '' : (v.bytes ?? textOf(v)));

interface Props {
  id: string;
  type: VariableType | undefined;
  text: string;
  set: (text: string) => void;
  hint?: string;
  masked?: boolean;
  disabled?: boolean;
  required?: boolean;
  label?: string;
}

/** ValueInput takes a value of a type. */
export function ValueInput({ id, type, text, set, hint, masked, disabled, required, label }: Props): ReactElement {
  const common = { id, className: 'input', disabled, 'aria-required': required, 'aria-label': label };
  switch (type) {
    case 'BOOL':
      return (
        <select {...common} value={text} onChange={(e) => set(e.target.value)}>
          <option value="">{hint ?? 'not said'}</option>
          <option value="true">yes</option>
          <option value="false">no</option>
        </select>
      );
    case 'JSON_OBJ':
    case 'JSON_ARR':
      return <textarea {...common} placeholder={hint} value={text} onChange={(e) => set(e.target.value)} />;
    case 'BYTES':
      return (
        <div className="row tight">
          <input {...common} className="input grow mono" placeholder={hint ?? 'base64'} value={text} onChange={(e) => set(e.target.value)} />
          <input type="file" aria-label="Take it from a file" disabled={disabled} onChange={(e) => void taken(e.target.files?.[0], set)} />
        </div>
      );
    case 'TIMESTAMP':
      return <input {...common} placeholder={hint ?? '2026-01-31T10:00:00Z'} autoComplete="off" value={text} onChange={(e) => set(e.target.value)} />;
    default:
      return (
        <input
          {...common}
          placeholder={hint}
          type={masked ? 'password' : 'text'}
          autoComplete="off"
          inputMode={type === 'INT' ? 'numeric' : type === 'DOUBLE' ? 'decimal' : undefined}
          value={text}
          onChange={(e) => set(e.target.value)}
        />
      );
  }
}

async function taken(file: File | undefined, set: (text: string) => void): Promise<void> {
  if (!file) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = '';
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  set(btoa(binary));
}
