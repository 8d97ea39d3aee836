import { type ReactElement, useMemo, useState } from 'react';
import { bytesOf, entriesOf, Exact, hexOf, type Hits, hitsOf, keepNumbers, within } from './paths';
import { to } from './router';
import { save } from './save';
import { pasted } from './typed';
import type { VariableValue } from './types.gen';
import { A, Copy, copy, Time } from './ui';
import { kindOf, runParts, textOf } from './values';

/** Value shows a value of a workflow by its type. It is always text of the page, never markup. */
export function Value({ of, masked }: { of: VariableValue | undefined; masked?: boolean }): ReactElement {
  const kind = kindOf(of);
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
  return (
    <div className="value">
      <header>
        <span className="grow">
          <span className="tag">{kind}</span>
        </span>
        {of && <Copy text={pasted(of)} what="value" />}
      </header>
      <div className="text" tabIndex={0} role="region" aria-label={`Value of type ${kind}`}>
        <Inside of={of} path="$" />
      </div>
    </div>
  );
}

function Inside({ of, path }: { of: VariableValue | undefined; path: string }): ReactElement {
  if (!of || kindOf(of) === 'NULL') return <span className="soft">null</span>;
  if (of.jsonObj !== undefined) return <Json text={of.jsonObj} />;
  if (of.jsonArr !== undefined) return <Json text={of.jsonArr} />;
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
  const inner = parts(of);
  if (!inner) return <>{textOf(of)}</>;
  if (inner.length === 0) return <span className="soft">empty</span>;
  return (
    <>
      {inner.map(([name, value], i) => {
        const at = within(path, of.array ? i : name);
        const inside = <Inside of={value} path={at} />;
        return (
          <div key={i}>
            <Key name={name} path={at} />: {parts(value) || value?.jsonObj || value?.jsonArr ? <div className="tree">{inside}</div> : inside}
          </div>
        );
      })}
    </>
  );
}

function parts(v: VariableValue | undefined): [string, VariableValue | undefined][] | undefined {
  if (v?.struct) return Object.entries(v.struct.struct?.fields ?? {}).map(([name, f]) => [name, f.value]);
  if (v?.array) return v.array.items.map((x, i) => [String(i), x]);
  if (v?.map) return v.map.entries.map((e) => [textOf(e.key), e.value]);
  return undefined;
}

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
      <div>{read ? <Json text={text} /> : <Long text={text} />}</div>
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

/** Json shows a JSON text as a tree. Numbers are taken from the text: those of 64 bits would lose digits otherwise. */
function Json({ text }: { text: string }): ReactElement {
  const [raw, setRaw] = useState(false);
  const [wanted, setWanted] = useState('');
  const value = useMemo((): { is: unknown } | undefined => {
    if (text.length > atOnce) return undefined;
    try {
      return { is: JSON.parse(text, keepNumbers) as unknown };
    } catch {
      return undefined;
    }
  }, [text]);
  const hits = useMemo(() => value && hitsOf(value.is, wanted), [value, wanted]);
  if (!value) return <Long text={text} />;
  return (
    <>
      <div className="row tight json-tools">
        {!raw && typeof value.is === 'object' && (
          <input className="input" type="search" aria-label="Search in this value" placeholder="search" value={wanted} onChange={(e) => setWanted(e.target.value)} />
        )}
        {hits && (
          <span className="soft" role="status">
            {hits.found.size} found
          </span>
        )}
        <button type="button" className="tree-toggle" style={{ textDecoration: 'underline' }} onClick={() => setRaw(!raw)}>
          {raw ? 'show as a tree' : 'show as text'}
        </button>
      </div>
      {raw ? <Long text={text} /> : <Tree value={value.is} path="$" depth={0} hits={hits} />}
    </>
  );
}

interface TreeProps {
  value: unknown;
  path: string;
  depth: number;
  hits: Hits | undefined;
}

const mostParts = 500;

function Tree({ value, path, depth, hits }: TreeProps): ReactElement {
  const [chosen, choose] = useState<boolean>();
  if (value instanceof Exact) return <>{value.text}</>;
  if (typeof value !== 'object' || value === null) return <>{JSON.stringify(value)}</>;
  const open = hits ? hits.around.has(path) || (chosen ?? false) : (chosen ?? depth < 2);
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
          {entries.slice(0, mostParts).map(([name, inner]) => {
            const at = within(path, name);
            return (
              <div key={name} className={hits?.found.has(at) ? 'found' : undefined}>
                <Key name={String(name)} path={at} />: <Tree value={inner} path={at} depth={depth + 1} hits={hits} />
              </div>
            );
          })}
          {entries.length > mostParts && <div className="soft">… {entries.length - mostParts} more</div>}
        </div>
      )}
      {open && right}
    </>
  );
}

/** Key is the name of a part; pressed, it gives the path that leads there. */
function Key({ name, path }: { name: string; path: string }): ReactElement {
  return (
    <button type="button" className="tree-toggle tree-key" title={`Copy the path ${path}`} onClick={() => void copy(path, `the path ${path}`)}>
      {name}
    </button>
  );
}
