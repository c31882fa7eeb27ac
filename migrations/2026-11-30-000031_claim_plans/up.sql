-- The lowest priorities that wait, by type. A claim reads the queue up to now and not into the future, except as far as the lowest
-- priority is behind its time.
CREATE INDEX jobs_low_priority ON jobs (type, priority) WHERE status = 'pending' AND priority < 0;

-- Only jobs that have a key. With every active job in it, the index cost each job a write, and the planner took it for a short cut
-- to pending jobs: it sorted all of them for each claim.
DROP INDEX jobs_exclusive;
CREATE UNIQUE INDEX jobs_exclusive ON jobs (exclusive_key)
    WHERE exclusive_key IS NOT NULL AND status IN ('pending', 'running', 'cancelling');
