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

/// So many jobs of a schedule that queues may wait: more come faster than they end.
pub const QUEUED: i64 = 100;

/// What became of a job that was to be made.
#[derive(Clone, Debug)]
pub enum Placed {
    /// It is stored.
    Stored(Box<JobSummary>),
    /// An earlier job of the schedule has not ended, and it is to skip then.
    Overlaps(Box<JobSummary>),
    /// [`QUEUED`] jobs of the schedule wait; this is the last of them.
    QueueFull(Box<JobSummary>),
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
    match schedule.overlap {
        Overlap::Skip => {
            let unfinished = [Status::Pending, Status::Running, Status::Cancelling];
            if let Some(earlier) = nth(conn, schedule.id, &unfinished, 0).await? {
                return Ok(Placed::Overlaps(Box::new(earlier)));
            }
        }
        Overlap::Queue => {
            if let Some(last) = nth(conn, schedule.id, &[Status::Pending], QUEUED - 1).await? {
                return Ok(Placed::QueueFull(Box::new(last)));
            }
        }
    }
    for _ in 0..TRIES {
        if let Some(stored) = enqueue::insert(conn, std::slice::from_ref(job)).await?.pop() {
            return Ok(Placed::Stored(Box::new(stored)));
        }
        if let Some(holder) = enqueue::holder(conn, job).await? {
            return Ok(Placed::Taken(Some(Box::new(holder))));
        }
    }
    Ok(Placed::Taken(None))
}

/// The job of a schedule with one of these statuses that has `older` such before it.
async fn nth(
    conn: &mut AsyncPgConnection,
    schedule_id: Uuid,
    statuses: &[Status],
    older: i64,
) -> QueryResult<Option<JobSummary>> {
    jobs::table
        .filter(jobs::schedule_id.eq(schedule_id))
        .filter(jobs::status.eq_any(statuses))
        .order(jobs::id)
        .offset(older)
        .select(JobSummary::as_select())
        .first(conn)
        .await
        .optional()
}
