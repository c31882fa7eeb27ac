// What came of the last act on many jobs, and going on where it stopped.

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import type { Ask } from './BulkDialog';
import { bulk, sum, type Tally } from './bulk';

export function useDone() {
  const [last, setLast] = useState<Ask & { tally: Tally }>();
  const { mutate, isPending, error, reset } = useMutation({
    mutationFn: async () => {
      if (!last) return;
      const further = await bulk(last.act, last.request);
      setLast({ ...last, tally: sum(last.tally, further) });
    },
  });
  return {
    last,
    isPending,
    error,
    set: (ask: Ask, reason: string | null, tally: Tally) =>
      setLast({ act: ask.act, request: { ...ask.request, reason }, tally }),
    goOn: () => mutate(),
    dismiss: () => {
      reset();
      setLast(undefined);
    },
  };
}
