// How many jobs ended in each minute of the last hour. The chart comes as a file of its own, when the page is there.

import { lazy, Suspense } from 'react';
import type { Stats } from '../../api/schema';
import { late } from '../../app/late';
import { plural } from '../../job/words';

const Chart = lazy(late(async () => ({ default: (await import('./ThroughputChart')).ThroughputChart })));

/** `readAt` is when that was so: an hour in which nothing changes moves on all the same. */
export function Throughput({ stats, readAt }: { stats: Stats | undefined; readAt: number }) {
  const ended = stats?.throughput ?? [];
  const sum = (key: 'completed' | 'failed' | 'cancelled') => ended.reduce((all, minute) => all + minute[key], 0);
  const words = `${plural(sum('completed'), 'job')} completed, ${sum('failed')} failed, ${sum('cancelled')} cancelled`;
  return (
    <section className="panel" aria-labelledby="throughput">
      <h2 id="throughput">Jobs per minute</h2>
      <p className="muted">{stats ? `Last hour: ${words}.` : 'Last hour'}</p>
      <div className="chart" aria-hidden="true">
        <Suspense>{stats ? <Chart stats={stats} readAt={readAt} /> : null}</Suspense>
      </div>
    </section>
  );
}
