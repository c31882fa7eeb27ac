ALTER TABLE jobs DROP COLUMN waiting_claim_id;
