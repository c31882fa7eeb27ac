DROP FUNCTION stashhog.enqueue;
DROP SCHEMA IF EXISTS stashhog RESTRICT;
DROP TABLE enqueue_outbox;
DROP TABLE job_types;
