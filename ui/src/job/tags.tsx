// A job's type and its status as tags, the same on every page.

import { Tag } from 'antd';
import type { CSSProperties } from 'react';
import { useJobType } from '../api/queries';
import type { JobSummary } from '../api/schema';
import { STATUS_COLORS, STATUS_LABELS, shownStatus } from './status';
import { TypeIcon } from './TypeIcon';
import { count } from './words';
import './job.css';

/** The palette's own text on a tag is too faint to be read by everyone, lime's and gold's most. */
function readable(color: string | undefined): CSSProperties | undefined {
  return color && color !== 'default' ? { color: `var(--ant-${color}-9)` } : undefined;
}

/** The type's label and icon in its colour; its name where this server does not know it. */
export function TypeTag({ type }: { type: string }) {
  const known = useJobType(type);
  return (
    <Tag
      color={known?.color ?? 'default'}
      style={readable(known?.color)}
      icon={known ? <TypeIcon name={known.icon} /> : undefined}
      className="type-tag"
    >
      {known?.label ?? type}
    </Tag>
  );
}

export function StatusTag({ job }: { job: Pick<JobSummary, 'status' | 'outcome' | 'error_count'> }) {
  const status = shownStatus(job);
  return (
    <Tag color={STATUS_COLORS[status]} style={readable(STATUS_COLORS[status])} className="status-tag">
      {status === 'completed_with_errors'
        ? `completed, ${count(job.error_count)} ${job.error_count === 1 ? 'error' : 'errors'}`
        : STATUS_LABELS[status]}
    </Tag>
  );
}
