import { createContext, type ReactElement, useContext, useMemo, useState } from 'react';
import { bytesOf, entriesOf, Exact, hexOf, type Hits, hitsOf, keepNumbers, type PathKind, pathText, within } from './paths';
import { to } from './router';
import { save } from './save';
import { store, stored } from './stored';
import { pasted, structKey, useStructs } from './typed';
import type { Struct, StructField, VariableValue } from './types.gen';
import { A, Copy, copy, Time } from './ui';
import { kindOf, runParts, textOf, typeText } from './values';

const pathsKept = 'paths';

/** Paths are how paths are copied, and Root is what the value is called of which they are. */
const Paths = createContext<PathKind>('JSONPath');
const Root = createContext('');

/** Value shows a value of a workflow by its type. It is always text of the page, never markup. */
export function Value({ of, masked, name }: { of: VariableValue | undefined; masked?: boolean; name?: string | undefined }): ReactElement {
  const kind = kindOf(of);
  const [paths, setPaths] = useState<PathKind>(stored(pathsKept) === 'field path' ? 'field path' : 'JSONPath');
  if (masked) {
    return (
      <div className="value">
        <header>
          <span className="tag grow">masked</span>
        </header>
        <div className="text soft">The value is masked: only task workers see it.</div>
      </div>
    );
  }
  const choose = (next: PathKind): void => {
    store(pathsKept, next);
    setPaths(next);
  };
  return (
    <div className="value">
      <header>
        <span className="grow">
          <span className="tag">{kind}</span>
        </span>
        {deep(of) && (
          <select className="input" style={{ width: 'auto' }} aria-label="Paths are copied as" value={paths} onChange={(e) => choose(e.target.value as PathKind)}>
            <option>JSONPath</option>
            <option>field path</option>
          </select>
        )}
        {of && <Copy text={pasted(of)} what="value" />}
      </header>
      <div className="text" tabIndex={0} role="region" aria-label={`Value of type ${kind}`}>
        <Paths.Provider value={paths}>
          <Root.Provider value={name ?? ''}>
            <Inside of={of} path="$" />
          </Root.Provider>
        </Paths.Provider>
      </div>
    </div>
  );
}

function Inside({ of, path }: { of: VariableValue | undefined; path: string }): ReactElement {
  if (!of || kindOf(of) === 'NULL') return <span className="soft">null</span>;
  if (of.jsonObj !== undefined) return <Json text={of.jsonObj} at={path} />;
  if (of.jsonArr !== undefined) return <Json text={of.jsonArr} at={path} />;
  if (of.str !== undefined) return of.str === '' ? <span className="soft">an empty text</span> : <Str text={of.str} />;
  if (of.bytes !== undefined) return <Bytes base64={of.bytes} />;
  if (of.wfRunId !== undefined) return <A href={to(['runs', ...runParts(of.wfRunId)])}>{textOf(of)}</A>;
  if (of.utcTimestamp !== undefined) {
    return (
      <>
        {of.utcTimestamp} <span className="soft">(here {new Date(of.utcTimestamp).toLocaleString()}, <Time at={of.utcTimestamp} />)</span>
      </>
    );
  }
  if (of.struct) return <Fields of={of.struct} path={path} />;
  if (of.array) return <Parts label="Items" first="Item" of={of.array.items.map((value, i) => ({ name: String(i), at: within(path, i), value }))} />;
  if (of.map) return <Parts label="Entries" first="Key" of={of.map.entries.map((e) => ({ name: textOf(e.key), at: within(path, textOf(e.key)), value: e.value }))} />;
  return <>{textOf(of)}</>;
}

interface Part {
  name: string;
  at: string;
  value: VariableValue | undefined;
}

