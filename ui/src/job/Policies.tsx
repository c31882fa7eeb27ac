// What a job type says of its jobs, as one line; nothing where it says nothing.

import type { JobType } from '../api/schema';
import { policiesOf } from './policies';
import { capital } from './words';

export function Policies({ type }: { type: JobType }) {
  const said = policiesOf(type).join('; ');
  return said ? <p className="muted">{capital(said)}.</p> : null;
}
