//! The running server processes.

use diesel::QueryResult;
use diesel::dsl::now;
use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::schema::nodes;

/// Enters a node.
pub async fn register(conn: &mut AsyncPgConnection, id: Uuid, hostname: &str) -> QueryResult<usize> {
    let pid = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
    diesel::insert_into(nodes::table)
        .values((
            nodes::id.eq(id),
            nodes::hostname.eq(hostname),
            nodes::pid.eq(pid),
            nodes::version.eq(env!("CARGO_PKG_VERSION")),
        ))
        .execute(conn)
        .await
}

/// Says that a node lives.
pub async fn renew(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<usize> {
    diesel::update(nodes::table.find(id)).set(nodes::renewed_at.eq(now)).execute(conn).await
}

/// Says that a node is gone: it stops in order, or its process is known to be dead.
pub async fn sign_off(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<usize> {
    let still_there = nodes::table.find(id).filter(nodes::stopped_at.is_null());
    diesel::update(still_there).set(nodes::stopped_at.eq(now)).execute(conn).await
}
