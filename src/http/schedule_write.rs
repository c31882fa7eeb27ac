//! Creating schedules, changing them, deleting them.

use actix_web::HttpResponse;
use actix_web::http::header::{ETAG, LOCATION};
use actix_web::web::{Data, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::actor::ActorName;
use super::body::{Body, OptionalBody};
use super::error::ApiError;
use super::etag::IfMatch;
use super::fields::Fields;
use super::idempotency::NewIds;
use super::query::Query;
use super::read::write;
use super::schedule_check::{job_type, timetable, words};
use super::schedule_switch::ScheduleAct;
use super::schedules::{ScheduleView, answer, etag, unknown, view_one};
use super::state::AppState;
use super::{cancel, refusals};
use crate::actors::scheduler::Look;
use crate::job::{CatchUp, FieldError, Overlap, Registry, RunOutcome};
use crate::store::schedule_runs::{self, NewRun};
use crate::store::schedules::{self, MOST, ScheduleRow};

/// A schedule that somebody wants.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// What to call it; no other may have this name.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// The type of its jobs: a name of `GET /api/job-types`.
    #[serde(rename = "type")]
    type_name: String,
    /// The params of its jobs; none are the same as `{}`.
    #[serde(default)]
    #[schema(value_type = Option<HashMap<String, Value>>)]
    params: Option<Value>,
    /// When they are due: `minute hour day month weekday`, or six fields with seconds in front, or a nickname, `@daily`.
    cron: String,
    /// On the clocks of which IANA time zone; UTC when left out.
    #[serde(default)]
    time_zone: Option<String>,
    /// Whether it makes jobs by itself; it does when left out.
    #[serde(default)]
    enabled: Option<bool>,
    /// What a due time does while an earlier job of it has not ended; `skip` when left out.
    #[serde(default)]
    overlap: Option<Overlap>,
    /// What becomes of due times that nobody kept; `none` when left out.
    #[serde(default)]
    catch_up: Option<CatchUp>,
    /// The priority of its jobs; the type's own when left out.
    #[serde(default)]
    #[schema(value_type = Option<i32>, minimum = -1000, maximum = 1000)]
    priority: Option<i64>,
    /// Why, for its history.
    #[serde(default)]
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// What is to change of a schedule. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleChange {
    /// What to call it.
    #[schema(min_length = 1, max_length = 100, nullable = false)]
    name: Option<String>,
    /// The type of its jobs. Params that are left out must fit it as they are.
    #[serde(rename = "type")]
    #[schema(nullable = false)]
    type_name: Option<String>,
    /// The params of its jobs, all of them.
    #[schema(value_type = HashMap<String, Value>, required = false)]
    params: Option<Value>,
    /// When they are due.
    #[schema(nullable = false)]
    cron: Option<String>,
    /// On the clocks of which IANA time zone.
    #[schema(nullable = false)]
    time_zone: Option<String>,
    /// Whether it makes jobs by itself.
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// What a due time does while an earlier job of it has not ended.
    #[schema(nullable = false)]
    overlap: Option<Overlap>,
    /// What becomes of due times that nobody kept.
    #[schema(nullable = false)]
    catch_up: Option<CatchUp>,
    /// The priority of its jobs; null for the type's own.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i32>, minimum = -1000, maximum = 1000)]
    priority: Option<Option<i64>>,
    /// Why, for its history.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Tells null from nothing.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Creates a schedule.
///
/// It is due from now on: times before its creation are never missed.
#[utoipa::path(
    post, path = "/api/schedules", operation_id = "create_schedule", tag = "schedules",
    request_body = ScheduleRequest,
    responses(
        (status = 201, description = "The schedule is stored", body = ScheduleView,
         headers(("Location" = String, description = "The path of the schedule"))),
        refusals::AnyWrite, refusals::NameTaken,
    ),
)]
pub async fn create(
    state: Data<AppState>,
    actor: ActorName,
    ids: NewIds,
    _: Query<()>,
    body: Body<ScheduleRequest>,
) -> Result<HttpResponse, ApiError> {
    // What is wrong is told without the database; the times are the database's.
    let draft = new(&state.registry, body.0, &actor.0, Utc::now()).map_err(ApiError::fields)?;
    let draft = ScheduleRow { id: ids.only(), ..draft };
    let stored = write(&state.db, async |conn| {
        if ids.are_fixed()
            && let Some(stored) = schedules::lock(conn, draft.id).await?
        {
            return view_one(conn, &state.registry, stored).await.map(Ok); // by an execution whose answer got lost
        }
        let now = schedules::now(conn).await?;
        let next_run_at = if draft.enabled { next(&draft, now) } else { None };
        let schedule = ScheduleRow { created_at: now, updated_at: now, next_run_at, ..draft };
        if schedules::count(conn).await? >= MOST {
            return Ok(Err(ApiError::field("", format!("there are {MOST} schedules already; delete some"))));
        }
        schedules::insert(conn, &schedule).await?;
        let created = NewRun::by(actor.0.clone(), schedule.reason.clone(), schedule.id, RunOutcome::Created);
        schedule_runs::note(conn, &created).await?;
        view_one(conn, &state.registry, schedule).await.map(Ok)
    });
    let stored = stored.await?;
    state.scheduler.do_send(Look);
    let place = format!("/api/schedules/{}", stored.schedule.id);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, place))
        .insert_header((ETAG, stored.etag.as_str()))
        .json(stored))
}

