// One proposed change: what is there, what would be, how sure that is and why; and the decision.

import type { ReactNode } from 'react';
import type { ChangeValue, PlanChange } from '../../../api/schema';
import { ColorTag } from '../../../job/tags';
import { byWhom, capital } from '../../../job/words';
import { CHANGE_COLORS, FIELD_LABELS, inWords, isOpen, percent } from '../words';
import type { Decide } from './useDecide';

interface Props {
  change: PlanChange;
  picked: boolean;
  pick(ids: readonly string[]): void;
  decide: Decide;
}

export function ChangeRow({ change, picked, pick, decide }: Props) {
  const { id, field, confidence, reason, status, error, decision_reason } = change;
  const open = isOpen(status);
  const words = inWords(change);
  return (
    <li className={`change ${status}`} data-change={id}>
      <label className="pick">
        <span className="hidden-label">Select: {words}</span>
        <input type="checkbox" checked={picked && open} aria-disabled={!open} onChange={() => open && pick([id])} />
      </label>
      <span className="change-field">{FIELD_LABELS[field]}</span>
      <Side name="Now">
        <Current change={change} />
      </Side>
      <Side name="Proposed">
        <Proposed change={change} />
      </Side>
      <span className="sure number" title="How sure the proposal is">
        <span className="sure-bar" aria-hidden="true">
          <span style={{ width: percent(confidence) }} />
        </span>
        {percent(confidence)}
        <span className="hidden-label"> sure</span>
      </span>
      <span className="change-status" title={decidedBy(change)}>
        <ColorTag color={CHANGE_COLORS[status]}>{status}</ColorTag>
      </span>
      <span className="decide">
        {open ? (
          <>
            <button
              type="button"
              aria-label={`Approve: ${words}`}
              aria-pressed={status === 'approved'}
              onClick={() => decide('approve', [id])}
            >
              Approve
            </button>
            <button
              type="button"
              aria-label={`Reject: ${words}`}
              aria-pressed={status === 'rejected'}
              onClick={() => decide('reject', [id])}
            >
              Reject
            </button>
          </>
        ) : null}
      </span>
      {reason || error || decision_reason ? (
        <div className="change-why">
          {error ? <p className="change-error">{capital(error)}</p> : null}
          {reason ? <p className="muted">{reason}</p> : null}
          {decision_reason ? <p className="muted">Decided so because: {decision_reason}</p> : null}
        </div>
      ) : null}
    </li>
  );
}

function Side({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="side">
      <span className="side-name muted">{name}</span>
      {children}
    </div>
  );
}

const Nothing = ({ children }: { children: string }) => <span className="muted">{children}</span>;

function Current({ change: { action, current, proposed } }: { change: PlanChange }) {
  if (action === 'add') return <Nothing>not there</Nothing>;
  if (action === 'remove') return <Value value={current ?? proposed} />;
  return <Value value={current} />;
}

function Proposed({ change: { action, proposed } }: { change: PlanChange }) {
  if (action === 'remove') return <Nothing>taken away</Nothing>;
  return (
    <span className="proposed">
      <Value value={proposed} />
      {isNew(proposed) ? (
        <span title="Stash does not have it yet: it is created when this is applied">
          {' '}
          <ColorTag color="purple">new</ColorTag>
        </span>
      ) : null}
    </span>
  );
}

function Value({ value }: { value: ChangeValue | null }) {
  if (value === null || value === '') return <Nothing>empty</Nothing>;
  return <span className="change-text">{typeof value === 'string' ? value : value.name}</span>;
}

function isNew(value: ChangeValue | null): boolean {
  return typeof value === 'object' && value !== null && value.id === null;
}

function decidedBy({ decided_by, status }: PlanChange): string | undefined {
  return decided_by ? `${capital(status)} by ${byWhom(decided_by)}` : undefined;
}
