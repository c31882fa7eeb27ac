//! The plans: changes to scenes that jobs propose. What people decide on them is in `plan_decide`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::actor::ActorName;
use super::body::OptionalBody;
use super::cancel;
use super::error::{ApiError, ErrorCode, Problem};
use super::etag::{IfMatch, IfNoneMatch, tag};
use super::list::page_of;
use super::query::{self, FromQuery, Query, QueryReader};
use super::read::{read, write};
use super::state::AppState;
use super::{cursor, refusals};
use crate::store::plans::read::ChangeCounts;
use crate::store::plans::{PlanRow, PlanStatus, decide, read as plans};

/// Rows of a page unless told otherwise.
const PAGE: i64 = 50;

/// Which plans, and which page of them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PlanQuery {
    /// With one of these statuses.
    #[param(required = false, style = Form, explode = false)]
    status: Vec<PlanStatus>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Uuid>,
    /// How many plans; 50 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 500, default = 50)]
    limit: i64,
}

impl FromQuery for PlanQuery {
    fn read(query: &mut QueryReader) -> Self {
        Self {
            status: query.list("status", query::word),
            cursor: query.one("cursor", |text| cursor::parse_one_of(cursor::PLANS, text)),
            limit: query.limit(PAGE),
        }
    }
}

/// A plan, and where its changes are.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanView {
    /// What is stored.
    #[serde(flatten)]
    pub plan: PlanRow,
    /// How many of its changes are where in their life.
    pub changes: ChangeCounts,
    /// When somebody last decided on a change of it.
    #[schema(required)]
    pub decided_at: Option<DateTime<Utc>>,
    /// The value for `If-Match`: another one whenever something of the plan has changed.
    pub etag: String,
}

/// Plans with all that there is to know of them at this moment.
pub async fn view(conn: &mut AsyncPgConnection, rows: Vec<PlanRow>) -> QueryResult<Vec<PlanView>> {
    let ids: Vec<_> = rows.iter().map(|plan| plan.id).collect();
    let (counts, decided) = (plans::counts(conn, &ids).await?, plans::last_decisions(conn, &ids).await?);
    let view = |plan: PlanRow| {
        let changes = counts.get(&plan.id).copied().unwrap_or_default();
        let decided_at = decided.get(&plan.id).copied();
        let etag = tag(&(&plan, changes, decided_at));
        PlanView { plan, changes, decided_at, etag }
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Locks a plan for a write of somebody who has seen it as `seen` says, or says why there can be none.
pub async fn lock(conn: &mut AsyncPgConnection, id: Uuid, seen: &IfMatch) -> QueryResult<Result<PlanRow, ApiError>> {
    let Some(plan) = plans::lock(conn, id).await? else { return Ok(Err(unknown(id))) };
    if !seen.is_sent() {
        return Ok(Ok(plan));
    }
    let now = view(conn, vec![plan.clone()]).await?;
    Ok(now.iter().try_for_each(|now| seen.check(&now.etag, "the plan")).map(|()| plan))
}

/// A page of plans.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PlanPage {
    /// The plans, the newest first.
    pub plans: Vec<PlanView>,
    /// Where the next page begins; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// Why a plan is deleted.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanDelete {
    /// Why, for the server's log.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Lists plans, the newest first.
#[utoipa::path(
    get, path = "/api/plans", operation_id = "list_plans", tag = "plans",
    params(PlanQuery),
    responses((status = 200, description = "A page of plans", body = PlanPage), refusals::AnyQuestion),
)]
pub async fn list(state: Data<AppState>, Query(query): Query<PlanQuery>) -> Result<Json<PlanPage>, ApiError> {
    let found = read(&state.db, async |conn| {
        let rows = plans::page(conn, &query.status, query.cursor, query.limit + 1).await?;
        let (rows, more) = page_of(rows, query.limit);
        Ok((view(conn, rows).await?, more))
    });
    let (plans, more) = found.await?;
    let next_cursor = plans.last().filter(|_| more).map(|last| cursor::after_one_of(cursor::PLANS, last.plan.id));
    Ok(Json(PlanPage { plans, next_cursor }))
}

/// Shows a plan.
#[utoipa::path(
    get, path = "/api/plans/{id}", operation_id = "show_plan", tag = "plans",
    params(
        ("id" = Uuid, Path, description = "The plan"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what the client holds"),
    ),
    responses(
        (status = 200, description = "The plan", body = PlanView, headers(("ETag" = String, description = "For `If-Match`"))),
        (status = 304, description = "The client holds it already"),
        refusals::AnyQuestion, refusals::UnknownPlan,
    ),
)]
pub async fn show(
    state: Data<AppState>,
    id: Path<Uuid>,
    held: IfNoneMatch,
    _: Query<()>,
) -> Result<HttpResponse, ApiError> {
    let found = read(&state.db, async |conn| {
        let plan = plans::get(conn, *id).await?;
        view(conn, plan.into_iter().collect()).await
    });
    let plan = found.await?.pop().ok_or_else(|| unknown(*id))?;
    Ok(held.answer(&plan.etag, &plan))
}

/// Deletes a plan with its changes. What was applied stays in Stash; its scenes may be looked at by a later plan again. Who
/// deleted it, and why, is in the server's log.
#[utoipa::path(
    delete, path = "/api/plans/{id}", operation_id = "delete_plan", tag = "plans",
    params(("id" = Uuid, Path, description = "The plan"), ("If-Match" = Option<String>, Header, description = "The `ETag` of what the client has seen: nothing is written when that has changed")),
    request_body(content = Option<PlanDelete>, description = "May be left out"),
    responses(
        (status = 204, description = "It is deleted"),
        (status = 409, description = "`plan_building`: its job still runs; cancel that first", body = Problem,
         content_type = "application/problem+json"),
        refusals::AnyWrite, refusals::UnknownPlan, refusals::Changed,
    ),
)]
pub async fn delete(
    state: Data<AppState>,
    actor: ActorName,
    id: Path<Uuid>,
    seen: IfMatch,
    _: Query<()>,
    body: OptionalBody<PlanDelete>,
) -> Result<HttpResponse, ApiError> {
    let reason = cancel::reason(body.0.reason.as_deref())?;
    let deleted = write(&state.db, async |conn| {
        let plan = match lock(conn, *id, &seen).await? {
            Ok(plan) => plan,
            Err(refused) => return Ok(Err(refused)),
        };
        if plan.status == PlanStatus::Building {
            let detail = format!("the plan is still being built; cancel job {} first", plan.job_id);
            return Ok(Err(ApiError::new(ErrorCode::PlanBuilding, detail)));
        }
        decide::delete(conn, *id).await?;
        Ok(Ok(plan))
    });
    let plan = deleted.await?;
    tracing::info!(plan = plan.name, id = %*id, actor = actor.0, reason, "a plan was deleted");
    Ok(HttpResponse::NoContent().finish())
}

/// There is no such plan.
pub fn unknown(id: Uuid) -> ApiError {
    ApiError::new(ErrorCode::UnknownPlan, format!("there is no plan {id}; it may have been deleted"))
}
