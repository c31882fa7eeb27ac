//! What was synced from Stash, read: counts, pages, one of it with all that it names.
//!
//! Scenes are listed by their last change, newest first; the others by name. Pages hang together by keyset. A text is looked for
//! in titles and paths, or in names and aliases, as it is: `%` and `_` are characters like others.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::services::stash::Kind;

/// How much there is of a kind, and how far it was synced.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct KindOverview {
    /// `performers`, `tags`, `studios` or `scenes`.
    #[diesel(sql_type = Text)]
    #[schema(value_type = Kind)]
    pub kind: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub count: i64,
    /// When a sync last came to its end.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    #[schema(required)]
    pub synced_at: Option<DateTime<Utc>>,
    /// Everything that Stash changed before this is here; earlier than `synced_at` when something of a sync failed.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    #[schema(required)]
    pub synced_until: Option<DateTime<Utc>>,
    /// The job that last came to its end.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[schema(required)]
    pub synced_by: Option<Uuid>,
}

/// A scene, as lists show it.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct SceneRow {
    /// Stash's id.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// Its title; empty where it has none.
    #[diesel(sql_type = Text)]
    pub title: String,
    /// Where its file is, as Stash sees it.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub path: Option<String>,
    /// When it came out: `2024-01-31`, or less of it.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub date: Option<String>,
    /// How long it is, in seconds.
    #[diesel(sql_type = Nullable<Double>)]
    #[schema(required)]
    pub duration_seconds: Option<f64>,
    /// 1 to 100.
    #[diesel(sql_type = Nullable<Integer>)]
    #[schema(required)]
    pub rating100: Option<i32>,
    /// Whether somebody said that it is in order.
    #[diesel(sql_type = Bool)]
    pub organized: bool,
    /// Its studio.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub studio_id: Option<String>,
    /// Its name; null where the studio was not synced.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub studio_name: Option<String>,
    /// When it last changed in Stash.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
}

/// What a list of scenes leaves out.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct SceneFacts {
    /// The studio's code for it.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub code: Option<String>,
    /// What it is about.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub details: Option<String>,
    /// Who directed it.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub director: Option<String>,
    /// Where it is on the web.
    #[diesel(sql_type = Array<Text>)]
    pub urls: Vec<String>,
    /// The size of its file.
    #[diesel(sql_type = Nullable<BigInt>)]
    #[schema(required)]
    pub size_bytes: Option<i64>,
    /// In pixels.
    #[diesel(sql_type = Nullable<Integer>)]
    #[schema(required)]
    pub width: Option<i32>,
    /// In pixels.
    #[diesel(sql_type = Nullable<Integer>)]
    #[schema(required)]
    pub height: Option<i32>,
    /// Its video codec.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub codec: Option<String>,
    /// OpenSubtitles' hash of its file.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub oshash: Option<String>,
    /// The perceptual hash of its file.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub phash: Option<String>,
    /// When it came into Stash.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    #[schema(required)]
    pub created_at: Option<DateTime<Utc>>,
    /// When this was last written here.
    #[diesel(sql_type = Timestamptz)]
    pub synced_at: DateTime<Utc>,
}

/// Something that a scene names.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct Related {
    /// Stash's id.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// Its name; null where it was not synced.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub name: Option<String>,
}

/// A group that a scene is in.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct RelatedGroup {
    /// Stash's id.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// The scene's number in it.
    #[diesel(sql_type = Nullable<Integer>)]
    #[schema(required)]
    pub scene_index: Option<i32>,
}

/// A scene with all that it names.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SceneDetail {
    /// What lists show too.
    #[serde(flatten)]
    pub scene: SceneRow,
    /// The rest.
    #[serde(flatten)]
    pub facts: SceneFacts,
    /// Who is in it.
    pub performers: Vec<Related>,
    /// Its tags.
    pub tags: Vec<Related>,
    /// Its groups.
    pub groups: Vec<RelatedGroup>,
}

/// A performer, a tag or a studio, as lists show it.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct EntityRow {
    /// Stash's id.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// In how many scenes it is.
    #[diesel(sql_type = BigInt)]
    pub scenes: i64,
    /// When it last changed in Stash.
    #[diesel(sql_type = Timestamptz)]
    pub updated_at: DateTime<Utc>,
}

/// A performer, a tag or a studio, whole. What its kind does not have is null.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EntityDetail {
    /// What lists show too.
    #[serde(flatten)]
    pub entity: EntityRow,
    /// The rest.
    #[serde(flatten)]
    pub facts: EntityFacts,
}

