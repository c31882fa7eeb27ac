//! StashHog, an actor-based job supervisor.
pub mod actors;
pub mod app;
pub mod config;
pub mod http;
pub mod job;
mod jobs;
pub mod store;
