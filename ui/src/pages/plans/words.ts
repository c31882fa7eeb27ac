// Plans and their changes in words and colours.

import type { ChangeField, ChangeStatus, ChangeValue, Plan, PlanChange, PlanStatus } from '../../api/schema';
import { count } from '../../job/words';

/** Ant Design's names of colours. */
export const PLAN_COLORS: Record<PlanStatus, string> = {
  building: 'blue',
  open: 'gold',
  applied: 'green',
  failed: 'red',
};

export const CHANGE_COLORS: Record<ChangeStatus, string> = {
  pending: 'default',
  approved: 'blue',
  rejected: 'default',
  applied: 'green',
  conflict: 'gold',
  failed: 'red',
};

export const FIELD_LABELS: Record<ChangeField, string> = {
  title: 'Title',
  studio: 'Studio',
  performers: 'Performers',
  tags: 'Tags',
  details: 'Details',
  date: 'Date',
};

/** Of one entry. */
const ONE_OF: Partial<Record<ChangeField, string>> = { performers: 'performer', tags: 'tag' };

/** Who proposes. */
export function sourceOf({ source, model }: Pick<Plan, 'source' | 'model'>): string {
  if (source === 'names') return 'paths and names';
  return model ? `AI, ${model}` : 'AI';
}

/** How many scenes were looked at. */
export function scenesOf({ scene_count: done, scene_total: all }: Pick<Plan, 'scene_count' | 'scene_total'>): string {
  const unit = all === 1 ? 'scene' : 'scenes';
  return done === all ? `${count(all)} ${unit}` : `${count(done)} of ${count(all)} ${unit}`;
}

export function nameOf(value: ChangeValue | null): string | undefined {
  return typeof value === 'string' ? value : value?.name;
}

/** What a change does: `add the tag “Harbour”`. */
export function inWords({ field, action, current, proposed }: PlanChange): string {
  const one = ONE_OF[field] ?? field;
  if (action === 'add') return `add the ${one} “${nameOf(proposed) ?? ''}”`;
  if (action === 'remove') return `take away the ${one} “${nameOf(proposed) ?? nameOf(current) ?? ''}”`;
  const name = nameOf(proposed);
  return name ? `set the ${one} to “${name}”` : `empty the ${one}`;
}

/** How sure, as people read it. */
export function percent(confidence: number): string {
  return `${Math.round(confidence * 100)}%`;
}

/** Whether people may still decide on it. */
export function isOpen(status: ChangeStatus): boolean {
  return status === 'pending' || status === 'approved' || status === 'rejected';
}
