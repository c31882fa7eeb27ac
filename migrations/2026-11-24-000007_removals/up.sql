-- Jobs that were deleted a moment ago, numbered like changes: other nodes tell their clients. Only written where there are
-- other nodes, and kept for a minute.
CREATE TABLE removals (
    job_id   uuid PRIMARY KEY,
    type     text NOT NULL,
    node_id  uuid NOT NULL,
    rev      bigint NOT NULL DEFAULT nextval('job_rev'),
    at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX removals_by_rev ON removals (rev);
