//! Every client knows the end of every job, and was never told another.

use std::collections::HashMap;

use uuid::Uuid;

use crate::drill::heard::{Heard, Told};
use crate::drill::history::{JobRow, Kind, Violation};
use crate::drill::set_back::SetBack;

/// Holds what the witness of this number was told against the jobs as they are in the end, and as they were before the database
/// went back in time.
pub fn witness(number: usize, heard: &Heard, jobs: &[JobRow], set_backs: &[SetBack]) -> Vec<Violation> {
    let truth: HashMap<Uuid, &JobRow> = jobs.iter().map(|job| (job.id, job)).collect();
    let mut found = Vec::new();
    for (job, ends) in &heard.ends {
        let ends: Vec<_> = ends.iter().filter(|end| !set_backs.iter().any(|lost| lost.lost_end(end))).collect();
        if let [first, second, ..] = ends.as_slice() {
            let text = format!("witness {number} was told {}, and then {}", end(first), end(second));
            found.push(Violation::of(Kind::TwoEnds, *job, text));
        }
        let is_true = |told: &Told| truth.get(job).is_some_and(|row| told.is_end_of(row));
        if let Some(told) = ends.iter().find(|told| !is_true(told)) {
            let really = truth.get(job).map_or_else(|| "not there".to_owned(), |row| row_end(row));
            let text = format!("witness {number} was told {}; it is {really}", end(told));
            found.push(Violation::of(Kind::FalseEnd, *job, text));
        }
    }
    found.extend(jobs.iter().filter_map(|job| not_told(number, heard, job)));
    found
}

fn not_told(number: usize, heard: &Heard, job: &JobRow) -> Option<Violation> {
    let known = match heard.held.get(&job.id) {
        Some(held) if held.is_end_of(job) => return None,
        Some(held) => format!("{} (attempt {}, rev {})", held.status, held.attempt, held.rev),
        None if job.rev <= heard.excused => return None,
        None => "nothing".to_owned(),
    };
    let text = format!("witness {number} knows {known} of it; it is {} (rev {})", row_end(job), job.rev);
    Some(Violation::of(Kind::NotTold, job.id, text))
}

fn end(told: &Told) -> String {
    format!("{} by attempt {}", told.status, told.attempt)
}

fn row_end(row: &JobRow) -> String {
    format!("{} by attempt {}", row.status, row.attempt)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{at, id, job, kinds};
    use super::witness;
    use crate::drill::heard::{Heard, Told};
    use crate::drill::history::Kind;

    fn told(attempt: i32, status: &str, rev: i64) -> Told {
        let ended = status == "completed";
        Told {
            id: id(1),
            type_name: "drill_count".to_owned(),
            status: status.to_owned(),
            outcome: ended.then(|| status.to_owned()),
            attempt,
            completed_at: ended.then(|| at(1000)),
            rev,
        }
    }

    fn found(all: Vec<Told>, excused: i64) -> Vec<Kind> {
        let mut heard = Heard::default();
        heard.excused = excused;
        all.into_iter().for_each(|told| heard.believe(told));
        kinds(witness(1, &heard, &[job(1)], &[]))
    }

    #[test]
    fn a_witness_knows_how_each_job_ended() {
        assert_eq!(found(vec![told(1, "running", 5), told(1, "completed", 10)], 0), []);
        assert_eq!(found(vec![told(1, "completed", 10), told(1, "running", 5)], 0), []);
        assert_eq!(found(vec![told(1, "running", 5)], 0), [Kind::NotTold]);
        assert_eq!(found(vec![], 0), [Kind::NotTold]);
        assert_eq!(found(vec![], 10), [], "a snapshot left it out");
    }

    #[test]
    fn no_witness_is_told_what_is_not_so() {
        let early = Told { completed_at: Some(at(900)), ..told(1, "completed", 8) };
        assert_eq!(found(vec![early, told(1, "completed", 10)], 0), [Kind::TwoEnds, Kind::FalseEnd]);
        assert_eq!(found(vec![told(2, "completed", 10)], 0), [Kind::FalseEnd, Kind::NotTold]);
    }
}
