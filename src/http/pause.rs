//! Pausing a job type, and resuming it.

use actix_web::web::{Data, Json, Path};
use serde::Deserialize;
use utoipa::ToSchema;

use super::actor::ActorName;
use super::body::OptionalBody;
use super::cancel::reason;
use super::error::ApiError;
use super::job_types::{JobTypeView, view};
use super::query::Query;
use super::refusals;
use super::state::AppState;
use super::submit::{ANSWER, job_type, no_answer};
use crate::actors::command::SetPaused;

/// Why a type is paused or resumed.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// Why, for whoever looks at the type.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Pauses a job type: no server starts a job of it until it is resumed.
///
/// What runs goes on, and jobs may still be submitted: they wait. Pausing a paused type keeps who paused it first and when; a
/// reason, if one is given, takes the place of the first one.
#[utoipa::path(
    post, path = "/api/job-types/{type}/pause", operation_id = "pause_job_type", tag = "job types",
    params(("type" = String, Path, description = "The job type")),
    request_body(content = Option<PauseRequest>, description = "May be left out"),
    responses(
        (status = 200, description = "It is paused", body = JobTypeView),
        refusals::AnyWrite, refusals::UnknownJobType,
    ),
)]
pub async fn pause(
    state: Data<AppState>,
    actor: ActorName,
    name: Path<String>,
    _: Query<()>,
    body: OptionalBody<PauseRequest>,
) -> Result<Json<JobTypeView>, ApiError> {
    set(&state, true, actor, &name, body.0).await
}

/// Resumes a job type: what waits is started again, at once by this server, within a second by the others.
///
/// A type that is not paused stays as it is. Who resumed it, and why, is in the server's log.
#[utoipa::path(
    post, path = "/api/job-types/{type}/resume", operation_id = "resume_job_type", tag = "job types",
    params(("type" = String, Path, description = "The job type")),
    request_body(content = Option<PauseRequest>, description = "May be left out"),
    responses(
        (status = 200, description = "It is not paused any more", body = JobTypeView),
        refusals::AnyWrite, refusals::UnknownJobType,
    ),
)]
pub async fn resume(
    state: Data<AppState>,
    actor: ActorName,
    name: Path<String>,
    _: Query<()>,
    body: OptionalBody<PauseRequest>,
) -> Result<Json<JobTypeView>, ApiError> {
    set(&state, false, actor, &name, body.0).await
}

async fn set(
    state: &AppState,
    paused: bool,
    actor: ActorName,
    name: &str,
    request: PauseRequest,
) -> Result<Json<JobTypeView>, ApiError> {
    let known = job_type(&state.registry, name)?;
    let reason = reason(request.reason.as_deref())?;
    let wish = SetPaused { type_name: known.spec.name, paused, actor: actor.0, reason };
    let answered = state.supervisor.send(wish).timeout(ANSWER).await.map_err(|error| no_answer(&error))?;
    Ok(Json(view(state, known, answered?)))
}
