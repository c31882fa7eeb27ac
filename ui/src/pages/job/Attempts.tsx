// The runs of a job, the newest first: when, where, how each ended and why.

import { Button, Skeleton } from 'antd';
import type { AttemptRow, JobSummary } from '../../api/schema';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { isActive } from '../../job/status';
import { ColorTag } from '../../job/tags';
import { Clock, Span } from '../../job/times';
import { NodeName } from '../../node/NodeName';
import { endInWords } from './kinds';
import { useAttempts } from './useAttempts';

export function Attempts({ job }: { job: JobSummary }) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useAttempts(job);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Skeleton active />;
  const attempts = data.pages.flatMap((page) => page.attempts);
  if (attempts.length === 0) return <Empty title="It has not been started yet" />;
  return (
    <section className="panel" aria-label="Attempts">
      <ol className="attempts" reversed>
        {attempts.map((attempt) => (
          <Attempt key={attempt.attempt} attempt={attempt} runs={isRunning(attempt, job)} />
        ))}
      </ol>
      {error ? <Failed error={error} again={() => void refetch()} /> : null}
      {hasNextPage ? (
        <Button loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Earlier ones
        </Button>
      ) : null}
    </section>
  );
}

function isRunning(attempt: AttemptRow, job: JobSummary): boolean {
  return attempt.ended === null && attempt.attempt === job.attempt && isActive(job.status);
}

function Attempt({ attempt, runs }: { attempt: AttemptRow; runs: boolean }) {
  const { ended, ended_at, started_at, node_id, error, reason, retry_at } = attempt;
  const [word, color] = endInWords(runs ? 'running' : ended);
  return (
    <li value={attempt.attempt}>
      <span className="attempt-head">
        <strong>Attempt {attempt.attempt}</strong> <ColorTag color={color}>{word}</ColorTag>
      </span>
      <span className="muted attempt-facts">
        <span>
          began <Clock at={started_at} />
        </span>
        {ended_at || runs ? (
          <span>
            {runs ? 'runs for' : 'took'} <Span from={started_at} to={ended_at} />
          </span>
        ) : null}
        {node_id ? (
          <span>
            on <NodeName id={node_id} />
          </span>
        ) : null}
        {retry_at ? (
          <span>
            next due <Clock at={retry_at} />
          </span>
        ) : null}
      </span>
      {error ? <p className="job-error-text">{error}</p> : null}
      {reason ? <p className="any-text">{reason}</p> : null}
    </li>
  );
}
