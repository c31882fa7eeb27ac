-- The job types of which no node starts a job until somebody resumes them.
CREATE TABLE pauses (
    type       text PRIMARY KEY,
    paused_by  text NOT NULL,
    paused_at  timestamptz NOT NULL DEFAULT now(),
    reason     text
);
