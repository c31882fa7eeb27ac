// All plans: changes that jobs propose, for a person to look at before they reach Stash.

import { Link } from '@tanstack/react-router';
import { Button, Skeleton } from 'antd';
import { useJobTypes } from '../../api/queries';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { PlanCard } from './PlanCard';
import { usePlans } from './usePlans';
import './plans.css';

export function Plans() {
  useTitle('Plans');
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = usePlans();
  const plans = data?.pages.flatMap((page) => page.plans);
  return (
    <>
      <div className="page-head">
        <h1>Plans</h1>
      </div>
      {error ? <Failed error={error} again={() => void refetch()} /> : null}
      {!plans && !error ? <Skeleton active paragraph={{ rows: 6 }} /> : null}
      {plans?.length === 0 ? <None /> : null}
      <ul className="plans">
        {plans?.map((plan) => (
          <PlanCard key={plan.id} plan={plan} />
        ))}
      </ul>
      {hasNextPage ? (
        <p className="plans-more">
          <Button loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older plans
          </Button>
        </p>
      ) : null}
    </>
  );
}

/** Which jobs make plans is known by their names; those that this server does not have are not offered. */
function None() {
  const types = useJobTypes() ?? [];
  const makers = types.filter(({ type }) => type === 'analysis' || type === 'non_ai_analysis');
  return (
    <Empty title="There are no plans yet">
      A plan proposes tags, performers, studios and titles for scenes. Nothing of it reaches Stash before you approve
      it.
      <span className="plans-none">
        {makers.map(({ type, label }) => (
          <Link key={type} to="/run/$type" params={{ type }}>
            Run {label}
          </Link>
        ))}
      </span>
    </Empty>
  );
}
