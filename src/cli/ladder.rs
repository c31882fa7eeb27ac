//! The cancel ladder in words, rung by rung as it is climbed.

use chrono::{DateTime, Utc};

use crate::store::row::{CancelLadder, JobSummary};

/// The ladder of a job, empty while nobody has asked it to stop.
pub fn of(job: &JobSummary) -> CancelLadder {
    job.cancel.clone().and_then(|ladder| serde_json::from_value(ladder).ok()).unwrap_or_default()
}

/// Every rung that was reached: when, and what it means.
pub fn rungs(ladder: &CancelLadder) -> Vec<(DateTime<Utc>, String)> {
    let asked = {
        let by = ladder.requested_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
        let why = ladder.reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        format!("asked to stop{by}{why}")
    };
    let all = [
        (ladder.requested_at, asked),
        (ladder.delivered_at, "its runner heard; the job may now stop by itself".to_owned()),
        (ladder.aborted_at, "it did not stop in time: it is dropped at its next await".to_owned()),
        (ladder.abandoned_at, "it still blocks a thread: it is fenced off and left behind".to_owned()),
        (ladder.stopped_at, "stopped".to_owned()),
    ];
    let mut reached: Vec<_> = all.into_iter().filter_map(|(at, what)| Some((at?, what))).collect();
    reached.sort_by_key(|(at, _)| *at);
    reached
}

/// The rungs that were reached since `before`.
pub fn climbed(before: &CancelLadder, after: &CancelLadder) -> Vec<(DateTime<Utc>, String)> {
    let known = rungs(before);
    rungs(after).into_iter().filter(|rung| !known.contains(rung)).collect()
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, Utc};

    use super::{CancelLadder, climbed, rungs};

    #[test]
    fn only_new_rungs_are_told_in_the_order_of_their_times() {
        let now = Utc::now();
        let asked =
            CancelLadder { requested_at: Some(now), requested_by: Some("cli".into()), ..CancelLadder::default() };
        let later = CancelLadder {
            aborted_at: Some(now + TimeDelta::seconds(10)),
            delivered_at: Some(now + TimeDelta::seconds(1)),
            ..asked.clone()
        };
        assert_eq!(rungs(&asked)[0].1, "asked to stop by cli");
        let told: Vec<_> = climbed(&asked, &later).into_iter().map(|(_, what)| what).collect();
        assert!(told[0].contains("heard") && told[1].contains("did not stop"), "{told:?}");
        assert!(climbed(&later, &later).is_empty());
    }
}
