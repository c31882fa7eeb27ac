// A plan in the list: where it is, what it looked at, what it cost, where its changes are.

import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import type { Plan } from '../../api/schema';
import { ColorTag } from '../../job/tags';
import { When } from '../../job/times';
import { Building } from './Building';
import { Counts } from './Counts';
import { PLAN_COLORS, scenesOf, sourceOf } from './words';

export const PlanCard = memo(function PlanCard({ plan }: { plan: Plan }) {
  const { id, name, status, job_id, created_at, cost, scene_errors } = plan;
  return (
    <li className="panel plan">
      <div className="plan-head">
        <h2>
          <Link to="/plans/$id" params={{ id }}>
            {name}
          </Link>
        </h2>
        <ColorTag color={PLAN_COLORS[status]}>{status}</ColorTag>
        <span className="plan-when muted">
          <When at={created_at} />
        </span>
      </div>
      <div className="plan-line">
        <Counts id={id} counts={plan.changes} />
        <span className="muted linked">
          {scenesOf(plan)}
          {scene_errors > 0 ? `, ${scene_errors} not looked at` : ''} · {sourceOf(plan)}
          {cost === null ? '' : ` · cost ${price(cost)}`} ·{' '}
          <Link to="/jobs/$id" params={{ id: job_id }} preload={false}>
            its job
          </Link>
        </span>
      </div>
      {status === 'building' ? <Building plan={plan} /> : null}
    </li>
  );
});

/** In whatever currency the prices of the settings are. */
export function price(cost: number): string {
  return cost < 0.1 ? cost.toFixed(4) : cost.toFixed(2);
}
