DROP TABLE recent_starts;
DROP INDEX jobs_by_queue_key, jobs_by_schedule, jobs_under, jobs_by_child_key, jobs_claim;
ALTER TABLE jobs
    DROP COLUMN turn_at,
    DROP COLUMN failures,
    DROP COLUMN max_retries,
    DROP COLUMN ancestors,
    DROP COLUMN child_key,
    DROP COLUMN schedule_id,
    DROP COLUMN queue_key;
CREATE INDEX jobs_claim ON jobs (type, priority DESC, run_at, id) WHERE status = 'pending';
