-- What a node would run: its slots by type, and whether it still claims jobs for them. Only with both can another node tell
-- why a job waits.
ALTER TABLE nodes
    ADD COLUMN slots jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN claiming boolean NOT NULL DEFAULT true;
