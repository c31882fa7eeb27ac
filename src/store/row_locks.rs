//! Whose rows somebody holds: asked without waiting for them.

use diesel::QueryResult;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::statement::{Binds, Cached, Statement};

/// Those of these jobs whose row is locked by another transaction, so that an update would wait. Of `roots` the rows of
/// unfinished descendants count too: they are asked to stop in the same transaction.
pub async fn held(conn: &mut AsyncPgConnection, jobs: &[Uuid], roots: &[Uuid]) -> QueryResult<Vec<Uuid>> {
    Cached(Held { jobs: jobs.to_vec(), roots: roots.to_vec() }).load(conn).await
}

struct Held {
    jobs: Vec<Uuid>,
    roots: Vec<Uuid>,
}

impl Statement for Held {
    type Row = SqlUuid;

    // The same lock as that of an update. It is given back with the statement.
    const SQL: &'static str = "
        , wanted AS MATERIALIZED (
            SELECT id, id AS asked FROM unnest($1) AS w (id)
            UNION ALL
            SELECT jobs.id, root.id FROM unnest($2) AS root (id) JOIN jobs ON jobs.ancestors @> ARRAY[root.id]
            WHERE jobs.ancestors <> '{}' AND jobs.status IN ('pending', 'running', 'cancelling')
        ), free AS MATERIALIZED (
            SELECT id FROM jobs WHERE id = ANY(ARRAY(SELECT id FROM wanted)) FOR NO KEY UPDATE SKIP LOCKED
        ), there AS (
            SELECT id FROM jobs WHERE id = ANY(ARRAY(SELECT id FROM wanted))
        )
        SELECT DISTINCT wanted.asked FROM wanted JOIN there USING (id)
        WHERE wanted.id <> ALL(ARRAY(SELECT id FROM free))";

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.jobs)?;
        binds.add::<Array<SqlUuid>, _>(&self.roots)
    }
}
