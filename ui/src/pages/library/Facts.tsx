// All that is known of one: a drawer over the list, which stays where it is.

import { useQuery } from '@tanstack/react-query';
import { Drawer, Skeleton } from 'antd';
import { Problem } from '../../api/client';
import { settingsQuery } from '../../api/queries';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { EntityFacts } from './EntityFacts';
import { libraryRoute } from './route';
import { SceneFacts } from './SceneFacts';
import { type LibrarySearch, searchOf } from './search';
import { type Entities, entityQuery, sceneQuery } from './useLibrary';
import { ONE, titleOf } from './words';

export function Facts({ search }: { search: LibrarySearch }) {
  const navigate = libraryRoute.useNavigate();
  const close = () =>
    void navigate({ search: (now) => searchOf({ ...now, open: undefined }), resetScroll: false, replace: true });
  const { open, kind } = search;
  if (!open) return null;
  return kind ? (
    <OfEntity key={open} kind={kind} id={open} close={close} />
  ) : (
    <OfScene key={open} id={open} close={close} />
  );
}

interface Props {
  id: string;
  close(): void;
}

function OfScene({ id, close }: Props) {
  const { data, error, refetch } = useQuery(sceneQuery(id));
  return (
    <Shown
      title={data ? titleOf(data) : 'Scene'}
      close={close}
      error={data ? null : error}
      again={() => void refetch()}
    >
      {data ? <SceneFacts scene={data} stash={<InStash kind="scenes" id={id} />} /> : undefined}
    </Shown>
  );
}

function OfEntity({ kind, id, close }: Props & { kind: Entities }) {
  const { data, error, refetch } = useQuery(entityQuery(kind, id));
  return (
    <Shown title={data?.name ?? ONE[kind]} close={close} error={data ? null : error} again={() => void refetch()}>
      {data ? <EntityFacts kind={kind} entity={data} stash={<InStash kind={kind} id={id} />} /> : undefined}
    </Shown>
  );
}

interface ShownProps {
  title: string;
  close(): void;
  error: Error | null;
  again(): void;
  children: React.ReactNode;
}

function Shown({ title, close, error, again, children }: ShownProps) {
  const gone = error instanceof Problem && error.code === 'unknown_entity';
  return (
    <Drawer open title={title} size={520} onClose={close} rootClassName="library-facts">
      {children}
      {gone ? <Empty title="It is not in the library">It was deleted, or was not synced yet.</Empty> : null}
      {error && !gone ? <Failed error={error} again={again} /> : null}
      {!children && !error ? <Skeleton active paragraph={{ rows: 8 }} /> : null}
    </Drawer>
  );
}

/** Its page in Stash, where it is known where that is. */
function InStash({ kind, id }: { kind: string; id: string }) {
  const { data } = useQuery(settingsQuery);
  const address = data?.settings.find(({ name }) => name === 'stash.url')?.value;
  if (typeof address !== 'string') return null;
  return (
    <a href={`${address.replace(/\/+$/, '')}/${kind}/${encodeURIComponent(id)}`} target="_blank" rel="noreferrer">
      Open in Stash
    </a>
  );
}
