//! Every job ended, once; its history and its row agree; it failed or was cancelled for a reason that somebody gave.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::drill::history::{EventRow, History, JobRow, Kind, Violation};
use crate::drill::jobs::BULK;
use crate::drill::ledger::Wish;

/// What a job of the drill says when it was told to fail.
const TOLD_TO_FAIL: &str = "told to fail";
/// What is said of a job under which its nodes died too often.
const DIED_TOO_OFTEN: &str = "its node died under it";

/// Holds the jobs against their histories.
pub fn life(history: &History) -> Vec<Violation> {
    let mut events: HashMap<Uuid, Vec<&EventRow>> = HashMap::new();
    for event in &history.events {
        events.entry(event.job_id).or_default().push(event);
    }
    let wished: HashSet<_> = history.ledger.wishes.iter().map(|wish| wish.job).collect();
    let kept = |wish: &&Wish| wish.accepted && !history.set_backs.iter().any(|lost| lost.lost_cancel(wish.job));
    let promised: HashSet<_> = history.ledger.wishes.iter().filter(kept).map(|wish| wish.job).collect();
    let stopped = history.jobs.iter().filter(|job| matches!(job.status.as_str(), "cancelled" | "failed"));
    let stopped: HashSet<_> = stopped.map(|job| job.id).collect();
    // What stops a parent stops its children; an act on many whose answer was lost may have stopped any of its type.
    let may_be_cancelled = |job: &JobRow| {
        let with_parent = job.parent_id.is_some_and(|parent| stopped.contains(&parent));
        wished.contains(&job.id) || with_parent || job.type_name == BULK
    };
    let of_job = |job: &JobRow| {
        let events = events.get(&job.id).map(Vec::as_slice).unwrap_or_default();
        ended(job).or_else(|| ended_once(job, events)).or_else(|| rightly(job, may_be_cancelled(job), &promised))
    };
    history.jobs.iter().filter_map(of_job).collect()
}

/// Whether an event ends a job for good.
pub fn is_end(event: &EventRow) -> bool {
    matches!(event.kind.as_str(), "completed" | "failed" | "cancelled")
}

/// Whether an event ends an attempt, for good or not.
pub fn run_end(event: &EventRow) -> bool {
    is_end(event) || matches!(event.kind.as_str(), "interrupted" | "rescued" | "attempt_failed")
}

fn ended(job: &JobRow) -> Option<Violation> {
    let is_final = matches!(job.status.as_str(), "completed" | "failed" | "cancelled");
    (!is_final).then(|| Violation::of(Kind::NotEnded, job.id, format!("it is still {}", job.status)))
}

fn ended_once(job: &JobRow, events: &[&EventRow]) -> Option<Violation> {
    let ends: Vec<_> = events.iter().filter(|event| is_end(event)).collect();
    let [end] = ends.as_slice() else {
        let told: Vec<_> = ends.iter().map(|end| format!("{} (attempt {})", end.kind, end.attempt)).collect();
        let kind = if ends.is_empty() { Kind::EndDisagrees } else { Kind::EndedTwice };
        return Some(Violation::of(kind, job.id, format!("its history has {} ends: {}", ends.len(), told.join(", "))));
    };
    if let Some(after) = events.iter().find(|event| event.id > end.id && event.kind == "started") {
        let text = format!("attempt {} started after it was {}", after.attempt, end.kind);
        return Some(Violation::of(Kind::EndedTwice, job.id, text));
    }
    let starts = events.iter().filter(|event| event.kind == "started").map(|event| event.attempt);
    if !starts.eq(1..=job.attempt) {
        let text = format!("it is at attempt {}, and its history does not have the start of each", job.attempt);
        return Some(Violation::of(Kind::EndDisagrees, job.id, text));
    }
    let agrees = end.kind == job.status && end.attempt == job.attempt;
    (!agrees).then(|| {
        let text = format!(
            "its history says {} by attempt {}, its row {} by attempt {}",
            end.kind, end.attempt, job.status, job.attempt
        );
        Violation::of(Kind::EndDisagrees, job.id, text)
    })
}

fn rightly(job: &JobRow, may_be_cancelled: bool, promised: &HashSet<Uuid>) -> Option<Violation> {
    if promised.contains(&job.id) && job.status != "cancelled" {
        let text = format!("a cancel was accepted, and it is {}", job.status);
        return Some(Violation::of(Kind::CancelBroken, job.id, text));
    }
    match job.status.as_str() {
        "cancelled" if !may_be_cancelled => {
            Some(Violation::of(Kind::CancelBroken, job.id, "it was cancelled, and nobody had asked"))
        }
        "failed" => failed_oddly(job),
        _ => None,
    }
}

