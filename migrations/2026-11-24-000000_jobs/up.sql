-- Every stored change of a job takes the next number: live clients catch up by it.
CREATE SEQUENCE job_rev;

-- One running server process each; a fresh id per start.
CREATE TABLE nodes (
    id          uuid PRIMARY KEY,
    hostname    text NOT NULL,
    pid         integer NOT NULL,
    version     text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    renewed_at  timestamptz NOT NULL DEFAULT now(),
    stopped_at  timestamptz
);

-- The queue and the history: one row per job. Ids are UUID v7, so their order is the order of creation.
CREATE TABLE jobs (
    id                uuid PRIMARY KEY,
    type              text NOT NULL,
    status            text NOT NULL DEFAULT 'pending'
                      CHECK (status IN ('pending', 'running', 'cancelling', 'completed', 'failed', 'cancelled')),
    outcome           text CHECK (outcome IN ('completed', 'completed_with_errors', 'failed', 'cancelled')),
    params            jsonb NOT NULL,
    metadata          jsonb NOT NULL DEFAULT '{}',
    priority          integer NOT NULL DEFAULT 0,
    run_at            timestamptz NOT NULL DEFAULT now(),

    -- The fence: every write of a run names the attempt it belongs to.
    attempt           integer NOT NULL DEFAULT 0,
    interruptions     integer NOT NULL DEFAULT 0,
    max_interruptions integer NOT NULL DEFAULT 3,
    node_id           uuid,

    progress          double precision NOT NULL DEFAULT 0,
    message           text,
    processed_items   bigint,
    total_items       bigint,

    result            jsonb,
    error             text,
    error_count       bigint NOT NULL DEFAULT 0,

    created_by        text NOT NULL,
    reason            text,
    parent_id         uuid,
    retry_of          uuid,
    -- When set, the run is about these items only: the failed ones of the job that it retries.
    only_items        jsonb,
    -- The type's name for an exclusive type: one pending or running job may hold it.
    exclusive_key     text,
    serial            boolean NOT NULL DEFAULT false,

    -- The cancel ladder, rung by rung, with times: requested_at, requested_by, reason, delivered_at, stopped_at, aborted_at, abandoned_at.
    cancel            jsonb,

    created_at        timestamptz NOT NULL DEFAULT now(),
    started_at        timestamptz,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    completed_at      timestamptz,
    rev               bigint NOT NULL DEFAULT nextval('job_rev')
);

-- Claims read this in its order.
CREATE INDEX jobs_claim ON jobs (type, priority DESC, run_at, id) WHERE status = 'pending';
-- The gate of exclusive types.
CREATE UNIQUE INDEX jobs_exclusive ON jobs (exclusive_key) WHERE status IN ('pending', 'running', 'cancelling');
-- What runs: sweeps of orphans, snapshots of live clients, the serial rule.
CREATE INDEX jobs_active ON jobs (type, node_id) WHERE status IN ('running', 'cancelling');
-- Catching up.
CREATE UNIQUE INDEX jobs_rev ON jobs (rev);
-- Listings, newest first, by keyset.
CREATE INDEX jobs_by_status ON jobs (status, id DESC);
CREATE INDEX jobs_by_type ON jobs (type, id DESC);
CREATE INDEX jobs_by_errors ON jobs (id DESC) WHERE error_count > 0;
CREATE INDEX jobs_by_parent ON jobs (parent_id, id) WHERE parent_id IS NOT NULL;
CREATE INDEX jobs_by_retry_of ON jobs (retry_of) WHERE retry_of IS NOT NULL;
-- Throughput over time, and the cleanup of what is old.
CREATE INDEX jobs_completed ON jobs (completed_at) WHERE completed_at IS NOT NULL;

-- What happened to a job, in order: acts of people (with actor and reason) and facts of its life.
CREATE TABLE job_events (
    job_id   uuid NOT NULL,
    id       bigint GENERATED ALWAYS AS IDENTITY,
    at       timestamptz NOT NULL DEFAULT now(),
    kind     text NOT NULL,
    attempt  integer NOT NULL,
    actor    text,
    reason   text,
    node_id  uuid,
    data     jsonb,
    PRIMARY KEY (job_id, id)
);

-- A job's log. `seq` is the attempt shifted left by 32 bits plus the line's number in it: gaps are lines left out.
CREATE TABLE job_logs (
    job_id   uuid NOT NULL,
    seq      bigint NOT NULL,
    at       timestamptz NOT NULL,
    level    text NOT NULL,
    target   text NOT NULL,
    message  text NOT NULL,
    PRIMARY KEY (job_id, seq)
);

-- The items of a job that failed, as its last attempt found them.
CREATE TABLE job_item_errors (
    job_id   uuid NOT NULL,
    seq      integer NOT NULL,
    item     text NOT NULL,
    error    text NOT NULL,
    PRIMARY KEY (job_id, seq)
);

-- The index that scan_library keeps.
CREATE TABLE media_files (
    -- In the order of bytes: a scan walks the folders and this table side by side.
    path        text COLLATE "C" PRIMARY KEY,
    size        bigint NOT NULL,
    mtime       timestamptz NOT NULL,
    container   text,
    oshash      text,
    sha256      text,
    duration    double precision,
    codec       text,
    width       integer,
    height      integer,
    first_seen  timestamptz NOT NULL DEFAULT now(),
    scanned_at  timestamptz NOT NULL DEFAULT now(),
    missing_at  timestamptz
);
CREATE INDEX media_files_by_oshash ON media_files (oshash) WHERE oshash IS NOT NULL;

-- These tables change all the time: clean them early rather than rarely.
ALTER TABLE jobs SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05, fillfactor = 80);
