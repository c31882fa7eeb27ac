//! Asking a job to stop.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::actor::ActorName;
use super::body::OptionalBody;
use super::error::{ApiError, ErrorCode, Problem};
use super::limits;
use super::query::Query;
use super::refusals;
use super::show::unknown;
use super::state::AppState;
use super::submit::{ANSWER, no_answer};
use crate::actors::command::{Cancel, CancelAnswer};
use crate::store::row::JobSummary;

/// Why a job should stop.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// Why, for its history.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Asks a job to stop.
///
/// A pending job is cancelled at once. A running one is `cancelling` until its handler has stopped, within its grace and five
/// seconds. Asking again changes nothing.
#[utoipa::path(
    post, path = "/api/jobs/{id}/cancel", operation_id = "cancel_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job")),
    request_body(content = Option<CancelRequest>, description = "May be left out"),
    responses(
        (status = 202, description = "The wish is stored; the job as it is now", body = JobSummary),
        (status = 409, description = "`job_ended`: it has ended; `job` says how", body = Problem,
         content_type = "application/problem+json"),
        refusals::AnyWrite, refusals::UnknownJob,
    ),
)]
pub async fn cancel(
    state: Data<AppState>,
    actor: ActorName,
    id: Path<Uuid>,
    _: Query<()>,
    body: OptionalBody<CancelRequest>,
) -> Result<HttpResponse, ApiError> {
    let reason = reason(body.0.reason.as_deref())?;
    let answers = ask(&state, vec![*id], actor, reason).await?;
    match answers.into_iter().next() {
        Some(CancelAnswer::Accepted(job) | CancelAnswer::AskedBefore(job)) => Ok(HttpResponse::Accepted().json(job)),
        Some(CancelAnswer::Terminal(job)) => {
            let detail = format!("job {id} has ended: it is {}", job.status);
            Err(ApiError::new(ErrorCode::JobEnded, detail).job(*job))
        }
        Some(CancelAnswer::Unknown(_) | CancelAnswer::Kept(_)) | None => Err(unknown(*id)),
    }
}

/// Has the supervisor ask jobs to stop.
pub async fn ask(
    state: &AppState,
    ids: Vec<Uuid>,
    actor: ActorName,
    reason: Option<String>,
) -> Result<Vec<CancelAnswer>, ApiError> {
    let wish = Cancel { ids, actor: actor.0, reason };
    let answered = state.supervisor.send(wish).timeout(ANSWER).await.map_err(|error| no_answer(&error))?;
    Ok(answered?)
}

/// Checks a reason at the top of a body.
pub fn reason(reason: Option<&str>) -> Result<Option<String>, ApiError> {
    let checked = reason.map(|text| limits::text(text, limits::REASON_CHARS)).transpose();
    checked.map_err(|message| ApiError::field("/reason", message))
}
