import { type ReactElement, useMemo } from 'react';
import { shortName } from '../nodes';
import { setSearch } from '../router';
import { failed } from '../status';
import type { Steps } from '../steps';
import { barOf, rowsOf, totals, type Use } from '../timeline';
import { spanText } from '../times';
import type { Step, ThreadRun } from '../types.gen';
import { Empty, Status, useNow } from '../ui';
import { Rows } from '../virtual';

const uses: Record<Use, string> = { worked: 'worked', queued: 'in the queue', backoff: 'between attempts', waited: 'waited' };

/** Timeline shows when each step of each thread was what: it tells waiting from working. */
export function Timeline({ threads, steps }: { threads: ThreadRun[]; steps: Steps }): ReactElement {
  const now = useNow();
  const rows = useMemo(() => rowsOf(threads, steps), [threads, steps]);
  const open = useMemo(() => [...steps.values()].some((all) => all.some((s) => s.endedMs === undefined && !failed(s.status))), [steps]);
  const until = open ? now : 0;
  const sums = useMemo(() => totals(steps, until), [steps, until]);
  const span = useMemo(() => {
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    for (const all of steps.values()) {
      for (const s of all) {
        const b = barOf(s, until);
        first = Math.min(first, b.from);
        last = Math.max(last, b.to);
      }
    }
    return { first, last: Math.max(last, first + 1) };
  }, [steps, until]);
  if (rows.length === 0) return <Empty icon="clock" title="Nothing has happened yet" />;
  const at = (moment: number): number => ((moment - span.first) / (span.last - span.first)) * 100;
  return (
    <div className="stack">
      <div className="row small">
        {(Object.keys(uses) as Use[]).map((u) => (
          <span key={u} className="row tight">
            <span className={`swatch ${u}`} />
            {uses[u]} <strong>{spanText(sums[u])}</strong>
          </span>
        ))}
      </div>
      <div className="timeline">
        <div className="axis small soft" aria-hidden="true">
          {[0, 0.25, 0.5, 0.75, 1].map((x) => (
            <span key={x}>{spanText((span.last - span.first) * x)}</span>
          ))}
        </div>
        <Rows
          count={rows.length}
          height={30}
          label="Steps on the axis of time"
          row={(i) => {
            const row = rows[i]!;
            return 'step' in row ? <Line of={row.step} now={now} at={at} /> : <Heading of={row.thread} depth={row.depth} />;
          }}
        />
      </div>
    </div>
  );
}

function Heading({ of, depth }: { of: ThreadRun; depth: number }): ReactElement {
  return (
    <div className="row tight lane-row" style={{ paddingLeft: depth * 14 }}>
      <button type="button" className="button plain small" onClick={() => setSearch({ thread: of.number ? String(of.number) : undefined, node: undefined, visit: undefined })}>
        {of.number} · {of.threadSpecName}
      </button>
      <Status of={of.status} />
    </div>
  );
}

function Line({ of, now, at }: { of: Step; now: number; at: (moment: number) => number }): ReactElement {
  const b = barOf(of, now);
  return (
    <div className="line">
      <button type="button" className="button plain clip" onClick={() => setSearch({ thread: b.thread ? String(b.thread) : undefined, node: b.node, visit: String(b.position) })}>
        {shortName(b.node)}
      </button>
      <div className="track" title={b.parts.map((p) => `${uses[p.use]} ${spanText(p.to - p.from)}`).join(', ')}>
        {b.parts.map((p, i) => (
          <span key={i} className={`bar ${p.use} ${failed(b.status) ? 'bad' : ''}`} style={{ left: `${at(p.from)}%`, width: `max(3px, ${at(p.to) - at(p.from)}%)` }} />
        ))}
      </div>
      <span className="small soft took">
        {spanText(b.to - b.from)}
        {b.open && ' so far'}
      </span>
      <span className="hidden">
        <Status of={b.status} />
      </span>
    </div>
  );
}
