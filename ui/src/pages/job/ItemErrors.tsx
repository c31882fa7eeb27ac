// The items that failed, to be searched and to be done again. There may be thousands: only rows in view are in the page.

import { Button, Input, Skeleton } from 'antd';
import { useDeferredValue, useState } from 'react';
import type { JobSummary } from '../../api/schema';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { RetryDialog } from '../../job/actions';
import { isTerminal } from '../../job/status';
import { plural } from '../../job/words';
import { ItemErrorRows } from './ItemErrorRows';
import { useItemErrors } from './useItemErrors';

/** As many as the server looks for. */
const LONGEST_SEARCH = 200;

export function ItemErrors({ job }: { job: JobSummary }) {
  const [typed, setTyped] = useState('');
  const q = useDeferredValue(typed.trim());
  const [retrying, setRetrying] = useState(false);
  if (job.error_count === 0) {
    return (
      <Empty title="No item failed">
        {isTerminal(job.status) ? null : 'Items that fail are listed here when the job has ended.'}
      </Empty>
    );
  }
  return (
    <section className="panel" aria-label="Item errors">
      <div className="list-bar">
        <Input.Search
          allowClear
          aria-label="Search the item errors"
          placeholder="Item or error"
          maxLength={LONGEST_SEARCH}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {isTerminal(job.status) ? (
          <Button onClick={() => setRetrying(true)}>Retry {plural(job.error_count, 'failed item')}</Button>
        ) : null}
      </div>
      <Found job={job} q={q} />
      {retrying ? <RetryDialog job={job} onlyFailed close={() => setRetrying(false)} /> : null}
    </section>
  );
}

function Found({ job, q }: { job: JobSummary; q: string }) {
  const query = useItemErrors(job, q);
  const { data, error, refetch, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage } = query;
  if (!data) return error ? <Failed error={error} again={() => void refetch()} /> : <Skeleton active />;
  const rows = data.pages.flatMap((page) => page.item_errors);
  if (rows.length === 0 && q) return <Empty title={`No item error has “${q}” in it`} />;
  if (rows.length === 0) return <Empty title="The items that failed are not kept" />;
  const more = () => {
    if (hasNextPage && !isFetchingNextPage && !isFetchNextPageError) void fetchNextPage();
  };
  return (
    <>
      <ItemErrorRows rows={rows} total={q ? undefined : job.error_count} more={more} />
      {isFetchNextPageError && error ? <Failed error={error} again={() => void fetchNextPage()} /> : null}
    </>
  );
}
