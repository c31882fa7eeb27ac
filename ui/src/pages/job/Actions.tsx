// The buttons of a job, as many as make sense in its state.

import { Link } from '@tanstack/react-router';
import { Button } from 'antd';
import { useState } from 'react';
import { useJobType } from '../../api/queries';
import type { JobSummary } from '../../api/schema';
import { CancelDialog, RetryDialog } from '../../job/actions';
import { isTerminal } from '../../job/status';

type Dialog = 'cancel' | 'retry' | 'retry-failed';

export function Actions({ job }: { job: JobSummary }) {
  const [dialog, setDialog] = useState<Dialog>();
  const known = useJobType(job.type) !== undefined;
  const ended = isTerminal(job.status);
  const close = () => setDialog(undefined);
  return (
    <div className="job-actions">
      {ended && known && job.error_count > 0 ? (
        <Button onClick={() => setDialog('retry-failed')}>Retry only the failed items</Button>
      ) : null}
      {ended && known ? <Button onClick={() => setDialog('retry')}>Retry</Button> : null}
      {known ? (
        <Link to="/run/$type" params={{ type: job.type }} search={{ from: job.id }} className="button-link">
          Run again with changes
        </Link>
      ) : null}
      {ended || job.status === 'cancelling' ? null : (
        <Button danger onClick={() => setDialog('cancel')}>
          Cancel
        </Button>
      )}
      {dialog === 'cancel' ? <CancelDialog job={job} close={close} /> : null}
      {dialog === 'retry' ? <RetryDialog job={job} close={close} /> : null}
      {dialog === 'retry-failed' ? <RetryDialog job={job} onlyFailed close={close} /> : null}
    </div>
  );
}
