//! The jobs of a schedule: what they are made of, and whether there is room for one.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};
use uuid::Uuid;

use super::enqueue::{self, NewJob};
use super::row::JobSummary;
use super::schedules::ScheduleRow;
use super::schema::jobs;
use crate::job::{JobSpec, Overlap, Status};

/// How often a place of an exclusive type is tried for that is taken at one moment and free at the next.
const TRIES: usize = 5;

/// What became of a job that was to be made.
#[derive(Clone, Debug)]
pub enum Placed {
    /// It is stored.
    Stored(Box<JobSummary>),
    /// An earlier job of the schedule has not ended, and it is to skip then.
    Overlaps(Box<JobSummary>),
    /// Its type is exclusive, and this job has the place; none when the place changed hands at each look.
    Taken(Option<Box<JobSummary>>),
}

/// A job of a schedule, with checked params. `due_at` is none when somebody has it run at once.
pub fn job_of(
    schedule: &ScheduleRow,
    spec: &JobSpec,
    params: Value,
    due_at: Option<DateTime<Utc>>,
    actor: String,
    reason: Option<String>,
) -> NewJob {
    let new = NewJob::of(spec, params, &actor);
    NewJob {
        metadata: json!({ "schedule": schedule.name, "due_at": due_at }),
        priority: schedule.priority.unwrap_or(new.priority),
        reason,
        schedule_id: Some(schedule.id),
        queue_key: (schedule.overlap == Overlap::Queue).then(|| format!("schedule:{}", schedule.id)),
        ..new
    }
}

/// Stores a job of a schedule that is locked, if it has room.
pub async fn place(conn: &mut AsyncPgConnection, schedule: &ScheduleRow, job: &NewJob) -> QueryResult<Placed> {
    if schedule.overlap == Overlap::Skip
        && let Some(earlier) = unfinished(conn, schedule.id).await?
    {
        return Ok(Placed::Overlaps(Box::new(earlier)));
    }
    for _ in 0..TRIES {
        if let Some(stored) = enqueue::insert(conn, std::slice::from_ref(job)).await?.pop() {
            return Ok(Placed::Stored(Box::new(stored)));
        }
        if let Some(holder) = enqueue::holder(conn, job.type_name).await? {
            return Ok(Placed::Taken(Some(Box::new(holder))));
        }
    }
    Ok(Placed::Taken(None))
}

/// The oldest job of a schedule that has not ended.
async fn unfinished(conn: &mut AsyncPgConnection, schedule_id: Uuid) -> QueryResult<Option<JobSummary>> {
    jobs::table
        .filter(jobs::schedule_id.eq(schedule_id))
        .filter(jobs::status.eq_any([Status::Pending, Status::Running, Status::Cancelling]))
        .order(jobs::id)
        .select(JobSummary::as_select())
        .first(conn)
        .await
        .optional()
}
