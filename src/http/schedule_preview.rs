//! What a cron line means, while somebody writes it.

use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::error::ApiError;
use super::query::Query;
use super::read::read;
use super::refusals;
use super::schedule_check::timetable;
use super::schedules::FORETOLD;
use super::state::AppState;
use crate::store::schedules;

/// A cron line that somebody writes.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    /// `minute hour day month weekday`, or six fields with seconds in front, or a nickname, `@daily`.
    cron: String,
    /// On the clocks of which IANA time zone; UTC when left out.
    #[serde(default)]
    time_zone: Option<String>,
}

/// What a cron line means.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// In words: `At 02:30, on Monday`.
    pub words: String,
    /// The next five due times.
    pub next: Vec<DateTime<Utc>>,
}

/// Says what a cron line means, and when it is next due. Changes nothing.
#[utoipa::path(
    post, path = "/api/schedules/preview", operation_id = "preview_schedule", tag = "schedules",
    request_body = PreviewRequest,
    responses((status = 200, description = "What it means", body = Preview), refusals::AnyWrite),
)]
pub async fn preview(
    state: Data<AppState>,
    _: Query<()>,
    body: Body<PreviewRequest>,
) -> Result<Json<Preview>, ApiError> {
    let zone = body.0.time_zone.as_deref().unwrap_or("UTC");
    let table = timetable(&body.0.cron, zone, Utc::now()).map_err(ApiError::fields)?;
    let now = read(&state.db, schedules::now).await?; // the clock by which it is due
    Ok(Json(Preview { words: table.words(), next: table.next_few(now, FORETOLD) }))
}
