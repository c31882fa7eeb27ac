//! From a request for a job to a committed row: checked here, stored by the supervisor.

use std::collections::BTreeSet;
use std::time::Duration;

use actix::MailboxError;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::actor::ActorName;
use super::error::{ApiError, ErrorCode};
use super::fields::Fields;
use super::limits::{self, quoted};
use super::state::AppState;
use crate::actors::command::{Submit, SubmitError, Unavailable};
use crate::job::{FieldError, Registered, Registry};
use crate::store::enqueue::{NewJob, Unique};
use crate::store::find_nul;
use crate::store::row::JobSummary;

/// How long a command may wait for its answer. The supervisor refuses earlier what it could not send to the database; what it sent it
/// repeats until it is answered.
pub(super) const ANSWER: Duration = Duration::from_secs(30);

/// A job that somebody wants.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// A name of `GET /api/job-types`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The params that the type's schema describes; none are the same as `{}`.
    #[serde(default)]
    #[schema(value_type = Option<HashMap<String, Value>>)]
    pub params: Option<Value>,
    /// Higher is claimed first; the type's own when left out.
    #[serde(default)]
    #[schema(value_type = Option<i32>, minimum = -1000, maximum = 1000)]
    pub priority: Option<i64>,
    /// Not started before; at once when left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub run_at: Option<String>,
    /// Not started afterwards: a job that is still pending then is cancelled by `deadline`.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<String>,
    /// Refused while a job of this type with the same key is pending, running or cancelling.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    pub unique_key: Option<String>,
    /// Why, for its history.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// The type of that name, or who may have been meant.
pub fn job_type<'r>(registry: &'r Registry, name: &str) -> Result<&'r Registered, ApiError> {
    registry.get(name).ok_or_else(|| {
        let near: Vec<_> = registry.near(name).into_iter().map(str::to_owned).collect();
        let known: Vec<_> = registry.iter().map(|known| known.spec.name.to_owned()).collect();
        let detail = format!("there is no job type {}; {}", quoted(name), meant(registry, name));
        ApiError::new(ErrorCode::UnknownJobType, detail).names(near, known)
    })
}

/// What to write instead of a name that does not exist.
pub fn meant(registry: &Registry, name: &str) -> String {
    let near = registry.near(name);
    if near.is_empty() {
        let known: Vec<_> = registry.iter().map(|known| format!("`{}`", known.spec.name)).collect();
        format!("the types are {}", known.join(", "))
    } else {
        format!("did you mean `{}`?", near.join("`, `"))
    }
}

/// Checks a request for a job of `job_type`. Pointers begin with `at`, where the request stands in the body.
pub fn check(
    job_type: &Registered,
    request: JobRequest,
    actor: &ActorName,
    at: &str,
) -> Result<NewJob, Vec<FieldError>> {
    let mut fields = Fields::at(at);
    let reason = request.reason.as_deref().map(|text| limits::text(text, limits::REASON_CHARS));
    let priority = fields.take("priority", request.priority.map(limits::priority));
    let run_at = fields.take("run_at", request.run_at.as_deref().map(limits::time));
    let expires_at = fields.take("expires_at", request.expires_at.as_deref().map(limits::time));
    if let (Some(run_at), Some(expires_at)) = (run_at, expires_at)
        && expires_at <= run_at
    {
        fields.refuse("expires_at", "must be later than run_at");
    }
    let unique_key = fields.take("unique_key", request.unique_key.as_deref().map(limits::unique_key));
    let reason = fields.take("reason", reason);
    let params = params(job_type, request.params, &format!("{at}/params")).unwrap_or_else(|errors| {
        fields.extend(errors);
        Value::Null
    });
    fields.finish()?;
    let new = new_job(job_type, params, actor);
    let unique = Unique::of(&job_type.spec, unique_key);
    Ok(NewJob { priority: priority.unwrap_or(new.priority), run_at, expires_at, unique, reason, ..new })
}

