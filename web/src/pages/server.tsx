import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { serverHealth } from '../api';
import { Table } from '../lists';
import { Badge, Heading, Panel, Problem, Skeleton, Time } from '../ui';

const megabytes = (n: number): string => (n > 1 << 30 ? `${(n / (1 << 30)).toFixed(1)} GiB` : `${(n / (1 << 20)).toFixed(1)} MiB`);

/** Server is how the one server of the cluster is. */
export function Server(): ReactElement {
  const seen = useQuery({ queryKey: ['server'], queryFn: ({ signal }) => serverHealth(signal), refetchInterval: 5000 });
  if (seen.error && !seen.data) return <Problem error={seen.error} retry={() => void seen.refetch()} />;
  if (!seen.data) return <Skeleton lines={6} />;
  const s = seen.data;
  return (
    <>
      <Heading title="Cluster" about={`${s.cluster}: one server, which has all partitions.`} />
      <Panel title="Server">
        <dl className="facts">
          <dt>State</dt>
          <dd>
            <Badge look={s.problem ? { word: s.state, tone: 'bad', icon: 'alert' } : { word: s.state.toLowerCase(), tone: 'good', icon: 'check' }} /> {s.problem}
          </dd>
          <dt>Version</dt>
          <dd>
            {s.version} <span className="soft mono">{s.commit}</span>
          </dd>
          <dt>Running</dt>
          <dd>
            since <Time at={s.started} />
          </dd>
          <dt>Partitions</dt>
          <dd>{s.partitions}</dd>
          <dt>Log</dt>
          <dd>{s.log}</dd>
          <dt>Data</dt>
          <dd>{megabytes(s.diskUsageBytes)}</dd>
          <dt>Free on the disk</dt>
          <dd>
            {megabytes(s.diskFreeBytes)} <span className="soft">of which {megabytes(s.diskReserveBytes)} are kept free; {s.diskRoom}</span>
          </dd>
        </dl>
      </Panel>
      <Panel title="Listeners" bare>
        <Table
          label="Listeners"
          rows={s.listeners}
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
