// Approving and rejecting. It shows at once, and is taken back when the server does not take it.

import { type InfiniteData, useMutation, useQueryClient } from '@tanstack/react-query';
import { App } from 'antd';
import { api, unwrap } from '../../../api/client';
import type { ChangePage, PlanChange } from '../../../api/schema';
import { capital, plural } from '../../../job/words';
import { planKey, useTakeIn } from '../usePlans';
import { isOpen } from '../words';
import { changesKey, type Pending, pendingKey } from './useChanges';

export type Verdict = 'approve' | 'reject';

const BECOMES = { approve: 'approved', reject: 'rejected' } as const;

export type Decide = (verdict: Verdict, ids: readonly string[]) => void;

export function useDecide(id: string): Decide {
  const queries = useQueryClient();
  const takeIn = useTakeIn();
  const { message } = App.useApp();

  const show = (verdict: Verdict, ids: ReadonlySet<string>) => {
    queries.setQueriesData<InfiniteData<ChangePage>>({ queryKey: changesKey(id) }, (data) =>
      data ? { ...data, pages: data.pages.map((page) => decided(page, verdict, ids)) } : data,
    );
    queries.setQueriesData<Pending[]>({ queryKey: pendingKey(id) }, (pending) =>
      pending?.filter((change) => !ids.has(change.id)),
    );
  };

  const { mutate } = useMutation({
    mutationFn: async ({ verdict, ids }: { verdict: Verdict; ids: readonly string[] }) => {
      const call = { params: { path: { id } }, body: { changes: [...ids] } };
      return unwrap(
        verdict === 'approve' ? api.POST('/api/plans/{id}/approve', call) : api.POST('/api/plans/{id}/reject', call),
      );
    },
    onMutate: ({ verdict, ids }) => show(verdict, new Set(ids)),
    onSuccess: ({ changes, changed }, { verdict, ids }) => {
      takeIn(id, { changes });
      if (ids.length > 1) void message.success(`${plural(changed, 'change')} ${BECOMES[verdict]}.`);
    },
    onError: (error) => {
      void message.error(`${capital(error.message)}. Nothing was decided.`);
      void queries.invalidateQueries({ queryKey: planKey(id) });
    },
  });
  return (verdict, ids) => {
    if (ids.length > 0) mutate({ verdict, ids });
  };
}

function decided(page: ChangePage, verdict: Verdict, ids: ReadonlySet<string>): ChangePage {
  const change = (one: PlanChange) =>
    ids.has(one.id) && isOpen(one.status) ? { ...one, status: BECOMES[verdict], decided_by: null } : one;
  return page.changes.some((one) => ids.has(one.id)) ? { ...page, changes: page.changes.map(change) } : page;
}
