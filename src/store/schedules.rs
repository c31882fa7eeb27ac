//! Schedules: which jobs are made when. What becomes of them is in `schedule_runs`; firing them is `due`.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::{AsChangeset, Insertable, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::{Double, Text, Timestamptz};
use diesel::{QueryResult, Queryable, QueryableByName, Selectable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::rescue::LEASE_SECONDS;
use super::schema::schedules;
use crate::job::{CatchUp, Overlap};

/// More schedules than this are made by a mistake of a program; lists show all of them.
pub const MOST: i64 = 1_000;

/// A schedule as it is stored.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = schedules, check_for_backend(Pg), treat_none_as_null = true)]
pub struct ScheduleRow {
    /// UUID v7.
    pub id: Uuid,
    /// What people call it; no other has this name.
    pub name: String,
    /// The type of its jobs.
    #[serde(rename = "type")]
    #[diesel(column_name = type_)]
    pub type_name: String,
    /// The params of its jobs, defaults filled in.
    #[schema(value_type = HashMap<String, Value>)]
    pub params: Value,
    /// When they are due: `minute hour day month weekday`, or six fields with seconds in front, or a nickname, `@daily`.
    pub cron: String,
    /// On the clocks of which IANA time zone, `Europe/Berlin`.
    pub time_zone: String,
    /// Whether it makes jobs by itself.
    pub enabled: bool,
    /// What a due time does while an earlier job of it has not ended.
    pub overlap: Overlap,
    /// What becomes of due times that nobody kept.
    pub catch_up: CatchUp,
    /// The priority of its jobs; the type's own when null.
    #[schema(required)]
    pub priority: Option<i32>,
    /// Why it was last written, in that person's words.
    #[schema(required)]
    pub reason: Option<String>,
    /// Who created it.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Who last wrote it.
    pub updated_by: String,
    /// When.
    pub updated_at: DateTime<Utc>,
    /// The next due time that nothing became of yet. It lies in the past for a moment, and as long as no server knows the type;
    /// null where none is known: never switched on, or its cron line is broken.
    #[schema(required)]
    pub next_run_at: Option<DateTime<Utc>>,
}

/// What time it is: the one clock that all servers share.
pub async fn now(conn: &mut AsyncPgConnection) -> QueryResult<DateTime<Utc>> {
    diesel::select(sql::<Timestamptz>("now()")).get_result(conn).await
}

/// How many there are.
pub async fn count(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    schedules::table.count().get_result(conn).await
}

/// All, by name.
pub async fn all(conn: &mut AsyncPgConnection) -> QueryResult<Vec<ScheduleRow>> {
    schedules::table.order(schedules::name).limit(MOST).select(ScheduleRow::as_select()).load(conn).await
}

/// One.
pub async fn get(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<ScheduleRow>> {
    schedules::table.find(id).select(ScheduleRow::as_select()).first(conn).await.optional()
}

/// One, which nobody else fires or writes until the transaction ends.
pub async fn lock(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<ScheduleRow>> {
    schedules::table.find(id).select(ScheduleRow::as_select()).for_update().first(conn).await.optional()
}

/// Stores a new one. A name that is taken is a unique violation.
pub async fn insert(conn: &mut AsyncPgConnection, schedule: &ScheduleRow) -> QueryResult<usize> {
    diesel::insert_into(schedules::table).values(schedule).execute(conn).await
}

/// Stores a locked one as it is now. A name that is taken is a unique violation.
pub async fn update(conn: &mut AsyncPgConnection, schedule: &ScheduleRow) -> QueryResult<usize> {
    diesel::update(schedules::table.find(schedule.id)).set(schedule).execute(conn).await
}

/// Deletes one with its history; its jobs stay.
pub async fn delete(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<usize> {
    diesel::delete(schedules::table.find(id)).execute(conn).await
}

/// Every type that some live node knows.
pub async fn live_types(conn: &mut AsyncPgConnection) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Known {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let query = "SELECT DISTINCT jsonb_object_keys(slots) AS name FROM nodes
                 WHERE stopped_at IS NULL AND renewed_at > now() - make_interval(secs => $1)";
    let known: Vec<Known> = diesel::sql_query(query).bind::<Double, _>(LEASE_SECONDS).load(conn).await?;
    Ok(known.into_iter().map(|known| known.name).collect())
}
