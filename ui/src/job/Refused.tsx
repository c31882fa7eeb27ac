// Why something could not be done, and the job that stands in the way.

import { Link } from '@tanstack/react-router';
import { Alert } from 'antd';
import { Problem } from '../api/client';
import { capital } from './words';

export function Refused({ error, dismiss }: { error: Error; dismiss?: () => void }) {
  const { job, errors } = error instanceof Problem ? error : { job: undefined, errors: [] };
  return (
    <Alert
      className="refused"
      type="error"
      showIcon
      closable={dismiss ? { onClose: dismiss } : false}
      title={
        <>
          {capital(error.message)}
          {errors.map(({ pointer, message }) => (
            <div key={pointer}>
              {pointer.replace(/^\//, '')} {message}
            </div>
          ))}
          {job ? (
            <>
              {' '}
              <span className="linked">
                <Link to="/jobs/$id" params={{ id: job.id }}>
                  See that job
                </Link>
              </span>
            </>
          ) : null}
        </>
      }
    />
  );
}
