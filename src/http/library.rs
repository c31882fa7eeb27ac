//! What was synced from Stash: how much there is, pages of it, one of it.

use std::str::FromStr;

use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, ErrorCode};
use super::list::page_of;
use super::query::{FromQuery, Query, QueryReader};
use super::read::read;
use super::state::AppState;
use super::{library_cursor, limits, refusals};
use crate::services::stash::Kind;
use crate::store::library::{
    self, EntityDetail, EntityFilter, EntityRow, KindOverview, SceneDetail, SceneFilter, SceneRow,
};

/// Rows of a page unless told otherwise: what a screen shows.
const PAGE: i64 = 50;

/// How much was synced.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LibraryOverview {
    /// Performers, tags, studios, scenes.
    pub kinds: Vec<KindOverview>,
}

/// A page of scenes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ScenePage {
    /// The scenes, the one that changed last first.
    pub scenes: Vec<SceneRow>,
    /// Where the next page begins; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// A page of performers, tags or studios.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntityPage {
    /// By name.
    pub items: Vec<EntityRow>,
    /// Where the next page begins; null on the last.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

/// Which scenes, and which page of them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SceneQuery {
    /// With this text in the title or the path, or with this id.
    #[param(max_length = 200)]
    q: Option<String>,
    /// With this performer.
    #[param(max_length = 200)]
    performer: Option<String>,
    /// With this tag.
    #[param(max_length = 200)]
    tag: Option<String>,
    /// Of this studio.
    #[param(max_length = 200)]
    studio: Option<String>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<(DateTime<Utc>, String)>,
    /// How many; 50 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 500, default = 50)]
    limit: i64,
}

impl FromQuery for SceneQuery {
    fn read(query: &mut QueryReader) -> Self {
        let id = |id: &str| limits::text(id, limits::NAME_CHARS);
        Self {
            q: query.one("q", |text| limits::text(text, limits::SEARCH_CHARS)),
            performer: query.one("performer", id),
            tag: query.one("tag", id),
            studio: query.one("studio", id),
            cursor: query.one("cursor", library_cursor::parse_time),
            limit: query.limit(PAGE),
        }
    }
}

/// Which performers, tags or studios, and which page of them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EntityQuery {
    /// With this text in the name or an alias, or with this id.
    #[param(max_length = 200)]
    q: Option<String>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<(String, String)>,
    /// How many; 50 unless told otherwise.
    #[param(required = false, minimum = 1, maximum = 500, default = 50)]
    limit: i64,
}

impl FromQuery for EntityQuery {
    fn read(query: &mut QueryReader) -> Self {
        Self {
            q: query.one("q", |text| limits::text(text, limits::SEARCH_CHARS)),
            cursor: query.one("cursor", library_cursor::parse),
            limit: query.limit(PAGE),
        }
    }
}

/// Shows how much was synced from Stash.
#[utoipa::path(
    get, path = "/api/library", operation_id = "show_library", tag = "library",
    responses((status = 200, description = "How much there is", body = LibraryOverview), refusals::AnyQuestion),
)]
pub async fn overview(state: Data<AppState>, _: Query<()>) -> Result<Json<LibraryOverview>, ApiError> {
    let kinds = read(&state.db, async |conn| library::overview(conn).await).await?;
    Ok(Json(LibraryOverview { kinds }))
}

/// Lists scenes, the one that changed last first.
#[utoipa::path(
    get, path = "/api/library/scenes", operation_id = "list_library_scenes", tag = "library",
    params(SceneQuery),
    responses((status = 200, description = "A page of scenes", body = ScenePage), refusals::AnyQuestion),
)]
pub async fn scenes(state: Data<AppState>, query: Query<SceneQuery>) -> Result<Json<ScenePage>, ApiError> {
    let SceneQuery { q: text, performer, tag, studio, cursor: after, limit } = query.0;
    let filter = SceneFilter { text, performer, tag, studio, after };
    let found = read(&state.db, async |conn| library::scenes(conn, &filter, limit + 1).await).await?;
    let (scenes, more) = page_of(found, limit);
    let last = scenes.last().filter(|_| more);
    let next_cursor = last.map(|last| library_cursor::after_time(last.updated_at, &last.id));
    Ok(Json(ScenePage { scenes, next_cursor }))
}

