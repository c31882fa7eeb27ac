//! What runs wrote down: each attempt of a job was one run, at most one of them wrote at a time, and what completed had done all
//! of its items.
//!
//! The owned writes of a job are fenced by its author and never overlap: tolerance zero. A write that was not owned is one that a
//! job without such a fence would have made. One that was sent before its run was stopped may arrive a little later: on a fair
//! line at once, on one that holds what was sent when that is over. Beyond that the run went on, and should not have.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::life::run_end;
use crate::drill::faults::{Disturbance, FaultKind};
use crate::drill::history::{History, JobRow, Kind, Violation, WriteRow};
use crate::drill::inject::holds_statements;
use crate::drill::set_back::SetBack;

/// How long a statement that was sent may take to arrive: a slow line, a busy machine.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(5);
/// How long after a line or a process that held statements is let go the last of them arrives, and the run is stopped.
const LET_GO: TimeDelta = TimeDelta::seconds(6);

/// How long a run goes on whose job is taken while its node lives: it learns that by its node's next renewal.
pub const LEARNS: TimeDelta = TimeDelta::seconds(5);

/// Holds the writes against the attempts that may have made them.
pub fn writes(history: &History) -> Vec<Violation> {
    let mut by_job: HashMap<Uuid, BTreeMap<i32, Vec<&WriteRow>>> = HashMap::new();
    for write in history.writes.iter().filter(|write| write.owned) {
        by_job.entry(write.job_id).or_default().entry(write.attempt).or_default().push(write);
    }
    let twice = by_job.iter().filter_map(|(job, attempts)| ran_twice(*job, attempts));
    let overlapping = by_job.iter().filter_map(|(job, attempts)| overlap(*job, attempts));
    let nothing = BTreeMap::new();
    let short = history.jobs.iter().filter_map(|job| cut_short(history, job, by_job.get(&job.id).unwrap_or(&nothing)));
    twice.chain(overlapping).chain(short).chain(went_on(history)).collect()
}

/// No two runs own the same attempt. Where the database went back in time, the run that it lost owns nothing.
fn ran_twice(job: Uuid, attempts: &BTreeMap<i32, Vec<&WriteRow>>) -> Option<Violation> {
    let claims = |writes: &[&WriteRow]| writes.iter().map(|write| write.claim_id).collect::<HashSet<_>>();
    let (attempt, claims) =
        attempts.iter().map(|(n, writes)| (n, claims(writes))).find(|(_, claims)| claims.len() > 1)?;
    Some(Violation::of(Kind::RanTwice, job, format!("attempt {attempt} had the runs {claims:?}")))
}

/// One for each run, however often it wrote.
fn went_on(history: &History) -> impl Iterator<Item = Violation> {
    let mut runs: BTreeMap<(Uuid, i32), (i32, Vec<TimeDelta>)> = BTreeMap::new();
    for wrote in wrote_on(history).into_iter().filter(|wrote| !wrote.excused) {
        runs.entry((wrote.job, wrote.attempt)).or_insert((wrote.process, Vec::new())).1.push(wrote.after);
    }
    runs.into_iter().map(|((job, attempt), (process, times))| {
        let last = times.iter().max().map_or(0, TimeDelta::num_milliseconds);
        let text = format!(
            "attempt {attempt} in process {process} wrote {} times after it had lost its job, the last time {last} ms after",
            times.len()
        );
        Violation::of(Kind::WroteOn, job, text)
    })
}

fn overlap(job: Uuid, attempts: &BTreeMap<i32, Vec<&WriteRow>>) -> Option<Violation> {
    let mut latest: Option<(i32, DateTime<Utc>)> = None;
    for (attempt, writes) in attempts {
        let first = writes.iter().map(|write| write.at).min()?;
        let last = writes.iter().map(|write| write.at).max()?;
        if let Some((before, until)) = latest.filter(|(_, until)| *until >= first) {
            let text = format!("attempt {before} wrote at {until}, when attempt {attempt} had begun to at {first}");
            return Some(Violation::of(Kind::AttemptsOverlap, job, text));
        }
        latest = latest.max(Some((*attempt, last)));
    }
    None
}

