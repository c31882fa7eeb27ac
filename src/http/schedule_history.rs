//! What became of the due times of a schedule, and who changed it.

use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::error::ApiError;
use super::list::page_of;
use super::query::{FromQuery, Query, QueryReader};
use super::read::read;
use super::refusals;
use super::schedules::unknown;
use super::state::AppState;
use crate::store::schedule_runs::{self, RunRow};
use crate::store::schedules;

/// Rows of a page unless told otherwise.
const PAGE: i64 = 50;

/// Which lines.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RunQuery {
    /// Lines before this one; `next` of the answer before.
    #[param(minimum = 0)]
    before: Option<i64>,
    /// How many; 50 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 500, default = 50)]
    limit: i64,
}

impl FromQuery for RunQuery {
    fn read(query: &mut QueryReader) -> Self {
        Self { before: query.integer("before", 0..=i64::MAX), limit: query.limit(PAGE) }
    }
}

/// Some of the history of a schedule.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RunPage {
    /// The lines, newest first.
    pub runs: Vec<RunRow>,
    /// Pass it as `before` to get what lies further back; null where nothing does.
    #[schema(required)]
    pub next: Option<i64>,
}

/// Shows what became of the due times of a schedule, and who changed it; the newest 200 lines of each are kept.
#[utoipa::path(
    get, path = "/api/schedules/{id}/runs", operation_id = "schedule_runs", tag = "schedules",
    params(("id" = Uuid, Path, description = "The schedule"), RunQuery),
    responses(
        (status = 200, description = "The history, newest first", body = RunPage),
        refusals::AnyQuestion, refusals::UnknownSchedule,
    ),
)]
pub async fn runs(
    state: Data<AppState>,
    id: Path<Uuid>,
    Query(query): Query<RunQuery>,
) -> Result<Json<RunPage>, ApiError> {
    let before = query.before.unwrap_or(i64::MAX);
    let found = read(&state.db, async |conn| match schedules::get(conn, *id).await? {
        Some(_) => schedule_runs::page(conn, *id, before, query.limit + 1).await.map(Some),
        None => Ok(None),
    });
    let (runs, more) = page_of(found.await?.ok_or_else(|| unknown(*id))?, query.limit);
    let next = runs.last().map(|run| run.id).filter(|_| more);
    Ok(Json(RunPage { runs, next }))
}
