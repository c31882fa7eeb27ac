//! Jobs that start other jobs: storing a child, finding it again, and how it ended.

use std::collections::HashMap;

use diesel::QueryResult;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use uuid::Uuid;

use super::claim;
use super::enqueue::{self, NewJob};
use super::finish;
use super::link::MAY_STAND_STILL;
use super::places;
use super::row::JobSummary;
use super::schema::jobs;
use crate::job::{ChildOutcome, Fence, MOST_ANCESTORS, OutcomeKind, Status};

/// A child that a run wants to start.
#[derive(Clone, Debug)]
pub struct SpawnWrite {
    /// The node that runs it.
    pub node: Uuid,
    /// The run that starts it.
    pub parent: Fence,
    /// The child, without what follows from its parent.
    pub job: NewJob,
    /// What the parent knows it by.
    pub key: String,
    /// Its priority; the parent's own when none.
    pub priority: Option<i32>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Spawned {
    /// It is stored.
    New(JobSummary),
    /// An earlier run of the parent had started it.
    Known(JobSummary),
    /// It is not stored.
    Refused(SpawnRefusal),
}

/// Why a child is not stored.
#[derive(Clone, Debug)]
pub enum SpawnRefusal {
    /// The parent is asked to stop.
    Cancelling,
    /// The parent's job belongs to another run, or has ended.
    NotOwned,
    /// Too many jobs stand above it.
    TooDeep,
    /// The type is exclusive, and this job has its place.
    Exclusive(Box<JobSummary>),
    /// The type is exclusive, and jobs of it come and go.
    Busy,
    /// It would wait for itself, for this reason.
    WaitsForItself(String),
}

/// How often a place of an exclusive type is looked at that is taken at one moment and free at the next.
const LOOKS: usize = 5;
/// How many failed runs of the parent back a child is looked for.
const GENERATIONS: i32 = 100;

/// How long a row is waited for. Whoever decides about the limits of the cluster must not have to wait for it as well: its
/// holder may be the handler that asks for the child.
const LOCK_TIMEOUT: &str = "100ms";

/// Stores a child, in one transaction that holds the row of its parent: whoever cancels the parent comes before it, and it is
/// refused, or after it, and sees it. `limits` are the types of which so many run at a time in the cluster; where somebody else
/// decides about these at this moment, nothing happens: try again.
pub async fn spawn(
    conn: &mut AsyncPgConnection,
    write: SpawnWrite,
    limits: &HashMap<&'static str, u32>,
) -> QueryResult<Option<Spawned>> {
    conn.transaction(async move |conn| {
        conn.batch_execute(&format!("SET LOCAL {MAY_STAND_STILL}; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")).await?;
        let write = &write;
        let limited = limits.contains_key(write.job.type_name);
        // Before the row, as claims take it before rows. Not waited for: its holder may be a process that stands still.
        if limited && !claim::take_turn(conn).await? {
            return Ok(None);
        }
        let parent = match lock_parent(conn, write).await? {
            Ok(parent) => parent,
            Err(refusal) => return Ok(Some(Spawned::Refused(refusal))),
        };
        if let Some(known) = known(conn, write, parent.failures).await? {
            return Ok(Some(Spawned::Known(known)));
        }
        let mut line: Vec<_> = parent.ancestors.into_iter().flatten().collect();
        if line.len() >= MOST_ANCESTORS {
            return Ok(Some(Spawned::Refused(SpawnRefusal::TooDeep)));
        }
        line.push(write.parent.job_id);
        if limited && let Some(why) = places::would_wait(conn, write.job.type_name, &line, limits).await? {
            return Ok(Some(Spawned::Refused(SpawnRefusal::WaitsForItself(why))));
        }
        let child = NewJob {
            priority: write.priority.unwrap_or(parent.priority),
            parent_id: Some(write.parent.job_id),
            ancestors: line,
            child_key: Some(generation(&write.key, parent.failures)),
            created_by: format!("job:{}", write.parent.job_id),
            ..write.job.clone()
        };
        insert(conn, child).await.map(Some)
    })
    .await
}

async fn insert(conn: &mut AsyncPgConnection, child: NewJob) -> QueryResult<Spawned> {
    let child = [child];
    for _ in 0..LOOKS {
        if let Some(stored) = enqueue::insert(conn, &child).await?.pop() {
            return Ok(Spawned::New(stored));
        }
        if let Some(holder) = enqueue::holder(conn, &child[0]).await? {
            return Ok(Spawned::Refused(SpawnRefusal::Exclusive(Box::new(holder))));
        }
    }
    Ok(Spawned::Refused(SpawnRefusal::Busy))
}

/// What is to be known of a parent.
struct Parent {
    failures: i32,
    ancestors: Vec<Option<Uuid>>,
    priority: i32,
}

type ParentRow = (Status, Option<Uuid>, i32, Vec<Option<Uuid>>, i32);

/// Holds the parent's row until the child is stored, if this run still owns it.
async fn lock_parent(conn: &mut AsyncPgConnection, write: &SpawnWrite) -> QueryResult<Result<Parent, SpawnRefusal>> {
    let columns = (jobs::status, jobs::claim_id, jobs::failures, jobs::ancestors, jobs::priority);
    let row = jobs::table.find(write.parent.job_id).select(columns).for_no_key_update();
    let owns = |claim: Option<Uuid>| claim == Some(write.parent.claim_id);
    match row.first::<ParentRow>(conn).await.optional()? {
        Some((Status::Running, claim, failures, ancestors, priority)) if owns(claim) => {
            Ok(Ok(Parent { failures, ancestors, priority }))
        }
        Some((Status::Cancelling, claim, ..)) if owns(claim) => Ok(Err(SpawnRefusal::Cancelling)),
        Some(_) => {
            finish::record_late(conn, write.node, &[write.parent], "child").await?;
            Ok(Err(SpawnRefusal::NotOwned))
        }
        None => Ok(Err(SpawnRefusal::NotOwned)),
    }
}

/// The child of this key that an earlier run had started: by this generation, however it ended; by an earlier one, unless it
/// failed or was cancelled.
async fn known(conn: &mut AsyncPgConnection, write: &SpawnWrite, failures: i32) -> QueryResult<Option<JobSummary>> {
    let generations = (failures - GENERATIONS).max(0)..=failures;
    let keys: Vec<_> = generations.map(|failures| generation(&write.key, failures)).collect();
    let found: Vec<(Option<String>, JobSummary)> = jobs::table
        .filter(jobs::parent_id.eq(write.parent.job_id))
        .filter(jobs::child_key.eq_any(keys))
        .order(jobs::id.desc())
        .limit(1)
        .select((jobs::child_key, JobSummary::as_select()))
        .load(conn)
        .await?;
    let current = generation(&write.key, failures);
    let known = found.into_iter().next().filter(|(key, job)| {
        key.as_deref() == Some(&current) || !matches!(job.status, Status::Failed | Status::Cancelled)
    });
    Ok(known.map(|(_, job)| job))
}

/// A key in the generation that began after so many failures of the parent.
fn generation(key: &str, failures: i32) -> String {
    format!("{key}/{failures}")
}

/// How far a child is, and how it ended once it has. None when it is deleted.
pub async fn outcome(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<ChildOutcome>> {
    type Row = (String, Status, Option<OutcomeKind>, Option<String>, Option<String>, Option<Value>, i64);
    let columns =
        (jobs::type_, jobs::status, jobs::outcome, jobs::message, jobs::error, jobs::result, jobs::error_count);
    let row: Option<Row> = jobs::table.find(id).select(columns).first(conn).await.optional()?;
    Ok(row.map(|(type_name, status, outcome, message, error, result, error_count)| ChildOutcome {
        job_id: id,
        type_name,
        status,
        outcome,
        message,
        error,
        result,
        error_count,
    }))
}

/// The children of a job, the oldest first.
pub async fn of(conn: &mut AsyncPgConnection, parent: Uuid, limit: i64) -> QueryResult<Vec<JobSummary>> {
    let children = jobs::table.filter(jobs::parent_id.eq(parent)).order(jobs::id).limit(limit);
    children.select(JobSummary::as_select()).load(conn).await
}

/// The newest children of these jobs.
pub async fn of_all(conn: &mut AsyncPgConnection, parents: &[Uuid], limit: i64) -> QueryResult<Vec<JobSummary>> {
    let children = jobs::table.filter(jobs::parent_id.eq_any(parents)).order(jobs::id.desc()).limit(limit);
    children.select(JobSummary::as_select()).load(conn).await
}

/// The children of a job that have not ended, the oldest first.
pub async fn unfinished(conn: &mut AsyncPgConnection, parent: Uuid, limit: i64) -> QueryResult<Vec<JobSummary>> {
    let active = [Status::Pending, Status::Running, Status::Cancelling];
    let children = jobs::table.filter(jobs::parent_id.eq(parent)).filter(jobs::status.eq_any(active));
    children.order(jobs::id).limit(limit).select(JobSummary::as_select()).load(conn).await
}

/// The jobs above a job that are still there, from the one that somebody triggered down to its parent.
pub async fn above(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Vec<JobSummary>> {
    let line: Option<Vec<Option<Uuid>>> = jobs::table.find(id).select(jobs::ancestors).first(conn).await.optional()?;
    let line: Vec<_> = line.unwrap_or_default().into_iter().flatten().collect();
    if line.is_empty() {
        return Ok(Vec::new());
    }
    let found = jobs::table.filter(jobs::id.eq_any(&line)).select(JobSummary::as_select());
    let mut above: Vec<JobSummary> = found.load(conn).await?;
    above.sort_by_key(|job| line.iter().position(|id| *id == job.id));
    Ok(above)
}
