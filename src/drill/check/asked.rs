//! What was accepted is there, once, and nothing else is.

use std::collections::HashMap;

use uuid::Uuid;

use crate::drill::history::{History, JobRow, Kind, Violation};
use crate::drill::jobs::BULK;
use crate::drill::ledger::{Answer, Request};

/// Holds the requests against the jobs that there are.
pub fn asked(history: &History) -> Vec<Violation> {
    let mut by_tag: HashMap<i64, Vec<Uuid>> = HashMap::new();
    // Other checks have those that nobody asks for one by one.
    for job in history.jobs.iter().filter(|job| is_asked_for(job)) {
        by_tag.entry(job.tag).or_default().push(job.id);
    }
    let mut found = Vec::new();
    for request in &history.ledger.requests {
        let made: Vec<_> = request.tags.iter().map(|tag| by_tag.remove(tag).unwrap_or_default()).collect();
        found.extend(of_request(history, request, &made));
    }
    let strangers = by_tag.into_iter().flat_map(|(tag, jobs)| jobs.into_iter().map(move |job| (job, tag)));
    found.extend(
        strangers.map(|(job, tag)| Violation::of(Kind::NotAsked, job, format!("nobody asked for number {tag}"))),
    );
    found
}

/// Whether a request stands for this very job: not for a child, one of a schedule, or one that an act on many made.
fn is_asked_for(job: &JobRow) -> bool {
    job.parent_id.is_none() && job.schedule_id.is_none() && (job.retry_of.is_none() || job.type_name != BULK)
}

/// `made` has the jobs that there are for each of the request's numbers.
fn of_request(history: &History, request: &Request, made: &[Vec<Uuid>]) -> Vec<Violation> {
    let twice = made.iter().filter(|jobs| jobs.len() > 1).map(|jobs| {
        let others: Vec<_> = jobs[1..].iter().map(Uuid::to_string).collect();
        Violation::of(Kind::NotAsked, jobs[0], format!("one request made it and {}", others.join(", ")))
    });
    let mut found: Vec<_> = twice.collect();
    match &request.answer {
        Answer::Accepted(jobs) => {
            if jobs.len() != request.tags.len() {
                let text = format!("{} jobs were asked for, and the answer 201 has {}", request.tags.len(), jobs.len());
                found.push(Violation::general(Kind::OddAnswer, text));
            }
            let excused = |job: &Uuid| history.set_backs.iter().any(|lost| lost.gone.contains(job));
            let lost = jobs.iter().zip(made).filter(|(job, made)| !made.contains(job) && !excused(job));
            found.extend(lost.map(|(job, _)| Violation::of(Kind::Lost, *job, "it was accepted, and is not there")));
        }
        Answer::Refused => {
            let there = made.iter().flatten();
            found.extend(there.map(|job| Violation::of(Kind::NotAsked, *job, "its request was refused for good")));
        }
        Answer::Unknown => {
            let there = made.iter().filter(|jobs| !jobs.is_empty()).count();
            if there != 0 && there != made.len() {
                let text = format!("{there} of the {} jobs of a batch are there", made.len());
                found.push(Violation::general(Kind::BatchTorn, text));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::sample::{id, job, kinds};
    use super::asked;
    use crate::drill::history::{History, Kind};
    use crate::drill::ledger::{Answer, Request};

    fn history(answer: Answer, tags: &[i64], jobs: &[(u128, i64)]) -> History {
        let mut history = History::default();
        history.ledger.requests.push(Request { tags: tags.to_vec(), answer });
        history.jobs.extend(jobs.iter().map(|(n, tag)| crate::drill::history::JobRow { tag: *tag, ..job(*n) }));
        history
    }

    #[test]
    fn what_was_accepted_has_to_be_there() {
        let accepted = || Answer::Accepted(vec![id(1), id(2)]);
        assert_eq!(kinds(asked(&history(accepted(), &[1, 2], &[(1, 1), (2, 2)]))), []);
        assert_eq!(kinds(asked(&history(accepted(), &[1, 2], &[(1, 1)]))), [Kind::Lost]);
        assert_eq!(kinds(asked(&history(accepted(), &[1, 2], &[(1, 1), (3, 2)]))), [Kind::Lost]);
        assert_eq!(kinds(asked(&history(Answer::Accepted(vec![]), &[1], &[]))), [Kind::OddAnswer]);
    }

    #[test]
    fn a_lost_answer_may_mean_both_but_a_batch_is_whole() {
        assert_eq!(kinds(asked(&history(Answer::Unknown, &[1, 2], &[]))), []);
        assert_eq!(kinds(asked(&history(Answer::Unknown, &[1, 2], &[(1, 1), (2, 2)]))), []);
        assert_eq!(kinds(asked(&history(Answer::Unknown, &[1, 2], &[(2, 2)]))), [Kind::BatchTorn]);
    }

    #[test]
    fn one_request_makes_one_job_and_none_makes_none() {
        assert_eq!(kinds(asked(&history(Answer::Unknown, &[1], &[(1, 1), (2, 1)]))), [Kind::NotAsked]);
        assert_eq!(kinds(asked(&history(Answer::Refused, &[1], &[(1, 1)]))), [Kind::NotAsked]);
        assert_eq!(kinds(asked(&history(Answer::Unknown, &[1], &[(1, 7)]))), [Kind::NotAsked]);
    }
}
