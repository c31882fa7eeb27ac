//! What was synced from Stash, written: pages of entities, scenes with all that they name, and what is gone.
//!
//! A page is one JSON document in one bind, laid out as rows by Postgres: nothing counts columns, and lists within rows need no
//! second statement. Only rows that differ are written: a page without news costs reads alone. Rows are written in the order of
//! their ids, so that two writers never wait for each other in a circle.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};

use crate::services::stash::{Kind, Performer, Scene, Studio, Tag};

/// What a page came to. What is in neither was here before, just like that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The ids that were not here.
    pub new: HashSet<String>,
    /// The ids that were here and differed, in a fact or in what they name.
    pub changed: HashSet<String>,
}

type Columns = &'static [(&'static str, &'static str)];

const PERFORMERS: Columns = &[
    ("id", "text"),
    ("name", "text"),
    ("disambiguation", "text"),
    ("aliases", "text[]"),
    ("gender", "text"),
    ("favorite", "boolean"),
    ("details", "text"),
    ("stash_created_at", "timestamptz"),
    ("stash_updated_at", "timestamptz"),
];
const TAGS: Columns = &[
    ("id", "text"),
    ("name", "text"),
    ("description", "text"),
    ("aliases", "text[]"),
    ("stash_created_at", "timestamptz"),
    ("stash_updated_at", "timestamptz"),
];
const STUDIOS: Columns = &[
    ("id", "text"),
    ("name", "text"),
    ("url", "text"),
    ("details", "text"),
    ("aliases", "text[]"),
    ("parent_id", "text"),
    ("stash_created_at", "timestamptz"),
    ("stash_updated_at", "timestamptz"),
];
const SCENES: Columns = &[
    ("id", "text"),
    ("title", "text"),
    ("code", "text"),
    ("details", "text"),
    ("director", "text"),
    ("urls", "text[]"),
    ("date", "text"),
    ("rating100", "integer"),
    ("organized", "boolean"),
    ("studio_id", "text"),
    ("path", "text"),
    ("size_bytes", "bigint"),
    ("duration_seconds", "double precision"),
    ("width", "integer"),
    ("height", "integer"),
    ("codec", "text"),
    ("oshash", "text"),
    ("phash", "text"),
    ("stash_created_at", "timestamptz"),
    ("stash_updated_at", "timestamptz"),
];

/// Writes performers.
pub async fn performers(conn: &mut AsyncPgConnection, page: &[Performer]) -> QueryResult<Written> {
    let row = |who: &Performer| {
        json!({
            "id": who.id, "name": who.name, "disambiguation": who.disambiguation, "aliases": who.aliases,
            "gender": who.gender, "favorite": who.favorite, "details": who.details,
            "stash_created_at": who.created_at, "stash_updated_at": who.updated_at,
        })
    };
    upsert(conn, Kind::Performers, PERFORMERS, page.iter().map(row).collect()).await
}

/// Writes tags.
pub async fn tags(conn: &mut AsyncPgConnection, page: &[Tag]) -> QueryResult<Written> {
    let row = |tag: &Tag| {
        json!({
            "id": tag.id, "name": tag.name, "description": tag.description, "aliases": tag.aliases,
            "stash_created_at": tag.created_at, "stash_updated_at": tag.updated_at,
        })
    };
    upsert(conn, Kind::Tags, TAGS, page.iter().map(row).collect()).await
}

/// Writes studios.
pub async fn studios(conn: &mut AsyncPgConnection, page: &[Studio]) -> QueryResult<Written> {
    let row = |studio: &Studio| {
        json!({
            "id": studio.id, "name": studio.name, "url": studio.url, "details": studio.details,
            "aliases": studio.aliases, "parent_id": studio.parent.as_ref().map(|parent| &parent.id),
            "stash_created_at": studio.created_at, "stash_updated_at": studio.updated_at,
        })
    };
    upsert(conn, Kind::Studios, STUDIOS, page.iter().map(row).collect()).await
}

