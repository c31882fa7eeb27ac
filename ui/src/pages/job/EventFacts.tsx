// The facts of an event, in words where they are known, else as they are.

import type { EventRow } from '../../api/schema';
import { Json } from '../../job/Json';
import { Clock } from '../../job/times';
import { NodeName } from '../../node/NodeName';

export function EventFacts({ event: { kind, node_id, data } }: { event: EventRow }) {
  const { error, retry_at, from, by, ...rest } = data ?? {};
  const gone = nameOf(from);
  return (
    <>
      {typeof error === 'string' ? <div className="job-error-text">{error}</div> : null}
      {typeof retry_at === 'string' ? (
        <div className="muted">
          the next is due <Clock at={retry_at} />
        </div>
      ) : null}
      {node_id && kind === 'started' ? (
        <div className="muted">
          on <NodeName id={node_id} />
        </div>
      ) : null}
      {kind === 'rescued' && (gone || node_id) ? (
        <div className="muted">from {gone ?? <NodeName id={node_id ?? ''} />}</div>
      ) : null}
      {typeof by === 'string' ? (
        <div className="muted">
          by <NodeName id={by} />
        </div>
      ) : null}
      {Object.keys(rest).length > 0 ? <Json value={rest} /> : null}
    </>
  );
}

/** A node that is named in an event. */
function nameOf(node: unknown): string | undefined {
  const { hostname, pid } = (node ?? {}) as { hostname?: unknown; pid?: unknown };
  return typeof hostname === 'string' ? `${hostname}, process ${pid}` : undefined;
}
