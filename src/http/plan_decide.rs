//! Approving and rejecting changes of a plan: one, many, all, or those that are sure enough.

use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::actor::ActorName;
use super::body::Body;
use super::cancel;
use super::error::ApiError;
use super::etag::IfMatch;
use super::fields::Fields;
use super::plan_changes::confidence;
use super::plans::{lock, view};
use super::query::Query;
use super::read::write;
use super::refusals;
use super::state::AppState;
use crate::store::plans::decide::{self, Chosen, Decision};
use crate::store::plans::read::ChangeCounts;
use crate::store::plans::{ChangeField, ChangeStatus, read as plans};

/// Changes named one by one in a request.
const IDS: usize = 10_000;

/// Which changes are decided on: exactly one of `changes`, `all` and `min_confidence` must be given.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideRequest {
    /// These.
    #[schema(min_items = 1, max_items = 10_000)]
    pub changes: Option<Vec<Uuid>>,
    /// All.
    #[serde(default)]
    pub all: bool,
    /// Those that are at least this sure.
    #[schema(minimum = 0, maximum = 1)]
    pub min_confidence: Option<f64>,
    /// Of those only the ones of these fields; of any when empty.
    #[serde(default)]
    pub field: Vec<ChangeField>,
    /// Why; kept with each change.
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

impl DecideRequest {
    fn chosen(self) -> Result<Chosen, ApiError> {
        let mut fields = Fields::default();
        let ways = [self.changes.is_some(), self.all, self.min_confidence.is_some()];
        if self.changes.as_ref().is_some_and(|ids| ids.is_empty() || ids.len() > IDS) {
            fields.refuse("changes", format!("must hold 1 to {IDS} ids"));
        }
        let min_confidence = fields.take("min_confidence", self.min_confidence.map(confidence));
        fields.finish().map_err(ApiError::fields)?;
        match ways.iter().filter(|way| **way).count() {
            1 => Ok(Chosen { ids: self.changes, min_confidence, fields: self.field, pending_only: false }),
            0 => Err(ApiError::field("", "names no changes; give `changes`, `min_confidence` or `\"all\": true`")),
            _ => Err(ApiError::field("", "give only one of `changes`, `min_confidence` and `all`")),
        }
    }
}

/// What was decided.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Decided {
    /// How many changes were decided on. Those that were decided so already are not counted, nor those that are applied or
    /// a conflict: they stay.
    pub changed: u64,
    /// Where all changes of the plan are now.
    pub changes: ChangeCounts,
    /// The `ETag` of the plan now.
    pub etag: String,
}

/// Approves changes of a plan: the job `apply_plan` applies them.
#[utoipa::path(
    post, path = "/api/plans/{id}/approve", operation_id = "approve_plan_changes", tag = "plans",
    params(("id" = Uuid, Path, description = "The plan"), ("If-Match" = Option<String>, Header, description = "The `ETag` of what the client has seen: nothing is written when that has changed")),
    request_body = DecideRequest,
    responses(
        (status = 200, description = "They are approved", body = Decided),
        refusals::AnyWrite, refusals::UnknownPlan, refusals::Changed,
    ),
)]
pub async fn approve(
    state: Data<AppState>,
    actor: ActorName,
    id: Path<Uuid>,
    seen: IfMatch,
    _: Query<()>,
    body: Body<DecideRequest>,
) -> Result<Json<Decided>, ApiError> {
    set(&state, ChangeStatus::Approved, actor, *id, &seen, body.0).await
}

/// Rejects changes of a plan: nothing applies them.
#[utoipa::path(
    post, path = "/api/plans/{id}/reject", operation_id = "reject_plan_changes", tag = "plans",
    params(("id" = Uuid, Path, description = "The plan"), ("If-Match" = Option<String>, Header, description = "The `ETag` of what the client has seen: nothing is written when that has changed")),
    request_body = DecideRequest,
    responses(
        (status = 200, description = "They are rejected", body = Decided),
        refusals::AnyWrite, refusals::UnknownPlan, refusals::Changed,
    ),
)]
pub async fn reject(
    state: Data<AppState>,
    actor: ActorName,
    id: Path<Uuid>,
    seen: IfMatch,
    _: Query<()>,
    body: Body<DecideRequest>,
) -> Result<Json<Decided>, ApiError> {
    set(&state, ChangeStatus::Rejected, actor, *id, &seen, body.0).await
}

async fn set(
    state: &AppState,
    status: ChangeStatus,
    actor: ActorName,
    id: Uuid,
    seen: &IfMatch,
    request: DecideRequest,
) -> Result<Json<Decided>, ApiError> {
    let reason = cancel::reason(request.reason.as_deref())?;
    let chosen = request.chosen()?;
    let decision = Decision { status, actor: actor.0, reason };
    let decided = write(&state.db, async |conn| {
        if let Err(refused) = lock(conn, id, seen).await? {
            return Ok(Err(refused));
        }
        let changed = decide::decide(conn, id, &chosen, &decision).await?;
        if changed > 0 && status == ChangeStatus::Approved {
            decide::reopen(conn, id).await?;
        }
        let plan = plans::get(conn, id).await?.ok_or(diesel::NotFound)?;
        let now = view(conn, vec![plan]).await?.pop().ok_or(diesel::NotFound)?;
        Ok(Ok(Decided { changed: changed as u64, changes: now.changes, etag: now.etag }))
    });
    Ok(Json(decided.await?))
}
