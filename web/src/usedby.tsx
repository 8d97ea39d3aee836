import { type ReactElement, useState } from 'react';
import { type Answer, call, type Request } from './api';
import { to } from './router';
import type { SearchUsagesResponse } from './types.gen';
import { A, Button, Panel, Problem } from './ui';
import { usersOf } from './usages';

interface Props {
  /** of is the definition that is used. */
  of: Request<'SearchUsages'>;
  first: Answer<SearchUsagesResponse> | undefined;
}

/** Users are the definitions that use one, each a link. */
export function Users({ of, first }: Props): ReactElement {
  const [further, add] = useState<SearchUsagesResponse[]>([]);
  const [error, fail] = useState<unknown>();
  if (!first?.reply) return <p className="soft">{first?.error?.message ?? 'It is not known what uses it.'}</p>;
  const pages = [first.reply, ...further];
  const users = usersOf(pages.flatMap((p) => p.results));
  const bookmark = pages.at(-1)?.bookmark;
  const more = async (): Promise<void> => {
    fail(undefined);
    try {
      const page = await call('SearchUsages', { ...of, ...(bookmark ? { bookmark } : {}) });
      add([...further, page]);
    } catch (e) {
      fail(e);
    }
  };
  return (
    <div className="stack tight" data-used-by={users.length}>
      {users.length === 0 && <p className="soft">{bookmark ? 'None of those that were looked at uses it.' : 'Nothing uses it.'}</p>}
      <ul className="chips">
        {users.map((u) => (
          <li key={u.path.join('/')} className="row tight">
            <A className="button" href={to(u.path)}>
              {u.name} {u.version}
            </A>
            <span className="small soft">
              {u.kind}
              {u.older > 0 && `, and ${u.older} older ${u.older === 1 ? 'version' : 'versions'}`}
            </span>
          </li>
        ))}
      </ul>
      {error !== undefined && <Problem error={error} />}
      {bookmark && (
        <div>
          <Button onClick={() => void more()}>Look for more</Button>
        </div>
      )}
    </div>
  );
}

export function UsedBy(p: Props): ReactElement {
  return (
    <Panel title="Used by">
      <Users {...p} key={JSON.stringify(p.of)} />
    </Panel>
  );
}
