// The page of one job.

import { Link } from '@tanstack/react-router';
import { Skeleton } from 'antd';
import { useJobType } from '../../api/queries';
import type { JobDetail, JobSummary } from '../../api/schema';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { isTerminal, STATUS_LABELS, shownStatus } from '../../job/status';
import { Ancestors } from './Ancestors';
import { ErrorPanel } from './ErrorPanel';
import { Head } from './Head';
import { Ladder } from './Ladder';
import { jobRoute } from './route';
import { Tabs } from './Tabs';
import { useJob } from './useJob';
import './job-page.css';

export function Job() {
  const { id } = jobRoute.useParams();
  // Another job is another page: nothing of the one before stays.
  return <JobPage key={id} id={id} />;
}

function JobPage({ id }: { id: string }) {
  const { job, detail, error, gone, again } = useJob(id);
  if (gone) return <Gone id={id} />;
  if (job && detail) return <Shown job={job} detail={detail} />;
  if (error) return <Failed error={error} again={again} />;
  return <Skeleton active paragraph={{ rows: 8 }} />;
}

function Shown({ job, detail }: { job: JobSummary; detail: JobDetail }) {
  const label = useJobType(job.type)?.label ?? job.type;
  const state = job.status === 'running' ? `${Math.floor(job.progress)}%` : STATUS_LABELS[shownStatus(job)];
  useTitle(`${label} ${state}`);
  return (
    <div className="job-page">
      <Ancestors ancestors={detail.ancestors} />
      <Head job={job} detail={detail} />
      <p className="hidden-label" role="status">
        {isTerminal(job.status) ? `The job is ${STATUS_LABELS[shownStatus(job)]}.` : ''}
      </p>
      {job.cancel ? <Ladder type={job.type} ladder={job.cancel} /> : null}
      <ErrorPanel job={job} />
      <Tabs job={job} detail={detail} />
    </div>
  );
}

function Gone({ id }: { id: string }) {
  useTitle('No such job');
  return (
    <Empty title="There is no such job">
      <code className="any-text">{id}</code> is not a job of this server, or it was cleaned up. See{' '}
      <Link to="/jobs">all jobs</Link>.
    </Empty>
  );
}
