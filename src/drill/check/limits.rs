//! Of a type that is limited in the cluster no more ran at a time, existed, or were started in a while than may.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::TimeDelta;
use uuid::Uuid;

use super::life::{is_end, run_end};
use crate::drill::history::{EventRow, History, Kind, Violation};
use crate::job::{Admission, JobSpec, RateLimit};

/// Walks through the events in the order in which the database stored them.
pub fn limits(history: &History) -> Vec<Violation> {
    let types: HashMap<Uuid, &str> = history.jobs.iter().map(|job| (job.id, job.type_name.as_str())).collect();
    let of_type = |spec: &JobSpec| {
        let its: Vec<_> = history.events.iter().filter(|event| types.get(&event.job_id) == Some(&spec.name)).collect();
        let running = spec.cluster_limit().and_then(|most| too_many(spec, most, &its, "started", run_end));
        let existing = (spec.admission == Admission::Exclusive).then(|| too_many(spec, 1, &its, "created", is_end));
        let started = spec.rate_limit.and_then(|limit| too_fast(spec, limit, &its));
        [running, existing.flatten(), started].into_iter().flatten()
    };
    history.specs.iter().flat_map(of_type).collect()
}

fn too_many(
    spec: &JobSpec,
    most: u32,
    events: &[&EventRow],
    comes: &str,
    goes: impl Fn(&EventRow) -> bool,
) -> Option<Violation> {
    let mut there: HashSet<Uuid> = HashSet::new();
    for event in events {
        if goes(event) {
            there.remove(&event.job_id);
        } else if event.kind == comes && there.insert(event.job_id) && there.len() > most as usize {
            let others: Vec<_> = there.iter().filter(|job| **job != event.job_id).map(Uuid::to_string).collect();
            let text = format!("{} {comes} while there was {}", spec.name, others.join(", "));
            return Some(Violation::of(Kind::TooMany, event.job_id, text));
        }
    }
    None
}

fn too_fast(spec: &JobSpec, limit: RateLimit, events: &[&EventRow]) -> Option<Violation> {
    let mut starts: Vec<_> = events.iter().filter(|event| event.kind == "started").collect();
    starts.sort_by_key(|event| event.at);
    let mut recent = VecDeque::new();
    for started in starts {
        recent.push_back(started.at);
        if recent.len() > limit.starts as usize
            && let Some(first) = recent.pop_front()
            && started.at - first < TimeDelta::from_std(limit.period).unwrap_or_default()
        {
            let within = (started.at - first).num_milliseconds();
            let text = format!("{} was started {} times within {within} ms", spec.name, limit.starts + 1);
            return Some(Violation::of(Kind::TooMany, started.job_id, text));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::sample::{events, job, kinds};
    use super::limits;
    use crate::drill::history::{History, Kind};
    use crate::job::JobSpec;

    const SPEC: JobSpec = JobSpec::new("drill_count", "");

    fn found(spec: JobSpec, first: &[(i64, &str, i32)], second: &[(i64, &str, i32)]) -> Vec<Kind> {
        let mut events = [events(1, first), events(2, second)].concat();
        events.sort_by_key(|event| event.id);
        kinds(limits(&History { jobs: vec![job(1), job(2)], events, specs: vec![spec], ..History::default() }))
    }

    #[test]
    fn jobs_of_a_limited_type_wait_for_each_other() {
        let first = [(1, "created", 0), (3, "started", 1), (5, "rescued", 1), (8, "started", 2), (9, "completed", 2)];
        let serial = SPEC.serial();
        assert_eq!(found(serial, &first, &[(2, "created", 0), (6, "started", 1), (7, "completed", 1)]), []);
        assert_eq!(found(serial, &first, &[(2, "created", 0), (6, "started", 1)]), [Kind::TooMany]);
        assert_eq!(found(serial, &first, &[(4, "started", 1), (7, "completed", 1)]), [Kind::TooMany]);
        assert_eq!(found(SPEC.in_cluster(2), &first, &[(4, "started", 1), (7, "completed", 1)]), []);
    }

    #[test]
    fn an_exclusive_job_is_alone_from_its_creation_on() {
        let first = [(1, "created", 0), (3, "started", 1), (5, "completed", 1)];
        assert_eq!(found(SPEC.exclusive(), &first, &[(6, "created", 0)]), []);
        assert_eq!(found(SPEC.exclusive(), &first, &[(2, "created", 0)]), [Kind::TooMany]);
    }

    #[test]
    fn starts_are_counted_over_any_span() {
        let first = [(1_000, "started", 1), (1_001, "rescued", 1), (1_900, "started", 2)];
        let paced = SPEC.rate_limit(2, Duration::from_secs(1));
        assert_eq!(found(paced, &first, &[(2_000, "started", 1)]), []);
        assert_eq!(found(paced, &first, &[(1_999, "started", 1)]), [Kind::TooMany]);
    }
}
