// The page of one plan: what it proposes, decided on and applied.

import { Link } from '@tanstack/react-router';
import { Alert, Skeleton } from 'antd';
import { Problem } from '../../api/client';
import type { Plan } from '../../api/schema';
import { Empty } from '../../app/Empty';
import { Failed } from '../../app/Failed';
import { useTitle } from '../../app/useTitle';
import { JobLine } from '../../job/JobLine';
import { ColorTag } from '../../job/tags';
import { When } from '../../job/times';
import { capital, count, plural } from '../../job/words';
import { Apply } from './Apply';
import { Building } from './Building';
import { Counts } from './Counts';
import { Changes } from './changes/Changes';
import { Delete } from './Delete';
import { price } from './PlanCard';
import { planRoute } from './route';
import { useApplied } from './useApplied';
import { usePlan } from './usePlans';
import { PLAN_COLORS, scenesOf, sourceOf } from './words';
import './plans.css';

export function OnePlan() {
  const { id } = planRoute.useParams();
  const applied = useApplied(id);
  const { data: plan, error, refetch } = usePlan(id, applied.running);
  if (error instanceof Problem && ['unknown_plan', 'invalid_path'].includes(error.code)) return <Gone />;
  if (plan) return <Shown key={id} plan={plan} applied={applied} />;
  return error ? <Failed error={error} again={() => void refetch()} /> : <Skeleton active paragraph={{ rows: 8 }} />;
}

function Gone() {
  useTitle('No such plan');
  return (
    <Empty title="There is no such plan">
      It was deleted, or never was. See <Link to="/plans">all plans</Link>.
    </Empty>
  );
}

function Shown({ plan, applied }: { plan: Plan; applied: ReturnType<typeof useApplied> }) {
  useTitle(plan.name);
  const { status } = plan;
  return (
    <div className="plan-page">
      <p className="plan-back">
        <Link to="/plans">Plans</Link>
      </p>
      <section className="panel" aria-label="Plan">
        <div className="plan-head">
          <h1>{plan.name}</h1>
          <ColorTag color={PLAN_COLORS[status]}>{status}</ColorTag>
          <span className="plan-acts">
            {status === 'building' ? null : <Apply plan={plan} applied={applied} />}
            {status === 'building' ? null : <Delete plan={plan} />}
          </span>
        </div>
        <Facts plan={plan} />
        {status === 'building' ? <Building plan={plan} /> : null}
        {applied.job ? <JobLine job={applied.job} /> : null}
        <Notices plan={plan} />
      </section>
      <Changes plan={plan} />
    </div>
  );
}

function Facts({ plan }: { plan: Plan }) {
  const { requests, input_tokens, output_tokens, cost, created_at, applied_at, job_id } = plan;
  return (
    <dl className="facts">
      <Fact name="Changes">
        <Counts id={plan.id} counts={plan.changes} />
      </Fact>
      <Fact name="Looked at">{scenesOf(plan)}</Fact>
      <Fact name="Proposed by">{sourceOf(plan)}</Fact>
      {requests > 0 ? (
        <Fact name="Asked">
          {plural(requests, 'question')}, {count(input_tokens + output_tokens)} tokens
          {cost === null ? '' : `, cost ${price(cost)}`}
        </Fact>
      ) : null}
      <Fact name="Made">
        <span className="linked">
          <When at={created_at} /> by{' '}
          <Link to="/jobs/$id" params={{ id: job_id }} preload={false}>
            its job
          </Link>
        </span>
      </Fact>
      {applied_at ? (
        <Fact name="Last applied">
          <When at={applied_at} />
        </Fact>
      ) : null}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt className="muted">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** What is not as it should be, and what to do. */
function Notices({ plan: { note, scene_errors, changes, job_id } }: { plan: Plan }) {
  return (
    <>
      {note ? <Alert type="info" showIcon title={capital(note)} /> : null}
      {scene_errors > 0 ? (
        <Alert
          type="warning"
          showIcon
          title={
            <span className="linked">
              {plural(scene_errors, 'scene')} could not be looked at. Why is told with{' '}
              <Link to="/jobs/$id" params={{ id: job_id }} preload={false}>
                the job
              </Link>
              , which can be run again for them.
            </span>
          }
        />
      ) : null}
      {changes.conflict > 0 ? (
        <Alert
          type="warning"
          showIcon
          title={`${plural(changes.conflict, 'change')} in conflict: the scene was changed in Stash after the plan was made, so it was left as it is. Sync, and analyse these scenes again for a fresh proposal.`}
        />
      ) : null}
      {changes.failed > 0 ? (
        <Alert
          type="error"
          showIcon
          title={`${plural(changes.failed, 'change')} failed: Stash did not take ${changes.failed === 1 ? 'it' : 'them'}. Why is told at each. The next apply tries again.`}
        />
      ) : null}
    </>
  );
}
