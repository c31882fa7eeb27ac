// An empty library, and what to do about it: say where Stash is, then sync.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { settingsQuery, useJobType } from '../../api/queries';
import { Empty } from '../../app/Empty';
import { SYNC } from './useLibrary';

const ADDRESS = 'stash.url';

export function Nothing() {
  const { data } = useQuery(settingsQuery);
  const type = useJobType(SYNC);
  const address = data?.settings.find(({ name }) => name === ADDRESS);
  if (!data || !type) return <Empty title="Nothing was synced yet" />;
  if (address && !address.is_set) {
    return (
      <Empty title="Nothing was synced yet">
        It is not known where Stash is.{' '}
        <Link to="/settings" hash={ADDRESS}>
          Set its address
        </Link>
        , then run {type.label}.
      </Empty>
    );
  }
  return (
    <Empty title="Nothing was synced yet">
      <Link to="/run/$type" params={{ type: SYNC }}>
        Run {type.label}
      </Link>
      , and scenes, performers, tags and studios of Stash are shown here.
    </Empty>
  );
}
