-- The claim of a run that only waits for its children: when its node dies, it was not the reason. A later claim has another id,
-- so nobody has to take this back.
ALTER TABLE jobs ADD COLUMN waiting_claim_id uuid;
