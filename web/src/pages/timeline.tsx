import type { ReactElement } from 'react';
import { shortName } from '../nodes';
import { setSearch } from '../router';
import { bars, totals, type Use } from '../timeline';
import { spanText } from '../times';
import type { NodeRun, TaskRun } from '../types.gen';
import { Empty, Status, useNow } from '../ui';

const uses: Record<Use, string> = { worked: 'worked', queued: 'in the queue', backoff: 'between attempts', waited: 'waited' };

/** Timeline shows when each step was what: it tells waiting from working. */
export function Timeline({ nodes, tasks }: { nodes: NodeRun[]; tasks: TaskRun[] }): ReactElement {
  const now = useNow();
  const all = bars(nodes, tasks, now);
  const first = all[0]?.from;
  if (first === undefined) return <Empty icon="clock" title="Nothing has happened yet" />;
  const last = Math.max(...all.map((b) => b.to), first + 1);
  const at = (moment: number): number => ((moment - first) / (last - first)) * 100;
  const sums = totals(all);
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
      <div className="timeline" role="list" aria-label="Steps on the axis of time">
        <div className="axis small soft" aria-hidden="true">
          {[0, 0.25, 0.5, 0.75, 1].map((x) => (
            <span key={x}>{spanText((last - first) * x)}</span>
          ))}
        </div>
        {all.map((b) => (
          <div key={b.position} className="line" role="listitem">
            <button type="button" className="button plain clip" onClick={() => setSearch({ node: b.node, visit: String(b.position) })}>
              {shortName(b.node)}
            </button>
            <div className="track" title={b.parts.map((p) => `${uses[p.use]} ${spanText(p.to - p.from)}`).join(', ')}>
              {b.parts.map((p, i) => (
                <span key={i} className={`bar ${p.use} ${b.status === 'ERROR' || b.status === 'EXCEPTION' ? 'bad' : ''}`} style={{ left: `${at(p.from)}%`, width: `max(3px, ${at(p.to) - at(p.from)}%)` }} />
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
        ))}
      </div>
    </div>
  );
}
