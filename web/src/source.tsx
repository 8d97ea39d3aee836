import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { callText, type Request, type Rpc, session } from './api';
import { setSearch, useRoute } from './router';
import { save } from './save';
import { Button, Copy, Panel, Problem, Skeleton } from './ui';

/** Source is a text to take along. */
export function Source({ title, what, text, file }: { title: string; what: string; text: string; file: string }): ReactElement {
  return (
    <Panel
      title={title}
      actions={
        <span className="row tight">
          <Button onClick={() => save(file, 'text/plain', text)}>Save {what}</Button>
          <Copy text={text} what={what} />
        </span>
      }
    >
      <pre className="scroll" tabIndex={0} data-source={title}>
        {text}
      </pre>
    </Panel>
  );
}

interface Props<K extends Rpc> {
  /** name of the files. */
  name: string;
  of: unknown;
  rpc: K;
  request: Request<K>;
}

/** Sources are an object as JSON and as protobuf text, as a call gives it. */
export function Sources<K extends Rpc>({ name, of, rpc, request }: Props<K>): ReactElement {
  const text = useQuery({ queryKey: [session.tenant, 'text', rpc, of], queryFn: ({ signal }) => callText(rpc, request, signal) });
  const file = name.replace(/[^A-Za-z0-9._-]+/g, '-');
  return (
    <div className="stack">
      <Source title="JSON" what="JSON" text={JSON.stringify(of, null, 2)} file={`${file}.json`} />
      {text.error && <Problem error={text.error} retry={() => void text.refetch()} />}
      {text.isPending && <Skeleton />}
      {text.data !== undefined && <Source title="Protobuf text" what="protobuf text" text={text.data} file={`${file}.txtpb`} />}
    </div>
  );
}

/** MaySources are those of a definition, when they are asked for. */
export function MaySources<K extends Rpc>(p: Props<K>): ReactElement {
  const shown = useRoute().search.get('source') !== null;
  return (
    <>
      <div>
        <Button pressed={shown} onClick={() => setSearch({ source: shown ? undefined : '1' })}>
          Source
        </Button>
      </div>
      {shown && <Sources {...p} />}
    </>
  );
}
