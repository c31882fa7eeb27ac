//! Who does it: the actors, their messages, and who speaks to whom.
//!
//! ```text
//!       Submit, Cancel, SetPaused              Run, Stop
//!   http ──────────────────▶ JobSupervisor ──────────────▶ JobRunner (one per type)
//!                              │      ▲                        │  spawns the handler on the job runtime
//!                     Stored   │      │ SlotFreed, BatchStored │  Climbed, Concluded
//!                              ▼      │                        ▼
//!                            JobTracker ◀──────────────────────┘ ◀── Touched (progress, log lines: from the attempt)
//!                              │ stores, then tells
//!                              ▼
//!         ChildWatch ◀─▶ Outbox ─▶ ClientSession (one per WebSocket client)
//!          (parents hear of children)
//! ```
//!
//! Beside them, for the life among other nodes:
//!
//! ```text
//!   LeaseKeeper ── Renewed, Fence ──▶ JobSupervisor ── Claimable ──▶ Bus ─▶ other nodes
//!        │ Beat                            ▲ Woken, AskedElsewhere    ▲
//!        ▼                                 │                          │ Jobs, Cancel, Removed
//!      Relay ◀── NoticeHeard ───────────── Bus ◀── other nodes     JobTracker
//!        └─ SeenElsewhere, ForeignLines, ForeignRemoved ──────────────▲
//! ```
//!
//! The `JobScheduler` stands beside: it stores the jobs of schedules that are due, wakes the supervisor, and has the tracker tell.
//!
//! Rules:
//! - Commands are imperative (`Submit`, `Cancel`, `Run`), facts are past tense (`Climbed`, `Concluded`, `Stored`).
//! - No handler of a message waits: whatever talks to the database is a future of its own, one at a time per connection, and
//!   what arrives meanwhile goes with the next batch (group commit).
//! - A handler's future runs on the job runtime, never inside an actor: its panic, its blocking, its endless loop stay there.
//! - The tracker is the only writer of what happens to a job after it was claimed, so that events of a job have one order.
//! - actix does not restart an actor that panicked. A runner leaves a tombstone, and the supervisor starts another; supervisor
//!   and tracker take the process with them, and the next start rescues: crash-only is simpler than half-alive.

pub mod attempt_task;
pub mod bus;
pub mod bus_postgres;
pub mod bus_state;
pub mod child_watch;
pub mod children;
pub mod command;
pub(crate) mod conclusion;
pub mod health;
pub mod identity;
pub mod interest;
pub mod lease;
pub mod mailbox;
pub mod outbox;
pub mod protocol;
pub mod relay;
mod relay_reading;
mod rev_cursor;
pub mod runner;
pub mod schedule_problem;
pub mod scheduler;
mod scheduler_turn;
pub mod session;
pub mod states;
pub mod supervisor;
mod supervisor_turn;
mod told;
pub mod tracker;
mod tracker_batch;
mod tracker_write;

#[cfg(test)]
mod tests;
