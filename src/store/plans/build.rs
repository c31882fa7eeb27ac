//! Building a plan: which scenes are to be looked at, what is known of them, and what was found.

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel::sql_types::{Array, BigInt, Bool, Double, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::row::{NewChange, NewPlan, PlanRow};
use super::words::{PlanSource, PlanStatus};
use crate::store::schema::{plan_changes, plan_scenes, plans};

/// A scene as the library has it.
#[derive(Clone, Debug, QueryableByName)]
pub struct SceneFacts {
    /// Stash's id.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// Its title, empty for none.
    #[diesel(sql_type = Text)]
    pub title: String,
    /// What it is about.
    #[diesel(sql_type = Nullable<Text>)]
    pub details: Option<String>,
    /// When it came out.
    #[diesel(sql_type = Nullable<Text>)]
    pub date: Option<String>,
    /// Where its file is.
    #[diesel(sql_type = Nullable<Text>)]
    pub path: Option<String>,
    /// How long it is.
    #[diesel(sql_type = Nullable<Double>)]
    pub duration_seconds: Option<f64>,
    /// Its studio.
    #[diesel(sql_type = Nullable<Text>)]
    pub studio_id: Option<String>,
    /// The studio's name, where that was synced.
    #[diesel(sql_type = Nullable<Text>)]
    pub studio_name: Option<String>,
    /// Ids of those who are in it.
    #[diesel(sql_type = Array<Text>)]
    pub performer_ids: Vec<String>,
    /// Ids of its tags.
    #[diesel(sql_type = Array<Text>)]
    pub tag_ids: Vec<String>,
    /// When Stash last changed it.
    #[diesel(sql_type = Timestamptz)]
    pub stash_updated_at: DateTime<Utc>,
}

/// A tag, performer or studio as the library has it.
#[derive(Clone, Debug, QueryableByName)]
pub struct KnownName {
    /// Stash's id.
    #[diesel(sql_type = Text)]
    pub id: String,
    /// Its name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// What else it is called.
    #[diesel(sql_type = Array<Text>)]
    pub aliases: Vec<String>,
}

/// The three kinds of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// Tags, the most used first.
    Tags,
    /// Performers.
    Performers,
    /// Studios.
    Studios,
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = Text)]
    id: String,
}

/// Begins a plan. When the job has begun one before, in a run that was cut short, it is that one.
pub async fn begin(conn: &mut AsyncPgConnection, plan: &NewPlan) -> QueryResult<PlanRow> {
    diesel::insert_into(plans::table).values(plan).on_conflict(plans::job_id).do_nothing().execute(conn).await?;
    plans::table.filter(plans::job_id.eq(plan.job_id)).select(PlanRow::as_select()).first(conn).await
}

/// Up to `limit` scenes that are not organized and that no plan of this kind has looked at, by id; or with `again`, those that
/// only this plan has not.
pub async fn choose(
    conn: &mut AsyncPgConnection,
    plan: Uuid,
    source: PlanSource,
    again: bool,
    limit: i64,
) -> QueryResult<Vec<String>> {
    let query = "SELECT s.id FROM scenes s
                 WHERE NOT s.organized
                   AND NOT EXISTS (SELECT FROM plan_scenes seen JOIN plans p ON p.id = seen.plan_id
                                   WHERE seen.scene_id = s.id AND (p.id = $1 OR (p.source = $2 AND NOT $3)))
                 ORDER BY s.id LIMIT $4";
    let found: Vec<Id> = sql_query(query)
        .bind::<SqlUuid, _>(plan)
        .bind::<Text, _>(source.as_str())
        .bind::<Bool, _>(again)
        .bind::<BigInt, _>(limit)
        .load(conn)
        .await?;
    Ok(found.into_iter().map(|found| found.id).collect())
}

/// Those of the scenes that this plan has not looked at yet, in their order.
pub async fn unseen(conn: &mut AsyncPgConnection, plan: Uuid, ids: &[String]) -> QueryResult<Vec<String>> {
    let query = "SELECT wanted.id FROM unnest($2) WITH ORDINALITY AS wanted (id, n)
                 WHERE NOT EXISTS (SELECT FROM plan_scenes seen WHERE seen.plan_id = $1 AND seen.scene_id = wanted.id)
                 ORDER BY wanted.n";
    let found: Vec<Id> = sql_query(query).bind::<SqlUuid, _>(plan).bind::<Array<Text>, _>(ids).load(conn).await?;
    Ok(found.into_iter().map(|found| found.id).collect())
}

/// What is known of these scenes. Those that are not in the library are left out.
pub async fn scenes(conn: &mut AsyncPgConnection, ids: &[String]) -> QueryResult<Vec<SceneFacts>> {
    let query =
        "SELECT s.id, s.title, s.details, s.date, s.path, s.duration_seconds, s.studio_id, st.name AS studio_name,
                        ARRAY(SELECT performer_id FROM scene_performers WHERE scene_id = s.id) AS performer_ids,
                        ARRAY(SELECT tag_id FROM scene_tags WHERE scene_id = s.id) AS tag_ids,
                        s.stash_updated_at
                 FROM unnest($1) WITH ORDINALITY AS wanted (id, n)
                 JOIN scenes s ON s.id = wanted.id LEFT JOIN studios st ON st.id = s.studio_id
                 ORDER BY wanted.n";
    sql_query(query).bind::<Array<Text>, _>(ids).load(conn).await
}

