//! What is to be known about one job to say why it is not running, or what it does.
//!
//! Only what matters for its status is asked, and each question is bounded: by what runs, by what lives, or by a limit. Nothing
//! is counted that there may be millions of.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::{BigInt, Double, Interval, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::children;
use super::nodes::{self, Busy, NodeRow};
use super::pauses::{self, Pause};
use super::row::JobSummary;
use super::schema::{jobs, recent_starts};
use crate::job::{RateLimit, Status};

/// The jobs of [`Waiting::ahead`] are counted up to here: whoever has so many before him waits long, exactly or not.
pub const MOST_AHEAD: i64 = 1_000;
/// The most jobs of [`Waiting::held_by`]: a screen shows no more.
const MOST_HELD_BY: i64 = 10;

/// What is to be known about a job.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The job.
    pub job: JobSummary,
    /// The database's clock, by which jobs are claimed.
    pub now: DateTime<Utc>,
    /// While it is pending.
    pub waiting: Option<Waiting>,
    /// The node that runs it or ran it last, while that is known.
    pub node: Option<NodeRow>,
    /// The jobs that it started and that have not ended, the oldest first; some of them when there are many. While it runs.
    pub children: Vec<JobSummary>,
}

/// What is to be known about a job that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Whether only one of its type may run in the cluster.
    pub serial: bool,
    /// The pause of its type.
    pub paused: Option<Pause>,
    /// The nodes that live.
    pub nodes: Vec<NodeRow>,
    /// How many jobs of its type each of them runs.
    pub busy: Vec<Busy>,
    /// The jobs of its type that run, the oldest runs first; some of them when there are many.
    pub held_by: Vec<JobSummary>,
    /// When the rate limit of its type lets the next job start; none when it would now.
    pub rate_until: Option<DateTime<Utc>>,
    /// The job with its queue key that runs, or comes before it.
    pub queued_behind: Option<JobSummary>,
    /// How many jobs of its type come first, among those whose time has come; [`MOST_AHEAD`] for that many or more. None while
    /// its own time has not come.
    pub ahead: Option<i64>,
}

/// Gathers them. `rate_limit` is that of a type, as this node knows it.
pub async fn facts(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    rate_limit: impl FnOnce(&str) -> Option<RateLimit>,
) -> QueryResult<Option<Facts>> {
    let columns = (JobSummary::as_select(), jobs::serial, sql::<Timestamptz>("now()"));
    let found = jobs::table.find(id).select(columns).first::<(JobSummary, bool, DateTime<Utc>)>(conn).await;
    let Some((job, serial, now)) = found.optional()? else { return Ok(None) };
    let node = match job.node_id {
        Some(node) => nodes::get(conn, node).await?,
        None => None,
    };
    let waiting = match job.status {
        Status::Pending => Some(waiting(conn, &job, serial, rate_limit(&job.type_name), now).await?),
        _ => None,
    };
    let children = match job.status {
        Status::Running | Status::Cancelling => children::unfinished(conn, id, MOST_HELD_BY).await?,
        _ => Vec::new(),
    };
    Ok(Some(Facts { job, now, waiting, node, children }))
}

async fn waiting(
    conn: &mut AsyncPgConnection,
    job: &JobSummary,
    serial: bool,
    rate_limit: Option<RateLimit>,
    now: DateTime<Utc>,
) -> QueryResult<Waiting> {
    let nodes = nodes::recent(conn, 0.0).await?;
    let ids: Vec<_> = nodes.iter().map(|node| node.id).collect();
    let mut busy = nodes::busy(conn, &ids).await?;
    busy.retain(|busy| busy.type_name == job.type_name);
    Ok(Waiting {
        serial,
        paused: pauses::of(conn, &job.type_name).await?,
        nodes,
        busy,
        held_by: held_by(conn, job).await?,
        rate_until: match rate_limit {
            Some(limit) => rate_until(conn, &job.type_name, limit).await?,
            None => None,
        },
        queued_behind: queued_behind(conn, job).await?,
        ahead: if job.run_at <= now { Some(ahead(conn, job).await?) } else { None },
    })
}

async fn held_by(conn: &mut AsyncPgConnection, job: &JobSummary) -> QueryResult<Vec<JobSummary>> {
    jobs::table
        .filter(jobs::type_.eq(&job.type_name))
        .filter(jobs::status.eq_any([Status::Running, Status::Cancelling]))
        .filter(jobs::id.ne(job.id)) // it may have been claimed since it was read
        .order((jobs::started_at, jobs::id))
        .limit(MOST_HELD_BY)
        .select(JobSummary::as_select())
        .load(conn)
        .await
}

/// When the start falls out of the span that now fills it.
async fn rate_until(
    conn: &mut AsyncPgConnection,
    type_name: &str,
    limit: RateLimit,
) -> QueryResult<Option<DateTime<Utc>>> {
    let period = limit.period.as_secs_f64();
    let span = sql::<Interval>("make_interval(secs => ").bind::<Double, _>(period).sql(")");
    let since = sql::<Timestamptz>("now() - make_interval(secs => ").bind::<Double, _>(period).sql(")");
    recent_starts::table
        .filter(recent_starts::type_.eq(type_name))
        .filter(recent_starts::at.gt(since))
        .order(recent_starts::at.desc())
        .offset(i64::from(limit.starts).saturating_sub(1))
        .select(recent_starts::at + span)
        .first(conn)
        .await
        .optional()
}

/// The job that holds back one with the same queue key: the claim's own condition.
async fn queued_behind(conn: &mut AsyncPgConnection, job: &JobSummary) -> QueryResult<Option<JobSummary>> {
    let key = jobs::table.find(job.id).select(jobs::queue_key).first::<Option<String>>(conn).await.optional()?;
    let Some(key) = key.flatten() else { return Ok(None) };
    let runs = jobs::status.eq_any([Status::Running, Status::Cancelling]);
    let earlier = jobs::created_at.lt(job.created_at).or(jobs::created_at.eq(job.created_at).and(jobs::id.lt(job.id)));
    jobs::table
        .filter(jobs::queue_key.eq(key).and(jobs::id.ne(job.id)))
        .filter(runs.or(jobs::status.eq(Status::Pending).and(earlier)))
        .order((jobs::created_at, jobs::id))
        .select(JobSummary::as_select())
        .first(conn)
        .await
        .optional()
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Counts in the order of claims, which is that of their index. The order of the limited part changes no number: it makes the
/// planner take that index, also when it knows little of the table.
async fn ahead(conn: &mut AsyncPgConnection, job: &JobSummary) -> QueryResult<i64> {
    let counted: Count = diesel::sql_query(
        "SELECT count(*) AS count FROM (
            SELECT FROM jobs
            WHERE type = $1 AND status = 'pending' AND run_at <= now()
              AND (turn_at, id) < ((SELECT turn_at FROM jobs WHERE id = $2), $2)
            ORDER BY turn_at, id LIMIT $3
        ) ahead",
    )
    .bind::<Text, _>(&job.type_name)
    .bind::<SqlUuid, _>(job.id)
    .bind::<BigInt, _>(MOST_AHEAD)
    .get_result(conn)
    .await?;
    Ok(counted.count)
}
