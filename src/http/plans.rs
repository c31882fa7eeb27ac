//! The plans: changes to scenes that jobs propose. What people decide on them is in `plan_decide`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::actor::ActorName;
use super::body::OptionalBody;
use super::cancel;
use super::error::{ApiError, ErrorCode, Problem};
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
        let counts = plans::counts(conn, &rows.iter().map(|plan| plan.id).collect::<Vec<_>>()).await?;
        Ok((rows, counts))
    });
    let (rows, counts) = found.await?;
    let (rows, more) = page_of(rows, query.limit);
    let next_cursor = rows.last().filter(|_| more).map(|last| cursor::after_one_of(cursor::PLANS, last.id));
    let view = |plan: PlanRow| PlanView { changes: counts.get(&plan.id).copied().unwrap_or_default(), plan };
    Ok(Json(PlanPage { plans: rows.into_iter().map(view).collect(), next_cursor }))
}

/// Shows a plan.
#[utoipa::path(
    get, path = "/api/plans/{id}", operation_id = "show_plan", tag = "plans",
    params(("id" = Uuid, Path, description = "The plan")),
    responses(
        (status = 200, description = "The plan", body = PlanView),
        refusals::AnyQuestion, refusals::UnknownPlan,
    ),
)]
pub async fn show(state: Data<AppState>, id: Path<Uuid>, _: Query<()>) -> Result<Json<PlanView>, ApiError> {
    let found = read(&state.db, async |conn| match plans::get(conn, *id).await? {
        Some(plan) => {
            let changes = plans::counts(conn, &[plan.id]).await?.remove(&plan.id).unwrap_or_default();
            Ok(Some(PlanView { plan, changes }))
        }
        None => Ok(None),
    });
    found.await?.map(Json).ok_or_else(|| unknown(*id))
}

/// Deletes a plan with its changes. What was applied stays in Stash; its scenes may be looked at by a later plan again. Who
/// deleted it, and why, is in the server's log.
#[utoipa::path(
    delete, path = "/api/plans/{id}", operation_id = "delete_plan", tag = "plans",
    params(("id" = Uuid, Path, description = "The plan")),
    request_body(content = Option<PlanDelete>, description = "May be left out"),
    responses(
        (status = 204, description = "It is deleted"),
        (status = 409, description = "`plan_building`: its job still runs; cancel that first", body = Problem,
         content_type = "application/problem+json"),
        refusals::AnyWrite, refusals::UnknownPlan,
    ),
)]
pub async fn delete(
    state: Data<AppState>,
    actor: ActorName,
    id: Path<Uuid>,
    _: Query<()>,
    body: OptionalBody<PlanDelete>,
) -> Result<HttpResponse, ApiError> {
    let reason = cancel::reason(body.0.reason.as_deref())?;
    let deleted = write(&state.db, async |conn| {
        let Some(plan) = plans::lock(conn, *id).await? else { return Ok(Err(unknown(*id))) };
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
