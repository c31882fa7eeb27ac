//! One turn of the supervisor at the database: accept, renew, rescue, claim.

use std::collections::HashMap;

use diesel::QueryResult;
use diesel::result::Error;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::command::SubmitError;
use crate::store::claim::{self, Claimed, Room};
use crate::store::enqueue::{self, NewJob};
use crate::store::link::{Link, is_lost};
use crate::store::row::JobSummary;
use crate::store::{nodes, rescue};

/// Jobs that were submitted together, and who waits for the answer.
pub struct Waiting {
    pub jobs: Vec<NewJob>,
    pub reply: oneshot::Sender<Answer>,
}

/// What a submitter hears.
pub type Answer = Result<Vec<JobSummary>, SubmitError>;

/// What is to be done.
pub struct Turn {
    pub node: Uuid,
    pub alone: bool,
    pub submitted: Vec<Waiting>,
    pub renew: bool,
    /// When orphans are to be looked for: the jobs that run here and are none.
    pub known: Option<Vec<Uuid>>,
    pub rooms: Vec<Room>,
}

/// What was done.
#[derive(Default)]
pub struct TurnDone {
    /// Jobs that were accepted or rescued.
    pub stored: Vec<JobSummary>,
    /// What to tell the submitters, once `stored` was announced.
    pub answers: Vec<(oneshot::Sender<Answer>, Answer)>,
    /// Jobs that now run here.
    pub claimed: Vec<Claimed>,
    /// Whether the database answered all of it.
    pub answered: bool,
}

/// Does it. What the database did not answer is done again in a later turn, except submissions: their senders are told.
pub async fn take_turn(mut link: Link, turn: Turn) -> (Link, TurnDone) {
    let mut done = TurnDone { answered: true, ..TurnDone::default() };
    accept(&mut link, turn.submitted, &mut done).await;
    let Turn { node, alone, renew, known, rooms, .. } = turn;
    let upkeep = link.once(async |conn| {
        if renew {
            nodes::renew(conn, node).await?;
        }
        match known {
            Some(known) => sweep(conn, node, alone, &known).await,
            None => Ok(Vec::new()),
        }
    });
    match upkeep.await {
        Ok(rescued) => done.stored.extend(rescued),
        Err(error) => complain(&mut done, &error, "the lease was not renewed"),
    }
    if !rooms.is_empty() && done.answered {
        match link.once(async |conn| claim::claim(conn, node, &rooms).await).await {
            Ok(claimed) => done.claimed = claimed,
            Err(error) => complain(&mut done, &error, "no job was claimed"),
        }
    }
    (link, done)
}

fn complain(done: &mut TurnDone, error: &Error, what: &str) {
    done.answered = false;
    tracing::warn!(%error, "the database is away: {what}");
}

/// Rescues from dead nodes, and from this one what it does not know of: jobs of a claim whose answer was lost.
async fn sweep(conn: &mut AsyncPgConnection, node: Uuid, alone: bool, known: &[Uuid]) -> QueryResult<Vec<JobSummary>> {
    let mut rescued = rescue::unknown(conn, node, known).await?;
    rescued.extend(rescue::rescue(conn, node, alone).await?);
    for job in &rescued {
        tracing::warn!(job_id = %job.id, r#type = job.type_name, status = %job.status, "rescued an orphan");
    }
    Ok(rescued)
}

/// Stores what was submitted. Single jobs share a statement; batches, being all or nothing, have a transaction each.
async fn accept(link: &mut Link, submitted: Vec<Waiting>, done: &mut TurnDone) {
    let (single, batches): (Vec<_>, Vec<_>) = submitted.into_iter().partition(|waiting| waiting.jobs.len() == 1);
    if !single.is_empty() {
        let jobs: Vec<_> = single.iter().flat_map(|waiting| waiting.jobs.iter().cloned()).collect();
        let stored = link.once(async |conn| enqueue::insert(conn, &jobs).await).await;
        let mut by_id = stored.map(|rows| rows.into_iter().map(|row| (row.id, row)).collect::<HashMap<_, _>>());
        for waiting in single {
            let answer = match &mut by_id {
                Ok(by_id) => match by_id.remove(&waiting.jobs[0].id) {
                    Some(row) => Ok(vec![row]),
                    None => retry_refused(link, &waiting.jobs).await,
                },
                Err(error) => Err(unavailable(error)),
            };
            done.answer(waiting.reply, answer);
        }
    }
    for batch in batches {
        let answer = all_or_none(link, &batch.jobs).await;
        done.answer(batch.reply, answer);
    }
}

impl TurnDone {
    fn answer(&mut self, reply: oneshot::Sender<Answer>, answer: Answer) {
        match &answer {
            Ok(rows) => self.stored.extend(rows.iter().cloned()),
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
    Err(SubmitError::Unavailable(format!("jobs of `{}` come and go too fast", jobs[0].type_name)))
}

/// Stores all jobs, or none and says which was refused.
async fn all_or_none(link: &mut Link, jobs: &[NewJob]) -> Answer {
    let stored = link.once(async |conn| {
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
    SubmitError::Unavailable("the job in the way has just ended".to_owned())
}

fn unavailable(error: &Error) -> SubmitError {
    // What the driver says may name hosts and users: that is for the log.
    if is_lost(error) {
        tracing::warn!(%error, "submitted jobs were not stored");
        return SubmitError::Unavailable("the connection is lost".to_owned());
    }
    tracing::error!(%error, "the database refused submitted jobs");
    SubmitError::Unavailable("it refused to store them".to_owned())
}