/// Writes scenes, and what they name in place of what they named before. To be called in a transaction.
pub async fn scenes(conn: &mut AsyncPgConnection, page: &[Scene]) -> QueryResult<Written> {
    let mut written = upsert(conn, Kind::Scenes, SCENES, page.iter().map(scene_row).collect()).await?;
    let ids: Vec<&str> = page.iter().map(|scene| scene.id.as_str()).collect();
    let pairs = |of: fn(&Scene) -> Vec<Value>| page.iter().flat_map(of).collect::<Vec<_>>();
    let performers =
        pairs(|scene| scene.performers.iter().map(|who| json!({ "scene_id": scene.id, "id": who.id })).collect());
    let tags = pairs(|scene| scene.tags.iter().map(|tag| json!({ "scene_id": scene.id, "id": tag.id })).collect());
    let groups = pairs(|scene| {
        let pair = |place: &crate::services::stash::SceneGroup| {
            let (id, name) = (&place.group.id, &place.group.name);
            json!({ "scene_id": scene.id, "id": id, "name": name, "scene_index": place.scene_index })
        };
        scene.groups.iter().map(pair).collect()
    });
    let mut touched = relate(conn, "scene_performers", "performer_id", &ids, performers).await?;
    touched.extend(relate(conn, "scene_tags", "tag_id", &ids, tags).await?);
    touched.extend(relate_groups(conn, &ids, groups).await?);
    written.changed.extend(touched.into_iter().map(|row| row.id).filter(|id| !written.new.contains(id)));
    Ok(written)
}

fn scene_row(scene: &Scene) -> Value {
    let file = scene.files.as_slice().first();
    let small = |n: i64| i32::try_from(n).ok();
    json!({
        "id": scene.id, "title": scene.title.as_deref().unwrap_or_default(), "code": scene.code,
        "details": scene.details, "director": scene.director, "urls": scene.urls, "date": scene.date,
        "rating100": scene.rating100.and_then(small), "organized": scene.organized,
        "studio_id": scene.studio.as_ref().map(|studio| &studio.id),
        "path": file.map(|file| &file.path), "size_bytes": file.map(|file| file.size),
        "duration_seconds": file.map(|file| file.duration), "width": file.and_then(|file| small(file.width)),
        "height": file.and_then(|file| small(file.height)), "codec": file.map(|file| &file.codec),
        "oshash": file.and_then(|file| file.fingerprint("oshash")),
        "phash": file.and_then(|file| file.fingerprint("phash")),
        "stash_created_at": scene.created_at, "stash_updated_at": scene.updated_at,
    })
}

#[derive(QueryableByName)]
struct Differs {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Bool)]
    is_new: bool,
}

#[derive(QueryableByName)]
struct Touched {
    #[diesel(sql_type = Text)]
    id: String,
}

async fn upsert(conn: &mut AsyncPgConnection, kind: Kind, columns: Columns, rows: Vec<Value>) -> QueryResult<Written> {
    let list = |of: &dyn Fn(&str) -> String| columns.iter().map(|(name, _)| of(name)).collect::<Vec<_>>().join(", ");
    let names = list(&|name| name.to_owned());
    let types = columns.iter().map(|(name, of)| format!("{name} {of}")).collect::<Vec<_>>().join(", ");
    let query = format!(
        "WITH differs AS MATERIALIZED (
            SELECT given.*, old.id IS NULL AS is_new
            FROM jsonb_to_recordset($1) AS given ({types}) LEFT JOIN {kind} old ON old.id = given.id
            WHERE old.id IS NULL OR ({}) IS DISTINCT FROM ({})),
         written AS (
            INSERT INTO {kind} ({names}) SELECT {names} FROM differs ORDER BY id
            ON CONFLICT (id) DO UPDATE SET {}, synced_at = now())
         SELECT id, is_new FROM differs",
        list(&|name| format!("old.{name}")),
        list(&|name| format!("given.{name}")),
        list(&|name| format!("{name} = excluded.{name}")),
    );
    let differs = sql_query(query).bind::<Jsonb, _>(without_nul(Value::Array(rows)));
    let differs: Vec<Differs> = differs.load(conn).await?;
    let (new, changed): (Vec<_>, Vec<_>) = differs.into_iter().partition(|row| row.is_new);
    let ids = |rows: Vec<Differs>| rows.into_iter().map(|row| row.id).collect();
    Ok(Written { new: ids(new), changed: ids(changed) })
}