fn cut_short(history: &History, job: &JobRow, attempts: &BTreeMap<i32, Vec<&WriteRow>>) -> Option<Violation> {
    if job.outcome.as_deref() != Some("completed") {
        return None;
    }
    let written = attempts.get(&job.attempt).map(Vec::as_slice).unwrap_or_default();
    // A run that outlives a loss of the database goes on after what was lost.
    let lost = history
        .set_backs
        .iter()
        .flat_map(|lost| &lost.writes)
        .filter(|write| write.job_id == job.id && Some(write.claim_id) == job.claim_id);
    let written: HashSet<_> =
        written.iter().copied().chain(lost).map(|write| (write.step.as_str(), write.seq)).collect();
    let count = |step: &str| i64::try_from(written.iter().filter(|(of, _)| *of == step).count()).unwrap_or(i64::MAX);
    let done = (count("start"), count("item"), count("end"));
    let whole = done == (1, job.items, 1) && job.processed_items.unwrap_or_default() == job.items;
    (!whole).then(|| {
        let text = format!(
            "it completed with attempt {}, which wrote down {} of {} items{}; it tells of {}",
            job.attempt,
            done.1,
            job.items,
            if done.2 == 0 { " and no end" } else { "" },
            job.processed_items.unwrap_or_default(),
        );
        Violation::of(Kind::CutShort, job.id, text)
    })
}

/// A write of a run that had lost its job.
#[derive(Clone, Debug)]
pub struct WroteOn {
    job: Uuid,
    attempt: i32,
    process: i32,
    /// How long it had lost it.
    pub after: TimeDelta,
    /// Whether it may have been on its way.
    pub excused: bool,
}

/// The writes that were not owned, of each run in their order. A run waits for each of its writes: only the first can have been
/// on its way when its job was lost.
pub fn wrote_on(history: &History) -> Vec<WroteOn> {
    let mut lost: HashMap<(Uuid, i32), DateTime<Utc>> = HashMap::new();
    for event in history.events.iter().filter(|event| run_end(event)) {
        lost.entry((event.job_id, event.attempt)).or_insert(event.at);
    }
    let mut seen = HashSet::new();
    let of_write = |write: &WriteRow| {
        let run = (write.job_id, write.attempt);
        let set_back = history.set_backs.iter().map(|lost| lost.at).filter(|at| *at <= write.at).max();
        let lost_at = lost.get(&run).copied().filter(|at| *at <= write.at).or(set_back).unwrap_or(write.at);
        let on_its_way = seen.insert((write.job_id, write.claim_id)) && may_be_on_its_way(history, write, lost_at);
        WroteOn {
            job: write.job_id,
            attempt: write.attempt,
            process: write.process,
            after: write.at - lost_at,
            excused: on_its_way || is_held(history, write) || may_not_know(history, write.at),
        }
    };
    history.writes.iter().filter(|write| !write.owned).map(of_write).collect()
}

/// No statement outlives the connection that it was sent on.
fn may_be_on_its_way(history: &History, write: &WriteRow, lost_at: DateTime<Utc>) -> bool {
    let cut_since = |d: &Disturbance| d.kind == FaultKind::Cut && lost_at < d.until && d.until <= write.at;
    write.at - lost_at <= ON_ITS_WAY && !suffered(history, write).any(cut_since)
}

/// Whether the process of a write, or its line, was just let go.
fn is_held(history: &History, write: &WriteRow) -> bool {
    is_let_go(history, write.process, write.at)
}

/// Whether a job of a living node may just have been taken: the leases looked too old, or the database went back in time.
fn may_not_know(history: &History, at: DateTime<Utc>) -> bool {
    let aged = |d: &Disturbance| d.kind == FaultKind::AgeLeases && d.from <= at && at <= d.until + LEARNS;
    let set_back = |lost: &SetBack| lost.at <= at && at <= lost.at + LEARNS;
    history.disturbances.iter().any(aged) || history.set_backs.iter().any(set_back)
}

/// Whether a process, or its line, was held at a moment or just let go.
pub fn is_let_go(history: &History, process: i32, at: DateTime<Utc>) -> bool {
    let held = |d: &Disturbance| holds_statements(d.kind) && d.from <= at && at <= d.until + LET_GO;
    let its = |d: &&Disturbance| d.process.is_some_and(|(suffered, _)| suffered == process);
    history.disturbances.iter().filter(its).any(held)
}

