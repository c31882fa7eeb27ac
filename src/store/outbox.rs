//! Enqueueing a job in a transaction of one's own, in Rust and in SQL: the transactional outbox.
//!
//! ```text
//!   author's transaction:  INSERT INTO orders …; enqueue(job) ──▶ jobs, enqueue_outbox, NOTIFY   (all of it, or nothing)
//!   any server, within a second:  reads the outbox, announces the jobs to clients, claims them, empties the outbox
//! ```
//!
//! The SQL function `stashhog.enqueue` (its migration has the source) knows of a job type what the servers registered:
//! [`register_types`].

use chrono::{DateTime, Utc};
use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel::upsert::excluded;
use diesel::{QueryResult, dsl::now};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::enqueue::{self, Acceptance, NewJob, Unique};
use super::find_nul;
use super::notify::{self, notify};
use super::origin::Way;
use super::row::JobSummary;
use super::schema::{enqueue_outbox, job_types, jobs};
use crate::job::{Admission, FieldError, InvalidParams, Job, JobType, Registry};

/// What a job may be given besides its params.
#[derive(Clone, Debug, Default)]
pub struct EnqueueOptions {
    /// Higher is claimed first; the type's own when none.
    pub priority: Option<i32>,
    /// Not started before; at once when none.
    pub run_at: Option<DateTime<Utc>>,
    /// Not started afterwards: cancelled instead.
    pub expires_at: Option<DateTime<Utc>>,
    /// No second unfinished job of the type may have the same key.
    pub unique_key: Option<String>,
    /// Why, for its history.
    pub reason: Option<String>,
    /// Who triggered it; `code` when none.
    pub actor: Option<String>,
}

/// Why no job was enqueued. Except for [`Database`](Self::Database), the transaction can go on.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// The params are wrong.
    #[error(transparent)]
    Params(#[from] InvalidParams),
    /// This unfinished job is a duplicate of it.
    #[error("a duplicate of this `{}` job is {}: {}", .0.type_name, .0.status, .0.id)]
    Duplicate(Box<JobSummary>),
    /// Duplicates come and go at this moment.
    #[error("duplicates of this `{0}` job come and go at this moment; try again")]
    Contended(&'static str),
    /// The database refused it, and so the whole transaction.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
}

/// Enqueues a job in the transaction that `conn` is in. The job exists once that is committed, and is started within a second of it;
/// when the transaction is rolled back, there is no job. Returns the job's id.
///
/// ```no_run
/// use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
/// use stashhog::job::Job;
/// use stashhog::store::outbox::{EnqueueOptions, enqueue};
///
/// async fn order<J: Job>(conn: &mut AsyncPgConnection, ship: J) -> anyhow::Result<()> {
///     conn.transaction(async |conn| {
///         diesel::sql_query("INSERT INTO orders DEFAULT VALUES").execute(conn).await?;
///         enqueue(conn, ship, EnqueueOptions::default()).await?;
///         anyhow::Ok(())
///     })
///     .await
/// }
/// ```
pub async fn enqueue<J: Job>(
    conn: &mut AsyncPgConnection,
    job: J,
    options: EnqueueOptions,
) -> Result<Uuid, EnqueueError> {
    let invalid = |pointer: String, message: &str| {
        EnqueueError::Params(InvalidParams {
            type_name: J::SPEC.name,
            errors: vec![FieldError { pointer, message: message.to_owned() }],
        })
    };
    let params = serde_json::to_value(job).map_err(|error| invalid(String::new(), &error.to_string()))?;
    let params = JobType::of::<J>().prepare(params)?;
    if let Some(pointer) = find_nul(&params) {
        return Err(invalid(pointer, "must not contain the character U+0000"));
    }
    let actor = options.actor.as_deref().unwrap_or("code");
    let new = NewJob::of(&J::SPEC, params, actor);
    let new = NewJob {
        way: Way::Code,
        priority: options.priority.unwrap_or(new.priority),
        run_at: options.run_at,
        expires_at: options.expires_at,
        unique: Unique::of(&J::SPEC, options.unique_key),
        reason: options.reason,
        ..new
    };
    let id = new.id;
    match enqueue::accept(conn, &[new], false).await?.pop() {
        Some(Acceptance::Stored(_)) => {}
        Some(Acceptance::Duplicate(existing)) => return Err(EnqueueError::Duplicate(Box::new(existing))),
        Some(Acceptance::Contended) | None => return Err(EnqueueError::Contended(J::SPEC.name)),
    }
    diesel::insert_into(enqueue_outbox::table).values(enqueue_outbox::job_id.eq(id)).execute(conn).await?;
    notify(conn, &[notify::claimable(J::SPEC.name)]).await?;
    Ok(id)
}

/// Jobs that are announced by one call.
const AT_ONCE: i64 = 1_000;

/// Jobs that were committed and that no server has announced: at most 1,000.
pub async fn unannounced(conn: &mut AsyncPgConnection) -> QueryResult<Vec<JobSummary>> {
    let ids = enqueue_outbox::table.limit(AT_ONCE).select(enqueue_outbox::job_id).load::<Uuid>(conn).await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = jobs::table.filter(jobs::id.eq_any(&ids)).select(JobSummary::as_select()).load(conn).await?;
    if rows.is_empty() {
        announced(conn, &ids).await?; // cleaned up before anyone announced them
    }
    Ok(rows)
}

/// Notes that jobs are announced.
pub async fn announced(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<usize> {
    diesel::delete(enqueue_outbox::table.filter(enqueue_outbox::job_id.eq_any(ids))).execute(conn).await
}

/// Registers what the types of this program decide about new jobs, for those that are enqueued in SQL.
pub async fn register_types(conn: &mut AsyncPgConnection, registry: &Registry) -> QueryResult<usize> {
    let rows: Vec<_> = registry
        .iter()
        .map(|known| {
            let spec = &known.spec;
            (
                job_types::name.eq(spec.name),
                job_types::priority.eq(spec.priority),
                job_types::exclusive.eq(spec.admission == Admission::Exclusive),
                job_types::unique_by_params.eq(spec.unique_by_params),
                job_types::serial.eq(spec.admission == Admission::Serial),
                job_types::max_interruptions.eq(spec.max_interruptions),
                job_types::max_retries.eq(spec.max_retries()),
            )
        })
        .collect();
    diesel::insert_into(job_types::table)
        .values(rows)
        .on_conflict(job_types::name)
        .do_update()
        .set((
            job_types::priority.eq(excluded(job_types::priority)),
            job_types::exclusive.eq(excluded(job_types::exclusive)),
            job_types::unique_by_params.eq(excluded(job_types::unique_by_params)),
            job_types::serial.eq(excluded(job_types::serial)),
            job_types::max_interruptions.eq(excluded(job_types::max_interruptions)),
            job_types::max_retries.eq(excluded(job_types::max_retries)),
            job_types::registered_at.eq(now),
        ))
        .execute(conn)
        .await
}
