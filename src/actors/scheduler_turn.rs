//! One turn of the scheduler at the database: fires what is due, one schedule at a time, each in a transaction of its own.
//!
//! A transaction takes the schedule, writes what became of its due time, stores the job, and moves the schedule on: all of it, or
//! nothing. Nodes that come at the same moment pass over what another has taken, and find it moved on later. So each due time
//! has one job in the cluster, whoever dies when.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::job::{Behind, CatchUp, Registry, RunOutcome, Timetable};
use crate::store::due;
use crate::store::row::JobSummary;
use crate::store::schedule_jobs::{Placed, job_of, place};
use crate::store::schedule_runs::{self, NewRun};
use crate::store::schedules::ScheduleRow;

/// A due time is kept when it is no older. Older ones are missed: servers were down, or none knew the type.
const KEPT_LATE: TimeDelta = TimeDelta::seconds(30);

/// What became of a schedule that was due.
#[derive(Debug, Default)]
pub struct Fired {
    /// The job that was made.
    pub job: Option<JobSummary>,
}

/// Fires the schedule that has been due longest. None when none is. `picked` is told which it is, also when that fails.
pub async fn fire_next(
    conn: &mut AsyncPgConnection,
    registry: &Registry,
    except: &[Uuid],
    picked: &mut Option<Uuid>,
) -> QueryResult<Option<Fired>> {
    let types: Vec<_> = registry.iter().map(|known| known.spec.name).collect();
    conn.transaction(async |conn| {
        let Some((schedule, now)) = due::pick(conn, &types, except).await? else { return Ok(None) };
        *picked = Some(schedule.id);
        fire(conn, registry, &schedule, now).await.map(Some)
    })
    .await
}

/// Moves schedules back that were moved on too far, by a clock that was ahead. Answers with each, and the due time that it waited
/// for. A due time that already has its job gets no other.
pub async fn move_back(
    conn: &mut AsyncPgConnection,
    registry: &Registry,
) -> QueryResult<Vec<(ScheduleRow, DateTime<Utc>)>> {
    let types: Vec<_> = registry.iter().map(|known| known.spec.name).collect();
    let mut moved = Vec::new();
    for (schedule, now) in due::waiting(conn, &types).await? {
        let Ok(table) = Timetable::parse(&schedule.cron, &schedule.time_zone) else { continue };
        let Some(next) = table.next(now).filter(|next| schedule.next_run_at.is_some_and(|waits_for| *next < waits_for))
        else {
            continue;
        };
        if due::move_back(conn, &schedule, next).await? {
            moved.push((schedule, next));
        }
    }
    Ok(moved)
}

async fn fire(
    conn: &mut AsyncPgConnection,
    registry: &Registry,
    schedule: &ScheduleRow,
    now: DateTime<Utc>,
) -> QueryResult<Fired> {
    let Some(due_at) = schedule.next_run_at else { return Ok(Fired::default()) };
    let table = match Timetable::parse(&schedule.cron, &schedule.time_zone) {
        Ok(table) => table,
        Err(errors) => {
            note(conn, schedule, due_at, RunOutcome::Refused, None, json!({ "errors": errors })).await?;
            due::move_on(conn, schedule.id, None).await?;
            return Ok(Fired::default());
        }
    };
    if due_at >= now - KEPT_LATE {
        let fired = keep(conn, registry, schedule, due_at, None).await?;
        due::move_on(conn, schedule.id, table.next(due_at)).await?;
        return Ok(fired);
    }
    match schedule.catch_up {
        // What became due within the last seconds is kept by the next look.
        CatchUp::None => {
            let missed = table.behind(due_at, now - KEPT_LATE);
            note_missed(conn, schedule, missed).await?;
            due::move_on(conn, schedule.id, table.next(missed.last)).await?;
            Ok(Fired::default())
        }
        CatchUp::One => {
            let last = table.last(due_at, now);
            let missed = table.behind(due_at, last - TimeDelta::seconds(1));
            if missed.count > 0 {
                note_missed(conn, schedule, missed).await?;
            }
            let fired = keep(conn, registry, schedule, last, Some(json!({ "caught_up": true }))).await?;
            due::move_on(conn, schedule.id, table.next(last)).await?;
            Ok(fired)
        }
    }
}

/// Makes the job of a due time, or writes down why there is none.
async fn keep(
    conn: &mut AsyncPgConnection,
    registry: &Registry,
    schedule: &ScheduleRow,
    due_at: DateTime<Utc>,
    detail: Option<Value>,
) -> QueryResult<Fired> {
    // Moved back, by hand: a due time that has had its job gets no other.
    if schedule_runs::is_noted(conn, schedule.id, due_at).await? {
        return Ok(Fired::default());
    }
    let job_type = registry.get(&schedule.type_name).ok_or(diesel::NotFound)?; // only known types are picked
    let params = match job_type.prepare(Some(schedule.params.clone())) {
        Ok(params) => params,
        Err(refused) => {
            let detail = json!({ "errors": refused.errors });
            note(conn, schedule, due_at, RunOutcome::Refused, None, detail).await?;
            return Ok(Fired::default());
        }
    };
    let actor = format!("schedule:{}", schedule.name);
    let job = job_of(schedule, &job_type.spec, params, Some(due_at), actor, None);
    let (outcome, job_id, detail, stored) = match place(conn, schedule, &job).await? {
        Placed::Stored(job) => (RunOutcome::Started, Some(job.id), detail, Some(*job)),
        Placed::Overlaps(job) => (RunOutcome::Skipped, Some(job.id), Some(json!({ "because": "overlap" })), None),
        Placed::QueueFull(job) => (RunOutcome::Skipped, Some(job.id), Some(json!({ "because": "queue_full" })), None),
        Placed::Taken(job) => {
            (RunOutcome::Skipped, job.map(|job| job.id), Some(json!({ "because": "exclusive" })), None)
        }
    };
    note(conn, schedule, due_at, outcome, job_id, detail).await?;
    Ok(Fired { job: stored })
}

async fn note_missed(conn: &mut AsyncPgConnection, schedule: &ScheduleRow, missed: Behind) -> QueryResult<()> {
    let Behind { first, last, count } = missed;
    let detail = json!({ "count": count, "first": first, "last": last, "or_more": count == Timetable::COUNTED });
    tracing::warn!(schedule = schedule.name, count, %first, %last, "due times were missed");
    note(conn, schedule, first, RunOutcome::Missed, None, detail).await
}

async fn note(
    conn: &mut AsyncPgConnection,
    schedule: &ScheduleRow,
    due_at: DateTime<Utc>,
    outcome: RunOutcome,
    job_id: Option<Uuid>,
    detail: impl Into<Option<Value>>,
) -> QueryResult<()> {
    let detail = detail.into();
    schedule_runs::note(conn, &NewRun { job_id, detail, ..NewRun::of(schedule.id, due_at, outcome) }).await
}
