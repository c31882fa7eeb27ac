//! What happened to a job, and which of its items failed.

use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::error::ApiError;
use super::list::page_of;
use super::query::{FromQuery, Query, QueryReader};
use super::show::of_job;
use super::state::AppState;
use super::{limits, refusals};
use crate::store::history::{self, AttemptRow, EventRow, ItemErrorRow};

/// Rows of a page unless told otherwise.
const PAGE: i64 = 100;

/// Which events.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Events after this one; `next` of the answer before.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// How many; 100 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 500, default = 100)]
    limit: i64,
}

impl FromQuery for EventQuery {
    fn read(query: &mut QueryReader) -> Self {
        Self { after: query.integer("after", 0..=i64::MAX), limit: query.limit(PAGE) }
    }
}

/// Which attempts.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AttemptQuery {
    /// Attempts before this one; `prev` of the answer before.
    #[param(minimum = 0)]
    before: Option<i32>,
    /// How many; 100 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 500, default = 100)]
    limit: i64,
}

impl FromQuery for AttemptQuery {
    fn read(query: &mut QueryReader) -> Self {
        let before = query.integer("before", 0..=i64::from(i32::MAX)).and_then(|n| i32::try_from(n).ok());
        Self { before, limit: query.limit(PAGE) }
    }
}

/// Which item errors.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ItemErrorQuery {
    /// Errors after this position; `next` of the answer before.
    #[param(minimum = 0)]
    after: Option<i32>,
    /// With this text in the item or its error.
    #[param(max_length = 200)]
    q: Option<String>,
    /// How many; 100 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 500, default = 100)]
    limit: i64,
}

impl FromQuery for ItemErrorQuery {
    fn read(query: &mut QueryReader) -> Self {
        Self {
            after: query.integer("after", 0..=i64::from(i32::MAX)).and_then(|seq| i32::try_from(seq).ok()),
            q: query.one("q", |text| limits::text(text, limits::SEARCH_CHARS)),
            limit: query.limit(PAGE),
        }
    }
}

/// Some of what happened to a job.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<EventRow>,
    /// Pass it as `after` to get what follows; null while there is nothing.
    #[schema(required)]
    pub next: Option<i64>,
    /// Whether there are events after these by now.
    pub more: bool,
}

/// Some of the attempts of a job.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AttemptPage {
    /// The attempts, the newest first.
    pub attempts: Vec<AttemptRow>,
    /// Pass it as `before` to get those before them; null when there are none.
    #[schema(required)]
    pub prev: Option<i32>,
}

/// Some of the items that failed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ItemErrorPage {
    /// The items, in the order in which they failed.
    pub item_errors: Vec<ItemErrorRow>,
    /// Pass it as `after` to get what follows; null while there is nothing.
    #[schema(required)]
    pub next: Option<i32>,
    /// Whether there are items after these.
    pub more: bool,
}

/// Shows what happened to a job, and who did it.
#[utoipa::path(
    get, path = "/api/jobs/{id}/events", operation_id = "job_events", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job"), EventQuery),
    responses(
        (status = 200, description = "What happened, oldest first", body = EventPage),
        refusals::AnyQuestion, refusals::UnknownJob,
    ),
)]
pub async fn events(
    state: Data<AppState>,
    id: Path<Uuid>,
    Query(query): Query<EventQuery>,
) -> Result<Json<EventPage>, ApiError> {
    let after = query.after.unwrap_or(-1);
    let found = of_job(&state, *id, async |conn| history::events(conn, *id, after, query.limit + 1).await);
    let (events, more) = page_of(found.await?, query.limit);
    let next = events.last().map(|event| event.id).or(query.after);
    Ok(Json(EventPage { events, next, more }))
}

/// Shows the attempts of a job: when each began and ended, where, how and why.
#[utoipa::path(
    get, path = "/api/jobs/{id}/attempts", operation_id = "job_attempts", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job"), AttemptQuery),
    responses(
        (status = 200, description = "The attempts, the newest first", body = AttemptPage),
        refusals::AnyQuestion, refusals::UnknownJob,
    ),
)]
pub async fn attempts(
    state: Data<AppState>,
    id: Path<Uuid>,
    Query(query): Query<AttemptQuery>,
) -> Result<Json<AttemptPage>, ApiError> {
    let before = query.before.unwrap_or(i32::MAX);
    let found = of_job(&state, *id, async |conn| history::attempts(conn, *id, before, query.limit + 1).await);
    let (attempts, more) = page_of(found.await?, query.limit);
    let prev = attempts.last().filter(|_| more).map(|oldest| oldest.attempt);
    Ok(Json(AttemptPage { attempts, prev }))
}

/// Shows the items of a job that failed, as its last attempt found them; the first 10,000 are kept.
#[utoipa::path(
    get, path = "/api/jobs/{id}/item-errors", operation_id = "job_item_errors", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job"), ItemErrorQuery),
    responses(
        (status = 200, description = "The items that failed", body = ItemErrorPage),
        refusals::AnyQuestion, refusals::UnknownJob,
    ),
)]
pub async fn item_errors(
    state: Data<AppState>,
    id: Path<Uuid>,
    Query(query): Query<ItemErrorQuery>,
) -> Result<Json<ItemErrorPage>, ApiError> {
    let (after, text) = (query.after.unwrap_or(-1), query.q.as_deref());
    let found = of_job(&state, *id, async |conn| history::item_errors(conn, *id, after, text, query.limit + 1).await);
    let (item_errors, more) = page_of(found.await?, query.limit);
    let next = item_errors.last().map(|error| error.seq).or(query.after);
    Ok(Json(ItemErrorPage { item_errors, next, more }))
}