/// Every name of a kind that the library has.
pub async fn names(conn: &mut AsyncPgConnection, kind: NameKind) -> QueryResult<Vec<KnownName>> {
    let query = match kind {
        NameKind::Tags => {
            "SELECT id, name, aliases FROM tags
             ORDER BY (SELECT count(*) FROM scene_tags WHERE tag_id = tags.id) DESC, name, id"
        }
        NameKind::Performers => "SELECT id, name, aliases FROM performers ORDER BY name, id",
        NameKind::Studios => "SELECT id, name, '{}'::text[] AS aliases FROM studios ORDER BY name, id",
    };
    sql_query(query).load(conn).await
}

/// Notes how many scenes are to be looked at in all.
pub async fn set_total(conn: &mut AsyncPgConnection, plan: Uuid, total: i64) -> QueryResult<usize> {
    diesel::update(plans::table.find(plan)).set(plans::scene_total.eq(total)).execute(conn).await
}

/// Stores what was found out about some scenes, and that they were looked at: all of it or nothing. A scene that was looked at
/// before keeps what was found then. How many changes are new.
pub async fn keep(
    conn: &mut AsyncPgConnection,
    plan: Uuid,
    scenes: &[String],
    changes: &[NewChange],
) -> QueryResult<usize> {
    conn.transaction(async |conn| {
        let seen: Vec<_> =
            scenes.iter().map(|id| (plan_scenes::plan_id.eq(plan), plan_scenes::scene_id.eq(id))).collect();
        let new: Vec<String> = diesel::insert_into(plan_scenes::table)
            .values(seen)
            .on_conflict_do_nothing()
            .returning(plan_scenes::scene_id)
            .get_results(conn)
            .await?;
        let mut kept = 0;
        let fresh: Vec<&NewChange> = changes.iter().filter(|change| new.contains(&change.scene_id)).collect();
        // A statement of Postgres has at most 65,535 binds.
        for some in fresh.chunks(1_000) {
            let insert = diesel::insert_into(plan_changes::table).values(some.to_vec()).on_conflict_do_nothing();
            kept += insert.execute(conn).await?;
        }
        diesel::update(plans::table.find(plan))
            .set(plans::scene_count.eq(plans::scene_count + i64::try_from(new.len()).unwrap_or(i64::MAX)))
            .execute(conn)
            .await?;
        Ok(kept)
    })
    .await
}

/// Notes what was spent on a plan so far. The counts only grow.
pub async fn spent(
    conn: &mut AsyncPgConnection,
    plan: Uuid,
    (requests, input_tokens, output_tokens): (i64, i64, i64),
    cost: Option<f64>,
) -> QueryResult<usize> {
    let query = "UPDATE plans SET requests = GREATEST(requests, $2), input_tokens = GREATEST(input_tokens, $3),
                        output_tokens = GREATEST(output_tokens, $4), cost = GREATEST(cost, $5)
                 WHERE id = $1";
    sql_query(query)
        .bind::<SqlUuid, _>(plan)
        .bind::<BigInt, _>(requests)
        .bind::<BigInt, _>(input_tokens)
        .bind::<BigInt, _>(output_tokens)
        .bind::<Nullable<Double>, _>(cost)
        .execute(conn)
        .await
}

/// Ends the building of a plan: it is open, unless nothing was looked at. `note` says why not all scenes were. A plan that is no
/// longer being built stays as it is.
pub async fn end(
    conn: &mut AsyncPgConnection,
    plan: Uuid,
    errors: i64,
    note: Option<&str>,
) -> QueryResult<Option<PlanStatus>> {
    let query = "UPDATE plans SET built_at = now(), scene_errors = $2, note = $3,
                        status = CASE WHEN $3 IS NOT NULL AND scene_count = 0 THEN 'failed' ELSE 'open' END
                 WHERE id = $1 AND status = 'building' RETURNING to_jsonb(status) AS status";
    #[derive(QueryableByName)]
    struct Ended {
        #[diesel(sql_type = Jsonb)]
        status: Value,
    }
    let ended: Vec<Ended> = sql_query(query)
        .bind::<SqlUuid, _>(plan)
        .bind::<BigInt, _>(errors)
        .bind::<Nullable<Text>, _>(note)
        .load(conn)
        .await?;
    Ok(ended.into_iter().next().and_then(|ended| serde_json::from_value(ended.status).ok()))
}

/// Notes that changes of a plan were applied.
pub async fn touched(conn: &mut AsyncPgConnection, plan: Uuid) -> QueryResult<usize> {
    diesel::update(plans::table.find(plan)).set(plans::applied_at.eq(now)).execute(conn).await
}
