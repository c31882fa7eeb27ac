//! The world outside: what jobs need to know to deal with it. One module each; none of them knows a job type.
//!
//! A service has its settings ([`Setting`](crate::job::Setting)), a client with one error type ([`ServiceError`]), a way to try it
//! ([`Service`]), and a method of [`JobContext`](crate::job::JobContext) that gives a client which stops when the job is asked to.
//! Its fake, for tests, is in [`testing`](crate::testing).

pub mod ai;
mod connection;
mod error;
pub mod files;
pub mod media;
pub mod qbittorrent;
pub mod remote;
pub mod stash;

pub use connection::Service;
pub use error::ServiceError;
