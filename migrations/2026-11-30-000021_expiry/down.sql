COMMENT ON COLUMN jobs.exclusive_key IS NULL;
ALTER TABLE jobs DROP COLUMN expires_at;
