//! What people ask for: one job, what runs now, what changed. Pages of jobs are in `search`.

use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::Int8;
use diesel::{QueryResult, dsl::sql};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::children;
use super::curve::{self, Curve};
use super::row::{JobBody, JobSummary};
use super::schema::jobs;
use super::search::{self, Filter};
use super::state::{self, JobState};
use crate::job::Status;

/// A job with everything that is kept of it in one piece.
#[derive(Clone, Debug)]
pub struct Whole {
    /// What lists show too.
    pub job: JobSummary,
    /// The rest of its row.
    pub body: JobBody,
    /// The jobs that retry it, oldest first.
    pub retried_as: Vec<Uuid>,
    /// The course of its last attempt.
    pub curve: Option<Curve>,
    /// What it keeps between its attempts.
    pub state: Option<JobState>,
    /// The jobs above it, from the one that somebody triggered down to its parent.
    pub ancestors: Vec<JobSummary>,
    /// The jobs that it started, the oldest first; the first [`MOST_CHILDREN`] of them.
    pub children: Vec<JobSummary>,
    /// Whether there are more.
    pub more_children: bool,
}

/// The most children that are read with a job: more are a list of their own.
pub const MOST_CHILDREN: usize = 200;

/// One job, whole.
pub async fn get(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<Whole>> {
    let found = jobs::table
        .find(id)
        .select((JobSummary::as_select(), JobBody::as_select()))
        .first::<(JobSummary, JobBody)>(conn)
        .await
        .optional()?;
    let Some((job, body)) = found else { return Ok(None) };
    let retried_as = jobs::table.filter(jobs::retry_of.eq(id)).order(jobs::id).select(jobs::id).load(conn).await?;
    let curve = curve::of(conn, id, job.attempt).await?;
    let state = state::of(conn, id).await?;
    let ancestors = match job.parent_id {
        Some(_) => children::above(conn, id).await?,
        None => Vec::new(),
    };
    let mut children = children::of(conn, id, MOST_CHILDREN as i64 + 1).await?;
    let more_children = children.len() > MOST_CHILDREN;
    children.truncate(MOST_CHILDREN);
    Ok(Some(Whole { job, body, retried_as, curve, state, ancestors, children, more_children }))
}

/// What a live client needs to begin with.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Every change up to this number is in it; some later ones may be too.
    pub rev: i64,
    /// The jobs.
    pub jobs: Vec<JobSummary>,
}

/// Which jobs a live client watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watch {
    /// All.
    All,
    /// Those of these types.
    Types(Vec<String>),
    /// These, and the jobs that they started.
    Jobs(Vec<Uuid>),
}

/// The most jobs that run in a snapshot.
const SNAPSHOT_ACTIVE: usize = 2_000;
/// The newest jobs in a snapshot, whatever their status.
const SNAPSHOT_NEWEST: usize = 200;
/// The newest children of named jobs in a snapshot.
const SNAPSHOT_CHILDREN: i64 = 1_000;

/// What runs now and the newest jobs; or all of the named ones, with the newest of their children.
pub async fn snapshot(conn: &mut AsyncPgConnection, watch: &Watch) -> QueryResult<Snapshot> {
    let rev = current_rev(conn).await?;
    if let Watch::Jobs(ids) = watch {
        let mut jobs: Vec<JobSummary> =
            jobs::table.filter(jobs::id.eq_any(ids)).select(JobSummary::as_select()).load(conn).await?;
        jobs.extend(children::of_all(conn, ids, SNAPSHOT_CHILDREN).await?);
        return Ok(Snapshot { rev, jobs });
    }
    let types = if let Watch::Types(types) = watch { types.clone() } else { Vec::new() };
    let newest = Filter { types, ..Filter::default() };
    let active = Filter { statuses: vec![Status::Running, Status::Cancelling], ..newest.clone() };
    let mut jobs = search::page(conn, &active, SNAPSHOT_ACTIVE).await?.rows;
    jobs.extend(search::page(conn, &newest, SNAPSHOT_NEWEST).await?.rows);
    jobs.sort_by_key(|job| std::cmp::Reverse((job.id, job.rev)));
    jobs.dedup_by_key(|job| job.id);
    Ok(Snapshot { rev, jobs })
}

/// Commits become visible out of the order of their numbers: catching up reads from this much earlier. Two of the largest
/// batches that can be submitted, which may be under way at once.
const REV_SLACK: i64 = 20_000;
/// A client that is further behind gets a snapshot, so that no one walks through the whole history.
pub(super) const FURTHEST: i64 = 1_000_000;
/// More changes than this are longer than a snapshot.
const CATCH_UP: i64 = 1_000;

/// The watched jobs that changed after `since`; none when a fresh snapshot is shorter.
pub async fn changed_since(conn: &mut AsyncPgConnection, watch: &Watch, since: i64) -> QueryResult<Option<Snapshot>> {
    let rev = current_rev(conn).await?;
    if since > rev || rev.saturating_sub(since) > FURTHEST {
        return Ok(None); // a number of another database, or of long ago
    }
    let mut query = jobs::table.filter(jobs::rev.gt(since.saturating_sub(REV_SLACK))).into_boxed();
    match watch {
        Watch::All => {}
        Watch::Types(types) => query = query.filter(jobs::type_.eq_any(types)),
        Watch::Jobs(ids) => query = query.filter(jobs::id.eq_any(ids).or(jobs::parent_id.eq_any(ids))),
    }
    let jobs: Vec<JobSummary> =
        query.order(jobs::rev).limit(CATCH_UP + 1).select(JobSummary::as_select()).load(conn).await?;
    Ok((jobs.len() as i64 <= CATCH_UP).then_some(Snapshot { rev, jobs }))
}

async fn current_rev(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    diesel::select(sql::<Int8>("(SELECT last_value FROM job_rev)")).get_result(conn).await
}
