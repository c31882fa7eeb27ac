// The nodes, each a running server process, and those that went lately: how their leases stand and what they run.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { nodesQuery } from '../api/queries';
import type { Node } from '../api/schema';
import { Failed } from '../app/Failed';
import { ACTIVE } from '../job/status';
import { ColorTag, TypeTag } from '../job/tags';
import { When } from '../job/times';
import { useNow } from '../live/now';
import { BusLine } from './BusLine';
import { NodeJobs } from './NodeJobs';
import './nodes.css';

const EVERY_MS = 2_000;

/** `jobs` also lists what each of them runs, where the page does not do so anyway. */
export function Nodes({ jobs = false }: { jobs?: boolean }) {
  const { data, error, refetch } = useQuery({ ...nodesQuery, refetchInterval: EVERY_MS });
  return (
    <section className="panel" aria-labelledby="nodes">
      <h2 id="nodes">Nodes</h2>
      {error && !data ? <Failed error={error} again={() => void refetch()} /> : null}
      {data ? <BusLine bus={data.bus} /> : null}
      <ul className="nodes">
        {data?.nodes.map((node) => (
          <Row key={node.id} node={node} jobs={jobs} />
        ))}
      </ul>
    </section>
  );
}

function Row({ node, jobs }: { node: Node; jobs: boolean }) {
  const busy = node.runners.filter((runner) => runner.running > 0);
  return (
    <li className={node.live && !node.stopped_at ? 'node' : 'node gone'}>
      <span>
        <strong>{node.hostname}</strong> <span className="muted">process {node.pid}</span>
      </span>
      <span>
        <State node={node} />
      </span>
      <span className="node-busy">
        {busy.map((runner) => (
          <Link key={runner.type} to="/jobs" search={{ type: [runner.type], status: ACTIVE }}>
            <TypeTag type={runner.type} /> <span className="number">{runner.running}</span>
          </Link>
        ))}
        {busy.length === 0 && node.live ? <span className="muted">runs nothing</span> : null}
        {jobs ? <NodeJobs id={node.id} /> : null}
      </span>
      <span className="muted">
        version {node.version}, started <When at={node.started_at} />
      </span>
    </li>
  );
}

function State({ node }: { node: Node }) {
  if (node.stopped_at) {
    return (
      <>
        <ColorTag color="default">gone</ColorTag> <When at={node.stopped_at} />
      </>
    );
  }
  if (!node.live) return <ColorTag color="red">lease ran out</ColorTag>;
  return (
    <>
      <ColorTag color="green">{node.this ? 'this node' : 'live'}</ColorTag>{' '}
      <span className="muted number">{node.claiming ? <Lease node={node} /> : 'going down, starts nothing new'}</span>
    </>
  );
}

/** When it was last renewed, and how long it would still hold. */
function Lease({ node }: { node: Node }) {
  const age = Math.max(0, Math.floor((useNow() - Date.parse(node.beat_at)) / 1_000));
  return (
    <>
      renewed {age} s ago, lease {Math.floor(node.lease_seconds_left)} s
    </>
  );
}
