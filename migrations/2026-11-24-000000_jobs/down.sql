DROP TABLE media_files, job_item_errors, job_logs, job_events, jobs, nodes;
DROP SEQUENCE job_rev;
