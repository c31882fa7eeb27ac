//! Doing ended jobs again, once each. Whoever does holds the rows of the old jobs until the new ones are stored: two on two nodes
//! come one after the other, and the second sees what the first made.

use diesel::QueryResult;
use diesel::prelude::{ExpressionMethods, NullableExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::row::JobSummary;
use super::schema::jobs;

/// A job that does another one again.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The job.
    pub job: JobSummary,
    /// Its params.
    pub params: Value,
    /// The items that it is about, when not all.
    pub only_items: Option<Value>,
}

/// Keeps others from doing these jobs again until the transaction ends.
pub async fn lock(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<()> {
    let rows = jobs::table.filter(jobs::id.eq_any(ids)).order(jobs::id).select(jobs::id).for_no_key_update();
    rows.load::<Uuid>(conn).await.map(|_| ())
}

/// The retries of a job, oldest first.
pub async fn of(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Vec<Retry>> {
    let retries = jobs::table.filter(jobs::retry_of.eq(id)).order(jobs::id);
    let rows: Vec<(JobSummary, Value, Option<Value>)> =
        retries.select((JobSummary::as_select(), jobs::params, jobs::only_items)).load(conn).await?;
    Ok(rows.into_iter().map(|(job, params, only_items)| Retry { job, params, only_items }).collect())
}

/// The retries of many jobs, each with the job that it retries.
pub async fn of_all(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<Vec<(Uuid, Uuid)>> {
    let retries = jobs::table.filter(jobs::retry_of.eq_any(ids));
    retries.select((jobs::id, jobs::retry_of.assume_not_null())).load(conn).await
}
