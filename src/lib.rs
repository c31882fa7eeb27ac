//! StashHog runs long jobs, shows their progress live, stops them when told to, and loses none of them.
//!
//! ```text
//!                 commands go down                                     facts go out
//!    browser, CLI ─REST─▶ http ─Submit/Cancel─▶ JobSupervisor ─Run/Stop─▶ JobRunner (one per job type)
//!        ▲                                          │   ▲                     │ the handler's task, spawned
//!        │                                    claim │   │ slots, wake-ups     ▼ Touched, Climbed, Concluded
//!        └──WebSocket── ClientSession ◀─Outbox── JobTracker ──batched writes──▶ Postgres
//!                      (one per client)
//! ```
//!
//! # Layout
//!
//! Imports point one way, in this order:
//!
//! - [`testing`]: runs one job alone, for the tests of whoever writes jobs.
//! - [`cli`]: the commands; all but `serve` are HTTP clients.
//! - `drill`: a scratch cluster that is broken on purpose, to prove that no job is lost.
//! - [`app`]: builds everything in order and takes it down in order. Its flags are in [`config`].
//! - [`http`]: how it is asked.
//! - [`actors`]: who does it.
//! - [`store`]: where it is kept.
//! - [`job`]: what a job is. Knows no actor, no query, no socket.
//! - `jobs`: one file per job type. Nothing outside of it imports them; the linker finds them.
//! - `planning`: what the jobs that propose changes to scenes have in common.
//! - [`services`]: the world outside, for jobs.
//!
//! # Invariants
//!
//! - A job id that was returned is a committed row; a change is stored before anyone is told of it.
//! - Every write of a run names its claim, which no other run shares. A late one is rejected and recorded.
//! - A handler runs on threads of its own: its panic, its blocking, its endless loop touch no actor.
//! - Whatever waits for a client is bounded, and the last thing that it is told of a job is the truth.
//!
//! # A job of your own
//!
//! A crate that depends on this one, has job files of its own and this `main` has the whole program, with its types beside
//! the built-in ones:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     stashhog::main()
//! }
//! ```

pub mod actors;
pub mod app;
pub mod cli;
pub mod config;
mod drill;
pub mod http;
pub mod job;
mod jobs;
mod planning;
pub mod services;
pub mod store;
pub mod testing;

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
