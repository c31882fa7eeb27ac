-- How fast a running job is, and how long it will still take. Null as soon as it does not run.
ALTER TABLE jobs
    ADD COLUMN rate_per_second double precision,
    ADD COLUMN eta_seconds     bigint;

-- The course of a job's progress, as its last attempt took it: at most 200 points. A table of its own, as it is wide, and
-- rows of jobs are rewritten ten times a second and read by the thousand.
CREATE TABLE job_curves (
    job_id   uuid PRIMARY KEY,
    attempt  integer NOT NULL,
    points   jsonb NOT NULL
);
