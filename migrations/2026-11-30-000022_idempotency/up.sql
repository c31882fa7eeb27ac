-- Requests that came with an `Idempotency-Key`, for a day: a repetition gets the answer of the first.
CREATE TABLE idempotency_keys (
    key         text PRIMARY KEY,
    -- SHA-256 of the method, the path with its query, and the body
    request     bytea NOT NULL,
    -- the ids that the request gives follow from this, so that executing it again makes nothing twice
    seed        uuid NOT NULL,
    -- who executes it; null when it ended without an answer that is kept
    node_id     uuid,
    execution   uuid NOT NULL,
    begun_at    timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- the answer
    status      smallint,
    headers     jsonb,
    body        bytea
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
