//! Having a schedule run at once.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use uuid::Uuid;

use super::actor::ActorName;
use super::body::OptionalBody;
use super::cancel::reason;
use super::create::created;
use super::error::{ApiError, ErrorCode};
use super::idempotency::NewIds;
use super::limits::quoted;
use super::query::Query;
use super::read::write;
use super::refusals;
use super::schedule_switch::ScheduleAct;
use super::schedules::unknown;
use super::show::JobDetail;
use super::state::AppState;
use super::submit;
use crate::actors::command::{MadePending, SubmitError};
use crate::actors::tracker::Stored;
use crate::job::RunOutcome;
use crate::store::cancel;
use crate::store::enqueue::{NewJob, Unique};
use crate::store::row::JobSummary;
use crate::store::schedule_jobs::{Placed, QUEUED, job_of, place};
use crate::store::schedule_runs::{self, NewRun};
use crate::store::schedules;

/// Has a schedule make a job at once, whether it is on or off. Its due times stay as they are.
///
/// Pointers of errors lead into the schedule: `/params/…` when its type no longer takes its params.
#[utoipa::path(
    post, path = "/api/schedules/{id}/run", operation_id = "run_schedule", tag = "schedules",
    params(("id" = Uuid, Path, description = "The schedule")),
    request_body(content = Option<ScheduleAct>, description = "May be left out"),
    responses(
        (status = 201, description = "The job is stored", body = JobDetail,
         headers(("Location" = String, description = "The path of the job"))),
        refusals::AnyWrite, refusals::UnknownSchedule, refusals::NoRoom,
    ),
)]
pub async fn run(
    state: Data<AppState>,
    actor: ActorName,
    ids: NewIds,
    id: Path<Uuid>,
    _: Query<()>,
    body: OptionalBody<ScheduleAct>,
) -> Result<HttpResponse, ApiError> {
    let reason = reason(body.0.reason.as_deref())?;
    let stored = write(&state.db, async |conn| {
        let Some(schedule) = schedules::lock(conn, *id).await? else { return Ok(Err(unknown(*id))) };
        let Some(known) = state.registry.get(&schedule.type_name) else {
            let name = quoted(&schedule.type_name);
            let detail = format!("this server does not know the type {name}; ask one that does");
            return Ok(Err(ApiError::field("/type", detail)));
        };
        let params = match submit::params(known, Some(schedule.params.clone()), "/params") {
            Ok(params) => params,
            Err(errors) => return Ok(Err(ApiError::fields(errors))),
        };
        let job = job_of(&schedule, &known.spec, params, None, actor.0.clone(), reason.clone());
        let job = NewJob { id: ids.only(), way: actor.1, ..job };
        if ids.are_fixed()
            && let Some(stored) = cancel::current(conn, &[job.id]).await?.pop()
        {
            return Ok(Ok((stored, job))); // by an execution whose answer got lost
        }
        let stored = match room(place(conn, &schedule, &job).await?, &job) {
            Ok(stored) => stored,
            Err(error) => return Ok(Err(error)),
        };
        let manual = NewRun::by(actor.0, reason, *id, RunOutcome::Manual);
        schedule_runs::note(conn, &NewRun { job_id: Some(job.id), ..manual }).await?;
        Ok(Ok((stored, job)))
    });
    let (stored, job) = stored.await?;
    state.tracker.do_send(Stored(vec![stored.clone()]));
    state.supervisor.do_send(MadePending(vec![stored.type_name.clone()]));
    Ok(created(stored.id).json(JobDetail::fresh(stored, job)))
}

/// The stored job, or what stood in its way.
fn room(placed: Placed, job: &NewJob) -> Result<JobSummary, ApiError> {
    match placed {
        Placed::Stored(job) => Ok(*job),
        Placed::Overlaps(job) => {
            let detail = format!("job {} of this schedule is {}, and it makes no other meanwhile", job.id, job.status);
            Err(ApiError::new(ErrorCode::ScheduleJobActive, detail).job(*job))
        }
        Placed::QueueFull(job) => {
            let detail =
                format!("{QUEUED} jobs of this schedule wait, {} is the last of them, and no more may", job.id);
            Err(ApiError::new(ErrorCode::ScheduleJobActive, detail).job(*job))
        }
        Placed::Taken(Some(existing)) => {
            let rule = job.unique.clone().unwrap_or(Unique::Type);
            Err(SubmitError::Duplicate { existing, rule, index: 0 }.into())
        }
        Placed::Taken(None) => Err(SubmitError::Busy(job.type_name).into()),
    }
}
