import { useQuery } from '@tanstack/react-query';
import { type ReactElement, useMemo } from 'react';
import { call, session } from '../api';
import { shortName } from '../nodes';
import { Value } from '../payload';
import { setSearch, to, useRoute } from '../router';
import { type Writer, writersOf } from '../steps';
import type { ShownVariable, VariableId } from '../types.gen';
import { A, Button, Empty, Moment, Problem, Skeleton } from '../ui';
import { runId, runParts, typeOf, typeText } from '../values';
import type { Seen } from './run';

/** Variables are those of a run, with who wrote them and what they were. */
export function Variables({ seen }: { seen: Seen }): ReactElement {
  const { run, spec, all } = seen;
  const writers = useMemo(() => (spec ? writersOf(run.threadRuns, all, spec) : new Map<string, Writer>()), [run.threadRuns, all, spec]);
  if (seen.variables.length + seen.inherited.length === 0) return <Empty icon="link" title="This run has no variables" />;
  const specName = (v: ShownVariable): string => run.threadRuns.find((t) => t.number === v.variable?.id?.threadRunNumber)?.threadSpecName ?? '';
  return (
    <div className="stack">
      {[...seen.variables, ...seen.inherited].map((shown) => {
        const v = shown.variable!;
        const above = seen.inherited.includes(shown);
        const def = above ? undefined : spec?.threadSpecs[specName(shown)]?.variableDefs.find((d) => d.varDef?.name === v.id?.name);
        const writer = above ? undefined : writers.get(`${v.id?.threadRunNumber}/${v.id?.name}`);
        return (
          <div key={`${runId(v.id?.wfRunId)}/${v.id?.threadRunNumber}/${v.id?.name}`} className="stack tight" data-variable={v.id?.name}>
            <div className="row tight">
              <strong>{v.id?.name}</strong>
              {def && <span className="tag">{typeText(typeOf(def.varDef))}</span>}
              {def?.searchable && <span className="tag">searchable</span>}
              {def?.accessLevel === 'PUBLIC_VAR' && <span className="tag">public</span>}
              {def?.accessLevel === 'INHERITED_VAR' && <span className="tag">inherited</span>}
              {above && <A className="tag" href={to(['runs', ...runParts(v.id?.wfRunId)])}>of {runId(v.id?.wfRunId)}</A>}
              {run.threadRuns.length > 1 && <span className="soft small">thread {v.id?.threadRunNumber}</span>}
              {writer && (
                <button type="button" className="button plain small" onClick={() => setSearch({ thread: writer.thread ? String(writer.thread) : undefined, node: writer.node, visit: String(writer.position) })}>
                  set by {shortName(writer.node)}
                  {writer.times > 1 && `, the last of ${writer.times} times`}
                </button>
              )}
            </div>
            {shown.leftOutBytes > 0 ? <Large of={shown} /> : <Value of={v.value} masked={v.masked} name={v.id?.name} />}
            {v.id && <History id={v.id} written={`${writer?.thread}/${writer?.position}/${writer?.times}/${run.status}`} />}
          </div>
        );
      })}
      {seen.moreVariables && <p className="soft small">There are more variables than are shown.</p>}
    </div>
  );
}

/** Large is a value that is read only when somebody wants to see it. */
function Large({ of }: { of: ShownVariable }): ReactElement {
  const { search } = useRoute();
  const id = of.variable!.id!;
  const key = `${id.threadRunNumber}/${id.name}`;
  const wanted = search.get('value') === key;
  const whole = useQuery({ queryKey: [session.tenant, 'variable', id], queryFn: ({ signal }) => call('GetVariable', id, signal), enabled: wanted });
  if (whole.data) return <Value of={whole.data.value} masked={whole.data.masked} name={id.name} />;
  if (whole.error) return <Problem error={whole.error} />;
  return (
    <div>
      <Button onClick={() => setSearch({ value: key })}>{wanted ? 'One moment…' : `Show its ${of.leftOutBytes} bytes`}</Button>
    </div>
  );
}


/** History is what a variable was, asked for when somebody wants to know it; written says of which state of it that is. */
function History({ id, written }: { id: VariableId; written: string }): ReactElement {
  const { search } = useRoute();
  const key = `${runId(id.wfRunId)}/${id.threadRunNumber}/${id.name}`;
  const open = search.get('was') === key;
  const past = useQuery({
    queryKey: [session.tenant, 'history', id, written],
    queryFn: ({ signal }) => call('GetVariableHistory', { id }, signal),
    enabled: open,
    placeholderData: (old) => old,
  });
  return (
    <div className="stack tight" data-history={id.name}>
      <div>
        <Button kind="plain" icon="clock" pressed={open} label={`What it was: ${id.name}`} onClick={() => setSearch({ was: open ? undefined : key })}>
          What it was
        </Button>
      </div>
      {open && past.error && <Problem error={past.error} retry={() => void past.refetch()} />}
      {open && past.isPending && <Skeleton lines={2} />}
      {open && past.data && (
        <ol className="trail" aria-label={`What ${id.name} was`}>
          {past.data.more && <li className="soft small">Of a run this long not everything is told.</li>}
          {past.data.changes.map((c, i) => (
            <li key={i} className="stack tight">
              <span className="row tight small soft">
                <Moment at={Number(c.atMs)} />
                {c.position === undefined ? (
                  <span>it began</span>
                ) : (
                  <button type="button" className="button plain small" onClick={() => setSearch({ thread: c.thread ? String(c.thread) : undefined, node: c.node, visit: String(c.position) })}>
                    {shortName(c.node)}
                    {c.thread !== 0 && `, thread ${c.thread}`}
                  </button>
                )}
              </span>
              {!c.known ? <span className="soft small">What it was then is not kept.</span> : c.leftOutBytes > 0 ? <span className="soft small">{c.leftOutBytes} bytes</span> : <Value of={c.value} />}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
