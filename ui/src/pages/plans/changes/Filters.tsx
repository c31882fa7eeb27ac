// Which changes are shown: by where they are in their life, and by what of a scene they are about.

import { Link } from '@tanstack/react-router';
import type { Plan } from '../../../api/schema';
import { count } from '../../../job/words';
import { CHANGE_FIELDS, CHANGE_STATUSES, type ChangeFilter } from '../filter';
import { FIELD_LABELS } from '../words';

export function Filters({ plan, filter }: { plan: Plan; filter: ChangeFilter }) {
  // Links to the page that is open call themselves current, whatever they ask of it.
  const asked = (on: boolean) => {
    const current = { 'aria-current': on ? ('true' as const) : undefined };
    return { className: on ? 'asked' : '', activeProps: current, ...current };
  };
  const { status: _, ...anyStatus } = filter;
  const { field: __, ...anyField } = filter;
  const here = { to: '/plans/$id', params: { id: plan.id }, replace: true, resetScroll: false } as const;
  return (
    <div className="change-filters">
      <nav aria-label="Status" className="chips">
        <Link {...here} search={anyStatus} {...asked(!filter.status)}>
          All
        </Link>
        {CHANGE_STATUSES.map((status) => (
          <Link key={status} {...here} search={{ ...filter, status: [status] }} {...asked(only(filter.status, status))}>
            {status} <span className="number">{count(plan.changes[status])}</span>
          </Link>
        ))}
      </nav>
      <nav aria-label="Field" className="chips">
        <Link {...here} search={anyField} {...asked(!filter.field)}>
          Any field
        </Link>
        {CHANGE_FIELDS.map((field) => (
          <Link key={field} {...here} search={{ ...filter, field: [field] }} {...asked(only(filter.field, field))}>
            {FIELD_LABELS[field]}
          </Link>
        ))}
      </nav>
    </div>
  );
}

function only<T>(list: readonly T[] | undefined, one: T): boolean {
  return list?.length === 1 && list[0] === one;
}
