//! Where jobs are kept: Postgres, and nothing else.
//!
//! ```text
//!  enqueue ─▶ claim ─▶ progress, curve ─▶ finish       (the order of a job's life, one file each)
//!       children, pauses ┘  cancel ┘  └ rescue, expiry
//!  search, listing, history, explain, nodes, stats     (what people ask)
//!  settings, vault                                     (what jobs are told)
//!  changes, notify                                     (what nodes hear of each other)
//!  clock                                               (what time it is, and ids)
//!  schedules, schedule_runs; due, schedule_jobs        (what makes jobs by the clock)
//!  plans                                               (what jobs propose, and people decide)
//! ```
//!
//! Queries are free functions on a connection. Each guarded update returns the rows that it changed: what does not come back
//! was refused by its guard. Every write of a run names its claim, the `fence`. Statements on the hot path are
//! `statement::Cached`: prepared once per connection; batches travel as arrays and are taken apart by `unnest`.

pub mod cancel;
pub mod cancel_below;
pub mod capacity;
pub mod changes;
pub mod children;
pub mod claim;
pub mod clock;
pub mod connect;
pub mod curve;
pub mod due;
pub mod embedded;
pub mod enqueue;
pub mod expiry;
pub mod explain;
pub mod failure;
mod fence;
pub mod finish;
pub mod history;
pub mod idempotency;
pub mod library;
pub mod library_write;
pub mod link;
pub mod listing;
pub mod lock;
pub mod migrations;
pub mod nodes;
pub mod notify;
mod nul;
pub mod origin;
pub mod outage;
pub mod outbox;
pub mod pauses;
mod places;
pub mod plans;
pub mod pool;
pub mod progress;
pub mod read;
pub mod requirements;
pub mod rescue;
pub mod retries;
pub mod row;
pub mod row_locks;
pub mod schedule_jobs;
pub mod schedule_runs;
pub mod schedules;
#[allow(missing_docs)]
pub mod schema;
pub mod search;
pub mod sessions;
pub mod settings;
pub mod state;
mod statement;
pub mod stats;
pub mod sync_state;
pub mod vault;
pub mod waiting;
pub mod watch;

pub use nul::find_nul;
