//! The schedules: which jobs are made when.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::{ApiError, ErrorCode};
use super::etag::{tag, tagged};
use super::query::Query;
use super::read::read;
use super::refusals;
use super::state::AppState;
use crate::actors::health::HealthProblem;
use crate::actors::schedule_problem::problem;
use crate::job::{Registry, Timetable};
use crate::store::schedule_runs::{self, RunRow};
use crate::store::schedules::{self, ScheduleRow};

/// How many due times are foretold.
pub const FORETOLD: usize = 5;

/// A schedule with all that there is to know of it at this moment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Schedule)]
pub struct ScheduleView {
    /// What is stored.
    #[serde(flatten)]
    pub schedule: ScheduleRow,
    /// The cron line in words: `At 02:30, on Monday`. Null when it is broken.
    #[schema(required)]
    pub cron_words: Option<String>,
    /// The next five due times; none while it is disabled.
    pub next_runs: Vec<DateTime<Utc>>,
    /// What became of the last due time, or of the last run that somebody asked for; null before the first.
    #[schema(required)]
    pub last_run: Option<RunRow>,
    /// What keeps it from making jobs, if something does.
    #[schema(required)]
    pub problem: Option<HealthProblem>,
    /// The value for `If-Match`: another one whenever somebody has changed the schedule, the same when it made a job.
    pub etag: String,
}

/// The tag of a schedule: every edit writes who made it, and when.
pub fn etag(row: &ScheduleRow) -> String {
    tag(&(row.id, &row.name, &row.cron, row.enabled, &row.updated_by, row.updated_at))
}

/// The schedules.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Schedules {
    /// All of them, by name.
    pub schedules: Vec<ScheduleView>,
}

/// Lists the schedules.
#[utoipa::path(
    get, path = "/api/schedules", operation_id = "list_schedules", tag = "schedules",
    responses((status = 200, description = "All schedules, by name", body = Schedules), refusals::AnyQuestion),
)]
pub async fn list(state: Data<AppState>, _: Query<()>) -> Result<Json<Schedules>, ApiError> {
    let found = read(&state.db, async |conn| {
        let rows = schedules::all(conn).await?;
        view(conn, &state.registry, rows).await
    });
    Ok(Json(Schedules { schedules: found.await? }))
}

/// Shows a schedule.
#[utoipa::path(
    get, path = "/api/schedules/{id}", operation_id = "show_schedule", tag = "schedules",
    params(("id" = Uuid, Path, description = "The schedule")),
    responses(
        (status = 200, description = "The schedule", body = ScheduleView, headers(("ETag" = String, description = "For `If-Match`"))),
        refusals::AnyQuestion, refusals::UnknownSchedule,
    ),
)]
pub async fn show(state: Data<AppState>, id: Path<Uuid>, _: Query<()>) -> Result<HttpResponse, ApiError> {
    let found = read(&state.db, async |conn| match schedules::get(conn, *id).await? {
        Some(row) => view_one(conn, &state.registry, row).await.map(Some),
        None => Ok(None),
    });
    found.await?.map(answer).ok_or_else(|| unknown(*id))
}

/// The answer with a schedule.
pub fn answer(schedule: ScheduleView) -> HttpResponse {
    tagged(&schedule.etag, &schedule)
}

/// Adds to schedules what is known of them besides.
pub async fn view(
    conn: &mut AsyncPgConnection,
    registry: &Registry,
    rows: Vec<ScheduleRow>,
) -> QueryResult<Vec<ScheduleView>> {
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let last = schedule_runs::last(conn, &ids).await?;
    let mut last: HashMap<_, _> = last.into_iter().map(|run| (run.schedule_id, run)).collect();
    let (now, live_types) = (schedules::now(conn).await?, schedules::live_types(conn).await?);
    let view = |row: ScheduleRow| {
        let table = Timetable::parse(&row.cron, &row.time_zone).ok();
        let next = table.as_ref().filter(|_| row.enabled).map(|table| table.next_few(now, FORETOLD));
        ScheduleView {
            cron_words: table.map(|table| table.words()),
            next_runs: next.unwrap_or_default(),
            last_run: last.remove(&row.id),
            problem: problem(&row, registry, &live_types),
            etag: etag(&row),
            schedule: row,
        }
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Adds to a schedule what is known of it besides.
pub async fn view_one(
    conn: &mut AsyncPgConnection,
    registry: &Registry,
    row: ScheduleRow,
) -> QueryResult<ScheduleView> {
    view(conn, registry, vec![row]).await?.pop().ok_or(diesel::NotFound)
}

/// There is no such schedule.
pub fn unknown(id: Uuid) -> ApiError {
    ApiError::new(ErrorCode::UnknownSchedule, format!("there is no schedule {id}; it may have been deleted"))
}
