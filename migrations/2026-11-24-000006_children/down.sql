DROP INDEX jobs_begun;
