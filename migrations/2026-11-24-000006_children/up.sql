-- Jobs that ran before and wait to run again: those of them that have children will hold a place of their type once more.
CREATE INDEX jobs_begun ON jobs (type) WHERE status = 'pending' AND attempt > 0;
