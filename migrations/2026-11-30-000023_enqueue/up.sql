-- Enqueueing a job inside any transaction: SELECT stashhog.enqueue('process_downloads', '{"exclude_small_videos": true}').

-- What the job types decide about new jobs, as the servers that started last have registered them.
CREATE TABLE job_types (
    name              text PRIMARY KEY,
    priority          integer NOT NULL,
    exclusive         boolean NOT NULL,
    unique_by_params  boolean NOT NULL,
    serial            boolean NOT NULL,
    max_interruptions integer NOT NULL,
    max_retries       integer NOT NULL,
    registered_at     timestamptz NOT NULL DEFAULT now()
);

-- Jobs that were committed by somebody else than a server: whichever server finds them first announces them.
CREATE TABLE enqueue_outbox (
    job_id uuid PRIMARY KEY
);

CREATE SCHEMA IF NOT EXISTS stashhog;

-- The tables are found in the schema that they are in now, whatever the search path of the caller is.
DO $migration$
DECLARE
    home text := (SELECT quote_ident(n.nspname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.oid = 'jobs'::regclass);
BEGIN
    EXECUTE format($create$
CREATE OR REPLACE FUNCTION stashhog.enqueue(
    type        text,
    params      jsonb DEFAULT '{}',
    priority    integer DEFAULT NULL,
    run_at      timestamptz DEFAULT NULL,
    expires_at  timestamptz DEFAULT NULL,
    unique_key  text DEFAULT NULL,
    reason      text DEFAULT NULL,
    actor       text DEFAULT NULL
) RETURNS uuid LANGUAGE plpgsql SET search_path FROM CURRENT AS $function$
DECLARE
    known     job_types%%ROWTYPE;
    ms        bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
    new_id    uuid := overlay(overlay(
                  replace(gen_random_uuid()::text, '-', '') PLACING lpad(to_hex(ms), 12, '0') FROM 1 FOR 12)
                  PLACING '7' FROM 13 FOR 1)::uuid;
    new_key   text;
    holder_id uuid;
    starts_at timestamptz := coalesce(enqueue.run_at, now());
BEGIN
    SELECT * INTO known FROM job_types WHERE name = enqueue.type;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no stashhog server has registered a job type "%%"', coalesce(enqueue.type, 'NULL')
            USING ERRCODE = 'undefined_object', HINT = 'SELECT name FROM job_types lists the types.';
    END IF;
    IF jsonb_typeof(enqueue.params) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'params must be a JSON object, not %%', coalesce(jsonb_typeof(enqueue.params), 'NULL')
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF octet_length(enqueue.params::text) > 1048576 THEN
        RAISE EXCEPTION 'params must be at most 1048576 bytes of JSON' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF enqueue.priority NOT BETWEEN -1000 AND 1000 THEN
        RAISE EXCEPTION 'priority must be from -1000 to 1000' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF starts_at NOT BETWEEN '1970-01-01 00:00:00Z' AND '2999-12-31 23:59:59Z' THEN
        RAISE EXCEPTION 'run_at must be in the years 1970 to 2999' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF enqueue.expires_at <= starts_at OR enqueue.expires_at > '2999-12-31 23:59:59Z' THEN
        RAISE EXCEPTION 'expires_at must be later than run_at and before the year 3000' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF length(enqueue.unique_key) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'unique_key must have 1 to 200 characters' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF length(enqueue.reason) > 1000 THEN
        RAISE EXCEPTION 'reason must have at most 1000 characters' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF length(enqueue.actor) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'actor must have 1 to 200 characters' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    new_key := CASE
        WHEN known.exclusive THEN known.name
        WHEN enqueue.unique_key IS NOT NULL THEN known.name || ':key:' || enqueue.unique_key
        WHEN known.unique_by_params
            THEN known.name || ':params:' || encode(sha256(convert_to(enqueue.params::text, 'UTF8')), 'hex')
    END;
    INSERT INTO jobs (id, type, params, metadata, priority, run_at, turn_at, expires_at, created_by, reason, exclusive_key, serial,
                      max_interruptions, max_retries, message)
    VALUES (new_id, known.name, enqueue.params, '{"triggered_by": "manual", "source": "sql"}',
            coalesce(enqueue.priority, known.priority), starts_at,
            greatest(starts_at, now()) - coalesce(enqueue.priority, known.priority) * interval '10 minutes',
            enqueue.expires_at, coalesce(enqueue.actor, 'sql:' || session_user), enqueue.reason, new_key, known.serial,
            known.max_interruptions, known.max_retries,
            CASE WHEN known.serial AND EXISTS (SELECT FROM jobs other WHERE other.type = known.name
                                               AND other.status IN ('pending', 'running', 'cancelling'))
                 THEN 'Waiting for another ' || known.name || ' job to complete' END)
    ON CONFLICT (exclusive_key) WHERE exclusive_key IS NOT NULL AND status IN ('pending', 'running', 'cancelling') DO NOTHING;
    IF NOT FOUND THEN
        SELECT id INTO holder_id FROM jobs
        WHERE exclusive_key = new_key AND status IN ('pending', 'running', 'cancelling');
        RAISE EXCEPTION 'a duplicate of this %% job is pending or running: %%', known.name, coalesce(holder_id::text, 'it has just ended')
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'jobs_exclusive', DETAIL = coalesce(holder_id::text, '');
    END IF;
    INSERT INTO job_events (job_id, kind, attempt, actor, reason)
    VALUES (new_id, 'created', 0, coalesce(enqueue.actor, 'sql:' || session_user), enqueue.reason);
    INSERT INTO enqueue_outbox VALUES (new_id);
    -- The notice that there are jobs to claim, from nobody's node; sent when the transaction is committed.
    PERFORM pg_notify('stashhog', 'AAAAAAAAAAAAAAAAAAAAAA claimable ' || known.name);
    RETURN new_id;
END
$function$ $create$);
    EXECUTE format('ALTER FUNCTION stashhog.enqueue SET search_path = %s, pg_temp', home);
END
$migration$;

COMMENT ON FUNCTION stashhog.enqueue IS
    'Enqueues a job in the transaction of the caller; it exists, and is started, once that is committed. Returns its id.';
