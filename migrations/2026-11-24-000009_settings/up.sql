-- What was set through the API, over the environment and the defaults.
CREATE TABLE settings (
    name text PRIMARY KEY,
    -- a value that is not secret
    value jsonb,
    -- a secret: nonce and ciphertext; its key is never in the database
    secret bytea,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,
    CHECK ((value IS NULL) <> (secret IS NULL))
);
