// What happened to a job and who did it, oldest first.

import { Button, Skeleton } from 'antd';
import type { EventRow, JobSummary } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { Clock } from '../../job/times';
import { byWhom } from '../../job/words';
import { EventFacts } from './EventFacts';
import { kindInWords } from './kinds';
import { useEvents } from './useEvents';

export function Events({ job }: { job: JobSummary }) {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useEvents(job);
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Skeleton active />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <section className="panel events" aria-label="Events" tabIndex={0}>
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Attempt</th>
            <th scope="col">What</th>
            <th scope="col">Who</th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {data.pages.flatMap((page) => page.events.map((event) => <Event key={event.id} event={event} />))}
        </tbody>
      </table>
      {hasNextPage ? (
        <Button loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          More
        </Button>
      ) : null}
    </section>
  );
}

function Event({ event }: { event: EventRow }) {
  return (
    <tr>
      <td>
        <Clock at={event.at} />
      </td>
      <td className="number">{event.attempt > 0 ? event.attempt : ''}</td>
      <td>
        {kindInWords(event.kind)}
        <EventFacts event={event} />
      </td>
      <td>{event.actor ? byWhom(event.actor) : null}</td>
      <td className="any-text">{event.reason}</td>
    </tr>
  );
}
