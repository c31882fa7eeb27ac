// The end of the list: of what is loaded, or of all.

import { Failed } from '../../app/Failed';
import { plural } from '../../job/words';
import type { JobListQuery } from './list';

export function Foot({ query, count }: { query: JobListQuery; count: number }) {
  if (query.isFetchNextPageError && query.error) {
    return <Failed error={query.error} again={() => void query.fetchNextPage()} />;
  }
  return (
    <p className="foot muted">
      {query.hasNextPage ? 'Older jobs are being read…' : `${plural(count, 'job')}, no more`}
    </p>
  );
}
