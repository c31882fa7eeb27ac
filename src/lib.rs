//! StashHog, an actor-based job supervisor.
pub mod actors;
pub mod http;
pub mod job;
pub mod store;
