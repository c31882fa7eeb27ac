-- What a job keeps between its attempts, as the last of them stored it. A table of its own, as it is wide, and rows of jobs are
-- rewritten ten times a second.
CREATE TABLE job_states (
    job_id      uuid PRIMARY KEY,
    -- Which attempt stored it.
    attempt     integer NOT NULL,
    state       jsonb NOT NULL,
    -- The size of its JSON.
    bytes       integer NOT NULL,
    -- The claim under which it last became another one: that run made progress.
    changed_by  uuid NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);