/// Shows a scene with all that it names.
#[utoipa::path(
    get, path = "/api/library/scenes/{id}", operation_id = "show_library_scene", tag = "library",
    params(("id" = String, Path, description = "The scene's id in Stash")),
    responses(
        (status = 200, description = "The scene", body = SceneDetail),
        refusals::AnyQuestion, refusals::UnknownEntity,
    ),
)]
pub async fn scene(state: Data<AppState>, id: Path<String>, _: Query<()>) -> Result<Json<SceneDetail>, ApiError> {
    let id = without_nul(&id)?;
    let found = read(&state.db, async |conn| library::scene(conn, id).await).await?;
    found.map(Json).ok_or_else(|| unknown(Kind::Scenes, id))
}

/// Lists performers, tags or studios, by name.
#[utoipa::path(
    get, path = "/api/library/{kind}", operation_id = "list_library", tag = "library",
    params(("kind" = String, Path, description = "`performers`, `tags` or `studios`"), EntityQuery),
    responses(
        (status = 200, description = "A page of them", body = EntityPage),
        refusals::AnyQuestion, refusals::UnknownEntity,
    ),
)]
pub async fn entities(
    state: Data<AppState>,
    kind: Path<String>,
    query: Query<EntityQuery>,
) -> Result<Json<EntityPage>, ApiError> {
    let kind = kind_of(&kind)?;
    let EntityQuery { q: text, cursor: after, limit } = query.0;
    let filter = EntityFilter { text, after };
    let found = read(&state.db, async |conn| library::entities(conn, kind, &filter, limit + 1).await).await?;
    let (items, more) = page_of(found, limit);
    let next_cursor = items.last().filter(|_| more).map(|last| library_cursor::after(&last.name, &last.id));
    Ok(Json(EntityPage { items, next_cursor }))
}

/// Shows a performer, a tag or a studio.
#[utoipa::path(
    get, path = "/api/library/{kind}/{id}", operation_id = "show_library_entity", tag = "library",
    params(
        ("kind" = String, Path, description = "`performers`, `tags` or `studios`"),
        ("id" = String, Path, description = "Its id in Stash"),
    ),
    responses(
        (status = 200, description = "It", body = EntityDetail),
        refusals::AnyQuestion, refusals::UnknownEntity,
    ),
)]
pub async fn entity(
    state: Data<AppState>,
    path: Path<(String, String)>,
    _: Query<()>,
) -> Result<Json<EntityDetail>, ApiError> {
    let (kind, id) = (kind_of(&path.0)?, without_nul(&path.1)?);
    let found = read(&state.db, async |conn| library::entity(conn, kind, id).await).await?;
    found.map(Json).ok_or_else(|| unknown(kind, id))
}

fn kind_of(word: &str) -> Result<Kind, ApiError> {
    Kind::from_str(word)
        .map_err(|why| ApiError::new(ErrorCode::UnknownEntity, format!("{} {why}", limits::quoted(word))))
}

/// Postgres has no such text.
fn without_nul(id: &str) -> Result<&str, ApiError> {
    let refused = || ApiError::new(ErrorCode::UnknownEntity, "no id of Stash has the character U+0000 in it");
    (!id.contains('\0')).then_some(id).ok_or_else(refused)
}

fn unknown(kind: Kind, id: &str) -> ApiError {
    let detail = format!("{kind} have no {}; it may have been deleted, or not been synced yet", limits::quoted(id));
    ApiError::new(ErrorCode::UnknownEntity, detail)
}
