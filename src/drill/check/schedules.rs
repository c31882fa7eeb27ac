//! Each due time of a schedule has one job, or one line that says why it has none.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::drill::history::{DueRow, History, JobRow, Kind, Violation};
use crate::drill::schedules::PERIOD;

/// Holds the schedules' histories against their jobs.
pub fn schedules(history: &History) -> Vec<Violation> {
    let mut jobs: BTreeMap<Uuid, Vec<&JobRow>> = BTreeMap::new();
    for job in &history.jobs {
        if let Some(schedule) = job.schedule_id {
            jobs.entry(schedule).or_default().push(job);
        }
    }
    let mut lines: BTreeMap<Uuid, Vec<&DueRow>> = BTreeMap::new();
    for line in &history.due {
        lines.entry(line.schedule_id).or_default().push(line);
    }
    let mut found = Vec::new();
    for (schedule, jobs) in &jobs {
        found.extend(twins(jobs));
        let lines = lines.get(schedule).map(Vec::as_slice).unwrap_or_default();
        found.extend(unlike(jobs, lines));
        found.extend(gap(*schedule, lines));
    }
    found
}

/// Jobs of the same due time.
fn twins(jobs: &[&JobRow]) -> Vec<Violation> {
    let mut seen = BTreeSet::new();
    let again = jobs.iter().filter(|job| !seen.insert(job.due_at));
    again.map(|job| Violation::of(Kind::DueTorn, job.id, format!("{:?} has another job", job.due_at))).collect()
}

/// A line that says of a job what is not so, or a job without its line. The oldest lines are dropped.
fn unlike(jobs: &[&JobRow], lines: &[&DueRow]) -> Option<Violation> {
    let oldest = lines.iter().map(|line| line.due_at).min()?;
    let started: BTreeMap<_, _> =
        lines.iter().filter(|line| line.outcome == "started").map(|l| (l.job_id, l.due_at)).collect();
    let lost = started
        .iter()
        .find(|(job, due_at)| !jobs.iter().any(|there| Some(there.id) == **job && there.due_at == Some(**due_at)));
    if let Some((job, due_at)) = lost {
        return Some(Violation::of(
            Kind::DueTorn,
            job.unwrap_or_default(),
            format!("it was made for {due_at}, and is not there"),
        ));
    }
    let silent = jobs.iter().find(|job| job.due_at >= Some(oldest) && !started.contains_key(&Some(job.id)))?;
    Some(Violation::of(Kind::DueTorn, silent.id, format!("no line tells that it was made for {:?}", silent.due_at)))
}

/// The first due time that nothing became of.
fn gap(schedule: Uuid, lines: &[&DueRow]) -> Option<Violation> {
    let mut told: Vec<(DateTime<Utc>, DateTime<Utc>)> =
        lines.iter().map(|line| (line.due_at, line.missed_until.unwrap_or(line.due_at))).collect();
    told.sort_unstable();
    let period = TimeDelta::from_std(PERIOD).unwrap_or_default();
    let pair = told.windows(2).find(|pair| pair[0].1 + period != pair[1].0)?;
    let text = format!(
        "schedule {schedule}: from {} to {} its history does not have each due time once",
        pair[0].1, pair[1].0
    );
    Some(Violation::general(Kind::DueTorn, text))
}

#[cfg(test)]
mod tests {
    use super::schedules;
    use crate::drill::check::sample::{at, id, job, kinds};
    use crate::drill::history::{DueRow, History, JobRow, Kind};

    fn line(due: i64, outcome: &str, job_id: Option<u128>, missed_until: Option<i64>) -> DueRow {
        DueRow {
            schedule_id: id(7),
            due_at: at(due * 4_000),
            outcome: outcome.to_owned(),
            job_id: job_id.map(id),
            missed_until: missed_until.map(|until| at(until * 4_000)),
        }
    }

    fn of_schedule(n: u128, due: i64) -> JobRow {
        JobRow { schedule_id: Some(id(7)), due_at: Some(at(due * 4_000)), ..job(n) }
    }

    #[test]
    fn each_due_time_has_one_job_or_one_reason() {
        let jobs = vec![of_schedule(1, 1), of_schedule(2, 5)];
        let due = vec![
            line(1, "started", Some(1), None),
            line(2, "skipped", Some(1), None),
            line(3, "missed", None, Some(4)),
            line(5, "started", Some(2), None),
        ];
        let whole = History { jobs, due, ..History::default() };
        assert_eq!(kinds(schedules(&whole)), []);
        let spoilt = |spoil: &dyn Fn(&mut History)| {
            let mut history = whole.clone();
            spoil(&mut history);
            kinds(schedules(&history))
        };
        assert_eq!(spoilt(&|history| drop(history.due.remove(1))), [Kind::DueTorn]);
        assert_eq!(spoilt(&|history| history.jobs.push(of_schedule(3, 5))).first(), Some(&Kind::DueTorn));
        assert_eq!(spoilt(&|history| drop(history.jobs.remove(1))), [Kind::DueTorn]);
        assert_eq!(spoilt(&|history| history.jobs.push(of_schedule(3, 2))), [Kind::DueTorn]);
    }
}
