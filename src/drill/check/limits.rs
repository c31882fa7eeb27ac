//! Of a type of which one runs at a time in the cluster, one ran at a time.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::life::run_end;
use crate::drill::history::{EventRow, History, Kind, Limit, Violation};

/// Walks through the events in the order in which the database stored them.
pub fn limits(history: &History) -> Vec<Violation> {
    let types: HashMap<Uuid, &str> = history.jobs.iter().map(|job| (job.id, job.type_name.as_str())).collect();
    let of_limit = |limit: &Limit| {
        let its = |event: &&EventRow| types.get(&event.job_id) == Some(&limit.type_name);
        too_many(limit, history.events.iter().filter(its))
    };
    history.limits.iter().filter_map(of_limit).collect()
}

fn too_many<'e>(limit: &Limit, events: impl Iterator<Item = &'e EventRow>) -> Option<Violation> {
    let mut there: HashSet<Uuid> = HashSet::new();
    for event in events {
        let (comes, goes) = if limit.exclusive {
            (event.kind == "created", matches!(event.kind.as_str(), "completed" | "failed" | "cancelled"))
        } else {
            (event.kind == "started", run_end(event))
        };
        if goes {
            there.remove(&event.job_id);
        } else if comes && there.insert(event.job_id) && there.len() > limit.most {
            let others: Vec<_> = there.iter().filter(|job| **job != event.job_id).map(Uuid::to_string).collect();
            let text = format!("{} {} while there was {}", limit.type_name, event.kind, others.join(", "));
            return Some(Violation::of(Kind::TooMany, event.job_id, text));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::sample::{events, job, kinds};
    use super::limits;
    use crate::drill::history::{History, Kind, Limit};

    fn found(exclusive: bool, first: &[(i64, &str, i32)], second: &[(i64, &str, i32)]) -> Vec<Kind> {
        let mut events = [events(1, first), events(2, second)].concat();
        events.sort_by_key(|event| event.id);
        let limits_ = vec![Limit { type_name: "drill_count", most: 1, exclusive }];
        kinds(limits(&History { jobs: vec![job(1), job(2)], events, limits: limits_, ..History::default() }))
    }

    #[test]
    fn serial_jobs_run_one_after_the_other() {
        let first = [(1, "created", 0), (3, "started", 1), (5, "rescued", 1), (8, "started", 2), (9, "completed", 2)];
        assert_eq!(found(false, &first, &[(2, "created", 0), (6, "started", 1), (7, "completed", 1)]), []);
        assert_eq!(found(false, &first, &[(2, "created", 0), (6, "started", 1)]), [Kind::TooMany]);
        assert_eq!(found(false, &first, &[(4, "started", 1), (7, "completed", 1)]), [Kind::TooMany]);
    }

    #[test]
    fn an_exclusive_job_is_alone_from_its_creation_on() {
        let first = [(1, "created", 0), (3, "started", 1), (5, "completed", 1)];
        assert_eq!(found(true, &first, &[(6, "created", 0)]), []);
        assert_eq!(found(true, &first, &[(2, "created", 0)]), [Kind::TooMany]);
    }
}
