// What was synced from Stash: how much, since when, searched and looked at.

import { Skeleton } from 'antd';
import type { KindOverview } from '../../api/schema';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { EntityList } from './EntityList';
import { Facts } from './Facts';
import { Kinds } from './Kinds';
import { Narrow } from './Narrow';
import { Nothing } from './Nothing';
import { libraryRoute } from './route';
import { SceneList } from './SceneList';
import { Syncing } from './Syncing';
import { useOverview } from './useLibrary';
import './library.css';

export function Library() {
  useTitle('Library');
  const { data: kinds, error, refetch } = useOverview();
  return (
    <>
      <div className="page-head">
        <h1>Library</h1>
        {kinds ? <Syncing kinds={kinds} /> : null}
      </div>
      {!kinds && error ? <Failed error={error} again={() => void refetch()} /> : null}
      {!kinds && !error ? <Skeleton active paragraph={{ rows: 8 }} /> : null}
      {kinds ? <Shown kinds={kinds} /> : null}
    </>
  );
}

function Shown({ kinds }: { kinds: KindOverview[] }) {
  const search = libraryRoute.useSearch();
  if (kinds.every(({ count }) => count === 0)) return <Nothing />;
  return (
    <>
      <Kinds kinds={kinds} search={search} />
      <Narrow search={search} />
      {search.kind ? (
        <EntityList key={search.kind} kind={search.kind} search={search} />
      ) : (
        <SceneList search={search} />
      )}
      <Facts search={search} />
    </>
  );
}
