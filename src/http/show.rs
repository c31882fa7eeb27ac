//! One job, whole.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{Data, Json, Path};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::error::{ApiError, ErrorCode};
use super::query::{FromQuery, Query, QueryReader};
use super::read::read;
use super::refusals;
use super::state::AppState;
use super::wait::{patience, until_ended};
use crate::store::cancel::current;
use crate::store::curve::Curve;
use crate::store::enqueue::NewJob;
use crate::store::listing::{self, Whole};
use crate::store::row::{JobBody, JobSummary};
use crate::store::state::JobState;

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
    /// What it keeps between its attempts, as it last stored it; null when it has stored nothing.
    #[schema(required)]
    pub state: Option<JobState>,
    /// The jobs above it that are still there, from the one that somebody triggered down to its parent.
    pub ancestors: Vec<JobSummary>,
    /// The jobs that it started, the oldest first; at most 200.
    pub children: Vec<JobSummary>,
    /// Whether there are more: `GET /api/jobs?parent=` lists all of them.
    pub more_children: bool,
}

impl JobDetail {
    /// A job that was just stored.
    pub fn fresh(job: JobSummary, from: NewJob) -> Self {
        let (metadata, exclusive_key) = (from.whole_metadata(), from.given_key());
        let body = JobBody { params: from.params, metadata, result: None, only_items: from.only_items, exclusive_key };
        let (retried_as, ancestors, children) = (Vec::new(), Vec::new(), Vec::new());
        Self { job, body, retried_as, curve: None, state: None, ancestors, children, more_children: false }
    }
}

/// Whether to wait for the end of the job.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ShowQuery {
    /// Answer when the job has ended, or after this time: `30s`, `500ms`, `1m`; at most a minute. At once when left out.
    #[param(value_type = Option<String>, example = "30s")]
    wait: Option<Duration>,
}

impl FromQuery for ShowQuery {
    fn read(query: &mut QueryReader) -> Self {
        Self { wait: query.one("wait", patience) }
    }
}

/// Shows a job.
///
/// With `wait` the answer comes when the job has ended, on whichever server it runs, or when the time is over: then its status says
/// that it has not ended, and the same request waits on. A server that shuts down answers early.
#[utoipa::path(
    get, path = "/api/jobs/{id}", operation_id = "show_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job"), ShowQuery),
    responses((status = 200, description = "The job", body = JobDetail), refusals::AnyQuestion, refusals::UnknownJob),
)]
pub async fn show(
    state: Data<AppState>,
    request: HttpRequest,
    id: Path<Uuid>,
    Query(query): Query<ShowQuery>,
) -> Result<Json<JobDetail>, ApiError> {
    if let Some(wait) = query.wait {
        until_ended(&state, &request, *id, wait).await?;
    }
    get(&state, *id).await.map(Json)
}

/// The job, or the error that it does not exist.
pub async fn get(state: &AppState, id: Uuid) -> Result<JobDetail, ApiError> {
    let found = read(&state.db, async |conn| listing::get(conn, id).await).await?;
    let whole = found.ok_or_else(|| unknown(id))?;
    let Whole { job, body, retried_as, curve, state, ancestors, children, more_children } = whole;
    Ok(JobDetail { job, body, retried_as, curve, state, ancestors, children, more_children })
}

/// What is read of a job that exists, or the error that it does not.
pub async fn of_job<T>(
    state: &AppState,
    id: Uuid,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
) -> Result<T, ApiError> {
    let found = read(&state.db, async |conn| match current(conn, &[id]).await?.is_empty() {
        true => Ok(None),
        false => work(conn).await.map(Some),
    });
    found.await?.ok_or_else(|| unknown(id))
}

/// There is no such job.
pub fn unknown(id: Uuid) -> ApiError {
    ApiError::new(ErrorCode::UnknownJob, format!("there is no job {id}; it may have been cleaned up"))
}
