-- After this time a pending job is not started: it is cancelled instead.
ALTER TABLE jobs ADD COLUMN expires_at timestamptz;
CREATE INDEX jobs_expiring ON jobs (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL;

COMMENT ON COLUMN jobs.exclusive_key IS
    'One pending, running or cancelling job may hold a key: TYPE for an exclusive type, TYPE:params:DIGEST, or TYPE:key:KEY';
