DROP INDEX jobs_by_actor;
DROP INDEX jobs_with_errors;
CREATE INDEX jobs_by_errors ON jobs (id DESC) WHERE error_count > 0;
DROP INDEX jobs_by_type;
CREATE INDEX jobs_by_type ON jobs (type, id DESC);