fn new(
    registry: &Registry,
    request: ScheduleRequest,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<ScheduleRow, Vec<FieldError>> {
    let mut fields = Fields::at("");
    let words = words(&mut fields, Some(&request.name), request.priority, request.reason.as_deref());
    let time_zone = request.time_zone.unwrap_or_else(|| "UTC".to_owned());
    let _ = timetable(&request.cron, &time_zone, now).map_err(|errors| fields.extend(errors));
    let enabled = request.enabled.unwrap_or(true);
    let params = job_type(registry, &request.type_name, request.params).unwrap_or_else(|errors| {
        fields.extend(errors);
        Value::Null
    });
    fields.finish()?;
    Ok(ScheduleRow {
        id: Uuid::now_v7(),
        name: words.name.unwrap_or_default(),
        type_name: request.type_name,
        params,
        cron: request.cron.trim().to_owned(),
        time_zone,
        enabled,
        overlap: request.overlap.unwrap_or(Overlap::Skip),
        catch_up: request.catch_up.unwrap_or(CatchUp::None),
        priority: words.priority,
        reason: words.reason,
        created_by: actor.to_owned(),
        created_at: now,
        updated_by: actor.to_owned(),
        updated_at: now,
        next_run_at: None,
    })
}

/// When a schedule is next due.
pub fn next(schedule: &ScheduleRow, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    timetable(&schedule.cron, &schedule.time_zone, now).ok()?.next(now)
}

/// Changes a schedule. What is left out stays.
///
/// What changes nothing is not written down. With another cron line or time zone it is due from now on. Switching it on is what `enable` does.
#[utoipa::path(
    patch, path = "/api/schedules/{id}", operation_id = "edit_schedule", tag = "schedules",
    params(("id" = Uuid, Path, description = "The schedule"), ("If-Match" = Option<String>, Header, description = "The `ETag` of what the client has seen: nothing is written when that has changed")),
    request_body = ScheduleChange,
    responses(
        (status = 200, description = "The schedule as it is now", body = ScheduleView),
        refusals::AnyWrite, refusals::UnknownSchedule, refusals::NameTaken, refusals::Changed,
    ),
)]
pub async fn edit(
    state: Data<AppState>,
    actor: ActorName,
    id: Path<Uuid>,
    seen: IfMatch,
    _: Query<()>,
    body: Body<ScheduleChange>,
) -> Result<HttpResponse, ApiError> {
    let change = body.0;
    let stored = write(&state.db, async |conn| {
        let Some(before) = schedules::lock(conn, *id).await? else { return Ok(Err(unknown(*id))) };
        if let Err(changed) = seen.check(&etag(&before), "the schedule") {
            return Ok(Err(changed));
        }
        let now = schedules::now(conn).await?;
        let after = match changed(&state.registry, &before, change, now) {
            Ok(after) => ScheduleRow { updated_by: actor.0.clone(), updated_at: now, ..after },
            Err(errors) => return Ok(Err(ApiError::fields(errors))),
        };
        let changes = names_of_changes(&before, &after);
        if changes.is_empty() {
            return view_one(conn, &state.registry, before).await.map(Ok);
        }
        schedules::update(conn, &after).await?;
        let detail = json!({ "changed": changes });
        let edited = NewRun::by(actor.0.clone(), after.reason.clone(), *id, RunOutcome::Edited);
        schedule_runs::note(conn, &NewRun { detail: Some(detail), ..edited }).await?;
        view_one(conn, &state.registry, after).await.map(Ok)
    });
    let stored = stored.await?;
    state.scheduler.do_send(Look);
    Ok(answer(stored))
}

