-- When to make which jobs. `next_run_at` is the next due time that no history row speaks of yet: whoever fires it moves it on in
-- the same transaction.
CREATE TABLE schedules (
    id          uuid PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    type        text NOT NULL,
    params      jsonb NOT NULL DEFAULT '{}',
    cron        text NOT NULL,
    time_zone   text NOT NULL DEFAULT 'UTC',
    enabled     boolean NOT NULL DEFAULT true,
    -- What a due time does while an earlier job of the schedule has not ended.
    overlap     text NOT NULL DEFAULT 'skip' CHECK (overlap IN ('skip', 'queue')),
    -- What becomes of due times that nobody fired in time.
    catch_up    text NOT NULL DEFAULT 'none' CHECK (catch_up IN ('none', 'one')),
    -- Of its jobs; the type's own when null.
    priority    integer,
    -- Why it was last written, in that person's words.
    reason      text,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_by  text NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    next_run_at timestamptz
);
CREATE INDEX schedules_due ON schedules (next_run_at) WHERE enabled AND next_run_at IS NOT NULL;

-- What became of each due time, and who changed the schedule; the newest of each schedule are kept.
CREATE TABLE schedule_runs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id uuid NOT NULL REFERENCES schedules ON DELETE CASCADE,
    -- Null for what no clock asked for.
    due_at      timestamptz,
    at          timestamptz NOT NULL DEFAULT now(),
    outcome     text NOT NULL,
    -- The job that was made, or the one that stood in the way.
    job_id      uuid,
    detail      jsonb,
    actor       text,
    reason      text,
    UNIQUE (schedule_id, due_at)
);
CREATE INDEX schedule_runs_newest ON schedule_runs (schedule_id, id DESC);
