// When the library was last synced, the sync that runs now, and the way to one.

import { Link } from '@tanstack/react-router';
import { useJobType } from '../../api/queries';
import type { KindOverview } from '../../api/schema';
import { JobLine } from '../../job/JobLine';
import { When } from '../../job/times';
import { useRunningJobs } from '../../live/live';
import { SYNC } from './useLibrary';

export function Syncing({ kinds }: { kinds: KindOverview[] }) {
  const type = useJobType(SYNC);
  const running = useRunningJobs().find((job) => job.type === SYNC);
  if (running) {
    return (
      <div className="library-sync">
        <JobLine job={running} />
      </div>
    );
  }
  const last = kinds.filter((kind) => kind.synced_at !== null).sort(bySync)[0];
  return (
    <p className="library-synced">
      {last?.synced_at ? (
        <span className="muted">
          Synced <When at={last.synced_at} />
          {last.synced_by ? (
            <>
              {' by '}
              <Link to="/jobs/$id" params={{ id: last.synced_by }} preload={false}>
                a job
              </Link>
            </>
          ) : null}
        </span>
      ) : null}
      {type ? (
        <Link to="/run/$type" params={{ type: SYNC }} className="library-run">
          Sync now…
        </Link>
      ) : null}
    </p>
  );
}

/** The newest first. */
function bySync(a: KindOverview, b: KindOverview): number {
  return Date.parse(b.synced_at ?? '') - Date.parse(a.synced_at ?? '');
}
