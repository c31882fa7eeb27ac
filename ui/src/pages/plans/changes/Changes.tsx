// The changes of a plan, narrowed, decided on one by one or together.

import { Skeleton } from 'antd';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Plan } from '../../../api/schema';
import { Empty } from '../../../app/Empty';
import { Failed } from '../../../app/Failed';
import { count, plural } from '../../../job/words';
import { planRoute } from '../route';
import { isOpen } from '../words';
import { Filters } from './Filters';
import { Many } from './Many';
import { SceneGroup } from './SceneGroup';
import { Selected } from './Selected';
import { scenesOf } from './scenes';
import { useChanges } from './useChanges';
import { useDecide } from './useDecide';
import { useKeys } from './useKeys';

const NONE: ReadonlySet<string> = new Set();

export function Changes({ plan }: { plan: Plan }) {
  const filter = planRoute.useSearch();
  const { data, error, refetch, isPlaceholderData, ...pages } = useChanges(plan.id, filter, plan.status === 'building');
  const changes = useMemo(() => data?.pages.flatMap((page) => page.changes), [data]);
  const scenes = useMemo(() => scenesOf(changes ?? []), [changes]);
  const list = useRef<HTMLDivElement>(null);
  const [picked, setPicked] = useState(NONE);
  const decide = useDecide(plan.id);

  const selected = (changes ?? []).filter(({ id, status }) => picked.has(id) && isOpen(status)).map(({ id }) => id);
  const pick = useCallback((ids: readonly string[], on?: boolean) => {
    setPicked((now) => {
      const next = new Set(now);
      for (const id of ids) (on ?? !now.has(id)) ? next.add(id) : next.delete(id);
      return next;
    });
  }, []);
  const clear = () => setPicked(NONE);
  const latest = useRef(decide);
  useEffect(() => {
    latest.current = decide;
  });
  /** Always the same, so that groups are not drawn anew. */
  const decideOne = useCallback<typeof decide>((verdict, ids) => latest.current(verdict, ids), []);
  const decideSelected: typeof decide = (verdict, ids) => {
    decide(verdict, ids);
    if (ids === selected) clear();
  };
  useKeys(list, { decide: decideSelected, selected, pick: (id) => pick([id]) });

  const total = Object.values(plan.changes).reduce((sum, n) => sum + n, 0);
  return (
    <section aria-label="Changes" className="changes">
      <Filters plan={plan} filter={filter} />
      <Many plan={plan} filter={filter} decide={decide} />
      {changes && changes.length > 0 ? (
        <p className="change-keys muted">
          <kbd>j</kbd> <kbd>k</kbd> next and previous, <kbd>a</kbd> approve, <kbd>r</kbd> reject, <kbd>x</kbd> select
        </p>
      ) : null}
      {error && !data ? <Failed error={error} again={() => void refetch()} /> : null}
      {!data && !error ? <Skeleton active paragraph={{ rows: 8 }} /> : null}
      {changes?.length === 0 ? <None plan={plan} total={total} /> : null}
      <div ref={list} className={isPlaceholderData ? 'scenes leaving' : 'scenes'} aria-busy={isPlaceholderData}>
        {scenes.length > 0 ? (
          <div className="change change-columns muted" aria-hidden="true">
            <span className="first">Now</span>
            <span>Proposed</span>
            <span>Sure</span>
          </div>
        ) : null}
        {scenes.map((scene) => (
          <SceneGroup key={scene.id} scene={scene} picked={picked} pick={pick} decide={decideOne} />
        ))}
      </div>
      <End pages={pages} failed={pages.isFetchNextPageError ? error : null} shown={changes?.length ?? 0} />
      <Selected count={selected.length} decide={(verdict) => decideSelected(verdict, selected)} clear={clear} />
    </section>
  );
}

type Pages = Pick<ReturnType<typeof useChanges>, 'hasNextPage' | 'isFetchingNextPage' | 'fetchNextPage'>;

/** More is read when the end comes near. */
function End({ pages, failed, shown }: { pages: Pages; failed: Error | null; shown: number }) {
  const place = useRef<HTMLParagraphElement>(null);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = pages;
  const wanted = hasNextPage && !isFetchingNextPage && !failed;
  useEffect(() => {
    if (!wanted || !place.current) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && void fetchNextPage(),
      { rootMargin: '1500px' },
    );
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [wanted, fetchNextPage]);
  if (failed) return <Failed error={failed} again={() => void fetchNextPage()} />;
  return (
    <p ref={place} className="changes-end muted">
      {shown === 0 ? null : hasNextPage ? 'More is being read…' : `${plural(shown, 'change')}, no more`}
    </p>
  );
}

function None({ plan, total }: { plan: Plan; total: number }) {
  if (total > 0) {
    return (
      <Empty title="No change matches">The plan has {count(total)}. Choose another status or field to see them.</Empty>
    );
  }
  if (plan.status === 'building') return <Empty title="Nothing yet">Changes are shown here as they are found.</Empty>;
  return (
    <Empty title="Nothing was found to change">The scenes are as they should be, or too little is known of them.</Empty>
  );
}
