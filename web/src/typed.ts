import { useQuery } from '@tanstack/react-query';
import { ask, batch, session } from './api';
import { type Read, read } from './inputs';
import type { StructDef, StructDefId, TypeDefinition, VariableValue } from './types.gen';
import { kindOf, runId, textOf, typeText } from './values';

/** Structs are StructDefs by name and version. */
export type Structs = Map<string, StructDef>;

export const structKey = (id: StructDefId | undefined): string => `${id?.name} ${id?.version}`;

/** structsOf are the StructDefs that types name themselves. */
export function structsOf(types: (TypeDefinition | undefined)[]): StructDefId[] {
  const out = new Map<string, StructDefId>();
  const look = (t: TypeDefinition | undefined): void => {
    if (!t) return;
    if (t.structDefId) out.set(structKey(t.structDefId), t.structDefId);
    look(t.inlineArrayDef?.arrayType);
    look(t.inlineMapDef?.keyType);
    look(t.inlineMapDef?.valueType);
    for (const f of Object.values(t.inlineStructDef?.fields ?? {})) look(f.fieldType);
  };
  types.forEach(look);
  return [...out.values()];
}

/** useStructs reads the StructDefs of types, and those inside them; undefined until they are there. */
export function useStructs(types: (TypeDefinition | undefined)[]): Structs | undefined {
  const first = structsOf(types);
  const found = useQuery({
    queryKey: [session.tenant, 'structs', ...first.map(structKey).sort()],
    enabled: first.length > 0,
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const out: Structs = new Map();
      let next = first;
      while (next.length > 0 && out.size < 200) {
        const asked = next;
        const answers = await batch(asked.slice(0, 100).map((id) => ask('GetStructDef', id)), signal);
        answers.forEach((a, i) => a.reply && out.set(structKey(asked[i]), a.reply));
        const inner = answers.flatMap((a) => Object.values(a.reply?.structDef?.fields ?? {}).map((f) => f.fieldType));
        next = structsOf(inner).filter((id) => !out.has(structKey(id)));
      }
      return out;
    },
  });
  return first.length === 0 ? new Map() : found.data;
}

/** Exact is a number as it was written. */
class Exact {
  constructor(readonly text: string) {}
}

const mark = '\u0000';

/** exactly reads JSON with its numbers as they were written: those of 64 bits would lose digits otherwise. */
function exactly(text: string): unknown {
  JSON.parse(text);
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => (token.startsWith('"') ? token : JSON.stringify(mark + token)));
  return JSON.parse(marked, (_, v: unknown) => (typeof v === 'string' && v.startsWith(mark) ? new Exact(v.slice(1)) : v));
}

/** Wrong says why a document is no value of a type. */
class Wrong extends Error {}

/** structured reads a JSON document as a value of a type that has parts. */
export function structured(type: TypeDefinition, text: string, structs: Structs): Read {
  let json: unknown;
  try {
    json = exactly(text);
  } catch {
    return { problem: 'It must be JSON.' };
  }
  try {
    return { value: valueOf(type, json, structs, '') };
  } catch (e) {
    if (e instanceof Wrong) return { problem: e.message };
    throw e;
  }
}

function valueOf(type: TypeDefinition | undefined, json: unknown, structs: Structs, at: string): VariableValue {
  if (json === null) return {};
  const here = at || 'It';
  if (type?.structDefId) {
    if (!isObject(json)) throw new Wrong(`${here} must be a JSON object: ${typeText(type)}.`);
    const def = structs.get(structKey(type.structDefId));
    if (!def) throw new Wrong(`${here}: the definition of ${typeText(type)} is not known.`);
    const known = def.structDef?.fields ?? {};
    const fields = Object.fromEntries(
      Object.entries(json).map(([name, inner]) => {
        if (!known[name]) throw new Wrong(`${typeText(type)} has no field ${name}.`);
        return [name, { value: valueOf(known[name].fieldType, inner, structs, join(at, name)), masked: false }];
      }),
    );
    return { struct: { structDefId: def.id ?? type.structDefId, struct: { fields } } };
  }
  if (type?.inlineArrayDef) {
    const of = type.inlineArrayDef.arrayType;
    if (!Array.isArray(json)) throw new Wrong(`${here} must be a JSON array.`);
    return { array: { items: json.map((x, i) => valueOf(of, x, structs, join(at, String(i)))), ...(of ? { elementType: of } : {}) } };
  }
  if (type?.inlineMapDef) {
    const { keyType, valueType } = type.inlineMapDef;
    if (!isObject(json)) throw new Wrong(`${here} must be a JSON object.`);
    const entries = Object.entries(json).map(([k, v]) => ({ key: valueOf(keyType, k, structs, at), value: valueOf(valueType, v, structs, join(at, k)) }));
    return { map: { entries, mapType: type.inlineMapDef } };
  }
  const text = typeof json === 'string' ? json : json instanceof Exact ? json.text : JSON.stringify(json, plain);
  const { value, problem } = read(type?.primitiveType, text);
  if (!value) throw new Wrong(at ? `${at}: ${problem}` : (problem ?? ''));
  return value;
}

