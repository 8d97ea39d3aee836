import type { TypeDefinition, VariableDef, VariableType, VariableValue, WfRunId, WfSpecId } from './types.gen';

/** runId writes the id of a WfRun as the command line does. */
export const runId = (id: WfRunId | undefined): string => runParts(id).join('_');

export function runParts(id: WfRunId | undefined): string[] {
  const parts: string[] = [];
  for (let at = id; at; at = at.parentWfRunId) parts.unshift(at.id);
  return parts;
}

export function runIdOf(parts: string[]): WfRunId {
  let id: WfRunId | undefined;
  for (const part of parts) id = id ? { id: part, parentWfRunId: id } : { id: part };
  return id ?? { id: '' };
}

/** decoded is a part of an address as it is meant; one that is not written as addresses are is as it stands. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** parseRunId takes an id as it is written, or the address of a page that shows it. */
export function parseRunId(text: string): string[] {
  const from = text.trim();
  const page = /\/(?:runs|wfRun)\/([^?#]+)/.exec(from);
  if (page?.[1]) return page[1].split('/').filter(Boolean).map(decoded);
  return from.split('_').filter(Boolean);
}

export const specText = (id: WfSpecId | undefined): string => (id ? `${id.name} ${id.majorVersion}.${id.revision}` : '');

/** typeText names a type as people write it. */
export function typeText(t: TypeDefinition | undefined): string {
  if (!t) return 'any';
  if (t.structDefId) return `${t.structDefId.name}`;
  if (t.inlineArrayDef) return `${typeText(t.inlineArrayDef.arrayType)}[]`;
  if (t.inlineMapDef) return `map of ${typeText(t.inlineMapDef.keyType)} to ${typeText(t.inlineMapDef.valueType)}`;
  if (t.inlineStructDef) return 'struct';
  return t.primitiveType ?? 'any';
}

export const typeOf = (d: VariableDef | undefined): TypeDefinition =>
  d?.typeDef ?? { masked: d?.maskedValue ?? false, ...(d?.type ? { primitiveType: d.type } : {}) };

/** kindOf says which type a value has; null is one without. */
export function kindOf(v: VariableValue | undefined): string {
  if (!v) return 'NULL';
  if (v.str !== undefined) return 'STR';
  if (v.int !== undefined) return 'INT';
  if (v.double !== undefined) return 'DOUBLE';
  if (v.bool !== undefined) return 'BOOL';
  if (v.jsonObj !== undefined) return 'JSON_OBJ';
  if (v.jsonArr !== undefined) return 'JSON_ARR';
  if (v.bytes !== undefined) return 'BYTES';
  if (v.wfRunId !== undefined) return 'WF_RUN_ID';
  if (v.utcTimestamp !== undefined) return 'TIMESTAMP';
  if (v.struct !== undefined) return v.struct.structDefId?.name ?? 'struct';
  if (v.array !== undefined) return 'array';
  if (v.map !== undefined) return 'map';
  return 'NULL';
}

/** textOf is a value in one line. Whole numbers of 64 bits stay text: a number of the page cannot hold them. */
export function textOf(v: VariableValue | undefined): string {
  if (!v) return 'null';
  const plain = v.str ?? v.int ?? v.jsonObj ?? v.jsonArr ?? v.utcTimestamp;
  if (plain !== undefined) return plain;
  if (v.double !== undefined) return String(v.double);
  if (v.bool !== undefined) return String(v.bool);
  if (v.bytes !== undefined) return `${byteCount(v.bytes)} bytes`;
  if (v.wfRunId !== undefined) return runId(v.wfRunId);
  if (v.struct !== undefined) {
    const fields = Object.entries(v.struct.struct?.fields ?? {});
    return `{${fields.map(([name, f]) => `${name}: ${textOf(f.value)}`).join(', ')}}`;
  }
  if (v.array !== undefined) return `[${v.array.items.map(textOf).join(', ')}]`;
  if (v.map !== undefined) return `{${v.map.entries.map((e) => `${textOf(e.key)}: ${textOf(e.value)}`).join(', ')}}`;
  return 'null';
}

/** literal is a value as it stands in an expression. */
export const literal = (v: VariableValue | undefined): string => (v?.str !== undefined ? JSON.stringify(v.str) : textOf(v));

export const byteCount = (base64: string): number =>
  Math.floor((base64.length * 3) / 4) - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0);

/** Problem says why a text is no value of a type. */
export class Problem extends Error {}

/** exactMoment is one as the server takes it, which may be finer than the browser's. */
const exactMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const wholeNumber = /^[+-]?\d+$/;
const least = -(2n ** 63n);
const most = 2n ** 63n - 1n;

/** parseValue reads what somebody typed. */
export function parseValue(type: VariableType | undefined, text: string): VariableValue {
  switch (type) {
    case 'INT': {
      const number = text.trim();
      if (!wholeNumber.test(number)) throw new Problem('must be a whole number');
      const value = BigInt(number.replace(/^\+/, ''));
      if (value < least || value > most) throw new Problem('must fit into 64 bits');
      return { int: value.toString() };
    }
    case 'DOUBLE': {
      const value = Number(text);
      if (text.trim() === '' || !Number.isFinite(value)) throw new Problem('must be a number');
      return { double: value };
    }
    case 'BOOL':
      if (text !== 'true' && text !== 'false') throw new Problem('must be true or false');
      return { bool: text === 'true' };
    case 'JSON_OBJ':
      return { jsonObj: json(text, false) };
    case 'JSON_ARR':
      return { jsonArr: json(text, true) };
    case 'BYTES':
      if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text.trim())) throw new Problem('must be base64');
      return { bytes: text.trim() };
    case 'WF_RUN_ID':
      return { wfRunId: runIdOf(parseRunId(text)) };
    case 'TIMESTAMP': {
      const moment = text.trim();
      const at = new Date(moment);
      if (Number.isNaN(at.getTime())) throw new Problem('must be a date and time');
      return { utcTimestamp: exactMoment.test(moment) ? moment : at.toISOString() };
    }
    default:
      return { str: text };
  }
}

function json(text: string, array: boolean): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem('must be JSON');
  }
  if (array !== Array.isArray(value) || typeof value !== 'object' || value === null) {
    throw new Problem(array ? 'must be a JSON array' : 'must be a JSON object');
  }
  return text; // as it was typed: large numbers stay whole
}
