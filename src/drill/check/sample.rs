//! Small histories for the tests of the checks.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::drill::history::{EventRow, JobRow, Kind, Violation, WriteRow};

/// The n-th job, or node.
pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// A moment, in milliseconds.
pub fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap()
}

/// A job that completed one item in its first attempt, at 1000 ms.
pub fn job(n: u128) -> JobRow {
    JobRow {
        id: id(n),
        type_name: "drill_count".to_owned(),
        status: "completed".to_owned(),
        outcome: Some("completed".to_owned()),
        attempt: 1,
        interruptions: 0,
        max_interruptions: 20,
        failures: 0,
        max_retries: 0,
        processed_items: Some(1),
        error: None,
        completed_at: Some(at(1000)),
        rev: 10,
        tag: i64::try_from(n).unwrap(),
        items: 1,
        parent_id: None,
        claim_id: Some(id(1)),
        retry_of: None,
        schedule_id: None,
        due_at: None,
    }
}

/// Events of a job: their ids, kinds and attempts. Times are the ids, in milliseconds.
pub fn events(n: u128, of: &[(i64, &str, i32)]) -> Vec<EventRow> {
    let event = |(event, kind, attempt): &(i64, &str, i32)| EventRow {
        id: *event,
        job_id: id(n),
        at: at(*event),
        kind: (*kind).to_owned(),
        attempt: *attempt,
        node_id: None,
    };
    of.iter().map(event).collect()
}

/// Owned writes of an attempt of job 1: a step at each of these times.
pub fn writes(attempt: i32, steps: &[(&str, i64)]) -> Vec<WriteRow> {
    let write = |(step, ms): &(&str, i64)| WriteRow {
        job_id: id(1),
        attempt,
        claim_id: id(u128::from(attempt.unsigned_abs())),
        seq: *ms,
        process: 1,
        step: (*step).to_owned(),
        at: at(*ms),
        owned: true,
    };
    steps.iter().map(write).collect()
}

/// The kinds of what was found.
pub fn kinds(found: Vec<Violation>) -> Vec<Kind> {
    found.into_iter().map(|violation| violation.kind).collect()
}
