// How a job was asked to stop and how it did: a step per rung, with its time, as it happens.

import { useJobType } from '../../api/queries';
import type { CancelLadder } from '../../api/schema';
import { Clock } from '../../job/times';
import { isTimeout, rungs } from './rungs';

export function Ladder({ type, ladder }: { type: string; ladder: CancelLadder }) {
  const steps = rungs(ladder, useJobType(type));
  const title = isTimeout(ladder) ? 'Timeout' : 'Cancellation';
  return (
    <section className="panel" aria-label={title}>
      <h2>{title}</h2>
      <ol className="ladder">
        {steps.map((step) => (
          <li key={step.title} className={step.state} aria-current={step.state === 'next' ? 'step' : undefined}>
            <span className="ladder-title">{step.title}</span>
            {step.at ? <Clock at={step.at} /> : null}
            {step.note ? <span className="muted ladder-note">{step.note}</span> : null}
          </li>
        ))}
      </ol>
    </section>
  );
}
