//! The changes of a plan, page by page.

use actix_web::web::{Data, Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::error::ApiError;
use super::list::page_of;
use super::plans::unknown;
use super::query::{self, FromQuery, Query, QueryReader};
use super::read::read;
use super::state::AppState;
use super::{cursor, limits, refusals};
use crate::store::plans::read::ChangeFilter;
use crate::store::plans::{ChangeField, ChangeRow, ChangeStatus, read as plans};

/// Rows of a page unless told otherwise.
const PAGE: i64 = 100;

/// Which changes, and which page of them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangeQuery {
    /// With one of these statuses.
    #[param(required = false, style = Form, explode = false)]
    status: Vec<ChangeStatus>,
    /// Of one of these fields.
    #[param(required = false, style = Form, explode = false)]
    field: Vec<ChangeField>,
    /// Of the scene with this id in Stash.
    #[param(max_length = 200)]
    scene: Option<String>,
    /// At least this sure.
    #[param(minimum = 0, maximum = 1)]
    min_confidence: Option<f64>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Uuid>,
    /// How many changes; 100 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 500, default = 100)]
    limit: i64,
}

impl FromQuery for ChangeQuery {
    fn read(query: &mut QueryReader) -> Self {
        Self {
            status: query.list("status", query::word),
            field: query.list("field", query::word),
            scene: query.one("scene", |id| limits::text(id, limits::NAME_CHARS)),
            min_confidence: query.one("min_confidence", |text| confidence(text.parse().unwrap_or(f64::NAN))),
            cursor: query.one("cursor", |text| cursor::parse_one_of(cursor::PLAN_CHANGES, text)),
            limit: query.limit(PAGE),
        }
    }
}

/// Checks how sure something is to be.
pub fn confidence(value: f64) -> Result<f64, String> {
    if (0.0..=1.0).contains(&value) { Ok(value) } else { Err("must be a number from 0 to 1".to_owned()) }
}

/// A page of changes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChangePage {
    /// The changes; those of one scene stand together.
    pub changes: Vec<ChangeRow>,
    /// Where the next page begins; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// Lists the changes of a plan, in the order in which they were found.
#[utoipa::path(
    get, path = "/api/plans/{id}/changes", operation_id = "list_plan_changes", tag = "plans",
    params(("id" = Uuid, Path, description = "The plan"), ChangeQuery),
    responses(
        (status = 200, description = "A page of changes", body = ChangePage),
        refusals::AnyQuestion, refusals::UnknownPlan,
    ),
)]
pub async fn changes(
    state: Data<AppState>,
    id: Path<Uuid>,
    Query(query): Query<ChangeQuery>,
) -> Result<Json<ChangePage>, ApiError> {
    let filter = ChangeFilter {
        statuses: query.status,
        fields: query.field,
        scene: query.scene,
        min_confidence: query.min_confidence,
        after: query.cursor,
    };
    let found = read(&state.db, async |conn| match plans::get(conn, *id).await? {
        Some(_) => plans::changes(conn, *id, &filter, query.limit + 1).await.map(Some),
        None => Ok(None),
    });
    let (changes, more) = page_of(found.await?.ok_or_else(|| unknown(*id))?, query.limit);
    let next_cursor = changes.last().filter(|_| more).map(|last| cursor::after_one_of(cursor::PLAN_CHANGES, last.id));
    Ok(Json(ChangePage { changes, next_cursor }))
}
