//! StashHog, an actor-based job supervisor.
pub mod job;
mod jobs;
pub mod services;
