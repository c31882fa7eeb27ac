// Why a job was not run. A setting that is missing leads to its field.

import { Link } from '@tanstack/react-router';
import { Alert } from 'antd';
import { Problem } from '../../api/client';
import type { JobType } from '../../api/schema';
import { Refused } from '../../job/Refused';
import { capital } from '../../job/words';

export function NotRun({ error, type }: { error: Error; type: JobType }) {
  if (!(error instanceof Problem) || error.code !== 'setting_missing') return <Refused error={error} />;
  const missing = type.needs.find((name) => error.message.includes(`\`${name}\``));
  return (
    <Alert
      type="error"
      showIcon
      title={
        <>
          {capital(error.message)}.{' '}
          <span className="linked">
            <Link to="/settings" {...(missing ? { hash: missing } : {})}>
              Set it
            </Link>
          </span>
        </>
      }
    />
  );
}