async fn relate(
    conn: &mut AsyncPgConnection,
    table: &str,
    column: &str,
    scenes: &[&str],
    pairs: Vec<Value>,
) -> QueryResult<Vec<Touched>> {
    let query = format!(
        "WITH given AS MATERIALIZED (SELECT DISTINCT scene_id, id FROM jsonb_to_recordset($2) AS g (scene_id text, id text)),
         old AS MATERIALIZED (SELECT scene_id, {column} AS id FROM {table} WHERE scene_id = ANY($1)),
         gone AS (
            DELETE FROM {table} r USING (SELECT * FROM old EXCEPT SELECT * FROM given) e
            WHERE r.scene_id = e.scene_id AND r.{column} = e.id RETURNING r.scene_id),
         come AS (
            INSERT INTO {table} (scene_id, {column}) SELECT * FROM (SELECT * FROM given EXCEPT SELECT * FROM old) e
            ORDER BY 1, 2 ON CONFLICT DO NOTHING RETURNING scene_id)
         SELECT scene_id AS id FROM gone UNION SELECT scene_id FROM come"
    );
    let query = sql_query(query).bind::<Array<Text>, _>(scenes).bind::<Jsonb, _>(Value::Array(pairs));
    query.load(conn).await
}

async fn relate_groups(conn: &mut AsyncPgConnection, scenes: &[&str], groups: Vec<Value>) -> QueryResult<Vec<Touched>> {
    let query = "
        WITH given AS MATERIALIZED (
            SELECT DISTINCT ON (scene_id, id) *
            FROM jsonb_to_recordset($2) AS g (scene_id text, id text, name text, scene_index integer)),
        old AS MATERIALIZED (
            SELECT scene_id, group_id AS id, name, scene_index FROM scene_groups WHERE scene_id = ANY($1)),
        gone AS (
            DELETE FROM scene_groups r USING (SELECT scene_id, id FROM old EXCEPT SELECT scene_id, id FROM given) e
            WHERE r.scene_id = e.scene_id AND r.group_id = e.id RETURNING r.scene_id),
        come AS (
            INSERT INTO scene_groups (scene_id, group_id, name, scene_index)
            SELECT * FROM (SELECT * FROM given EXCEPT SELECT * FROM old) e ORDER BY 1, 2
            ON CONFLICT (scene_id, group_id) DO UPDATE SET name = excluded.name, scene_index = excluded.scene_index
            RETURNING scene_id)
        SELECT scene_id AS id FROM gone UNION SELECT scene_id FROM come";
    let groups = without_nul(Value::Array(groups));
    sql_query(query).bind::<Array<Text>, _>(scenes).bind::<Jsonb, _>(groups).load(conn).await
}

/// Postgres has no such character; SQLite, and so Stash, does.
fn without_nul(mut rows: Value) -> Value {
    fn clean(value: &mut Value) {
        match value {
            Value::String(text) if text.contains('\0') => *text = text.replace('\0', ""),
            Value::Array(items) => items.iter_mut().for_each(clean),
            Value::Object(fields) => fields.values_mut().for_each(clean),
            _ => {}
        }
    }
    clean(&mut rows);
    rows
}

/// The ids of a kind that are greater than `after`, as text, in their order.
pub async fn ids(conn: &mut AsyncPgConnection, kind: Kind, after: &str, limit: i64) -> QueryResult<Vec<String>> {
    let query = format!("SELECT id FROM {kind} WHERE id > $1 ORDER BY id LIMIT $2");
    let found: Vec<Touched> = sql_query(query).bind::<Text, _>(after).bind::<BigInt, _>(limit).load(conn).await?;
    Ok(found.into_iter().map(|row| row.id).collect())
}

/// What time it is in the database.
pub async fn now(conn: &mut AsyncPgConnection) -> QueryResult<DateTime<Utc>> {
    diesel::select(diesel::dsl::sql::<Timestamptz>("clock_timestamp()")).get_result(conn).await
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Deletes entities of a kind that were last written before `before`, and what names them. How many. To be called in a
/// transaction.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    kind: Kind,
    ids: &[String],
    before: DateTime<Utc>,
) -> QueryResult<i64> {
    let query = format!(
        "WITH gone AS (DELETE FROM {kind} WHERE id = ANY($1) AND synced_at < $2 RETURNING id){}
         SELECT count(*) AS n FROM gone",
        match kind {
            Kind::Performers => {
                ", unnamed AS (DELETE FROM scene_performers WHERE performer_id IN (SELECT id FROM gone))"
            }
            Kind::Tags => ", unnamed AS (DELETE FROM scene_tags WHERE tag_id IN (SELECT id FROM gone))",
            Kind::Studios => {
                ", unnamed AS (UPDATE scenes SET studio_id = NULL WHERE studio_id IN (SELECT id FROM gone))"
            }
            Kind::Scenes => "", // they take what they name along
        }
    );
    let gone = sql_query(query).bind::<Array<Text>, _>(ids).bind::<Timestamptz, _>(before);
    Ok(gone.get_result::<Count>(conn).await?.n)
}