/** Parts are those of an array or a map in a table: a line each, and where all are structs of one kind a column for each field. */
function Parts({ label, first, of }: { label: string; first: string; of: Part[] }): ReactElement {
  const [most, setMost] = useState(mostParts);
  if (of.length === 0) return <span className="soft">empty</span>;
  const names = alikeFields(of.map((p) => p.value));
  return (
    <>
      <table className="parts" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">{first}</th>
            {names ? names.map((n) => <th key={n} scope="col">{n}</th>) : <th scope="col">Value</th>}
          </tr>
        </thead>
        <tbody>
          {of.slice(0, most).map((p, i) => (
            <tr key={i}>
              <th scope="row">
                <Key name={p.name} path={p.at} />
              </th>
              {names ? (
                names.map((n) => (
                  <td key={n}>
                    <Field of={p.value?.struct?.struct?.fields[n]} path={within(p.at, n)} />
                  </td>
                ))
              ) : (
                <td>
                  <Inside of={p.value} path={p.at} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      <More all={of.length} most={most} set={setMost} />
    </>
  );
}

/** More lets somebody see more parts than are shown at first. */
function More({ all, most, set }: { all: number; most: number; set: (most: number) => void }): ReactElement | null {
  if (all <= most) return null;
  return (
    <button type="button" className="button" onClick={() => set(most + mostParts)}>
      Show more of {all}
    </button>
  );
}

const mostColumns = 8;

/** alikeFields are the fields of structs that are all of one kind; undefined if they are not, or have too many. */
function alikeFields(values: (VariableValue | undefined)[]): string[] | undefined {
  const kinds = new Set(values.map((v) => (v?.struct ? structKey(v.struct.structDefId) : '')));
  if (kinds.size !== 1 || kinds.has('')) return undefined;
  const names = [...new Set(values.flatMap((v) => Object.keys(v?.struct?.struct?.fields ?? {})))];
  return names.length > 0 && names.length <= mostColumns ? names : undefined;
}

function Field({ of, path }: { of: StructField | undefined; path: string }): ReactElement {
  if (of?.masked) return <span className="soft">masked: only task workers see it</span>;
  return of ? <Inside of={of.value} path={path} /> : <span className="soft">not set</span>;
}

/** Fields are those of a struct with their types; those that its definition has besides are told if somebody wants to know. */
function Fields({ of, path }: { of: Struct; path: string }): ReactElement {
  const [defined, setDefined] = useState(false);
  const structs = useStructs(defined ? [{ structDefId: of.structDefId!, masked: false }] : []);
  const known = structs?.get(structKey(of.structDefId))?.structDef?.fields ?? {};
  const own = of.struct?.fields ?? {};
  const names = [...Object.keys(known), ...Object.keys(own).filter((n) => !known[n])];
  return (
    <>
      {of.structDefId && (
        <div className="row tight">
          <A href={to(['structs', of.structDefId.name, of.structDefId.version])}>
            {of.structDefId.name} {of.structDefId.version}
          </A>
          <button type="button" className="tree-toggle" style={{ textDecoration: 'underline' }} aria-pressed={defined} onClick={() => setDefined(!defined)}>
            with all fields of its definition
          </button>
        </div>
      )}
      {names.length === 0 && <span className="soft">empty</span>}
      {names.map((name) => {
        const at = within(path, name);
        const value = own[name]?.value;
        return (
          <div key={name}>
            <Key name={name} path={at} /> <span className="tag">{known[name] ? typeText(known[name].fieldType) : kindOf(value)}</span>
            {known[name]?.isNullable && <span className="tag">may be null</span>}: {deep(value) && !own[name]?.masked ? <div className="tree"><Field of={own[name]} path={at} /></div> : <Field of={own[name]} path={at} />}
          </div>
        );
      })}
    </>
  );
}

const deep = (v: VariableValue | undefined): boolean => Boolean(v?.struct || v?.array || v?.map || v?.jsonObj || v?.jsonArr);

const atOnce = 64 << 10;

function Long({ text }: { text: string }): ReactElement {
  const [whole, setWhole] = useState(false);
  if (whole || text.length <= atOnce) return <>{text}</>;
  return (
    <>
      {text.slice(0, atOnce)}…{' '}
      <button type="button" className="button" onClick={() => setWhole(true)}>
        Show all {text.length} characters
      </button>
    </>
  );
}

/** isDocument reports whether a text is an object or a list in JSON. */
function isDocument(text: string): boolean {
  if (text.length > atOnce || !/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Str is a text; one that holds JSON can be read as that. */
function Str({ text }: { text: string }): ReactElement {
  const [read, setRead] = useState(false);
  const document = useMemo(() => isDocument(text), [text]);
  if (!document) return <Long text={text} />;
  return (
    <>
      <button type="button" className="tree-toggle" style={{ textDecoration: 'underline' }} aria-pressed={read} onClick={() => setRead(!read)}>
        read it as JSON
      </button>
      <div>{read ? <Json text={text} at="$" /> : <Long text={text} />}</div>
    </>
  );
}

const hexAtOnce = 1 << 10;

function Bytes({ base64 }: { base64: string }): ReactElement {
  const [whole, setWhole] = useState(false);
  const bytes = useMemo(() => bytesOf(base64), [base64]);
  if (!bytes) return <Long text={base64} />;
  const most = whole ? bytes.length : hexAtOnce;
  return (
    <>
      <span className="row tight">
        <span className="soft grow">{bytes.length} bytes</span>
        <button type="button" className="button" onClick={() => save('value.bin', 'application/octet-stream', bytes)}>
          Save as a file
        </button>
      </span>
      <pre className="hex" data-hex>
        {hexOf(bytes, most)}
      </pre>
      {bytes.length > most && (
        <button type="button" className="button" onClick={() => setWhole(true)}>
          Show all {bytes.length} bytes
        </button>
      )}
    </>
  );
}

/** depths are how far trees are open at first. */
const depths: [depth: number, word: string][] = [
  [1, '1 level'],
  [2, '2 levels'],
  [3, '3 levels'],
  [5, '5 levels'],
  [Number.POSITIVE_INFINITY, 'all levels'],
];

/** Json shows a JSON text as a tree. Numbers are taken from the text: those of 64 bits would lose digits otherwise. */
function Json({ text, at }: { text: string; at: string }): ReactElement {
  const [raw, setRaw] = useState(text.length > atOnce);
  const [wanted, setWanted] = useState('');
  const [depth, setDepth] = useState(2);
  const value = useMemo((): { is: unknown } | undefined => {
    if (raw) return undefined;
    try {
      return { is: JSON.parse(text, keepNumbers) as unknown };
    } catch {
      return undefined;
    }
  }, [text, raw]);
  const hits = useMemo(() => value && hitsOf(value.is, wanted, at), [value, wanted, at]);
  return (
    <>
      <div className="row tight json-tools">
        {value && typeof value.is === 'object' && (
          <>
            <input className="input" type="search" aria-label="Search in this value" placeholder="search" value={wanted} onChange={(e) => setWanted(e.target.value)} />
            <select className="input" style={{ width: 'auto' }} aria-label="Open to" value={depth} onChange={(e) => setDepth(Number(e.target.value))}>
              {depths.map(([n, word]) => (
                <option key={word} value={n}>
                  {word}
                </option>
              ))}
            </select>
          </>
        )}
        {hits && (
          <span className="soft" role="status">
            {hits.found.size} found
          </span>
        )}
        {(raw || value) && (
          <button type="button" className="tree-toggle" style={{ textDecoration: 'underline' }} onClick={() => setRaw(!raw)}>
            {raw ? 'show as a tree' : 'show as text'}
          </button>
        )}
      </div>
      {value ? <Tree key={depth} value={value.is} path={at} depth={0} most={depth} hits={hits} /> : <Long text={text} />}
    </>
  );
}

interface TreeProps {
  value: unknown;
  path: string;
  depth: number;
  /** most levels are open at first. */
  most: number;
  hits: Hits | undefined;
}

const mostParts = 500;

function Tree({ value, path, depth, most, hits }: TreeProps): ReactElement {
  const [chosen, choose] = useState<boolean>();
  const [parts, setParts] = useState(mostParts);
  if (value instanceof Exact) return <>{value.text}</>;
  if (typeof value !== 'object' || value === null) return <>{JSON.stringify(value)}</>;
  const open = hits ? hits.around.has(path) || (chosen ?? false) : (chosen ?? depth < most);
  const entries = entriesOf(value);
  const [left, right] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) return <>{left + right}</>;
  return (
    <>
      <button type="button" className="tree-toggle" aria-expanded={open} aria-label={`${path}, ${entries.length} parts`} onClick={() => choose(!open)}>
        {open ? '▾' : '▸'} {left}
        {open ? '' : ` ${entries.length} ${right}`}
      </button>
      {open && (
        <div className="tree">
          {entries.slice(0, parts).map(([name, inner]) => {
            const at = within(path, name);
            return (
              <div key={name} className={hits?.found.has(at) ? 'found' : undefined}>
                <Key name={String(name)} path={at} />: <Tree value={inner} path={at} depth={depth + 1} most={most} hits={hits} />
              </div>
            );
          })}
          <More all={entries.length} most={parts} set={setParts} />
        </div>
      )}
      {open && right}
    </>
  );
}

/** Key is the name of a part; pressed, it gives the path that leads there. */
function Key({ name, path }: { name: string; path: string }): ReactElement {
  const text = pathText(path, useContext(Paths), useContext(Root));
  return (
    <button type="button" className="tree-toggle tree-key" title={`Copy the path ${text}`} onClick={() => void copy(text, `the path ${text}`)}>
      {name}
    </button>
  );
}
