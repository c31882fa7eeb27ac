-- The files of finished downloads that process_downloads has dealt with: what it did, for people, and what it must clear away.
CREATE TABLE handled_downloads (
    torrent_hash text NOT NULL,
    -- its place in the torrent's list; its path may be too long for an index
    file_index integer NOT NULL,
    torrent_name text NOT NULL,
    -- its path in the torrent
    file text NOT NULL,
    -- its path in the library
    path text NOT NULL,
    how text NOT NULL CHECK (how IN ('copying', 'linked', 'copied', 'skipped', 'excluded')),
    size_bytes bigint NOT NULL,
    -- where its copy grows; a run that finds one has inherited it from a dead one
    partial text,
    job_id uuid NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (torrent_hash, file_index),
    CHECK ((how = 'copying') = (partial IS NOT NULL))
);
CREATE INDEX handled_downloads_by_time ON handled_downloads (handled_at);
CREATE INDEX handled_downloads_copying ON handled_downloads (handled_at) WHERE partial IS NOT NULL;
