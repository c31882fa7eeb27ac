-- Plans: changes to scenes that a job proposes, for a person to look at before they reach Stash.
CREATE TABLE plans (
    id uuid PRIMARY KEY,
    -- the job that builds it, which may be deleted before the plan is; a job has one plan, however often it runs
    job_id uuid NOT NULL UNIQUE,
    name text NOT NULL,
    -- building, open, applied or failed
    status text NOT NULL,
    -- who proposes: ai, or names
    source text NOT NULL,
    model text,
    params jsonb NOT NULL,
    -- scenes that are to be looked at; those that were are in plan_scenes, and counted here
    scene_total bigint NOT NULL DEFAULT 0,
    scene_count bigint NOT NULL DEFAULT 0,
    scene_errors bigint NOT NULL DEFAULT 0,
    -- why not all of them were looked at
    note text,
    requests bigint NOT NULL DEFAULT 0,
    input_tokens bigint NOT NULL DEFAULT 0,
    output_tokens bigint NOT NULL DEFAULT 0,
    -- in whatever currency the prices of the settings are; null without prices
    cost double precision,
    created_at timestamptz NOT NULL DEFAULT now(),
    built_at timestamptz,
    applied_at timestamptz
);
CREATE INDEX plans_building ON plans (job_id) WHERE status = 'building';

-- The scenes that a plan has looked at: a run that is cut short goes on behind them, and a later plan leaves them out.
CREATE TABLE plan_scenes (
    plan_id uuid NOT NULL REFERENCES plans ON DELETE CASCADE,
    scene_id text NOT NULL,
    PRIMARY KEY (plan_id, scene_id)
);
CREATE INDEX plan_scenes_by_scene ON plan_scenes (scene_id);

CREATE TABLE plan_changes (
    id uuid PRIMARY KEY,
    plan_id uuid NOT NULL REFERENCES plans ON DELETE CASCADE,
    scene_id text NOT NULL,
    scene_title text NOT NULL,
    -- tags, performers, studio, title, details or date
    field text NOT NULL,
    -- set, add or remove
    action text NOT NULL,
    -- what tells the changes of one field of one scene apart: the name that is added, lower case; empty where there is one
    key text NOT NULL,
    current jsonb,
    proposed jsonb,
    confidence double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    reason text,
    -- pending, approved, rejected, applied, conflict or failed
    status text NOT NULL DEFAULT 'pending',
    error text,
    decided_by text,
    decided_at timestamptz,
    decision_reason text,
    applied_at timestamptz,
    -- when Stash had last changed the scene, as the plan saw it
    scene_updated_at timestamptz,
    UNIQUE (plan_id, scene_id, field, key)
);
CREATE INDEX plan_changes_by_plan ON plan_changes (plan_id, id);
CREATE INDEX plan_changes_by_status ON plan_changes (plan_id, status);