/// Checks params and fills in their defaults. Pointers begin with `at`.
pub fn params(job_type: &Registered, params: Option<Value>, at: &str) -> Result<Value, Vec<FieldError>> {
    let params = job_type.prepare(params).map_err(|refused| {
        let under = |e: FieldError| FieldError { pointer: format!("{at}{}", e.pointer), ..e };
        refused.errors.into_iter().map(under).collect::<Vec<_>>()
    })?;
    let refuse = |below: String, message: String| Err(vec![FieldError { pointer: format!("{at}{below}"), message }]);
    if let Some(below) = find_nul(&params) {
        return refuse(below, "must not contain the character U+0000".to_owned());
    }
    // A batch is allowed more in all than one job: here each is held to the same.
    let size = params.to_string().len();
    if size > limits::BODY_BYTES {
        return refuse(String::new(), format!("must be at most {} bytes of JSON", limits::BODY_BYTES));
    }
    Ok(params)
}

/// A job of a type with checked params; everything else as the type has it.
pub fn new_job(job_type: &Registered, params: Value, actor: &ActorName) -> NewJob {
    NewJob { way: actor.1, ..NewJob::of(&job_type.spec, params, &actor.0) }
}

/// Has the supervisor store jobs, all or none.
pub async fn submit(state: &AppState, jobs: Vec<NewJob>) -> Result<Result<Vec<JobSummary>, SubmitError>, ApiError> {
    refuse_unprepared(state, &jobs).await?;
    state.supervisor.send(Submit { jobs }).timeout(ANSWER).await.map_err(|error| no_answer(&error))
}

/// Refuses jobs of a type that needs a setting which is not set: better now than when they are started.
pub(super) async fn refuse_unprepared(state: &AppState, jobs: &[NewJob]) -> Result<(), ApiError> {
    let needs = |job: &NewJob| {
        let known = state.registry.get(job.type_name);
        known.map_or_else(Vec::new, |known| known.needs(&job.params).map(|need| (job.type_name, need)).collect())
    };
    let needs: BTreeSet<_> = jobs.iter().flat_map(needs).collect();
    if needs.is_empty() {
        return Ok(());
    }
    let (settings, _) = state.settings.now().await?;
    let missing = |(name, need)| Some(format!("`{name}` can't run: {}", settings.check_set(need).err()?));
    let missing: Vec<_> = needs.into_iter().filter_map(missing).collect();
    if missing.is_empty() { Ok(()) } else { Err(ApiError::new(ErrorCode::SettingMissing, missing.join("; "))) }
}

/// Has the supervisor store one job.
pub async fn submit_one(state: &AppState, job: NewJob) -> Result<JobSummary, ApiError> {
    let stored = submit(state, vec![job]).await?.map_err(ApiError::from)?;
    stored.into_iter().next().ok_or_else(|| ApiError::internal("the supervisor stored no job and gave no reason"))
}

/// What a request is answered that was sent to a database which has not answered since.
pub(super) const UNKNOWN: &str = "the database was asked and has not answered yet, so this may still be done; look before \
                                  asking again, or ask again with the same Idempotency-Key";

/// The supervisor is gone, or did not answer in time.
pub(super) fn no_answer(error: &MailboxError) -> ApiError {
    match error {
        MailboxError::Closed => {
            ApiError::new(ErrorCode::Unavailable, "the server is going down; ask again when it is back")
        }
        MailboxError::Timeout => ApiError::new(ErrorCode::OutcomeUnknown, UNKNOWN),
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        let detail = error.to_string();
        match error {
            SubmitError::Duplicate { existing, rule, .. } => {
                let code = match rule {
                    Unique::Type => ErrorCode::ExclusiveJobActive,
                    Unique::Params | Unique::Key(_) => ErrorCode::DuplicateJobActive,
                };
                Self::new(code, detail).job(*existing)
            }
            SubmitError::Twice { index, .. } => Self::field(&format!("/jobs/{index}"), detail),
            SubmitError::Busy(_) | SubmitError::Unavailable(_) | SubmitError::Stopping => {
                Self::new(ErrorCode::Unavailable, detail)
            }
        }
    }
}

impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> Self {
        Self::new(ErrorCode::Unavailable, error.to_string())
    }
}
