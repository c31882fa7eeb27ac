// All jobs, newest first.

import ReloadOutlined from '@ant-design/icons/es/icons/ReloadOutlined';
import { Button } from 'antd';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { useFilter } from './address';
import { Filters } from './Filters';
import { useHeard } from './fresh';
import { JobList } from './JobList';
import { useJobList } from './list';
import { NoJobs } from './NoJobs';
import { Waiting } from './Waiting';
import './jobs.css';

export function Jobs() {
  useTitle('Jobs');
  const filter = useFilter();
  const heard = useHeard();
  const { query, listed, refresh } = useJobList(filter);
  const error = query.error ?? query.failureReason;
  return (
    <>
      <div className="page-head">
        <h1>Jobs</h1>
        <Button icon={<ReloadOutlined />} loading={query.isRefetching} onClick={() => void refresh()}>
          Refresh
        </Button>
      </div>
      <Filters />
      {error && (!listed || query.isPlaceholderData || !query.isFetchingNextPage) ? (
        <Failed error={error} again={() => void query.refetch()} />
      ) : null}
      {listed ? (
        <div className={query.isPlaceholderData ? 'jobs leaving' : 'jobs'} aria-busy={query.isPlaceholderData}>
          {/* Another filter is another list. The one before stays until the new one is there. */}
          <JobList key={JSON.stringify(listed.filter)} listed={listed} heard={heard} query={query} refresh={refresh} />
          {listed.jobs.length === 0 && !listed.more ? <NoJobs filter={listed.filter} /> : null}
        </div>
      ) : error ? null : (
        <Waiting />
      )}
    </>
  );
}
