//! Triggering jobs: one, many at once, or one by the address of its type.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::actor::ActorName;
use super::body::{Body, OptionalBody};
use super::error::ApiError;
use super::idempotency::NewIds;
use super::limits::{self, quoted};
use super::query::Query;
use super::refusals;
use super::show::JobDetail;
use super::state::AppState;
use super::submit::{self, JobRequest};
use crate::actors::command::SubmitError;
use crate::job::FieldError;
use crate::store::enqueue::NewJob;
use crate::store::row::JobSummary;

/// Jobs to be stored together.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// The jobs; all are stored, or none.
    #[schema(min_items = 1, max_items = 10_000)]
    pub jobs: Vec<JobRequest>,
}

/// Jobs that were stored together.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Batch {
    /// The jobs, in the order of the request.
    pub jobs: Vec<JobSummary>,
}

/// The answer to a trigger.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Triggered {
    /// Always true: what is not stored is an error.
    pub success: bool,
    /// What happened, for people.
    pub message: String,
    /// The job.
    pub job_id: Uuid,
}

/// Creates a job.
#[utoipa::path(
    post, path = "/api/jobs", operation_id = "create_job", tag = "jobs",
    request_body = JobRequest,
    responses(
        (status = 201, description = "The job is stored", body = JobDetail,
         headers(("Location" = String, description = "The path of the job"))),
        refusals::AnyWrite, refusals::UnknownJobType, refusals::Taken,
    ),
)]
pub async fn create(
    state: Data<AppState>,
    actor: ActorName,
    ids: NewIds,
    _: Query<()>,
    body: Body<JobRequest>,
) -> Result<HttpResponse, ApiError> {
    let job_type = submit::job_type(&state.registry, &body.0.type_name)?;
    let new = submit::check(job_type, body.0, &actor, "").map_err(ApiError::fields)?;
    let new = NewJob { id: ids.only(), ..new };
    let job = submit::submit_one(&state, new.clone()).await?;
    Ok(created(job.id).json(JobDetail::fresh(job, new)))
}

/// Creates many jobs at once, all or none.
///
/// An unknown type is an error of its field here: the pointer says which job it is.
#[utoipa::path(
    post, path = "/api/jobs/batch", operation_id = "create_jobs", tag = "jobs",
    request_body = BatchRequest,
    responses(
        (status = 201, description = "The jobs are stored", body = Batch),
        refusals::AnyWrite, refusals::Taken,
    ),
)]
pub async fn batch(
    state: Data<AppState>,
    actor: ActorName,
    ids: NewIds,
    _: Query<()>,
    body: Body<BatchRequest, { limits::BATCH_BYTES }>,
) -> Result<HttpResponse, ApiError> {
    let mut new = check_batch(&state, body.0.jobs, &actor)?;
    ids.number(&mut new);
    let jobs = submit::submit(&state, new).await?.map_err(|error| match error {
        SubmitError::Duplicate { index, .. } => {
            ApiError::from(error).but(&format!("/jobs/{index} was refused, and so all"))
        }
        other => other.into(),
    })?;
    Ok(HttpResponse::Created().json(Batch { jobs }))
}

fn check_batch(state: &AppState, requests: Vec<JobRequest>, actor: &ActorName) -> Result<Vec<NewJob>, ApiError> {
    const TOLD: usize = 100; // errors beyond are more of the same
    if requests.is_empty() || requests.len() > limits::BATCH_JOBS {
        let message =
            format!("must hold 1 to {} jobs, not {}; send more in several batches", limits::BATCH_JOBS, requests.len());
        return Err(ApiError::field("/jobs", message));
    }
    let (mut jobs, mut errors) = (Vec::with_capacity(requests.len()), Vec::new());
    for (index, request) in requests.into_iter().enumerate() {
        match check_one_of(state, request, actor, index) {
            Ok(job) => jobs.push(job),
            Err(more) => errors.extend(more),
        }
        if errors.len() >= TOLD {
            break;
        }
    }
    if errors.is_empty() { Ok(jobs) } else { Err(ApiError::fields(errors)) }
}

fn check_one_of(
    state: &AppState,
    request: JobRequest,
    actor: &ActorName,
    index: usize,
) -> Result<NewJob, Vec<FieldError>> {
    let at = format!("/jobs/{index}");
    match state.registry.get(&request.type_name) {
        Some(job_type) => submit::check(job_type, request, actor, &at),
        None => {
            let name = &request.type_name;
            let message = format!("there is no job type {}; {}", quoted(name), submit::meant(&state.registry, name));
            Err(vec![FieldError { pointer: format!("{at}/type"), message }])
        }
    }
}

/// Triggers a job of a type: the body is its params.
///
/// Pointers of errors lead into the params. Without a body the params are `{}`.
#[utoipa::path(
    post, path = "/api/jobs/run/{type}", operation_id = "run_job", tag = "jobs",
    params(("type" = String, Path, description = "The job type")),
    request_body(content = Option<HashMap<String, Value>>, description = "The params that the type's schema describes"),
    responses(
        (status = 201, description = "The job is stored", body = Triggered,
         headers(("Location" = String, description = "The path of the job"))),
        refusals::AnyWrite, refusals::UnknownJobType, refusals::Taken,
    ),
)]
pub async fn run(
    state: Data<AppState>,
    actor: ActorName,
    ids: NewIds,
    type_name: Path<String>,
    _: Query<()>,
    body: OptionalBody<Value>,
) -> Result<HttpResponse, ApiError> {
    let job_type = submit::job_type(&state.registry, &type_name)?;
    let params = submit::params(job_type, Some(body.0), "").map_err(ApiError::fields)?;
    let new = NewJob { id: ids.only(), ..submit::new_job(job_type, params, &actor) };
    let job = submit::submit_one(&state, new).await?;
    let message = format!("{} was accepted; it starts as soon as there is room", job_type.spec.label);
    Ok(created(job.id).json(Triggered { success: true, message, job_id: job.id }))
}

/// The beginning of an answer about a job that was just stored.
pub fn created(id: Uuid) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, format!("/api/jobs/{id}")));
    response
}
