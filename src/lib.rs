//! StashHog, an actor-based job supervisor.
pub mod actors;
pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod job;
mod jobs;
pub mod store;

use std::process::ExitCode;

use job::{Registry, RegistryError};

/// The whole program with every job type that is linked into it: the built-in ones, and those of the crate that calls this.
pub fn main() -> ExitCode {
    main_with(Registry::collect())
}

/// The whole program with these job types: `stashhog::main_with(Registry::without_built_in())` has a crate's own ones only.
pub fn main_with(registry: Result<Registry, RegistryError>) -> ExitCode {
    cli::main(registry)
}
