//! One turn of the supervisor at the database: accept, pause, rescue, claim.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::Addr;
use diesel::QueryResult;
use diesel::result::Error;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::command::{SetPaused, SubmitError, Unavailable};
use super::health::{Health, HealthProblem, ProblemCode};
use super::tracker::{JobTracker, Stored};
use crate::job::Fence;
use crate::store::cancel_below::{Above, cancel_below};
use crate::store::claim::{self, Claimed, Room};
use crate::store::enqueue::{self, NewJob};
use crate::store::failure::Failure;
use crate::store::link::{Link, is_lost};
use crate::store::pauses::{self, Pause};
use crate::store::rescue::Which;
use crate::store::row::JobSummary;
use crate::store::{changes, clock, rescue, sessions};

/// Jobs that were submitted together, and who waits for the answer.
pub struct Waiting {
    pub jobs: Vec<NewJob>,
    pub reply: oneshot::Sender<Answer>,
}

/// What a submitter hears.
pub type Answer = Result<Vec<JobSummary>, SubmitError>;

/// A type to be paused or resumed, and who waits for the answer.
pub struct WaitingPause {
    pub wish: SetPaused,
    pub reply: oneshot::Sender<Result<Option<Pause>, Unavailable>>,
}

/// How long storing a batch may take: the largest takes two seconds on a small machine.
const SUBMIT_LIMIT: Duration = Duration::from_secs(30);

/// What is to be done.
pub struct Turn {
    pub node: Uuid,
    pub submitted: Vec<Waiting>,
    pub pauses: Vec<WaitingPause>,
    /// When orphans are to be looked for: what runs here and is none.
    pub known: Option<Vec<Fence>>,
    pub rooms: Vec<Room>,
    /// Where it is noted that the clock was wrong.
    pub health: Arc<Health>,
}

/// What was done.
#[derive(Default)]
pub struct TurnDone {
    /// Types of which jobs became pending, or which were resumed.
    pub pending_types: BTreeSet<String>,
    /// What to tell the submitters.
    pub answers: Vec<(oneshot::Sender<Answer>, Answer)>,
    /// Jobs that now run here.
    pub claimed: Vec<Claimed>,
    /// Another node had the turn for the types with a limit.
    pub missed_turn: bool,
    /// Whether the database answered all of it.
    pub answered: bool,
}

/// Does it. What the database did not answer is done again in a later turn, except submissions: their senders are told.
/// The tracker hears of stored jobs at once, so that nothing that happens to them is told before.
pub async fn take_turn(mut link: Link, turn: Turn, tracker: Addr<JobTracker>) -> (Link, TurnDone) {
    let mut done = TurnDone { answered: true, ..TurnDone::default() };
    accept(&mut link, turn.submitted, &mut done, &tracker).await;
    pause(&mut link, turn.pauses, &mut done).await;
    let Turn { node, known, rooms, health, .. } = turn;
    if let Some(known) = known {
        match link.once(async |conn| sweep(conn, node, &known, &health).await).await {
            Ok(rescued) => {
                done.pending_types.extend(rescued.iter().map(|job| job.type_name.clone()));
                tracker.do_send(Stored(rescued));
            }
            Err(error) => complain(&mut done, &error, "no orphan was looked for"),
        }
    }
    if !rooms.is_empty() && done.answered {
        match link.once(async |conn| claim::claim(conn, node, &rooms).await).await {
            Ok(claims) => (done.claimed, done.missed_turn) = (claims.jobs, claims.missed_turn),
            Err(error) => complain(&mut done, &error, "no job was claimed"),
        }
    }
    (link, done)
}

fn complain(done: &mut TurnDone, error: &Error, what: &str) {
    done.answered = false;
    tracing::warn!(%error, "the database is away: {what}");
}