fn failed_oddly(job: &JobRow) -> Option<Violation> {
    let error = job.error.as_deref().unwrap_or_default();
    let text = if error.starts_with(TOLD_TO_FAIL) {
        let retried = format!("it failed for good after {} of {} retries", job.failures, job.max_retries);
        (job.failures < job.max_retries).then_some(retried)?
    } else if error.starts_with(DIED_TOO_OFTEN) {
        let forgiven =
            format!("it was given up after {} of {} interruptions", job.interruptions, job.max_interruptions);
        (job.interruptions <= job.max_interruptions).then_some(forgiven)?
    } else {
        format!("it failed: {error}")
    };
    Some(Violation::of(Kind::FailedOddly, job.id, text))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{at, events, id, job, kinds};
    use super::life;
    use crate::drill::history::{History, JobRow, Kind};
    use crate::drill::ledger::Wish;

    fn found(job: JobRow, of: &[(i64, &str, i32)], accepted: Option<bool>) -> Vec<Kind> {
        let mut history = History { events: events(1, of), jobs: vec![job], ..History::default() };
        history.ledger.wishes.extend(accepted.map(|accepted| Wish { job: id(1), at: at(0), accepted }));
        kinds(life(&history))
    }

    fn with(status: &str, error: Option<&str>) -> JobRow {
        JobRow { status: status.to_owned(), error: error.map(str::to_owned), ..job(1) }
    }

    #[test]
    fn a_job_ends_once_and_its_row_says_so() {
        let lived = [(1, "created", 0), (2, "started", 1), (3, "completed", 1)];
        assert_eq!(found(job(1), &lived, None), []);
        assert_eq!(found(with("running", None), &lived, None), [Kind::NotEnded]);
        assert_eq!(found(job(1), &lived[..2], None), [Kind::EndDisagrees]);
        assert_eq!(found(job(1), &[lived[1], lived[2], (4, "completed", 1)], None), [Kind::EndedTwice]);
        assert_eq!(found(job(1), &[lived[1], lived[2], (4, "started", 2)], None), [Kind::EndedTwice]);
        assert_eq!(found(job(1), &[lived[2]], None), [Kind::EndDisagrees]);
        let second = JobRow { attempt: 2, ..job(1) };
        assert_eq!(found(second.clone(), &lived, None), [Kind::EndDisagrees]);
        let twice = [lived[1], (3, "rescued", 1), (4, "started", 2), (5, "completed", 1)];
        assert_eq!(found(second, &twice, None), [Kind::EndDisagrees]);
    }

    #[test]
    fn an_accepted_cancel_is_kept_and_an_unasked_one_is_told() {
        let cancelled = [(1, "started", 1), (2, "cancelled", 1)];
        let completed = [(1, "started", 1), (2, "completed", 1)];
        assert_eq!(found(with("cancelled", None), &cancelled, Some(true)), []);
        assert_eq!(found(with("cancelled", None), &cancelled, Some(false)), []);
        assert_eq!(found(with("cancelled", None), &cancelled, None), [Kind::CancelBroken]);
        assert_eq!(found(job(1), &completed, Some(true)), [Kind::CancelBroken]);
        assert_eq!(found(job(1), &completed, Some(false)), []);
    }

    #[test]
    fn a_job_fails_only_as_it_was_told_to() {
        let failed = [(1, "started", 1), (2, "failed", 1)];
        let told = JobRow { failures: 3, max_retries: 3, ..with("failed", Some("told to fail at item 3")) };
        assert_eq!(found(told.clone(), &failed, None), []);
        assert_eq!(found(JobRow { failures: 1, ..told }, &failed, None), [Kind::FailedOddly]);
        let poisonous = JobRow { interruptions: 21, ..with("failed", Some("its node died under it 21 times")) };
        assert_eq!(found(poisonous.clone(), &failed, None), []);
        assert_eq!(found(JobRow { interruptions: 3, ..poisonous }, &failed, None), [Kind::FailedOddly]);
        assert_eq!(found(with("failed", Some("no database connection")), &failed, None), [Kind::FailedOddly]);
    }
}
