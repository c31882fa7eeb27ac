//! Figures over all jobs. The history is never counted whole: only what is active, and what ended within the window.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Double, Integer, Nullable, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::job::Status;

/// How many jobs of a type are active.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct ActiveCount {
    /// The type.
    #[serde(rename = "type")]
    #[diesel(sql_type = Text, column_name = type_name)]
    pub type_name: String,
    /// `pending`, `running` or `cancelling`.
    #[diesel(sql_type = Text)]
    #[schema(value_type = Status)]
    pub status: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
}

/// Jobs that ended within a minute.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct Minute {
    /// When the minute began.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// How many completed.
    #[diesel(sql_type = BigInt)]
    pub completed: i64,
    /// How many failed.
    #[diesel(sql_type = BigInt)]
    pub failed: i64,
    /// How many were cancelled.
    #[diesel(sql_type = BigInt)]
    pub cancelled: i64,
}

/// How long jobs of a type took, in seconds, over the window.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct Durations {
    /// The type.
    #[serde(rename = "type")]
    #[diesel(sql_type = Text, column_name = type_name)]
    pub type_name: String,
    /// How many ended.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// Half of them took no longer.
    #[diesel(sql_type = Nullable<Double>)]
    #[schema(required)]
    pub p50: Option<f64>,
    /// All but one in twenty took no longer.
    #[diesel(sql_type = Nullable<Double>)]
    #[schema(required)]
    pub p95: Option<f64>,
}

/// Counts of active jobs by type and status.
pub async fn active(conn: &mut AsyncPgConnection) -> QueryResult<Vec<ActiveCount>> {
    diesel::sql_query(
        "SELECT type AS type_name, status, count(*) AS count FROM jobs
         WHERE status IN ('pending', 'running', 'cancelling') GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .load(conn)
    .await
}

/// What ended in each of the last `minutes` minutes, oldest first.
pub async fn throughput(conn: &mut AsyncPgConnection, minutes: i32) -> QueryResult<Vec<Minute>> {
    diesel::sql_query(
        "SELECT date_trunc('minute', completed_at) AS at,
                count(*) FILTER (WHERE status = 'completed') AS completed,
                count(*) FILTER (WHERE status = 'failed') AS failed,
                count(*) FILTER (WHERE status = 'cancelled') AS cancelled
         FROM jobs WHERE completed_at > date_trunc('minute', now()) - make_interval(mins => $1) GROUP BY 1 ORDER BY 1",
    )
    .bind::<Integer, _>(minutes)
    .load(conn)
    .await
}

/// How long the jobs took that ended in the last `minutes` minutes.
pub async fn durations(conn: &mut AsyncPgConnection, minutes: i32) -> QueryResult<Vec<Durations>> {
    diesel::sql_query(
        "SELECT type AS type_name, count(*) AS count,
                percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - started_at)::float8) AS p50,
                percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM completed_at - started_at)::float8) AS p95
         FROM jobs WHERE completed_at > now() - make_interval(mins => $1) AND started_at IS NOT NULL GROUP BY 1 ORDER BY 1",
    )
    .bind::<Integer, _>(minutes)
    .load(conn)
    .await
}

/// About how many jobs are kept: Postgres' own estimate, which costs nothing.
pub async fn kept_about(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    diesel::select(sql::<BigInt>("(SELECT greatest(reltuples, 0)::int8 FROM pg_class WHERE oid = 'jobs'::regclass)"))
        .get_result(conn)
        .await
}