/// Rescues from dead nodes, and from this one what it does not know of: jobs of a claim whose answer was lost. What stands below
/// those that end by it is asked to stop.
async fn sweep(
    conn: &mut AsyncPgConnection,
    node: Uuid,
    known: &[Fence],
    health: &Health,
) -> QueryResult<Vec<JobSummary>> {
    let healed = heal(conn, node, health).await?;
    let mut rescued = conn.transaction(async |conn| rescue::unknown(conn, node, known).await).await?;
    let (orphans, below) = match rescue_all(conn, node).await {
        // Somebody holds a job below one that ends by it: that one is rescued when they let go, the others now.
        Err(error) if Failure::of(&error) == Failure::Contention => {
            (rescue::rescue(conn, node, Which::ThatGoOn).await?, Vec::new())
        }
        rescued => rescued?,
    };
    rescued.extend(orphans);
    // The locks of a process that is stopped: the next sweep finds their rows free.
    match sessions::end_of_dead_nodes(conn).await {
        Ok(0) => {}
        Ok(sessions) => tracing::warn!(sessions, "ended the database sessions of a dead node"),
        Err(error) => tracing::warn!(%error, "could not end the database sessions of dead nodes"),
    }
    if let Err(error) = changes::forget_removed(conn).await {
        tracing::warn!(%error, "what was deleted long ago is not forgotten yet");
    }
    for job in &rescued {
        tracing::warn!(job_id = %job.id, r#type = job.type_name, status = %job.status, "rescued an orphan");
    }
    rescued.extend(below);
    rescued.extend(healed);
    Ok(rescued)
}

/// Rescues, and asks those to stop that stand below jobs which end by it.
async fn rescue_all(conn: &mut AsyncPgConnection, node: Uuid) -> QueryResult<(Vec<JobSummary>, Vec<JobSummary>)> {
    conn.transaction(async |conn| {
        let orphans = rescue::rescue(conn, node, Which::All).await?;
        let above: Vec<_> = orphans.iter().filter_map(Above::of).collect();
        let below = cancel_below(conn, &above).await?;
        Ok((orphans, below))
    })
    .await
}

/// Pulls back times that were stored while the database's clock was ahead, if it was.
async fn heal(conn: &mut AsyncPgConnection, node: Uuid, health: &Health) -> QueryResult<Vec<JobSummary>> {
    let went_back = health.clock_went_back.load(Ordering::Relaxed);
    let healed = conn
        .transaction(async |conn| match clock::heal_nodes(conn, node).await? || went_back {
            true => clock::heal(conn).await.map(Some),
            false => Ok(None),
        })
        .await?;
    let Some(jobs) = healed else { return Ok(Vec::new()) };
    health.clock_went_back.store(false, Ordering::Relaxed);
    health.notice(HealthProblem {
        code: ProblemCode::ClockWasAhead,
        message: format!(
            "the database's clock was put back: {} pending jobs that were stored by it wait for its time no longer; check how that \
             machine gets its time",
            jobs.len()
        ),
        schedule: None,
    });
    Ok(jobs)
}

/// Stores what was submitted. Single jobs share a statement; batches, being all or nothing, have a transaction each.
async fn accept(link: &mut Link, submitted: Vec<Waiting>, done: &mut TurnDone, tracker: &Addr<JobTracker>) {
    let (single, batches): (Vec<_>, Vec<_>) = submitted.into_iter().partition(|waiting| waiting.jobs.len() == 1);
    if !single.is_empty() {
        let jobs: Vec<_> = single.iter().flat_map(|waiting| waiting.jobs.iter().cloned()).collect();
        let stored = link.within(SUBMIT_LIMIT, async |conn| enqueue::insert(conn, &jobs).await).await;
        let mut by_id = stored.map(|rows| rows.into_iter().map(|row| (row.id, row)).collect::<HashMap<_, _>>());
        for waiting in single {
            let answer = match &mut by_id {
                Ok(by_id) => match by_id.remove(&waiting.jobs[0].id) {
                    Some(row) => Ok(vec![row]),
                    None if done.answered => retry_refused(link, &waiting.jobs).await,
                    None => Err(away()),
                },
                Err(error) => Err(unavailable(error)),
            };
            done.answer(waiting.reply, answer, tracker);
        }
    }
    for batch in batches {
        // Whoever waits for a database that is away waits once.
        let answer = if done.answered { all_or_none(link, &batch.jobs).await } else { Err(away()) };
        done.answer(batch.reply, answer, tracker);
    }
}

/// Pauses and resumes types, in the order in which that was asked for. Whoever is told of a pause can rely on it: this node's
/// next claim comes after it.
async fn pause(link: &mut Link, pauses: Vec<WaitingPause>, done: &mut TurnDone) {
    for WaitingPause { wish, reply } in pauses {
        let SetPaused { type_name, paused, actor, reason } = wish;
        let set = link.once(async |conn| match paused {
            true => pauses::pause(conn, type_name, &actor, reason.as_deref()).await.map(Some),
            false => pauses::resume(conn, type_name).await.map(|_| None),
        });
        let answer = match set.await {
            Ok(pause) => {
                tracing::info!(r#type = type_name, paused, actor, reason, "a type was paused or resumed");
                if !paused {
                    done.pending_types.insert(type_name.to_owned());
                }
                Ok(pause)
            }
            Err(error) => {
                complain(done, &error, "no type was paused or resumed");
                Err(Unavailable("the connection is lost".to_owned()))
            }
        };
        let _ = reply.send(answer); // who asked may have gone
    }
}

impl TurnDone {
    fn answer(&mut self, reply: oneshot::Sender<Answer>, answer: Answer, tracker: &Addr<JobTracker>) {
        match &answer {
            Ok(rows) => {
                self.pending_types.extend(rows.iter().map(|row| row.type_name.clone()));
                tracker.do_send(Stored(rows.clone()));
            }
            Err(SubmitError::Unavailable(_)) => self.answered = false,
            Err(_) => {}
        }
        self.answers.push((reply, answer));
    }
}

/// How often a place of an exclusive type is looked at that is taken at one moment and free at the next.
const LOOKS: usize = 5;

/// A job of an exclusive type was refused. Tells who holds the place; takes it, if it was freed meanwhile.
async fn retry_refused(link: &mut Link, jobs: &[NewJob]) -> Answer {
    for _ in 0..LOOKS {
        let looked = link.once(async |conn| match enqueue::holder(conn, jobs[0].type_name).await? {
            Some(holder) => Ok((Some(holder), Vec::new())),
            None => Ok((None, enqueue::insert(conn, jobs).await?)),
        });
        match looked.await {
            Ok((Some(holder), _)) => return Err(SubmitError::Exclusive { existing: Box::new(holder), index: 0 }),
            Ok((None, stored)) if stored.len() == 1 => return Ok(stored),
            Ok(_) => {}
            Err(error) => return Err(unavailable(&error)),
        }
    }
    Err(SubmitError::Busy(jobs[0].type_name))
}

/// Stores all jobs, or none and says which was refused.
async fn all_or_none(link: &mut Link, jobs: &[NewJob]) -> Answer {
    let stored = link.within(SUBMIT_LIMIT, async |conn| {
        conn.transaction(async |conn| {
            let stored = enqueue::insert(conn, jobs).await?;
            if stored.len() == jobs.len() { Ok(stored) } else { Err(Error::RollbackTransaction) }
        })
        .await
    });
    match stored.await {
        Ok(mut rows) => {
            let place: HashMap<_, _> = jobs.iter().enumerate().map(|(n, job)| (job.id, n)).collect();
            rows.sort_by_key(|row| place.get(&row.id).copied());
            Ok(rows)
        }
        Err(Error::RollbackTransaction) => Err(refused(link, jobs).await),
        Err(error) => Err(unavailable(&error)),
    }
}

/// Which job of a batch was refused, and why.
async fn refused(link: &mut Link, jobs: &[NewJob]) -> SubmitError {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for (index, job) in jobs.iter().enumerate().filter(|(_, job)| job.exclusive) {
        if seen.insert(job.type_name, index).is_some() {
            return SubmitError::Twice { type_name: job.type_name, index };
        }
    }
    for (type_name, index) in seen {
        match link.once(async |conn| enqueue::holder(conn, type_name).await).await {
            Ok(Some(existing)) => return SubmitError::Exclusive { existing: Box::new(existing), index },
            Ok(None) => {}
            Err(error) => return unavailable(&error),
        }
    }
    SubmitError::Busy(jobs[0].type_name)
}

fn away() -> SubmitError {
    SubmitError::Unavailable("the connection is lost".to_owned())
}

fn unavailable(error: &Error) -> SubmitError {
    // What the driver says may name hosts and users: that is for the log.
    if is_lost(error) {
        tracing::warn!(%error, "submitted jobs were not stored");
        return away();
    }
    tracing::error!(%error, "the database refused submitted jobs");
    SubmitError::Unavailable("it refused to store them".to_owned())
}
