import { type ReactElement, useState } from 'react';
import type { VariableValue } from './types.gen';
import { Copy, Time } from './ui';
import { byteCount, kindOf, runParts, textOf } from './values';
import { to } from './router';
import { A } from './ui';

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
        {of && <Copy text={textOf(of)} what="value" />}
      </header>
      <div className="text" tabIndex={0} role="region" aria-label={`Value of type ${kind}`}>
        <Inside of={of} />
      </div>
    </div>
  );
}

function Inside({ of }: { of: VariableValue | undefined }): ReactElement {
  if (!of || kindOf(of) === 'NULL') return <span className="soft">null</span>;
  if (of.jsonObj !== undefined) return <Json text={of.jsonObj} />;
  if (of.jsonArr !== undefined) return <Json text={of.jsonArr} />;
  if (of.str !== undefined) return of.str === '' ? <span className="soft">an empty text</span> : <Long text={of.str} />;
  if (of.bytes !== undefined) return <Bytes base64={of.bytes} />;
  if (of.wfRunId !== undefined) return <A href={to(['runs', ...runParts(of.wfRunId)])}>{textOf(of)}</A>;
  if (of.utcTimestamp !== undefined) {
    return (
      <>
        {of.utcTimestamp} <span className="soft">(<Time at={of.utcTimestamp} />)</span>
      </>
    );
  }
  const inner = parts(of);
  if (!inner) return <>{textOf(of)}</>;
  if (inner.length === 0) return <span className="soft">empty</span>;
  return (
    <>
      {inner.map(([name, value], i) => (
        <div key={i}>
          <span className="tree-key">{name}</span>: {parts(value) || value?.jsonObj || value?.jsonArr ? <div className="tree"><Inside of={value} /></div> : <Inside of={value} />}
        </div>
      ))}
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

function Bytes({ base64 }: { base64: string }): ReactElement {
  let head = '';
  try {
    head = [...atob(base64.slice(0, 344))].map((c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join(' ');
  } catch {
    head = base64.slice(0, 344);
  }
  return (
    <>
      <span className="soft">{byteCount(base64)} bytes</span>
      {'\n'}
      {head}
    </>
  );
}

/** Json shows a JSON text as a tree. Numbers are taken from the text: those of 64 bits would lose digits otherwise. */
function Json({ text }: { text: string }): ReactElement {
  const [raw, setRaw] = useState(false);
  if (raw || text.length > atOnce) return <Long text={text} />;
  let value: unknown;
  try {
    value = JSON.parse(text, keepNumbers);
  } catch {
    return <Long text={text} />;
  }
  return (
    <>
      <Tree value={value} depth={0} />
      <button type="button" className="tree-toggle" style={{ marginTop: 6, textDecoration: 'underline' }} onClick={() => setRaw(true)}>
        show as text
      </button>
    </>
  );
}

/** Exact is a number as it was written. */
class Exact {
  constructor(readonly text: string) {}
}

function keepNumbers(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' && context?.source ? new Exact(context.source) : value;
}

function Tree({ value, depth }: { value: unknown; depth: number }): ReactElement {
  const [open, setOpen] = useState(depth < 2);
  if (value instanceof Exact) return <>{value.text}</>;
  if (typeof value !== 'object' || value === null) return <>{JSON.stringify(value)}</>;
  const entries = Object.entries(value);
  const [left, right] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) return <>{left + right}</>;
  return (
    <>
      <button type="button" className="tree-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? '▾' : '▸'} {left}
        {open ? '' : ` ${entries.length} ${right}`}
      </button>
      {open && (
        <div className="tree">
          {entries.slice(0, 500).map(([name, inner]) => (
            <div key={name}>
              <span className="tree-key">{name}</span>: <Tree value={inner} depth={depth + 1} />
            </div>
          ))}
          {entries.length > 500 && <div className="soft">… {entries.length - 500} more</div>}
        </div>
      )}
      {open && right}
    </>
  );
}
