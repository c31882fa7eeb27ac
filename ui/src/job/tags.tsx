// A job's type and its status as tags, the same on every page.

import { Tag } from 'antd';
import type { ReactNode } from 'react';
import { useJobType } from '../api/queries';
import type { JobSummary } from '../api/schema';
import { waitsForRetry, whichRetry } from './retry';
import { STATUS_COLORS, STATUS_LABELS, shownStatus } from './status';
import { TypeIcon } from './TypeIcon';
import { plural } from './words';
import './job.css';

/**
 * A tag in one of Ant Design's colours. The palette's own text on a tag is too faint to be read by everyone, lime's and gold's
 * most: it is taken from further along the palette.
 */
export function ColorTag({ color, icon, children }: { color: string; icon?: ReactNode; children: ReactNode }) {
  const style = color === 'default' ? undefined : { color: `var(--ant-${color}-9)` };
  return (
    <Tag color={color} icon={icon} style={style} className="tag">
      {children}
    </Tag>
  );
}

/** The type's label and icon in its colour; its name where this server does not know it. */
export function TypeTag({ type }: { type: string }) {
  const known = useJobType(type);
  if (!known) return <ColorTag color="default">{type}</ColorTag>;
  return (
    <ColorTag color={known.color} icon={<TypeIcon name={known.icon} />}>
      {known.label}
    </ColorTag>
  );
}

type Tagged = Pick<JobSummary, 'status' | 'outcome' | 'error_count' | 'failures' | 'max_retries' | 'cancel'>;

export function StatusTag({ job }: { job: Tagged }) {
  const status = shownStatus(job);
  if (waitsForRetry(job)) return <ColorTag color="gold">pending, {whichRetry(job)}</ColorTag>;
  if (status === 'running' && job.cancel) return <ColorTag color="orange">running, time is up</ColorTag>;
  return (
    <ColorTag color={STATUS_COLORS[status]}>
      {status === 'completed_with_errors' ? `completed, ${plural(job.error_count, 'error')}` : STATUS_LABELS[status]}
    </ColorTag>
  );
}
