//! One turn of the supervisor at the database: accept, pause, rescue, claim.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

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
use crate::store::enqueue::{self, Acceptance, NewJob, Unique};
use crate::store::failure::Failure;
use crate::store::link::{Link, is_lost, is_unanswered};
use crate::store::pauses::{self, Pause};
use crate::store::rescue::Which;
use crate::store::row::JobSummary;
use crate::store::{changes, clock, expiry, idempotency, outbox, rescue, sessions};

/// Jobs that were submitted together, and who waits for the answer.
pub struct Waiting {
    pub jobs: Vec<NewJob>,
    /// When they were submitted.
    pub since: Instant,
    pub reply: oneshot::Sender<Answer>,
}

/// What a submitter hears.
pub type Answer = Result<Vec<JobSummary>, SubmitError>;

/// A type to be paused or resumed, and who waits for the answer.
pub struct WaitingPause {
    pub wish: SetPaused,
    /// When that was asked for.
    pub since: Instant,
    pub reply: oneshot::Sender<Result<Option<Pause>, Unavailable>>,
}

/// How long one try to store jobs may take before it is repeated over another connection: the largest batch takes two seconds on a
/// small machine.
const SUBMIT_LIMIT: Duration = Duration::from_secs(15);
/// How long a request waits for a database that is away before it is refused. What was sent to the database is never refused.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// First pause between two tries; doubled up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

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
    /// Whether to look for jobs that somebody else committed.
    pub outbox: bool,
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

