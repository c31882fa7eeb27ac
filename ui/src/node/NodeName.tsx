// A node by the names that people know it by, as long as the server has them: its machine and its process.

import { useQuery } from '@tanstack/react-query';
import { nodesQuery } from '../api/queries';
import { ShortId } from '../job/ShortId';

export function NodeName({ id }: { id: string }) {
  // A node keeps its name: what was read once is enough.
  const { data } = useQuery({ ...nodesQuery, staleTime: Number.POSITIVE_INFINITY });
  const node = data?.nodes.find((known) => known.id === id);
  if (!node) return <ShortId id={id} />;
  return (
    <span title={id}>
      {node.hostname}, process {node.pid}
    </span>
  );
}
