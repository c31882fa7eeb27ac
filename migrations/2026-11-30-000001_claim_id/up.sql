-- The fence of a run: made anew by each claim, and kept after the run has ended until the next claim. `attempt` alone is none:
-- after a failover that lost a claim, two nodes hold the same attempt.
ALTER TABLE jobs ADD COLUMN claim_id uuid;
