//! Switching schedules on and off.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::actor::ActorName;
use super::body::OptionalBody;
use super::cancel::reason;
use super::error::ApiError;
use super::etag::IfMatch;
use super::query::Query;
use super::read::write;
use super::refusals;
use super::schedule_write::next;
use super::schedules::{ScheduleView, answer, etag, unknown, view_one};
use super::state::AppState;
use crate::actors::scheduler::Look;
use crate::job::RunOutcome;
use crate::store::schedule_runs::{self, NewRun};
use crate::store::schedules::{self, ScheduleRow};

/// Why something is done with a schedule.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleAct {
    /// Why, for its history.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Switches a schedule on. What it does about the times that passed meanwhile, its `catch_up` says.
///
/// One that is on stays as it is.
#[utoipa::path(
    post, path = "/api/schedules/{id}/enable", operation_id = "enable_schedule", tag = "schedules",
    params(("id" = Uuid, Path, description = "The schedule"), ("If-Match" = Option<String>, Header, description = "The `ETag` of what the client has seen: nothing is written when that has changed")),
    request_body(content = Option<ScheduleAct>, description = "May be left out"),
    responses(
        (status = 200, description = "It is on", body = ScheduleView),
        refusals::AnyWrite, refusals::UnknownSchedule, refusals::Changed,
    ),
)]
pub async fn enable(
    state: Data<AppState>,
    actor: ActorName,
    id: Path<Uuid>,
    seen: IfMatch,
    _: Query<()>,
    body: OptionalBody<ScheduleAct>,
) -> Result<HttpResponse, ApiError> {
    set(&state, true, actor, *id, &seen, body.0).await
}

/// Switches a schedule off: it makes no jobs until it is switched on, unless somebody has it run. Its jobs go on.
///
/// One that is off stays as it is.
#[utoipa::path(
    post, path = "/api/schedules/{id}/disable", operation_id = "disable_schedule", tag = "schedules",
    params(("id" = Uuid, Path, description = "The schedule"), ("If-Match" = Option<String>, Header, description = "The `ETag` of what the client has seen: nothing is written when that has changed")),
    request_body(content = Option<ScheduleAct>, description = "May be left out"),
    responses(
        (status = 200, description = "It is off", body = ScheduleView),
        refusals::AnyWrite, refusals::UnknownSchedule, refusals::Changed,
    ),
)]
pub async fn disable(
    state: Data<AppState>,
    actor: ActorName,
    id: Path<Uuid>,
    seen: IfMatch,
    _: Query<()>,
    body: OptionalBody<ScheduleAct>,
) -> Result<HttpResponse, ApiError> {
    set(&state, false, actor, *id, &seen, body.0).await
}

async fn set(
    state: &AppState,
    enabled: bool,
    actor: ActorName,
    id: Uuid,
    seen: &IfMatch,
    act: ScheduleAct,
) -> Result<HttpResponse, ApiError> {
    let reason = reason(act.reason.as_deref())?;
    let stored = write(&state.db, async |conn| {
        let Some(before) = schedules::lock(conn, id).await? else { return Ok(Err(unknown(id))) };
        if let Err(changed) = seen.check(&etag(&before), "the schedule") {
            return Ok(Err(changed));
        }
        if before.enabled == enabled {
            return view_one(conn, &state.registry, before).await.map(Ok);
        }
        let now = schedules::now(conn).await?;
        let mut after =
            ScheduleRow { enabled, updated_by: actor.0.clone(), updated_at: now, reason: reason.clone(), ..before };
        if enabled && after.next_run_at.is_none() {
            after.next_run_at = next(&after, now);
        }
        schedules::update(conn, &after).await?;
        let outcome = if enabled { RunOutcome::Enabled } else { RunOutcome::Disabled };
        schedule_runs::note(conn, &NewRun::by(actor.0, reason, id, outcome)).await?;
        view_one(conn, &state.registry, after).await.map(Ok)
    });
    let stored = stored.await?;
    state.scheduler.do_send(Look);
    Ok(answer(stored))
}