/// The schedule as a change makes it.
fn changed(
    registry: &Registry,
    before: &ScheduleRow,
    change: ScheduleChange,
    now: DateTime<Utc>,
) -> Result<ScheduleRow, Vec<FieldError>> {
    let mut fields = Fields::at("");
    let words = words(&mut fields, change.name.as_deref(), change.priority.flatten(), change.reason.as_deref());
    let mut after = before.clone();
    after.name = words.name.unwrap_or(after.name);
    after.reason = words.reason;
    after.cron = change.cron.map_or(after.cron, |cron| cron.trim().to_owned());
    after.time_zone = change.time_zone.unwrap_or(after.time_zone);
    after.enabled = change.enabled.unwrap_or(after.enabled);
    after.overlap = change.overlap.unwrap_or(after.overlap);
    after.catch_up = change.catch_up.unwrap_or(after.catch_up);
    if change.priority.is_some() {
        after.priority = words.priority;
    }
    let other_times = (&after.cron, &after.time_zone) != (&before.cron, &before.time_zone);
    if other_times {
        let table = timetable(&after.cron, &after.time_zone, now).map_err(|errors| fields.extend(errors)).ok();
        after.next_run_at = table.filter(|_| after.enabled).and_then(|table| table.next(now));
    }
    if change.type_name.is_some() || change.params.is_some() {
        after.type_name = change.type_name.unwrap_or(after.type_name);
        let params = change.params.unwrap_or_else(|| before.params.clone());
        match job_type(registry, &after.type_name, Some(params)) {
            Ok(params) => after.params = params,
            Err(errors) => fields.extend(errors),
        }
    }
    fields.finish()?;
    if after.enabled && after.next_run_at.is_none() {
        after.next_run_at = next(&after, now);
    }
    Ok(after)
}

/// The fields in which two versions differ.
fn names_of_changes(before: &ScheduleRow, after: &ScheduleRow) -> Vec<&'static str> {
    let (b, a) = (before, after);
    let differs = [
        ("name", b.name != a.name),
        ("type", b.type_name != a.type_name),
        ("params", b.params != a.params),
        ("cron", b.cron != a.cron),
        ("time_zone", b.time_zone != a.time_zone),
        ("enabled", b.enabled != a.enabled),
        ("overlap", b.overlap != a.overlap),
        ("catch_up", b.catch_up != a.catch_up),
        ("priority", b.priority != a.priority),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// Deletes a schedule with its history. Its jobs stay, and those that wait are run. Who deleted it, and why, is in the server's
/// log.
#[utoipa::path(
    delete, path = "/api/schedules/{id}", operation_id = "delete_schedule", tag = "schedules",
    params(("id" = Uuid, Path, description = "The schedule"), ("If-Match" = Option<String>, Header, description = "The `ETag` of what the client has seen: nothing is written when that has changed")),
    request_body(content = Option<ScheduleAct>, description = "May be left out"),
    responses(
        (status = 204, description = "It is deleted"),
        refusals::AnyWrite, refusals::UnknownSchedule, refusals::Changed,
    ),
)]
pub async fn delete(
    state: Data<AppState>,
    actor: ActorName,
    id: Path<Uuid>,
    seen: IfMatch,
    _: Query<()>,
    body: OptionalBody<ScheduleAct>,
) -> Result<HttpResponse, ApiError> {
    let reason = cancel::reason(body.0.reason.as_deref())?;
    let deleted = write(&state.db, async |conn| {
        let Some(schedule) = schedules::lock(conn, *id).await? else { return Ok(Err(unknown(*id))) };
        if let Err(changed) = seen.check(&etag(&schedule), "the schedule") {
            return Ok(Err(changed));
        }
        schedules::delete(conn, *id).await?;
        Ok(Ok(schedule))
    });
    let schedule = deleted.await?;
    tracing::info!(schedule = schedule.name, id = %*id, actor = actor.0, reason, "a schedule was deleted");
    state.scheduler.do_send(Look);
    Ok(HttpResponse::NoContent().finish())
}
