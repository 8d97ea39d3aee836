import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { serverHealth, type ServerHealth, type ServerMember } from '../api';
import { useEvery } from '../live';
import { copies, ranges, sumOf, worst } from '../members';
import { Table } from '../lists';
import { spanText } from '../times';
import { Badge, Heading, Note, Panel, Problem, Skeleton, Time } from '../ui';

const megabytes = (n: number): string => (n > 1 << 30 ? `${(n / (1 << 30)).toFixed(1)} GiB` : `${(n / (1 << 20)).toFixed(1)} MiB`);

/** Server is how the servers of the cluster are, in the eyes of the one that answers. */
export function Server(): ReactElement {
  const seen = useQuery({ queryKey: ['server'], queryFn: ({ signal }) => serverHealth(signal), refetchInterval: useEvery(5000) });
  if (seen.error && !seen.data) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={6} />;
  const s = seen.data;
  const members = s.members ?? [];
  return (
    <>
      <Heading title="Cluster" about={about(s, members)} />
      {seen.error && <Problem error={seen.error} />}
      {(s.unowned ?? []).length > 0 && (
        <Note tone="warn" icon="alert" live>
          <strong>Nobody serves the partitions {ranges(s.unowned ?? [])} at this moment.</strong>
          <span className="small soft">They are on their way from one server to another.</span>
        </Note>
      )}
      {members.length > 0 && <Members of={members} />}
      <Panel title={members.length > 1 ? `The server that answers: ${members.find((m) => m.self)?.address ?? ''}` : 'Server'}>
        <Facts of={s} />
      </Panel>
      {(s.serves ?? []).length > 0 && (
        <Panel title="Partitions that it serves" bare>
          <Table
            label="Partitions that it serves"
            rows={s.serves ?? []}
            id={(p) => String(p.number)}
            columns={[
              { name: 'Partition', of: (p) => <strong>{p.number}</strong> },
              { name: 'Applied up to', of: (p) => p.position.toLocaleString() },
              { name: 'Waiting', of: (p) => p.waiting.toLocaleString() },
              { name: 'The log ends at', of: (p) => (p.position + p.waiting).toLocaleString() },
            ]}
          />
        </Panel>
      )}
      <Panel title="Listeners" bare>
        <Table
          label="Listeners"
          rows={s.listeners ?? []}
          id={(l) => l.name}
          columns={[
            { name: 'Listener', of: (l) => <strong>{l.name}</strong> },
            { name: 'Address', of: (l) => <span className="mono">{l.address}</span> },
            { name: 'Protocol', of: (l) => l.protocol },
            { name: 'Authentication', of: (l) => l.authentication },
          ]}
        />
      </Panel>
    </>
  );
}

function about(s: ServerHealth, members: ServerMember[]): string {
  if (members.length === 0) return `${s.cluster}: one server, which has all ${s.partitions} partitions.`;
  const versions = [...new Set(members.map((m) => m.version))];
  return `${s.cluster}: ${members.length === 1 ? 'one server' : `${members.length} servers`} for ${s.partitions} partitions${versions.length > 1 ? `, of ${versions.length} versions` : ''}.`;
}

function State({ of }: { of: ServerHealth }): ReactElement {
  return (
    <>
      <Badge look={of.problem ? { word: of.state.toLowerCase(), tone: 'bad', icon: 'alert' } : { word: of.state.toLowerCase(), tone: of.state === 'RUNNING' ? 'good' : 'warn', icon: of.state === 'RUNNING' ? 'check' : 'clock' }} /> {of.problem}
    </>
  );
}

/** Members says who has what, how far behind he is, and how he is. */
function Members({ of }: { of: ServerMember[] }): ReactElement {
  return (
    <Panel title="Servers" bare>
      <Table
        label="Servers"
        rows={of}
        id={(m) => m.address}
        columns={[
          {
            name: 'Server',
            of: (m) => (
              <>
                <strong className="mono">{m.address}</strong> {m.self && <span className="tag">answers</span>} {m.metadata && <span className="tag">has the definitions</span>}
              </>
            ),
            wide: true,
          },
          { name: 'State', of: (m) => (m.told ? <State of={m.told} /> : <><Badge look={{ word: 'silent', tone: 'bad', icon: 'alert' }} /> {m.problem}</>) },
          { name: 'Version', of: (m) => m.version },
          { name: 'Partitions', of: (m) => <span title={`${m.owns.length} partitions`}>{m.owns.length === 0 ? 'none' : ranges(m.owns)}</span> },
          { name: 'Hot copies', of: (m) => (m.told ? copies(m.told) : '–') },
          { name: 'Waiting', of: (m) => (m.told ? `${sumOf(m.told)}${worst(m.told)}` : '–') },
          { name: 'Data', of: (m) => (m.told ? megabytes(m.told.diskUsageBytes) : '–') },
          { name: 'Running since', of: (m) => <Time at={m.told?.started} /> },
          { name: 'Instance, rack', of: (m) => [m.instance, m.rack].filter(Boolean).join(', ') || '–' },
        ]}
      />
    </Panel>
  );
}

function Facts({ of: s }: { of: ServerHealth }): ReactElement {
  return (
    <dl className="facts">
      <dt>State</dt>
      <dd>
        <State of={s} />
      </dd>
      <dt>Version</dt>
      <dd>
        {s.version} <span className="soft mono">{s.commit}</span>
      </dd>
      <dt>Running</dt>
      <dd>
        since <Time at={s.started} />
      </dd>
      <dt>Serves</dt>
      <dd>{s.serves?.length ? `partitions ${ranges(s.serves.map((p) => p.number))}` : 'no partition'}</dd>
      <dt>Waiting</dt>
      <dd>
        {sumOf(s)} <span className="soft">commands that are not applied yet{worst(s)}</span>
      </dd>
      <dt>Log</dt>
      <dd>{s.log}</dd>
      {s.checkpoints && (
        <>
          <dt>Checkpoints</dt>
          <dd data-checkpoints>
            {s.checkpoints.written.toLocaleString()} written since it started, {megabytes(s.checkpoints.bytes)}
            {s.checkpoints.failed > 0 && `, ${s.checkpoints.failed} failed and tried again`}{' '}
            <span className="soft">{s.checkpoints.behindMs > 0 ? `the oldest change that none covers is ${spanText(s.checkpoints.behindMs)} old` : 'they cover all'}</span>
          </dd>
        </>
      )}
      <dt>Backed up</dt>
      <dd>{s.backedUp ? <Time at={s.backedUp} /> : 'not since it started'}</dd>
      <dt>Data</dt>
      <dd>{megabytes(s.diskUsageBytes)}</dd>
      <dt>Free on the disk</dt>
      <dd>
        {megabytes(s.diskFreeBytes)} <span className="soft">of which {megabytes(s.diskReserveBytes)} are kept free; {s.diskRoom}</span>
      </dd>
    </dl>
  );
}
