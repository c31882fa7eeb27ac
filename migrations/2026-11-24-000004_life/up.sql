-- The place of a pending job in the order of claims: since when it waits, ten minutes earlier for each point of priority. A
-- job that waits is overtaken only by what is worth more than its wait, so none starves, and the order of two jobs never changes.
ALTER TABLE jobs
    ADD COLUMN turn_at     timestamptz NOT NULL DEFAULT now(),
    -- Attempts that failed and were followed by another, and how many may.
    ADD COLUMN failures    integer NOT NULL DEFAULT 0,
    ADD COLUMN max_retries integer NOT NULL DEFAULT 0,
    -- The jobs above it, from the one that somebody triggered down to its parent.
    ADD COLUMN ancestors   uuid[] NOT NULL DEFAULT '{}',
    -- What its parent knows it by: the same in each run of the parent.
    ADD COLUMN child_key   text,
    -- The schedule that made it.
    ADD COLUMN schedule_id uuid,
    -- Jobs with the same key run one after the other, in the order of their creation.
    ADD COLUMN queue_key   text;

UPDATE jobs SET turn_at = greatest(run_at, created_at) - priority * interval '10 minutes' WHERE status = 'pending';

DROP INDEX jobs_claim;
-- Claims read this in its order. With run_at in it, jobs whose time has not come are passed over without a look at their rows.
CREATE INDEX jobs_claim ON jobs (type, turn_at, id, run_at) WHERE status = 'pending';
CREATE UNIQUE INDEX jobs_by_child_key ON jobs (parent_id, child_key) WHERE child_key IS NOT NULL;
CREATE INDEX jobs_under ON jobs USING gin (ancestors)
    WHERE ancestors <> '{}' AND status IN ('pending', 'running', 'cancelling');
CREATE INDEX jobs_by_schedule ON jobs (schedule_id, id DESC) WHERE schedule_id IS NOT NULL;
CREATE INDEX jobs_by_queue_key ON jobs (queue_key, created_at, id)
    WHERE queue_key IS NOT NULL AND status IN ('pending', 'running', 'cancelling');

-- The starts of jobs of types with a rate limit, as long as the limit looks back.
CREATE TABLE recent_starts (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type  text NOT NULL,
    at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX recent_starts_by_type ON recent_starts (type, at);
