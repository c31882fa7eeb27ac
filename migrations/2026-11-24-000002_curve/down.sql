DROP TABLE job_curves;
ALTER TABLE jobs DROP COLUMN eta_seconds, DROP COLUMN rate_per_second;
