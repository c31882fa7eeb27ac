// The jobs that a job started, and theirs, as a tree: each level is read when it is opened.

import type { JobDetail } from '../../../api/schema';
import { plural } from '../../../job/words';
import { counted } from './counted';
import { Level } from './Level';
import { useChildren } from './useChildren';
import './children.css';

/** For jobs that have some. */
export function Children({ detail }: { detail: JobDetail }) {
  const { data } = useChildren(detail.id, { jobs: detail.children, more: detail.more_children });
  const jobs = data?.jobs ?? detail.children;
  const all = data?.more ? `More than ${plural(jobs.length, 'job')}; of the first` : plural(jobs.length, 'job');
  return (
    <section className="panel" aria-labelledby="children">
      <h2 id="children">Jobs that it started</h2>
      <p className="muted">
        {all}: {counted(jobs)}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <section className="children" tabIndex={0} aria-label="The jobs that it started">
        <Level parent={detail.id} jobs={jobs} more={data?.more ?? false} />
      </section>
    </section>
  );
}
