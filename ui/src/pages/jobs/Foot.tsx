// The end of the list: of what is loaded, of what was searched, or of all.

import { Button } from 'antd';
import { Failed } from '../../app/Failed';
import { When } from '../../job/times';
import { plural } from '../../job/words';
import type { JobListQuery } from './list';

interface FootProps {
  query: JobListQuery;
  count: number;
  searchedUntil: string | null;
}

export function Foot({ query, count, searchedUntil }: FootProps) {
  if (query.isFetchNextPageError && query.error) {
    return <Failed error={query.error} again={() => void query.fetchNextPage()} />;
  }
  if (searchedUntil) {
    return (
      <p className="foot muted" role="status">
        {plural(count, 'job')} found. Searched back to <When at={searchedUntil} />.{' '}
        <Button size="small" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Search older jobs
        </Button>
      </p>
    );
  }
  return (
    <p className="foot muted">
      {query.hasNextPage ? 'Older jobs are being read…' : `${plural(count, 'job')}, no more`}
    </p>
  );
}
