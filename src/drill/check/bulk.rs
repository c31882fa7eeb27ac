//! Of two acts on many jobs at once, on two nodes, each job is met by one.

use std::collections::HashMap;

use uuid::Uuid;

use crate::drill::history::{History, Kind, Violation};
use crate::drill::jobs::BULK;

/// Jobs that were retried by both.
pub fn bulk(history: &History) -> Vec<Violation> {
    let mut retries: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
    for job in history.jobs.iter().filter(|job| job.type_name == BULK) {
        if let Some(old) = job.retry_of {
            retries.entry(old).or_default().push(job.id);
        }
    }
    let twice = retries.into_iter().filter(|(_, jobs)| jobs.len() > 1);
    twice.map(|(old, jobs)| Violation::of(Kind::RetriedTwice, old, format!("it was retried as {jobs:?}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::bulk;
    use crate::drill::check::sample::{id, job, kinds};
    use crate::drill::history::{History, JobRow, Kind};
    use crate::drill::jobs::BULK;

    #[test]
    fn a_job_is_retried_once() {
        let retry = |n| JobRow { type_name: BULK.to_owned(), retry_of: Some(id(1)), ..job(n) };
        let mut history = History { jobs: vec![job(1), retry(2)], ..History::default() };
        assert_eq!(kinds(bulk(&history)), []);
        history.jobs.push(retry(3));
        assert_eq!(kinds(bulk(&history)), [Kind::RetriedTwice]);
    }
}