/// What the process of a write suffered.
fn suffered<'h>(history: &'h History, write: &WriteRow) -> impl Iterator<Item = &'h Disturbance> {
    let process = write.process;
    history.disturbances.iter().filter(move |d| d.process.is_some_and(|(suffered, _)| suffered == process))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{at, events, id, job, kinds, writes as steps};
    use super::{writes, wrote_on};
    use crate::drill::faults::{Disturbance, FaultKind};
    use crate::drill::history::{History, JobRow, Kind, WriteRow};

    fn whole(attempt: i32, from: i64) -> Vec<WriteRow> {
        steps(attempt, &[("start", from), ("item", from + 10), ("end", from + 20)])
    }

    fn history(attempt: i32, writes: Vec<WriteRow>) -> History {
        History { jobs: vec![JobRow { attempt, ..job(1) }], writes, ..History::default() }
    }

    #[test]
    fn attempts_follow_each_other() {
        let begun = steps(1, &[("start", 100)]);
        assert_eq!(kinds(writes(&history(2, [begun.clone(), whole(2, 200)].concat()))), []);
        let late = [begun, steps(1, &[("start", 205)]), whole(2, 200)].concat();
        assert_eq!(kinds(writes(&history(2, late))), [Kind::AttemptsOverlap]);
        let at_once = [steps(1, &[("start", 200)]), whole(2, 200)].concat();
        assert_eq!(kinds(writes(&history(2, at_once))), [Kind::AttemptsOverlap]);
    }

    #[test]
    fn what_completed_had_done_all_in_its_last_attempt() {
        assert_eq!(kinds(writes(&history(1, whole(1, 0)))), []);
        assert_eq!(kinds(writes(&history(2, whole(1, 0)))), [Kind::CutShort]);
        assert_eq!(kinds(writes(&history(1, whole(1, 0)[..2].to_vec()))), [Kind::CutShort]);
        let mut told_less = history(1, whole(1, 0));
        told_less.jobs[0].processed_items = Some(0);
        assert_eq!(kinds(writes(&told_less)), [Kind::CutShort]);
    }

    /// Attempt 1 lost its job at 1000 ms and wrote at this time all the same.
    fn zombie(write_at: i64, disturbance: Option<(FaultKind, i64, i64)>) -> History {
        zombies(&[write_at], disturbance)
    }

    fn zombies(write_at: &[i64], disturbance: Option<(FaultKind, i64, i64)>) -> History {
        let mut unowned = steps(1, &write_at.iter().map(|at| ("item", *at)).collect::<Vec<_>>());
        unowned.iter_mut().for_each(|write| write.owned = false);
        let disturbance = disturbance.map(|(kind, from, until)| Disturbance {
            kind,
            process: Some((1, id(9))),
            from: at(from),
            until: at(until),
        });
        let events = events(1, &[(1000, "rescued", 1)]);
        History { events, writes: unowned, disturbances: disturbance.into_iter().collect(), ..History::default() }
    }

    #[test]
    fn a_write_on_its_way_is_excused_and_a_run_that_goes_on_is_not() {
        assert_eq!(kinds(writes(&zombie(2_500, None))), []);
        assert_eq!(wrote_on(&zombie(2_500, None)).len(), 1);
        assert_eq!(kinds(writes(&zombie(6_500, None))), [Kind::WroteOn]);
        assert_eq!(kinds(writes(&zombies(&[1_100, 1_200], None))), [Kind::WroteOn], "the second was sent after it");
        let frozen = Some((FaultKind::Freeze, 0, 20_000));
        assert_eq!(kinds(writes(&zombie(21_000, frozen))), []);
        assert_eq!(kinds(writes(&zombie(30_000, frozen))), [Kind::WroteOn]);
    }

    #[test]
    fn nothing_that_was_sent_outlives_a_cut() {
        assert_eq!(kinds(writes(&zombie(1_500, Some((FaultKind::Cut, 0, 1_400))))), [Kind::WroteOn]);
        assert_eq!(kinds(writes(&zombie(1_500, Some((FaultKind::Cut, 0, 900))))), []);
    }
}