/// What a list of performers, tags or studios leaves out.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize, ToSchema)]
pub struct EntityFacts {
    /// Other names.
    #[diesel(sql_type = Array<Text>)]
    pub aliases: Vec<String>,
    /// About it.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub details: Option<String>,
    /// Of a performer: what tells it from others of that name.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub disambiguation: Option<String>,
    /// Of a performer: Stash's word, `FEMALE`.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub gender: Option<String>,
    /// Of a performer: whether somebody marked it.
    #[diesel(sql_type = Nullable<Bool>)]
    #[schema(required)]
    pub favorite: Option<bool>,
    /// Of a studio: where it is on the web.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub url: Option<String>,
    /// Of a studio: the one above it.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub parent_id: Option<String>,
    /// Of a studio: the name of the one above it.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    pub parent_name: Option<String>,
    /// When it came into Stash.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    #[schema(required)]
    pub created_at: Option<DateTime<Utc>>,
    /// When this was last written here.
    #[diesel(sql_type = Timestamptz)]
    pub synced_at: DateTime<Utc>,
}

/// Which scenes.
#[derive(Clone, Debug, Default)]
pub struct SceneFilter {
    /// With this text in the title or the path, or with this id.
    pub text: Option<String>,
    /// With this performer.
    pub performer: Option<String>,
    /// With this tag.
    pub tag: Option<String>,
    /// Of this studio.
    pub studio: Option<String>,
    /// Behind the one that changed then and has this id.
    pub after: Option<(DateTime<Utc>, String)>,
}

/// Which performers, tags or studios.
#[derive(Clone, Debug, Default)]
pub struct EntityFilter {
    /// With this text in the name or an alias, or with this id.
    pub text: Option<String>,
    /// Behind the one with this name and id.
    pub after: Option<(String, String)>,
}

/// All kinds.
pub async fn overview(conn: &mut AsyncPgConnection) -> QueryResult<Vec<KindOverview>> {
    let counts =
        Kind::ALL.map(|kind| format!("SELECT '{kind}' AS kind, count(*) AS count FROM {kind}")).join(" UNION ALL ");
    let query = format!(
        "SELECT kind, count, done_at AS synced_at, synced_until, done_job AS synced_by
         FROM ({counts}) counts LEFT JOIN sync_state ON entity = kind"
    );
    let mut found: Vec<KindOverview> = sql_query(query).load(conn).await?;
    let place = |kind: &str| Kind::ALL.iter().position(|known| known.as_str() == kind);
    found.sort_by_key(|overview| place(&overview.kind));
    Ok(found)
}

const SCENE_ROW: &str = "s.id, s.title, s.path, s.date, s.duration_seconds, s.rating100, s.organized, s.studio_id,
                         studios.name AS studio_name, s.stash_updated_at AS updated_at";