const isObject = (json: unknown): json is Record<string, unknown> => typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof Exact);
const join = (at: string, name: string): string => (at ? `${at}.${name}` : name);
const plain = (_: string, v: unknown): unknown => (v instanceof Exact ? Number(v.text) : v);

/** documentOf is a value as the JSON that the command line takes for it. Whole numbers keep all digits. */
export function documentOf(v: VariableValue | undefined): string {
  if (!v || kindOf(v) === 'NULL') return 'null';
  if (v.struct) return object(Object.entries(v.struct.struct?.fields ?? {}).map(([name, f]) => [name, documentOf(f.value)]));
  if (v.array) return `[${v.array.items.map(documentOf).join(', ')}]`;
  if (v.map) return object(v.map.entries.map((e) => [e.key?.str ?? documentOf(e.key).replaceAll('"', ''), documentOf(e.value)]));
  if (v.int !== undefined) return v.int;
  if (v.double !== undefined) return String(v.double);
  if (v.bool !== undefined) return String(v.bool);
  if (v.jsonObj !== undefined) return v.jsonObj;
  if (v.jsonArr !== undefined) return v.jsonArr;
  return JSON.stringify(v.str ?? v.bytes ?? v.utcTimestamp ?? runId(v.wfRunId));
}

/** veiled is a value as it may be written where others read it: of what is masked only the name. */
export function veiled(type: TypeDefinition | undefined, v: VariableValue, name: string, structs: Structs): VariableValue {
  if (type?.masked) return { str: `<${name}>` };
  const inner = (of: TypeDefinition | undefined, x: VariableValue | undefined, at: string): VariableValue => veiled(of, x ?? {}, at, structs);
  if (v.struct) {
    const known = structs.get(structKey(type?.structDefId))?.structDef?.fields ?? {};
    const fields = Object.entries(v.struct.struct?.fields ?? {}).map(([field, f]) => [field, { ...f, value: inner(known[field]?.fieldType, f.value, field) }]);
    return { struct: { ...v.struct, struct: { fields: Object.fromEntries(fields) } } };
  }
  if (v.array) return { array: { ...v.array, items: v.array.items.map((x) => inner(type?.inlineArrayDef?.arrayType, x, name)) } };
  if (v.map) return { map: { ...v.map, entries: v.map.entries.map((e) => ({ ...e, value: inner(type?.inlineMapDef?.valueType, e.value, name) })) } };
  return v;
}

/** pasted is a value as it is copied: what can be read again, not what is shown of it. */
export const pasted = (v: VariableValue): string => v.bytes ?? (v.struct || v.array || v.map ? documentOf(v) : textOf(v));

const object = (fields: [string, string][]): string => `{${fields.map(([name, text]) => `${JSON.stringify(name)}: ${text}`).join(', ')}}`;

/** compose reads what was typed for a type, by the paths of its parts. Nothing typed is no value. */
export function compose(type: TypeDefinition, path: string, texts: Record<string, string>, structs: Structs): Read {
  const def = type.structDefId && structs.get(structKey(type.structDefId));
  if (!def) {
    const text = texts[path] ?? '';
    if (text === '') return {};
    return type.primitiveType ? read(type.primitiveType, text) : structured(type, text, structs);
  }
  const fields: Record<string, { value: VariableValue; masked: boolean }> = {};
  let problem: string | undefined;
  const known = Object.entries(def.structDef?.fields ?? {});
  for (const [name, f] of known) {
    const inner = compose(f.fieldType ?? { masked: false }, `${path}.${name}`, texts, structs);
    if (inner.problem) problem ??= `${name}: ${inner.problem}`;
    if (inner.value) fields[name] = { value: inner.value, masked: false };
  }
  if (problem) return { problem };
  if (Object.keys(fields).length === 0) return {};
  const lacking = known.find(([name, f]) => !fields[name] && !f.isNullable && !f.defaultValue);
  if (lacking) return { problem: `${lacking[0]} is missing.` };
  return { value: { struct: { structDefId: def.id ?? type.structDefId!, struct: { fields } } } };
}

/** spread is the opposite of compose: what would have been typed for a value. */
export function spread(v: VariableValue | undefined, path: string, texts: Record<string, string>, text: (v: VariableValue) => string): void {
  if (!v || kindOf(v) === 'NULL') return;
  if (v.struct) for (const [name, f] of Object.entries(v.struct.struct?.fields ?? {})) spread(f.value, `${path}.${name}`, texts, text);
  else texts[path] = v.array || v.map ? documentOf(v) : text(v);
}
