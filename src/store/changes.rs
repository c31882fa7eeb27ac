//! What changed lately, on whichever node: for the nodes that tell their own clients of it.

use diesel::QueryResult;
use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel::sql_types::{Array, BigInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::history::LogRow;
use super::listing::Watch;
use super::schema::{job_logs, jobs, removals};
use super::statement::{Binds, Cached, Statement};
use crate::job::{RemovedJob, Status};

/// That a job changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The job.
    pub id: Uuid,
    /// The number of its last change.
    pub rev: i64,
    /// Its type.
    pub type_name: String,
    /// The job that started it.
    pub parent_id: Option<Uuid>,
}

/// The first changes with a greater number, oldest first.
pub async fn since(conn: &mut AsyncPgConnection, rev: i64, limit: i64) -> QueryResult<Vec<Change>> {
    let newer = jobs::table.filter(jobs::rev.gt(rev)).order(jobs::rev).limit(limit);
    let rows: Vec<(Uuid, i64, String, Option<Uuid>)> =
        newer.select((jobs::id, jobs::rev, jobs::type_, jobs::parent_id)).load(conn).await?;
    Ok(rows.into_iter().map(|(id, rev, type_name, parent_id)| Change { id, rev, type_name, parent_id }).collect())
}

/// Notes that this node deleted jobs. Noting it twice changes nothing.
pub async fn note_removed(conn: &mut AsyncPgConnection, node: Uuid, gone: &[RemovedJob]) -> QueryResult<usize> {
    let (ids, types) = gone.iter().map(|job| (job.id, job.type_name.clone())).unzip();
    Cached(NoteRemoved { ids, types, node }).execute(conn).await
}

struct NoteRemoved {
    ids: Vec<Uuid>,
    types: Vec<String>,
    node: Uuid,
}

impl Statement for NoteRemoved {
    type Row = ();

    const SQL: &'static str = "
        INSERT INTO removals (job_id, type, node_id)
        SELECT job_id, type, $3 FROM unnest($1, $2) AS r (job_id, type)
        ON CONFLICT DO NOTHING";

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Text>, _>(&self.types)?;
        binds.add::<SqlUuid, _>(&self.node)
    }
}

/// What other nodes than this one deleted, by notes with a greater number.
pub async fn removed_since(conn: &mut AsyncPgConnection, node: Uuid, rev: i64) -> QueryResult<Vec<(i64, RemovedJob)>> {
    let newer = removals::table.filter(removals::rev.gt(rev)).filter(removals::node_id.ne(node)).order(removals::rev);
    let rows: Vec<(i64, Uuid, String)> =
        newer.select((removals::rev, removals::job_id, removals::type_)).load(conn).await?;
    Ok(rows.into_iter().map(|(rev, id, type_name)| (rev, RemovedJob { id, type_name })).collect())
}

/// Forgets notes that every node has read by now.
pub async fn forget_removed(conn: &mut AsyncPgConnection) -> QueryResult<usize> {
    diesel::sql_query("DELETE FROM removals WHERE at < now() - interval '1 minute'").execute(conn).await
}

/// How far the logs are, with the type, of watched jobs that run on other nodes than this one.
pub async fn log_ends(
    conn: &mut AsyncPgConnection,
    node: Uuid,
    watch: &Watch,
) -> QueryResult<Vec<(Uuid, String, i64)>> {
    let mut running = jobs::table
        .filter(jobs::status.eq_any([Status::Running, Status::Cancelling]))
        .filter(jobs::node_id.ne(node))
        .select((jobs::id, jobs::type_, diesel::dsl::sql::<BigInt>(LAST_SEQ)))
        .into_boxed();
    match watch {
        Watch::All => {}
        Watch::Types(types) => running = running.filter(jobs::type_.eq_any(types)),
        Watch::Jobs(ids) => running = running.filter(jobs::id.eq_any(ids)),
    }
    running.load(conn).await
}

/// Before the first line of its attempt, where there is none yet.
const LAST_SEQ: &str = "coalesce((SELECT max(seq) FROM job_logs WHERE job_id = jobs.id), (attempt::bigint << 32) - 1)";

/// The first log lines of a job after a position, oldest first.
pub async fn lines_after(
    conn: &mut AsyncPgConnection,
    job_id: Uuid,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<LogRow>> {
    let newer = job_logs::table.filter(job_logs::job_id.eq(job_id)).filter(job_logs::seq.gt(after));
    newer.order(job_logs::seq).limit(limit).select(LogRow::as_select()).load(conn).await
}
