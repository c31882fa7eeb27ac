// The parts of the page of a job that are too long to stand below each other. The open one is in the address.

import { useNavigate } from '@tanstack/react-router';
import { Tabs as AntTabs, Skeleton } from 'antd';
import { lazy, Suspense, useEffect, useState } from 'react';
import type { JobDetail, JobSummary } from '../../api/schema';
import { late } from '../../app/late';
import { useMedia } from '../../app/useMedia';
import { count } from '../../job/words';
import { Attempts } from './Attempts';
import { Events } from './Events';
import { ItemErrors } from './ItemErrors';
import { Overview } from './Overview';
import { NOT_HEARD, withHeard } from './points';
import { jobRoute } from './route';
import { isTab } from './tab';

const Log = lazy(late(async () => ({ default: (await import('./log/Log')).Log })));

/** On a phone all tabs stand side by side only when they stand close, and without their numbers. */
const phone = window.matchMedia('(max-width: 767px)');
const NARROW_GAP_PX = 14;

export function Tabs({ job, detail }: { job: JobSummary; detail: JobDetail }) {
  const { tab = 'overview' } = jobRoute.useSearch();
  const navigate = useNavigate();
  const narrow = useMedia(phone);
  // Kept here, so that looking at the log does not lose it.
  const [heard, setHeard] = useState(NOT_HEARD);
  useEffect(() => setHeard((known) => withHeard(known, job)), [job]);

  const open = (key: string) => {
    const search = isTab(key) && key !== 'overview' ? { tab: key } : {};
    void navigate({ to: '/jobs/$id', params: { id: job.id }, search, replace: true, resetScroll: false });
  };
  // One attempt that did not fail is told by the rest of the page.
  const again = job.attempt > 1 || job.failures > 0 || (job.attempt > 0 && job.status === 'failed');
  return (
    <AntTabs
      activeKey={tab}
      onChange={open}
      destroyOnHidden
      {...(narrow ? { tabBarGutter: NARROW_GAP_PX } : {})}
      items={[
        { key: 'overview', label: 'Overview', children: <Overview job={job} detail={detail} heard={heard} /> },
        {
          key: 'log',
          label: 'Log',
          children: (
            <Suspense fallback={<Skeleton active />}>
              <Log jobId={job.id} status={job.status} />
            </Suspense>
          ),
        },
        {
          key: 'errors',
          label: <Counted name="Item errors" n={job.error_count} />,
          children: <ItemErrors job={job} />,
        },
        ...(again || tab === 'attempts'
          ? [{ key: 'attempts', label: <Counted name="Attempts" n={job.attempt} />, children: <Attempts job={job} /> }]
          : []),
        { key: 'events', label: 'Events', children: <Events job={job} /> },
      ]}
    />
  );
}

function Counted({ name, n }: { name: string; n: number }) {
  return (
    <>
      {name}
      {n > 0 ? <span className="tab-count"> ({count(n)})</span> : null}
    </>
  );
}
