// The log of a job, followed as long as it is shown.

import { useEffect, useState, useSyncExternalStore } from 'react';
import type { Status } from '../../../api/schema';
import { isTerminal } from '../../../job/status';
import { connection, useCaughtUp } from '../../../live/live';
import { LogFollower } from './LogFollower';
import { readsOf } from './logReads';

export function useLog(jobId: string, status: Status): LogFollower {
  const [follower] = useState(() => new LogFollower(readsOf(jobId)));
  useSyncExternalStore(follower.subscribe, follower.getVersion);

  // Live first, so that nothing is missed between the two.
  useEffect(() => {
    const unfollow = connection.followLog(jobId, (lines, skipped) => follower.hear(lines, skipped));
    void follower.start();
    return () => {
      unfollow();
      follower.stop();
    };
  }, [jobId, follower]);

  // Without a socket that is said once a second.
  useCaughtUp(() => void follower.fill());
  const ended = isTerminal(status);
  useEffect(() => {
    if (ended) void follower.fill();
  }, [ended, follower]);
  return follower;
}
