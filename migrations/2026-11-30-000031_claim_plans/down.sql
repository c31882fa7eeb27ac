DROP INDEX jobs_exclusive;
CREATE UNIQUE INDEX jobs_exclusive ON jobs (exclusive_key) WHERE status IN ('pending', 'running', 'cancelling');
DROP INDEX jobs_low_priority;
