//! How it is asked: REST, probes, the document that describes both, and the files of the web UI.
//!
//! ```text
//!   request ─▶ headers ─▶ guard ─▶ idempotency ─▶ routes ─▶ one file per resource ─▶ read ─▶ store        (questions)
//!                            │                                     └─▶ JobSupervisor       (Submit, Cancel)
//!                            └ 403                    Problem ◀── whatever goes wrong, anywhere
//! ```
//!
//! Rules:
//! - Every path and its methods stand in `routes.rs`, on one screen. A test holds it and the OpenAPI document together.
//! - Every error is a [`Problem`](error::Problem) with a stable code. Nothing that a client sends may become a 500: what comes
//!   in goes through [`body`], [`query`] and [`limits`], which know every bound and its reason.
//! - Reading is done in a read-only transaction with a time limit ([`read`](read::read)); writing is asked of the supervisor, the
//!   only one who accepts jobs, wishes that they stop, and pauses. Schedules, which no actor keeps, are written here
//!   ([`write`](read::write)); the scheduler is told to look.

pub mod actor;
pub mod body;
pub mod bulk;
pub mod bulk_cancel;
pub mod bulk_retry;
pub mod cancel;
pub mod create;
pub mod cursor;
pub mod docs;
pub mod error;
pub mod etag;
pub mod explain;
mod explain_text;
pub mod fields;
pub mod guard;
pub mod headers;
pub mod health;
pub mod history;
pub mod idempotency;
pub mod job_types;
pub mod library;
mod library_cursor;
pub mod limits;
pub mod list;
pub mod log_text;
pub mod logs;
pub mod nodes;
mod openapi;
pub mod pause;
pub mod plan_changes;
pub mod plan_decide;
pub mod plans;
pub mod query;
pub mod read;
pub mod refusals;
pub mod retry;
mod routes;
pub mod schedule_check;
pub mod schedule_history;
pub mod schedule_preview;
pub mod schedule_run;
pub mod schedule_switch;
pub mod schedule_write;
pub mod schedules;
pub mod settings;
pub mod settings_test;
pub mod show;
pub mod state;
pub mod stats;
pub mod submit;
pub mod ui;
mod unavailable;
pub mod wait;
pub mod ws;

pub use openapi::openapi;
pub use routes::configure;
