//! The ledger: what was asked of the cluster, and what it answered. What it accepted it has to keep.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::history::Violation;

/// A request that makes jobs.
#[derive(Clone, Debug)]
pub struct Request {
    /// The numbers of its jobs, which stand in their params.
    pub tags: Vec<i64>,
    /// What came back.
    pub answer: Answer,
}

/// What is known of the fate of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was answered 201 with these jobs, in the order of the tags.
    Accepted(Vec<Uuid>),
    /// It was refused for good.
    Refused,
    /// The answer was lost, or says that it may have been stored.
    Unknown,
}

/// A wish that a job stop.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The job.
    pub job: Uuid,
    /// When it was sent.
    pub at: DateTime<Utc>,
    /// Whether it was answered 202.
    pub accepted: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Entries>);

/// What is in it.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// Requests that make jobs.
    pub requests: Vec<Request>,
    /// Requests that stop jobs.
    pub wishes: Vec<Wish>,
    /// How many of the first were retries.
    pub retries: usize,
    /// What no server should have answered or done.
    pub odd: Vec<Violation>,
}

impl Ledger {
    /// Notes a request.
    pub fn note(&self, request: Request) {
        self.lock().requests.push(request);
    }

    /// Notes that one of them was a retry.
    pub fn note_retry(&self) {
        self.lock().retries += 1;
    }

    /// Notes a wish.
    pub fn note_wish(&self, wish: Wish) {
        self.lock().wishes.push(wish);
    }

    /// Notes what should not have happened.
    pub fn note_odd(&self, violation: Violation) {
        self.lock().odd.push(violation);
    }

    /// What is in it by now.
    pub fn entries(&self) -> Entries {
        self.lock().clone()
    }

    /// How many jobs were accepted.
    pub fn accepted(&self) -> usize {
        let accepted = |request: &Request| if let Answer::Accepted(jobs) = &request.answer { jobs.len() } else { 0 };
        self.lock().requests.iter().map(accepted).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