/// The text as it is for `LIKE`, between wildcards.
fn containing(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Scenes, the one that changed last first.
pub async fn scenes(conn: &mut AsyncPgConnection, filter: &SceneFilter, limit: i64) -> QueryResult<Vec<SceneRow>> {
    let mut fits = vec!["true"];
    if filter.text.is_some() {
        fits.push("(s.title ILIKE $1 OR s.path ILIKE $1 OR s.id = $2)");
    }
    if filter.performer.is_some() {
        fits.push("EXISTS (SELECT FROM scene_performers p WHERE p.scene_id = s.id AND p.performer_id = $3)");
    }
    if filter.tag.is_some() {
        fits.push("EXISTS (SELECT FROM scene_tags t WHERE t.scene_id = s.id AND t.tag_id = $4)");
    }
    if filter.studio.is_some() {
        fits.push("s.studio_id = $5");
    }
    if filter.after.is_some() {
        fits.push("(s.stash_updated_at, s.id) < ($6, $7)");
    }
    // Every bind has a type, whether it is used or not.
    let query = format!(
        "WITH declared AS (SELECT $1::text, $2::text, $3::text, $4::text, $5::text, $6::timestamptz, $7::text)
         SELECT {SCENE_ROW} FROM scenes s LEFT JOIN studios ON studios.id = s.studio_id
         WHERE {} ORDER BY s.stash_updated_at DESC, s.id DESC LIMIT $8",
        fits.join(" AND ")
    );
    let (at, id) = filter.after.clone().unzip();
    sql_query(query)
        .bind::<Nullable<Text>, _>(filter.text.as_deref().map(containing))
        .bind::<Nullable<Text>, _>(filter.text.as_deref())
        .bind::<Nullable<Text>, _>(filter.performer.as_deref())
        .bind::<Nullable<Text>, _>(filter.tag.as_deref())
        .bind::<Nullable<Text>, _>(filter.studio.as_deref())
        .bind::<Nullable<Timestamptz>, _>(at)
        .bind::<Nullable<Text>, _>(id)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await
}

/// One scene, whole.
pub async fn scene(conn: &mut AsyncPgConnection, id: &str) -> QueryResult<Option<SceneDetail>> {
    #[derive(QueryableByName)]
    struct Whole {
        #[diesel(embed)]
        scene: SceneRow,
        #[diesel(embed)]
        facts: SceneFacts,
    }
    let query = format!(
        "SELECT {SCENE_ROW}, s.code, s.details, s.director, s.urls, s.size_bytes, s.width, s.height, s.codec, s.oshash,
                s.phash, s.stash_created_at AS created_at, s.synced_at
         FROM scenes s LEFT JOIN studios ON studios.id = s.studio_id WHERE s.id = $1"
    );
    let found: Option<Whole> = sql_query(query).bind::<Text, _>(id).get_result(conn).await.optional()?;
    let Some(Whole { scene, facts }) = found else { return Ok(None) };
    let performers = "SELECT performer_id AS id, name FROM scene_performers LEFT JOIN performers ON id = performer_id
                      WHERE scene_id = $1 ORDER BY name, performer_id";
    let tags = "SELECT tag_id AS id, name FROM scene_tags LEFT JOIN tags ON id = tag_id
                WHERE scene_id = $1 ORDER BY name, tag_id";
    let groups =
        "SELECT group_id AS id, name, scene_index FROM scene_groups WHERE scene_id = $1 ORDER BY name, group_id";
    Ok(Some(SceneDetail {
        scene,
        facts,
        performers: sql_query(performers).bind::<Text, _>(id).load(conn).await?,
        tags: sql_query(tags).bind::<Text, _>(id).load(conn).await?,
        groups: sql_query(groups).bind::<Text, _>(id).load(conn).await?,
    }))
}

/// The columns of a row of a kind that is not scenes.
fn entity_row(kind: Kind) -> String {
    let scenes = match kind {
        Kind::Performers => "scene_performers WHERE performer_id = e.id",
        Kind::Tags => "scene_tags WHERE tag_id = e.id",
        Kind::Studios | Kind::Scenes => "scenes WHERE studio_id = e.id",
    };
    format!("e.id, e.name, (SELECT count(*) FROM {scenes}) AS scenes, e.stash_updated_at AS updated_at")
}

/// Performers, tags or studios, by name.
pub async fn entities(
    conn: &mut AsyncPgConnection,
    kind: Kind,
    filter: &EntityFilter,
    limit: i64,
) -> QueryResult<Vec<EntityRow>> {
    let mut fits = vec!["true"];
    if filter.text.is_some() {
        fits.push("(e.name ILIKE $1 OR array_to_string(e.aliases, chr(10)) ILIKE $1 OR e.id = $2)");
    }
    if filter.after.is_some() {
        fits.push("(e.name, e.id) > ($3, $4)");
    }
    let query = format!(
        "WITH declared AS (SELECT $1::text, $2::text, $3::text, $4::text)
         SELECT {} FROM (SELECT * FROM {kind} e WHERE {} ORDER BY e.name, e.id LIMIT $5) e ORDER BY e.name, e.id",
        entity_row(kind),
        fits.join(" AND ")
    );
    let (name, id) = filter.after.clone().unzip();
    sql_query(query)
        .bind::<Nullable<Text>, _>(filter.text.as_deref().map(containing))
        .bind::<Nullable<Text>, _>(filter.text.as_deref())
        .bind::<Nullable<Text>, _>(name)
        .bind::<Nullable<Text>, _>(id)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await
}

/// One performer, tag or studio, whole.
pub async fn entity(conn: &mut AsyncPgConnection, kind: Kind, id: &str) -> QueryResult<Option<EntityDetail>> {
    #[derive(QueryableByName)]
    struct Whole {
        #[diesel(embed)]
        entity: EntityRow,
        #[diesel(embed)]
        facts: EntityFacts,
    }
    let own = match kind {
        Kind::Performers => {
            "e.details, e.disambiguation, e.gender, e.favorite, NULL::text AS url, NULL::text AS parent_id,
             NULL::text AS parent_name"
        }
        Kind::Tags => {
            "e.description AS details, NULL::text AS disambiguation, NULL::text AS gender, NULL::boolean AS favorite,
             NULL::text AS url, NULL::text AS parent_id, NULL::text AS parent_name"
        }
        Kind::Studios | Kind::Scenes => {
            "e.details, NULL::text AS disambiguation, NULL::text AS gender, NULL::boolean AS favorite, e.url, e.parent_id,
             (SELECT name FROM studios WHERE id = e.parent_id) AS parent_name"
        }
    };
    let query = format!(
        "SELECT {}, e.aliases, {own}, e.stash_created_at AS created_at, e.synced_at FROM {kind} e WHERE e.id = $1",
        entity_row(kind)
    );
    let found: Option<Whole> = sql_query(query).bind::<Text, _>(id).get_result(conn).await.optional()?;
    Ok(found.map(|Whole { entity, facts }| EntityDetail { entity, facts }))
}
