//! One job, whole.

use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::{ApiError, ErrorCode};
use super::query::Query;
use super::read::read;
use super::refusals;
use super::state::AppState;
use crate::store::curve::Curve;
use crate::store::enqueue::NewJob;
use crate::store::listing::{self, Whole};
use crate::store::row::{JobBody, JobSummary};

/// A job with everything that is kept in its row.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JobDetail {
    /// What lists show too.
    #[serde(flatten)]
    pub job: JobSummary,
    /// The rest.
    #[serde(flatten)]
    pub body: JobBody,
    /// The jobs that retry it, oldest first.
    pub retried_as: Vec<Uuid>,
    /// How the progress of its last attempt went: stored every five seconds while it runs. Null before that, and where the run
    /// lasted less than a second.
    #[schema(required)]
    pub curve: Option<Curve>,
}

impl JobDetail {
    /// A job that was just stored.
    pub fn fresh(job: JobSummary, from: NewJob) -> Self {
        let body = JobBody { params: from.params, metadata: from.metadata, result: None, only_items: from.only_items };
        Self { job, body, retried_as: Vec::new(), curve: None }
    }
}

/// Shows a job.
#[utoipa::path(
    get, path = "/api/jobs/{id}", operation_id = "show_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job")),
    responses((status = 200, description = "The job", body = JobDetail), refusals::AnyQuestion, refusals::UnknownJob),
)]
pub async fn show(state: Data<AppState>, id: Path<Uuid>, _: Query<()>) -> Result<Json<JobDetail>, ApiError> {
    get(&state, *id).await.map(Json)
}

/// The job, or the error that it does not exist.
pub async fn get(state: &AppState, id: Uuid) -> Result<JobDetail, ApiError> {
    let found = read(&state.db, async |conn| listing::get(conn, id).await).await?;
    let Whole { job, body, retried_as, curve } = found.ok_or_else(|| unknown(id))?;
    Ok(JobDetail { job, body, retried_as, curve })
}

/// There is no such job.
pub fn unknown(id: Uuid) -> ApiError {
    ApiError::new(ErrorCode::UnknownJob, format!("there is no job {id}; it may have been cleaned up"))
}
