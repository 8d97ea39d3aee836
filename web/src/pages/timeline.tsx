import { type PointerEvent, type ReactElement, useMemo, useRef, useState } from 'react';
import { Fold } from '../fold';
import { Table } from '../lists';
import { shortName } from '../nodes';
import { setSearch, useRoute } from '../router';
import { failed } from '../status';
import type { Steps } from '../steps';
import { barOf, causeOf, criticalPath, keyOf, type Mark, marksOf, rowsOf, spentOf, totals, type Use, type View, viewOf, viewText, zoomed } from '../timeline';
import { agoText, exactText, spanText } from '../times';
import type { ExplainWfRunResponse, Step, ThreadRun } from '../types.gen';
import { Button, Empty, Moment, Status, useNow } from '../ui';
import { Rows } from '../virtual';

const uses: Record<Use, string> = { worked: 'worked', queued: 'in the queue', backoff: 'between attempts', waited: 'waited' };

/** Timeline shows when each step of each thread was what: it tells waiting from working. */
export function Timeline({ threads, steps, why }: { threads: ThreadRun[]; steps: Steps; why: ExplainWfRunResponse | undefined }): ReactElement {
  const now = useNow();
  const { search } = useRoute();
  const rows = useMemo(() => rowsOf(threads, steps), [threads, steps]);
  const marks = useMemo(() => marksOf(threads, steps, why), [threads, steps, why]);
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
  const critical = search.get('critical') === '1';
  const path = useMemo(() => (critical ? criticalPath(threads, steps, until) : undefined), [critical, threads, steps, until]);
  if (rows.length === 0) return <Empty icon="clock" title="Nothing has happened yet" />;
  const whole = span.last - span.first;
  const view = viewOf(search.get('zoom'), whole);
  const show = (v: View): void => setSearch({ zoom: viewText(v, whole) });
  const at = (moment: number): number => ((moment - span.first - view.from) / (view.to - view.from)) * 100;
  return (
    <div className="stack">
      <div className="row small">
        {(Object.keys(uses) as Use[]).map((u) => (
          <span key={u} className="row tight">
            <span className={`swatch ${u}`} />
            {uses[u]} <strong>{spanText(sums[u])}</strong>
          </span>
        ))}
        {(Object.keys(signs) as Mark['sort'][])
          .filter((sort) => [...marks.values()].some((all) => all.some((m) => m.sort === sort)))
          .map((sort) => (
            <span key={sort} className="row tight">
              <span className={`sign ${sort}`} aria-hidden="true">
                {signs[sort]}
              </span>
              {sort}
            </span>
          ))}
      </div>
      <div className="row tight" role="group" aria-label="What of the time is seen">
        <Button label="Closer" onClick={() => show(zoomed(view, whole, 2))}>
          +
        </Button>
        <Button label="Further away" onClick={() => show(zoomed(view, whole, 0.5))}>
          −
        </Button>
        <Button label="Earlier" onClick={() => show(zoomed(view, whole, 1, -0.5))}>
          ‹
        </Button>
        <Button label="Later" onClick={() => show(zoomed(view, whole, 1, 0.5))}>
          ›
        </Button>
        <Button onClick={() => show({ from: 0, to: whole })}>All of it</Button>
        <Button pressed={critical} onClick={() => setSearch({ critical: critical ? undefined : '1' })}>
          Critical path
        </Button>
      </div>
      <Axis first={span.first} view={view} show={show}>
        <Rows
          count={rows.length}
          height={30}
          label="Steps on the axis of time"
          row={(i) => {
            const row = rows[i]!;
            return 'step' in row ? <Line of={row.step} marks={marks.get(keyOf(row.step)) ?? none} now={now} at={at} faded={path !== undefined && !path.has(keyOf(row.step))} /> : <Heading of={row.thread} cause={causeOf(row.thread, steps)} depth={row.depth} />;
          }}
        />
      </Axis>
      <Spent steps={steps} until={until} />
    </div>
  );
}

interface AxisProps {
  first: number;
  view: View;
  show: (v: View) => void;
  children: ReactElement;
}