/// Does it. What the database did not answer is done again: submissions and pauses at once, the rest in a later turn.
/// The tracker hears of stored jobs at once, so that nothing that happens to them is told before.
pub async fn take_turn(mut link: Link, turn: Turn, tracker: Addr<JobTracker>) -> (Link, TurnDone) {
    let mut done = TurnDone { answered: true, ..TurnDone::default() };
    accept(&mut link, turn.submitted, &mut done, &tracker).await;
    pause(&mut link, turn.pauses, &mut done).await;
    let Turn { node, known, rooms, health, outbox: look, .. } = turn;
    if let Some(known) = known {
        match link.once(async |conn| sweep(conn, node, &known, &health).await).await {
            Ok(rescued) => {
                done.pending_types.extend(rescued.iter().map(|job| job.type_name.clone()));
                tracker.do_send(Stored(rescued));
            }
            Err(error) => complain(&mut done, &error, "no orphan was looked for"),
        }
    }
    if look && done.answered {
        match link.once(async |conn| outbox::unannounced(conn).await).await {
            Ok(committed) if committed.is_empty() => {}
            Ok(committed) => announce(&mut link, committed, &mut done, &tracker).await,
            Err(error) => complain(&mut done, &error, "no enqueued job was looked for"),
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

/// Announces jobs that somebody else committed. When the answer to the last step is lost, they are announced again, which changes
/// nothing.
async fn announce(link: &mut Link, committed: Vec<JobSummary>, done: &mut TurnDone, tracker: &Addr<JobTracker>) {
    let ids: Vec<_> = committed.iter().map(|job| job.id).collect();
    done.pending_types.extend(committed.iter().map(|job| job.type_name.clone()));
    tracker.do_send(Stored(committed));
    if let Err(error) = link.once(async |conn| outbox::announced(conn, &ids).await).await {
        complain(done, &error, "enqueued jobs are announced once more");
    }
}

fn complain(done: &mut TurnDone, error: &Error, what: &str) {
    done.answered = false;
    tracing::warn!(%error, "the database is away: {what}");
}

/// Rescues from dead nodes, and from this one what it does not know of: jobs of a claim whose answer was lost. What stands below
/// those that end by it is asked to stop. Pending jobs whose deadline has passed are cancelled.
async fn sweep(
    conn: &mut AsyncPgConnection,
    node: Uuid,
    known: &[Fence],
    health: &Health,
) -> QueryResult<Vec<JobSummary>> {
    let healed = heal(conn, node, health).await?;
    let mut rescued = conn.transaction(async |conn| rescue::unknown(conn, node, known).await).await?;
    let (orphans, ended) = match rescue_all(conn, node).await {
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
    if let Err(error) = idempotency::forget_old(conn).await {
        tracing::warn!(%error, "old idempotency keys are not forgotten yet");
    }
    for job in &rescued {
        tracing::warn!(job_id = %job.id, r#type = job.type_name, status = %job.status, "rescued an orphan");
    }
    rescued.extend(ended);
    rescued.extend(healed);
    Ok(rescued)
}

/// Rescues, and asks those to stop that stand below jobs which end by it.
async fn rescue_all(conn: &mut AsyncPgConnection, node: Uuid) -> QueryResult<(Vec<JobSummary>, Vec<JobSummary>)> {
    conn.transaction(async |conn| {
        let orphans = rescue::rescue(conn, node, Which::All).await?;
        let expired = expiry::expire(conn).await?;
        let above: Vec<_> = orphans.iter().chain(&expired).filter_map(Above::of).collect();
        let mut ended = cancel_below(conn, &above).await?;
        ended.extend(expired);
        Ok((orphans, ended))
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
    if let Some(first) = single.first() {
        let jobs: Vec<_> = single.iter().flat_map(|waiting| waiting.jobs.iter().cloned()).collect();
        let stored =
            until_known(link, first.since, async |conn, again| enqueue::accept(conn, &jobs, again).await).await;
        let mut by_id = stored.map(|answers| jobs.iter().map(|job| job.id).zip(answers).collect::<HashMap<_, _>>());
        for waiting in single {
            let answer = match &mut by_id {
                Ok(by_id) => match by_id.remove(&waiting.jobs[0].id) {
                    Some(Acceptance::Stored(row)) => Ok(vec![row]),
                    Some(Acceptance::Duplicate(existing)) => Err(duplicate(&waiting.jobs, 0, existing)),
                    // The duplicate has just ended.
                    _ => all_or_none(link, waiting.since, &waiting.jobs).await,
                },
                Err(error) => Err(unavailable(error)),
            };
            done.answer(waiting.reply, answer, tracker);
        }
    }
    for batch in batches {
        // Whoever waits for a database that is away waits once.
        let answer = if done.answered { all_or_none(link, batch.since, &batch.jobs).await } else { Err(away()) };
        done.answer(batch.reply, answer, tracker);
    }
}

/// Does `work`, which must be idempotent, until its effect is known. A try that was sent and not answered may have taken effect, so
/// `work` is repeated until the database answers, however long that takes; it is told so, to look first. Only what was never sent is
/// given up, [`PATIENCE`] after `since`.
async fn until_known<T>(
    link: &mut Link,
    since: Instant,
    mut work: impl AsyncFnMut(&mut AsyncPgConnection, bool) -> QueryResult<T>,
) -> QueryResult<T> {
    let (mut in_doubt, mut pause) = (false, FIRST_PAUSE);
    loop {
        let mut sent = false;
        let tried = link.within(SUBMIT_LIMIT, async |conn| {
            sent = true;
            work(conn, in_doubt).await
        });
        match tried.await {
            Err(error) if is_lost(&error) => {
                in_doubt |= sent && is_unanswered(&error);
                if !in_doubt && since.elapsed() > PATIENCE {
                    return Err(error);
                }
                tracing::warn!(%error, in_doubt, "the database is away, trying again");
            }
            answered => return answered,
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Pauses and resumes types, in the order in which that was asked for. Whoever is told of a pause can rely on it: this node's
/// next claim comes after it.
async fn pause(link: &mut Link, pauses: Vec<WaitingPause>, done: &mut TurnDone) {
    for WaitingPause { wish, since, reply } in pauses {
        let SetPaused { type_name, paused, actor, reason } = wish;
        let set = until_known(link, since, async |conn, _| match paused {
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
                Err(Unavailable(UNCHANGED.to_owned()))
            }
        };
        let _ = reply.send(answer); // who asked may have gone
    }
}

impl Waiting {
    /// Refuses jobs that have waited too long: nothing of them was sent to the database.
    pub fn refuse(self) {
        let _ = self.reply.send(Err(away())); // who asked may have gone
    }
}

impl WaitingPause {
    /// Refuses a pause that has waited too long: nothing of it was sent to the database.
    pub fn refuse(self) {
        let _ = self.reply.send(Err(Unavailable(UNCHANGED.to_owned()))); // who asked may have gone
    }
}

/// What became of a pause that was never sent to the database.
const UNCHANGED: &str = "nothing was changed";

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

/// How often jobs are tried again whose duplicates end at that moment.
const CONTENDED_TRIES: usize = 5;

/// Stores all jobs, or none and says which was refused.
async fn all_or_none(link: &mut Link, since: Instant, jobs: &[NewJob]) -> Answer {
    for _ in 0..CONTENDED_TRIES {
        let mut refusal = None;
        let stored = until_known(link, since, async |conn, again| {
            refusal = None;
            let stored = conn.transaction(async |conn| {
                let (rows, refused) = sorted(enqueue::accept(conn, jobs, again).await?);
                refusal = refused;
                if rows.len() == jobs.len() { Ok(rows) } else { Err(Error::RollbackTransaction) }
            });
            match stored.await {
                Ok(rows) => Ok(Some(rows)),
                Err(Error::RollbackTransaction) => Ok(None),
                Err(error) => Err(error),
            }
        });
        match stored.await {
            Ok(Some(rows)) => return Ok(rows),
            Ok(None) => {}
            Err(error) => return Err(unavailable(&error)),
        }
        if let Some((index, existing)) = refusal {
            return Err(duplicate(jobs, index, existing));
        }
    }
    Err(SubmitError::Busy(jobs[0].type_name))
}

/// The rows that are stored, and the first duplicate with its place.
fn sorted(answers: Vec<Acceptance>) -> (Vec<JobSummary>, Option<(usize, JobSummary)>) {
    let (mut rows, mut refused) = (Vec::with_capacity(answers.len()), None);
    for (index, answer) in answers.into_iter().enumerate() {
        match answer {
            Acceptance::Stored(row) => rows.push(row),
            Acceptance::Duplicate(existing) => refused = refused.or(Some((index, existing))),
            Acceptance::Contended => {}
        }
    }
    (rows, refused)
}

/// Why a job was refused: another one is in its way, perhaps of the same batch.
fn duplicate(jobs: &[NewJob], index: usize, existing: JobSummary) -> SubmitError {
    let rule = jobs[index].unique.clone().unwrap_or(Unique::Type);
    if jobs.iter().any(|job| job.id == existing.id) {
        return SubmitError::Twice { type_name: jobs[index].type_name, rule, index };
    }
    SubmitError::Duplicate { existing: Box::new(existing), rule, index }
}

fn away() -> SubmitError {
    SubmitError::Unavailable("nothing was stored".to_owned())
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
