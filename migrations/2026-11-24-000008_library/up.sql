-- What was synced from Stash. Ids are Stash's own, as text. No relation is a foreign key to what it names: scenes may arrive
-- before their performers do, and a page of performers that fails must not hold up the scenes.
CREATE TABLE studios (
    id text PRIMARY KEY,
    name text NOT NULL,
    url text,
    details text,
    aliases text[] NOT NULL DEFAULT '{}',
    parent_id text,
    stash_created_at timestamptz,
    stash_updated_at timestamptz NOT NULL,
    synced_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE performers (
    id text PRIMARY KEY,
    name text NOT NULL,
    disambiguation text,
    aliases text[] NOT NULL DEFAULT '{}',
    gender text,
    favorite boolean NOT NULL DEFAULT false,
    details text,
    stash_created_at timestamptz,
    stash_updated_at timestamptz NOT NULL,
    synced_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE tags (
    id text PRIMARY KEY,
    name text NOT NULL,
    description text,
    aliases text[] NOT NULL DEFAULT '{}',
    stash_created_at timestamptz,
    stash_updated_at timestamptz NOT NULL,
    synced_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE scenes (
    id text PRIMARY KEY,
    title text NOT NULL DEFAULT '',
    code text,
    details text,
    director text,
    urls text[] NOT NULL DEFAULT '{}',
    -- as Stash has it: 2024-01-31, or less of it
    date text,
    rating100 integer,
    organized boolean NOT NULL DEFAULT false,
    studio_id text,
    path text,
    size_bytes bigint,
    duration_seconds double precision,
    width integer,
    height integer,
    codec text,
    oshash text,
    phash text,
    stash_created_at timestamptz,
    stash_updated_at timestamptz NOT NULL,
    synced_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX scenes_by_update ON scenes (stash_updated_at DESC, id DESC);
CREATE INDEX scenes_by_studio ON scenes (studio_id) WHERE studio_id IS NOT NULL;
CREATE TABLE scene_performers (
    scene_id text NOT NULL REFERENCES scenes ON DELETE CASCADE,
    performer_id text NOT NULL,
    PRIMARY KEY (scene_id, performer_id)
);
CREATE INDEX scene_performers_by_performer ON scene_performers (performer_id);
CREATE TABLE scene_tags (
    scene_id text NOT NULL REFERENCES scenes ON DELETE CASCADE,
    tag_id text NOT NULL,
    PRIMARY KEY (scene_id, tag_id)
);
CREATE INDEX scene_tags_by_tag ON scene_tags (tag_id);
CREATE TABLE scene_groups (
    scene_id text NOT NULL REFERENCES scenes ON DELETE CASCADE,
    group_id text NOT NULL,
    name text NOT NULL,
    scene_index integer,
    PRIMARY KEY (scene_id, group_id)
);

CREATE INDEX studios_by_name ON studios (name, id);
CREATE INDEX performers_by_name ON performers (name, id);
CREATE INDEX tags_by_name ON tags (name, id);

-- How far each kind of entity was synced.
CREATE TABLE sync_state (
    -- performers, tags, studios or scenes
    entity text PRIMARY KEY,
    -- the address of the Stash that all of this is about
    stash text,
    -- everything that Stash changed before this is here; null until a sync came to its end without a failed page or entity
    synced_until timestamptz,
    -- the last sync that came to its end, and when
    done_job uuid,
    done_at timestamptz,
    -- a sync that has not come to its end: when it began, since when it looks, the last id that is here, and
    -- whether something of it failed
    run_job uuid,
    run_began timestamptz,
    run_since timestamptz,
    run_after bigint NOT NULL DEFAULT 0,
    run_failed boolean NOT NULL DEFAULT false,
    -- entities that Stash could not tell of, to be asked for again
    failing text[] NOT NULL DEFAULT '{}'
);

-- The task in Stash that a job has started and not seen the end of: the job's next run goes on watching it.
CREATE TABLE stash_tasks (
    job_id uuid PRIMARY KEY,
    task_id text NOT NULL,
    -- Stash counts its tasks anew when it is restarted: this tells two of one id apart
    added_at timestamptz NOT NULL
);
