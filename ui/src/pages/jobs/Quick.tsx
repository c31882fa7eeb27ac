// The questions that are asked most, one press each: links, so that they can be shared and opened in another tab.

import { Link } from '@tanstack/react-router';
import { ACTIVE } from '../../job/status';
import { useFilter } from './address';
import { filterOf, isEmpty, type JobFilter } from './filter';
import { forget } from './list';

type Question = Pick<JobFilter, 'status' | 'outcome'>;

const QUESTIONS: readonly [string, Question][] = [
  ['All', {}],
  ['Waiting', { status: ['pending'] }],
  ['Active', { status: ACTIVE }],
  ['Failed', { status: ['failed'] }],
  ['With errors', { outcome: ['completed_with_errors'] }],
];

export function Quick() {
  const filter = useFilter();
  const asks = (question: Question) => same(filter.status, question.status) && same(filter.outcome, question.outcome);
  return (
    <nav className="quick" aria-label="Quick filters">
      {QUESTIONS.map(([label, question]) => {
        const search = (now: JobFilter) => filterOf({ ...now, status: undefined, outcome: undefined, ...question });
        return (
          <Link
            key={label}
            from="/jobs"
            to="/jobs"
            search={search}
            className={asks(question) ? 'asked' : undefined}
            aria-current={asks(question) ? 'true' : undefined}
            activeProps={{ 'aria-current': asks(question) ? 'true' : undefined }}
            onClick={() => forget(search(filter))}
          >
            {label}
          </Link>
        );
      })}
      {filter.parent ? (
        <Link to="/jobs" search={(now) => filterOf({ ...now, parent: undefined })} className="asked">
          Started by job …{filter.parent.slice(-8)} <span aria-hidden="true">×</span>
          <span className="hidden-label">, show all</span>
        </Link>
      ) : null}
      {isEmpty(filter) ? null : (
        <Link to="/jobs" search={{}} className="clear" onClick={() => forget({})}>
          Clear filters
        </Link>
      )}
    </nav>
  );
}

function same(a: readonly string[] = [], b: readonly string[] = []): boolean {
  return a.length === b.length && a.every((value) => b.includes(value));
}
