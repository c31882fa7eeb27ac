//! Job types of our own, and the service that one of them asks. A library, so that tests can reach them.

pub mod jobs;
pub mod ratings;
