//! What a drill found, in figures.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::check::wrote_on;
use super::faults::FaultKind;
use super::history::{History, Violation};
use super::ledger::Answer;
use super::recovery::{Recovery, Spread, recovery};
use super::set_back::SetBack;
use super::{Broken, Settings};

/// All that is told of a drill.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the dice began with.
    pub seed: u64,
    /// How long jobs were submitted and the cluster was broken.
    pub minutes: f64,
    /// How many nodes there were.
    pub nodes: usize,
    /// What was broken on purpose.
    pub broken: Option<Broken>,
    /// How long all of it took.
    pub seconds: f64,
    /// How many jobs ended how, by type.
    pub jobs: BTreeMap<String, BTreeMap<String, usize>>,
    /// Jobs that were accepted.
    pub accepted: usize,
    /// Requests for jobs that were refused: of an exclusive type there was one.
    pub refused: usize,
    /// Requests for jobs whose answer was lost or said "maybe".
    pub unanswered: usize,
    /// Jobs of these that are there all the same.
    pub unanswered_jobs: usize,
    /// Cancels that were accepted.
    pub cancels: Spread,
    /// Retries that somebody asked for.
    pub retries: usize,
    /// Retries of failed attempts.
    pub automatic_retries: usize,
    /// Attempts.
    pub attempts: usize,
    /// Attempts that ended with their node, or because it stopped.
    pub cut_off: usize,
    /// Processes of nodes.
    pub processes: i32,
    /// Writes of runs that owned their job.
    pub writes: usize,
    /// Writes of runs that had lost it, and how long they had.
    pub late_writes: Spread,
    /// Accepted jobs, changes of jobs and writes that the database lost when it went back in time, as it was to.
    pub lost_by_database: Lost,
    /// Clients that watched.
    pub witnesses: usize,
    /// How often they had to connect again.
    pub reconnects: u64,
    /// Ends that they were told.
    pub ends_told: usize,
    /// How often the cluster was broken in which way.
    pub faults: BTreeMap<FaultKind, usize>,
    /// How long the jobs of a node took to run again.
    pub recovery: Vec<Recovery>,
    /// What must not have happened.
    pub violations: Vec<Violation>,
    /// The command that plans the same again.
    pub again: String,
    /// Where the logs and the database are kept.
    pub kept: Option<PathBuf>,
}

/// How much the database lost when it went back in time.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Lost {
    /// Jobs that it no longer had.
    pub jobs: usize,
    /// Jobs that were as they had been before.
    pub changes: usize,
    /// Writes of runs.
    pub writes: usize,
}

/// What a report is made from.
pub struct Reported<'a> {
    /// What was to be drilled.
    pub settings: &'a Settings,
    /// What happened.
    pub history: &'a History,
    /// How long it took.
    pub seconds: f64,
    /// How many processes there were.
    pub processes: i32,
    /// What is kept.
    pub kept: Option<PathBuf>,
}

impl Report {
    /// The report of a drill in which this was found.
    pub fn of(reported: &Reported<'_>, violations: Vec<Violation>) -> Self {
        let Reported { settings, history, .. } = reported;
        let mut jobs: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for job in &history.jobs {
            *jobs.entry(job.type_name.clone()).or_default().entry(job.status.clone()).or_default() += 1;
        }
        let mut faults: BTreeMap<FaultKind, usize> = BTreeMap::new();
        for disturbance in &history.disturbances {
            *faults.entry(disturbance.kind).or_default() += 1;
        }
        let requests = &history.ledger.requests;
        let unanswered = || requests.iter().filter(|request| request.answer == Answer::Unknown);
        let tags: Vec<_> = unanswered().flat_map(|request| &request.tags).collect();
        let accepted =
            requests.iter().map(|r| if let Answer::Accepted(jobs) = &r.answer { jobs.len() } else { 0 }).sum();
        let count = |kinds: &[&str]| history.events.iter().filter(|event| kinds.contains(&event.kind.as_str())).count();
        Self {
            seed: settings.seed,
            minutes: settings.length.as_secs_f64() / 60.0,
            nodes: settings.nodes,
            broken: settings.broken,
            seconds: reported.seconds,
            jobs,
            accepted,
            refused: requests.iter().filter(|request| request.answer == Answer::Refused).count(),
            unanswered: unanswered().count(),
            unanswered_jobs: history.jobs.iter().filter(|job| tags.contains(&&job.tag)).count(),
            cancels: cancels(history),
            retries: history.ledger.retries,
            automatic_retries: count(&["attempt_failed"]),
            attempts: count(&["started"]),
            cut_off: count(&["rescued", "interrupted"]),
            processes: reported.processes,
            writes: history.writes.iter().filter(|write| write.owned).count(),
            late_writes: Spread::of(wrote_on(history).iter().map(|wrote| wrote.after).collect()),
            lost_by_database: lost(history),
            witnesses: history.witnesses.len(),
            reconnects: history.witnesses.iter().map(|heard| heard.reconnects).sum(),
            ends_told: history.witnesses.iter().map(|heard| heard.ends.len()).sum(),
            faults,
            recovery: recovery(history),
            violations,
            again: again(settings),
            kept: reported.kept.clone(),
        }
    }
}

fn lost(history: &History) -> Lost {
    let sum = |of: fn(&SetBack) -> usize| history.set_backs.iter().map(of).sum::<usize>();
    Lost {
        jobs: sum(|lost| lost.gone.len()),
        changes: sum(|lost| lost.jobs.len() - lost.gone.len()),
        writes: sum(|lost| lost.writes.len()),
    }
}

fn again(settings: &Settings) -> String {
    let broken = match settings.broken {
        None => "",
        Some(Broken::Fence) => " --break fence",
        Some(Broken::Announce) => " --break announce",
        Some(Broken::Rows) => " --break rows",
    };
    let minutes = settings.length.as_secs_f64() / 60.0;
    format!("stashhog drill --minutes {minutes} --nodes {} --seed {}{broken}", settings.nodes, settings.seed)
}

/// From the first accepted wish to the end of each job.
fn cancels(history: &History) -> Spread {
    let mut asked: BTreeMap<Uuid, DateTime<Utc>> = BTreeMap::new();
    for wish in history.ledger.wishes.iter().filter(|wish| wish.accepted) {
        asked.entry(wish.job).and_modify(|at| *at = wish.at.min(*at)).or_insert(wish.at);
    }
    let ended = history.jobs.iter().filter_map(|job| Some((job.completed_at?) - *asked.get(&job.id)?));
    Spread::of(ended.collect())
}
