//! What is kept of a job beside its row: log lines, events, item errors.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, PgTextExpressionMethods, QueryDsl, SelectableHelper};
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, Queryable, QueryableByName, Selectable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::schema::{job_events, job_item_errors, job_logs};
use crate::job::LogLevel;

/// A line of a job's log.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = job_logs, check_for_backend(Pg))]
pub struct LogRow {
    /// Its position: the attempt shifted left by 32 bits plus the line's number in it. Missing numbers are lines left out.
    pub seq: i64,
    /// When it was said.
    pub at: DateTime<Utc>,
    /// `debug`, `info`, `warn` or `error`.
    #[schema(value_type = LogLevel)]
    pub level: String,
    /// The module that said it.
    pub target: String,
    /// The text.
    pub message: String,
}

/// Something that happened to a job.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = job_events, check_for_backend(Pg))]
pub struct EventRow {
    /// Its position in the history.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What: `created`, `started`, `attempt_failed` (another one follows), `timed_out`, `cancel_requested`, `cancel_delivered`,
    /// `cancel_aborted`, `interrupted`, `rescued`, `late_write_rejected`, or a terminal status.
    pub kind: String,
    /// The run it belongs to; 0 before the first.
    pub attempt: i32,
    /// Who did it, where somebody did.
    #[schema(required)]
    pub actor: Option<String>,
    /// Why.
    #[schema(required)]
    pub reason: Option<String>,
    /// The node that it is about.
    #[schema(required)]
    pub node_id: Option<Uuid>,
    /// Further facts.
    #[schema(value_type = Option<HashMap<String, Value>>, required)]
    pub data: Option<Value>,
}

/// An item that failed.
#[derive(Clone, Debug, Queryable, Selectable, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = job_item_errors, check_for_backend(Pg))]
pub struct ItemErrorRow {
    /// Its position.
    pub seq: i32,
    /// The item.
    pub item: String,
    /// Why it failed.
    pub error: String,
}

/// Which log lines.
#[derive(Clone, Debug)]
pub struct LogFilter {
    /// Of these levels.
    pub levels: Vec<&'static str>,
    /// With this text in the message, whatever its case.
    pub text: Option<String>,
    /// After this position.
    pub after: i64,
    /// Before this position.
    pub before: i64,
}

/// The first log lines, oldest first.
pub async fn logs(
    conn: &mut AsyncPgConnection,
    job_id: Uuid,
    filter: &LogFilter,
    limit: i64,
) -> QueryResult<Vec<LogRow>> {
    said(job_id, filter).order(job_logs::seq).limit(limit).select(LogRow::as_select()).load(conn).await
}

/// The last log lines, oldest first.
pub async fn last_logs(
    conn: &mut AsyncPgConnection,
    job_id: Uuid,
    filter: &LogFilter,
    limit: i64,
) -> QueryResult<Vec<LogRow>> {
    let last = said(job_id, filter).order(job_logs::seq.desc()).limit(limit).select(LogRow::as_select());
    let mut lines: Vec<LogRow> = last.load(conn).await?;
    lines.reverse();
    Ok(lines)
}

fn said(job_id: Uuid, filter: &LogFilter) -> job_logs::BoxedQuery<'_, Pg> {
    let mut query = job_logs::table
        .filter(job_logs::job_id.eq(job_id))
        .filter(job_logs::seq.gt(filter.after))
        .filter(job_logs::seq.lt(filter.before))
        .filter(job_logs::level.eq_any(&filter.levels))
        .into_boxed();
    if let Some(text) = &filter.text {
        query = query.filter(job_logs::message.ilike(super::search::containing(text)));
    }
    query
}

/// Events after a position, oldest first.
pub async fn events(conn: &mut AsyncPgConnection, job_id: Uuid, after: i64, limit: i64) -> QueryResult<Vec<EventRow>> {
    job_events::table
        .filter(job_events::job_id.eq(job_id))
        .filter(job_events::id.gt(after))
        .order(job_events::id)
        .limit(limit)
        .select(EventRow::as_select())
        .load(conn)
        .await
}

/// One run of a job, as its events tell of it.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct AttemptRow {
    /// Which run, from 1.
    #[diesel(sql_type = Integer)]
    pub attempt: i32,
    /// The node that ran it.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[schema(required)]
    pub node_id: Option<Uuid>,
    /// When it began.
    #[diesel(sql_type = Timestamptz)]
    pub started_at: DateTime<Utc>,
    /// When it ended.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    #[schema(required)]
    pub ended_at: Option<DateTime<Utc>>,
    /// How: `completed`, `failed`, `cancelled`, `attempt_failed` (another one follows), `interrupted` (its node went away in
    /// order) or `rescued` (its node died); null while it runs.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub ended: Option<String>,
    /// Why it failed.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub error: Option<String>,
    /// Why it was interrupted or cancelled.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub reason: Option<String>,
    /// When the next one is due, where one follows a failure.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    #[schema(required)]
    pub retry_at: Option<DateTime<Utc>>,
}

/// The runs before a number, the newest first.
pub async fn attempts(
    conn: &mut AsyncPgConnection,
    job_id: Uuid,
    before: i32,
    limit: i64,
) -> QueryResult<Vec<AttemptRow>> {
    diesel::sql_query(
        "SELECT began.attempt, began.node_id, began.at AS started_at, over.at AS ended_at, over.kind AS ended,
                over.data->>'error' AS error, over.reason, (over.data->>'retry_at')::timestamptz AS retry_at
         FROM job_events began LEFT JOIN LATERAL (
             SELECT at, kind, data, reason FROM job_events
             WHERE job_id = began.job_id AND attempt = began.attempt AND id > began.id
               AND kind IN ('completed', 'failed', 'cancelled', 'attempt_failed', 'interrupted', 'rescued')
             ORDER BY id LIMIT 1
         ) over ON true
         WHERE began.job_id = $1 AND began.kind = 'started' AND began.attempt < $2
         ORDER BY began.attempt DESC LIMIT $3",
    )
    .bind::<SqlUuid, _>(job_id)
    .bind::<Integer, _>(before)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// Item errors after a position, with a text in the item or the error.
pub async fn item_errors(
    conn: &mut AsyncPgConnection,
    job_id: Uuid,
    after: i32,
    text: Option<&str>,
    limit: i64,
) -> QueryResult<Vec<ItemErrorRow>> {
    let mut query = job_item_errors::table
        .filter(job_item_errors::job_id.eq(job_id))
        .filter(job_item_errors::seq.gt(after))
        .into_boxed();
    if let Some(text) = text {
        let pattern = super::search::containing(text);
        query = query.filter(job_item_errors::item.ilike(pattern.clone()).or(job_item_errors::error.ilike(pattern)));
    }
    query.order(job_item_errors::seq).limit(limit).select(ItemErrorRow::as_select()).load(conn).await
}

/// The items of a job that failed.
pub async fn failed_items(conn: &mut AsyncPgConnection, job_id: Uuid) -> QueryResult<Vec<String>> {
    job_item_errors::table
        .filter(job_item_errors::job_id.eq(job_id))
        .order(job_item_errors::seq)
        .select(job_item_errors::item)
        .load(conn)
        .await
}
