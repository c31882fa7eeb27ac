//! Doing a job again: a new job with the same params, or others, or about the failed items only, linked both ways.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::actor::ActorName;
use super::body::OptionalBody;
use super::cancel::reason;
use super::create::created;
use super::error::{ApiError, ErrorCode, Problem};
use super::idempotency::NewIds;
use super::query::Query;
use super::read::{read, write};
use super::refusals;
use super::show::{self, JobDetail};
use super::state::AppState;
use super::submit;
use crate::actors::command::{MadePending, SubmitError};
use crate::actors::tracker::Stored;
use crate::store::enqueue::{self, Acceptance, NewJob, Unique};
use crate::store::history;
use crate::store::retries::{self, Retry};
use crate::store::row::JobSummary;

/// How to do it again.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// Other params; the same when left out.
    #[serde(default)]
    #[schema(value_type = Option<HashMap<String, Value>>)]
    pub params: Option<Value>,
    /// Only the items that failed. Not together with other params: the items belong to the old ones.
    #[serde(default)]
    pub only_failed_items: bool,
    /// Also when another job is already doing exactly this again and has not ended.
    #[serde(default)]
    pub again: bool,
    /// Why, for its history.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Does a job again, as a new job.
///
/// Pressed twice, on whichever servers, it makes one job: while an equal retry has not ended, another one has to be asked for by
/// `again`. The params are checked anew: pointers of errors begin with `/params`, also when they are those of the old job.
#[utoipa::path(
    post, path = "/api/jobs/{id}/retry", operation_id = "retry_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job that is done again")),
    request_body(content = Option<RetryRequest>, description = "May be left out"),
    responses(
        (status = 201, description = "The new job is stored", body = JobDetail,
         headers(("Location" = String, description = "The path of the new job"))),
        (status = 404, description = "`unknown_job`: there is no such job. `unknown_job_type`: its type is gone", body = Problem,
         content_type = "application/problem+json"),
        (status = 409, description = "`already_retried`: `job` does the same again, and has not ended; or it was asked for at \
         the same moment. `job_not_ended`, `no_failed_items`, `failed_items_incomplete`: it can't be retried like \
         this. `exclusive_job_active`: the type is exclusive, and `job` is pending or running. `duplicate_job_active`: \
         `job` has the same params or the same unique key, and has not ended",
         body = Problem, content_type = "application/problem+json"),
        refusals::AnyWrite,
    ),
)]
pub async fn retry(
    state: Data<AppState>,
    actor: ActorName,
    ids: NewIds,
    id: Path<Uuid>,
    _: Query<()>,
    body: OptionalBody<RetryRequest>,
) -> Result<HttpResponse, ApiError> {
    let request = body.0;
    let reason = reason(request.reason.as_deref())?;
    let other_params = request.params.filter(|params| !params.is_null());
    if request.only_failed_items && other_params.is_some() {
        return Err(ApiError::field("/only_failed_items", "can't be asked for together with other params"));
    }
    let old = show::get(&state, *id).await?;
    if !old.job.status.is_terminal() {
        let detail = format!("job {id} is {}; cancel it, or wait until it has ended", old.job.status);
        return Err(ApiError::new(ErrorCode::JobNotEnded, detail).job(old.job));
    }
    let job_type = submit::job_type(&state.registry, &old.job.type_name)?;
    let params = submit::params(job_type, other_params.or(Some(old.body.params.clone())), "/params");
    let mut new = submit::new_job(job_type, params.map_err(ApiError::fields)?, &actor);
    new.only_items =
        if request.only_failed_items { Some(failed_items(&state, &old).await?) } else { old.body.only_items };
    new.id = ids.only();
    let key = Unique::named_key(&old.job.type_name, old.body.exclusive_key.as_deref());
    new.unique = Unique::of(&job_type.spec, key);
    (new.priority, new.retry_of, new.reason) = (old.job.priority, Some(*id), reason);
    submit::refuse_unprepared(&state, std::slice::from_ref(&new)).await?;
    let seen = old.retried_as;
    let stored = write(&state.db, async |conn| {
        retries::lock(conn, &[*id]).await?;
        let equal = |retry: &Retry| retry.params == new.params && retry.only_items == new.only_items;
        // One that nobody could have seen was asked for at the same moment as this.
        let stands =
            |retry: &Retry| !seen.contains(&retry.job.id) || !(request.again || retry.job.status.is_terminal());
        let made = retries::of(conn, *id).await?;
        // One with this id was stored by this request, when it was executed with the same key before.
        if let Some(own) = made.iter().find(|retry| retry.job.id == new.id) {
            return Ok(Ok(own.job.clone()));
        }
        match made.into_iter().find(|retry| equal(retry) && stands(retry)) {
            Some(existing) => Ok(Err(retried(*id, existing.job))),
            None => insert(conn, &new).await,
        }
    });
    let stored = stored.await?;
    state.tracker.do_send(Stored(vec![stored.clone()]));
    state.supervisor.do_send(MadePending(vec![stored.type_name.clone()]));
    Ok(created(stored.id).json(JobDetail::fresh(stored, new)))
}

/// Somebody has it done again already.
fn retried(id: Uuid, existing: JobSummary) -> ApiError {
    let detail =
        format!("job {} does job {id} again, and is {}; ask with `again` for another", existing.id, existing.status);
    ApiError::new(ErrorCode::AlreadyRetried, detail).job(existing)
}

/// How often a place is tried for that is taken at one moment and free at the next.
const TRIES: usize = 5;

async fn insert(conn: &mut AsyncPgConnection, new: &NewJob) -> QueryResult<Result<JobSummary, ApiError>> {
    for _ in 0..TRIES {
        match enqueue::accept(conn, std::slice::from_ref(new), false).await?.pop() {
            Some(Acceptance::Stored(stored)) => return Ok(Ok(stored)),
            Some(Acceptance::Duplicate(existing)) => {
                let rule = new.unique.clone().unwrap_or(Unique::Type);
                return Ok(Err(SubmitError::Duplicate { existing: Box::new(existing), rule, index: 0 }.into()));
            }
            Some(Acceptance::Contended) | None => {}
        }
    }
    Ok(Err(SubmitError::Busy(new.type_name).into()))
}

/// The failed items of a job, if all of them were kept: a part of them would look like all.
async fn failed_items(state: &AppState, old: &JobDetail) -> Result<Value, ApiError> {
    let (id, failed) = (old.job.id, old.job.error_count);
    let items = read(&state.db, async |conn| history::failed_items(conn, id).await).await?;
    if items.is_empty() {
        let detail = format!("job {id} has no failed items; retry the whole job");
        return Err(ApiError::new(ErrorCode::NoFailedItems, detail));
    }
    let kept = items.len();
    if i64::try_from(kept).is_ok_and(|kept| kept < failed) {
        let detail = format!("{failed} items of job {id} failed and {kept} of them were kept; retry the whole job");
        return Err(ApiError::new(ErrorCode::FailedItemsIncomplete, detail));
    }
    Ok(Value::from(items))
}
