//! Which job types are paused: of these no node claims a job until somebody resumes them. What runs goes on.
//!
//! One row per paused type, which the claim itself looks at: a pause that is stored holds for every claim that begins later, on
//! whichever node, and no node has to be told.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel::sql_types::{Nullable, Text};
use diesel::{QueryResult, Queryable, Selectable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema::pauses;

/// The pause of a job type.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = pauses, check_for_backend(Pg))]
pub struct Pause {
    /// Who paused it.
    #[diesel(column_name = paused_by)]
    pub by: String,
    /// Since when.
    #[diesel(column_name = paused_at)]
    pub at: DateTime<Utc>,
    /// Why, in that person's words.
    #[schema(required)]
    pub reason: Option<String>,
}

/// Pauses a type. One that is paused stays so: whoever was first and when are kept, and another reason takes the place of the
/// first one's.
pub async fn pause(
    conn: &mut AsyncPgConnection,
    type_name: &str,
    actor: &str,
    reason: Option<&str>,
) -> QueryResult<Pause> {
    diesel::insert_into(pauses::table)
        .values((pauses::type_.eq(type_name), pauses::paused_by.eq(actor), pauses::reason.eq(reason)))
        .on_conflict(pauses::type_)
        .do_update()
        .set(pauses::reason.eq(sql::<Nullable<Text>>("coalesce(excluded.reason, pauses.reason)")))
        .returning(Pause::as_returning())
        .get_result(conn)
        .await
}

/// Ends the pause of a type. Returns it, if there was one.
pub async fn resume(conn: &mut AsyncPgConnection, type_name: &str) -> QueryResult<Option<Pause>> {
    diesel::delete(pauses::table.find(type_name)).returning(Pause::as_returning()).get_result(conn).await.optional()
}

/// The pause of a type, if it is paused.
pub async fn of(conn: &mut AsyncPgConnection, type_name: &str) -> QueryResult<Option<Pause>> {
    pauses::table.find(type_name).select(Pause::as_select()).first(conn).await.optional()
}

/// Every paused type.
pub async fn all(conn: &mut AsyncPgConnection) -> QueryResult<Vec<(String, Pause)>> {
    pauses::table.select((pauses::type_, Pause::as_select())).load(conn).await
}
