/** Exact is a number as it was written. */
export class Exact {
  constructor(readonly text: string) {}
}

/** keepNumbers lets numbers be as they were written: those of 64 bits would lose digits otherwise. */
export function keepNumbers(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && context?.source ? new Exact(context.source) : value;
}

/** within is the JSONPath of a part of what a path leads to. */
export function within(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `${path}.${key}` : `${path}['${key.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}']`;
}

/** PathKind is how the way to a part of a value is written: from the value, or from what it is in. */
export type PathKind = 'JSONPath' | 'field path';

/** pathText is a path as it is copied. A field path stands behind the name of what it is in: order.lines[3].sku. */
export const pathText = (path: string, kind: PathKind, root = ''): string => {
  if (kind === 'JSONPath') return path;
  return root ? `${root}${path.slice(1)}` : path.slice(1).replace(/^\./, '');
};

/** Hits are the parts of a value that have a text, and those around them. */
export interface Hits {
  found: Set<string>;
  around: Set<string>;
}

const mostHits = 1000;

/** hitsOf looks for a text in names and values; nothing is looked for without one. */
export function hitsOf(value: unknown, text: string, root = '$'): Hits | undefined {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return undefined;
  const out: Hits = { found: new Set(), around: new Set() };
  const has = (what: string): boolean => what.toLowerCase().includes(wanted);
  const look = (at: unknown, path: string, name: string, above: string[]): void => {
    if (out.found.size >= mostHits) return;
    const leaf = at instanceof Exact ? at.text : typeof at === 'object' && at !== null ? undefined : String(at);
    if (has(name) || (leaf !== undefined && has(leaf))) {
      out.found.add(path);
      for (const a of above) out.around.add(a);
    }
    if (leaf !== undefined) return;
    for (const [key, inner] of entriesOf(at)) look(inner, within(path, key), String(key), [...above, path]);
  };
  look(value, root, '', []);
  return out;
}

/** entriesOf are the parts of an object or list, with numbers for the places of a list. */
export const entriesOf = (of: unknown): [string | number, unknown][] =>
  Array.isArray(of) ? of.map((v, i): [number, unknown] => [i, v]) : Object.entries(of as object);

/** bytesOf are the bytes of a base64 text; undefined if it is none. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** hexOf shows bytes as programs for that do: where, in hexadecimal, and as text where that can be read. */
export function hexOf(bytes: Uint8Array, most: number): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const line = [...bytes.subarray(at, Math.min(at + 16, most))];
    const hex = line.map((b) => b.toString(16).padStart(2, '0')).join(' ');
    const text = line.map((b) => (b > 31 && b < 127 ? String.fromCharCode(b) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join('\n');
}
