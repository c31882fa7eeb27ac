-- Lists of jobs read ranges of these, newest first: by type and status together, so that two common values with a rare combination
-- are found at once.
DROP INDEX jobs_by_type;
CREATE INDEX jobs_by_type ON jobs (type, status, id DESC);

-- What completed with errors is listed and retried on its own. Nothing asks for errors of jobs that failed.
DROP INDEX jobs_by_errors;
CREATE INDEX jobs_with_errors ON jobs (id DESC) WHERE outcome = 'completed_with_errors';

-- Only of jobs that have ended: an entry is written once for each job, and not at each of its changes.
CREATE INDEX jobs_by_actor ON jobs (created_by, id DESC) WHERE status IN ('completed', 'failed', 'cancelled');