/** Axis tells the time under the pointer, and shows what is drawn over closer. */
function Axis({ first, view, show, children }: AxisProps): ReactElement {
  const ruler = useRef<HTMLDivElement>(null);
  const [cursor, setCursor] = useState<number>();
  const [from, setFrom] = useState<number>();
  /** share is how far along the axis the pointer is, from 0 to 1; undefined beside it. */
  const share = (e: PointerEvent): number | undefined => {
    const box = ruler.current?.getBoundingClientRect();
    if (!box || box.width === 0) return undefined;
    const x = (e.clientX - box.left) / box.width;
    return x < -0.01 || x > 1.01 ? undefined : Math.min(1, Math.max(0, x));
  };
  const wide = view.to - view.from;
  const moment = (x: number): number => view.from + x * wide;
  const brushed = from !== undefined && cursor !== undefined ? [Math.min(from, cursor), Math.max(from, cursor)] : undefined;
  return (
    <div
      className="timeline"
      onPointerMove={(e) => setCursor(share(e))}
      onPointerLeave={() => {
        setCursor(undefined);
        setFrom(undefined);
      }}
      onPointerUp={() => {
        if (brushed && brushed[1]! - brushed[0]! > 0.01) show({ from: moment(brushed[0]!), to: moment(brushed[1]!) });
        setFrom(undefined);
      }}
    >
      <div className="small mono soft" data-cursor>
        {cursor === undefined ? 'Draw over the times to see them closer.' : <><Moment at={Math.round(first + moment(cursor))} /> · {spanText(moment(cursor))} after the beginning</>}
      </div>
      <div
        ref={ruler}
        className="axis small soft"
        aria-hidden="true"
        onPointerDown={(e) => {
          e.preventDefault();
          setFrom(share(e));
        }}
      >
        {[0, 0.25, 0.5, 0.75, 1].map((x) => (
          <span key={x}>{spanText(moment(x))}</span>
        ))}
        {brushed && <i className="brush" style={{ left: `${brushed[0]! * 100}%`, width: `${(brushed[1]! - brushed[0]!) * 100}%` }} />}
        {cursor !== undefined && <i className="cursor" style={{ left: `${cursor * 100}%` }} />}
      </div>
      {children}
    </div>
  );
}

const mostSpent = 20;

/** Spent tells which steps took the time, all visits together. */
function Spent({ steps, until }: { steps: Steps; until: number }): ReactElement {
  const all = useMemo(() => spentOf(steps, until), [steps, until]);
  return (
    <Fold name="spent" title="Where the time went">
      <Table
        label="Where the time went"
        rows={all.slice(0, mostSpent)}
        id={(s) => s.node}
        columns={[
          { name: 'Step', of: (s) => <span title={s.node}>{shortName(s.node)}</span> },
          { name: 'Visits', of: (s) => s.times },
          { name: 'Took', of: (s) => spanText(s.total) },
          { name: 'of that worked', of: (s) => spanText(s.worked) },
          { name: 'On average', of: (s) => spanText(s.total / s.times) },
        ]}
      />
    </Fold>
  );
}

const none: Mark[] = [];
const signs: Record<Mark['sort'], string> = { timer: '◷', failure: '✕', handler: '↳', interrupt: '⚡' };

const seek = (thread: number): void => setSearch({ thread: thread ? String(thread) : undefined, node: undefined, visit: undefined });

/** Sign is a mark on the axis. What is due beyond its end stands there. */
function Sign({ of, now, at }: { of: Mark; now: number; at: (moment: number) => number }): ReactElement | null {
  const x = at(of.at);
  if (x < 0 || (x > 100 && !of.due)) return null;
  const when = new Date(of.at).toISOString();
  const text = of.due ? `${of.what} ${agoText(when, now)}` : of.what;
  const style = { left: `${Math.min(x, 100)}%` };
  const title = `${text}, ${exactText(when)}`;
  const { to } = of;
  const name = `sign ${of.sort} ${of.due ? 'due' : ''} ${x > 100 ? 'beyond' : ''}`;
  if (to !== undefined) {
    return (
      <button type="button" className={name} style={style} title={title} aria-label={`${text}: thread ${to}`} onClick={() => seek(to)}>
        {signs[of.sort]}
      </button>
    );
  }
  return (
    <span className={name} style={style} title={title} role="img" aria-label={text}>
      {signs[of.sort]}
    </span>
  );
}

function Heading({ of, cause, depth }: { of: ThreadRun; cause: string; depth: number }): ReactElement {
  return (
    <div className="row tight lane-row" style={{ paddingLeft: depth * 14 }}>
      <button type="button" className="button plain small" onClick={() => seek(of.number)}>
        {of.number} · {of.threadSpecName}
      </button>
      <Status of={of.status} />
      {cause && <span className="small soft">{cause}</span>}
    </div>
  );
}

function Line({ of, marks, now, at, faded }: { of: Step; marks: Mark[]; now: number; at: (moment: number) => number; faded: boolean }): ReactElement {
  const b = barOf(of, now);
  return (
    <div className={`line ${faded ? 'off-path' : ''}`}>
      <button type="button" className="button plain clip" onClick={() => setSearch({ thread: b.thread ? String(b.thread) : undefined, node: b.node, visit: String(b.position) })}>
        {shortName(b.node)}
      </button>
      <div className="track" title={b.parts.map((p) => `${uses[p.use]} ${spanText(p.to - p.from)}`).join(', ')}>
        {b.parts
          .filter((p) => at(p.to) >= 0 && at(p.from) <= 100)
          .map((p, i) => {
            const [left, right] = [Math.max(-1, at(p.from)), Math.min(101, at(p.to))];
            return <span key={i} className={`bar ${p.use} ${failed(b.status) ? 'bad' : ''}`} style={{ left: `${left}%`, width: `max(3px, ${right - left}%)` }} />;
          })}
        {marks.map((m, i) => (
          <Sign key={i} of={m} now={now} at={at} />
        ))}
      </div>
      <span className="small soft took">
        {spanText(b.to - b.from)}
        {b.open && ' so far'}
      </span>
      <span className="hidden">
        <Status of={b.status} />
        {faded && 'not on the critical path'}
      </span>
    </div>
  );
}
