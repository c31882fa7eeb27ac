//! How long it takes until the jobs that a fault stopped run again.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::Serialize;
use uuid::Uuid;

use super::check::run_end;
use super::faults::{Disturbance, FaultKind};
use super::history::{EventRow, History};

/// How many, and how long they took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// Half of them took at most this long.
    pub p50_ms: i64,
    /// The longest.
    pub max_ms: i64,
}

/// How long it took from a fault until the jobs that ran on its node ran again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// The fault.
    pub fault: FaultKind,
    /// The jobs.
    #[serde(flatten)]
    pub jobs: Spread,
}

impl Spread {
    /// Of so many.
    pub fn of(mut took: Vec<TimeDelta>) -> Self {
        took.sort_unstable();
        let ms = |took: Option<&TimeDelta>| took.map_or(0, TimeDelta::num_milliseconds);
        Self { count: took.len(), p50_ms: ms(took.get(took.len() / 2)), max_ms: ms(took.last()) }
    }
}

/// From each fault to the next attempt of each job that ran on its node and lost its run by it, the wait for a slot included.
pub fn recovery(history: &History) -> Vec<Recovery> {
    let mut by_job: BTreeMap<Uuid, Vec<&EventRow>> = BTreeMap::new();
    for event in &history.events {
        by_job.entry(event.job_id).or_default().push(event);
    }
    let mut took: BTreeMap<FaultKind, Vec<TimeDelta>> = BTreeMap::new();
    for events in by_job.values() {
        for (n, started) in events.iter().enumerate().filter(|(_, event)| event.kind == "started") {
            let lost = events[n..].iter().find(|event| run_end(event) && event.attempt == started.attempt);
            let next = events[n + 1..].iter().find(|event| event.kind == "started");
            let (Some(lost), Some(next)) = (lost, next) else { continue };
            if matches!(lost.kind.as_str(), "rescued" | "interrupted")
                && let Some(fault) = cause(history, started, lost)
            {
                took.entry(fault.kind).or_default().push(next.at - fault.from);
            }
        }
    }
    took.into_iter().map(|(fault, took)| Recovery { fault, jobs: Spread::of(took) }).collect()
}

/// The last fault of a node before a run on it was lost.
fn cause<'h>(history: &'h History, started: &EventRow, lost: &EventRow) -> Option<&'h Disturbance> {
    let of_node = |d: &&Disturbance| d.process.is_some_and(|(_, node)| Some(node) == started.node_id);
    let during = |d: &&Disturbance| started.at <= d.from && d.from <= lost.at;
    history.disturbances.iter().filter(of_node).filter(during).max_by_key(|d| d.from)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::{Recovery, Spread, recovery};
    use crate::drill::faults::{Disturbance, FaultKind};
    use crate::drill::history::{EventRow, History};

    #[test]
    fn half_of_them_and_the_longest() {
        let spread = Spread::of([30, 10, 20].map(TimeDelta::milliseconds).to_vec());
        assert_eq!(spread, Spread { count: 3, p50_ms: 20, max_ms: 30 });
        assert_eq!(Spread::of(Vec::new()), Spread::default());
    }

    #[test]
    fn recovery_is_from_the_fault_to_the_next_attempt() {
        let (job, node) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let at = |ms| chrono::DateTime::from_timestamp_millis(ms).unwrap();
        let event = |ms, kind: &str, attempt, node_id| EventRow {
            id: ms,
            job_id: job,
            at: at(ms),
            kind: kind.to_owned(),
            attempt,
            node_id,
        };
        let events = vec![
            event(1_000, "started", 1, Some(node)),
            event(13_000, "rescued", 1, Some(node)),
            event(13_500, "started", 2, None),
            event(14_000, "completed", 2, None),
        ];
        let kill = Disturbance { kind: FaultKind::Kill, process: Some((1, node)), from: at(2_000), until: at(5_000) };
        let other = Disturbance { process: Some((2, job)), from: at(3_000), ..kill.clone() };
        let history = History { events, disturbances: vec![kill, other], ..History::default() };
        let jobs = Spread { count: 1, p50_ms: 11_500, max_ms: 11_500 };
        assert_eq!(recovery(&history), [Recovery { fault: FaultKind::Kill, jobs }]);
    }
}
