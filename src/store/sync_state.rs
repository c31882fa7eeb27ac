//! How far each kind of entity was synced, and where a sync that was cut short goes on.
//!
//! ```text
//!   begin ──▶ advance, page by page, each with what the page wrote ──▶ finish: everything changed before `began` is here
//!     └ goes on at `after` when it was cut short                          └ unless a page failed: then it stays where it was
//! ```
//!
//! All of it is about one Stash: with another, everything is looked at anew. Only the job whose sync was cut short goes on with
//! it, for another job would leave out what has changed since below the place that it had come to. The first sync is the
//! exception: any job goes on with it, and as it counts from where it first began, the next one finds those changes.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use crate::services::stash::Kind;

/// A sync of a kind.
#[derive(Clone, Debug, QueryableByName)]
pub struct SyncRun {
    /// Only what changed after this; all when none.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub since: Option<DateTime<Utc>>,
    /// Everything with this id or a smaller one is here.
    #[diesel(sql_type = BigInt)]
    pub after: i64,
    /// Entities that an earlier sync could not read.
    #[diesel(sql_type = Array<Text>)]
    pub failing: Vec<String>,
}

#[derive(QueryableByName)]
struct Is {
    #[diesel(sql_type = Bool)]
    so: bool,
}

/// Whether this job has synced that kind from the Stash at this address already, in an earlier run.
pub async fn is_done(conn: &mut AsyncPgConnection, kind: Kind, job: Uuid, address: &str) -> QueryResult<bool> {
    let query = "SELECT EXISTS (SELECT FROM sync_state WHERE entity = $1 AND done_job = $2 AND stash = $3) AS so";
    let query = sql_query(query).bind::<Text, _>(kind.as_str()).bind::<SqlUuid, _>(job).bind::<Text, _>(address);
    Ok(query.get_result::<Is>(conn).await?.so)
}

/// Begins a sync from the Stash at this address, or goes on with one that was cut short: this job's own, or the first of all if
/// this one is not to look at everything. It looks back from the end of the last one by `overlap_hours`. What was known of a
/// Stash at another address is forgotten.
pub async fn begin(
    conn: &mut AsyncPgConnection,
    kind: Kind,
    job: Uuid,
    full: bool,
    overlap_hours: i64,
    address: &str,
) -> QueryResult<SyncRun> {
    let query = "
        INSERT INTO sync_state AS s (entity, stash, run_job, run_began) VALUES ($1, $5, $2, now())
        ON CONFLICT (entity) DO UPDATE SET
            (stash, synced_until, failing, run_job, run_began, run_since, run_after, run_failed) = (
                SELECT $5, CASE WHEN same THEN s.synced_until END, CASE WHEN same THEN s.failing ELSE '{}' END, $2,
                       CASE WHEN go_on THEN s.run_began ELSE now() END,
                       CASE WHEN go_on THEN s.run_since
                            WHEN same AND NOT $3 THEN s.synced_until - make_interval(hours => $4::integer) END,
                       CASE WHEN go_on THEN s.run_after ELSE 0 END,
                       go_on AND s.run_failed
                FROM (SELECT same, same AND s.run_job IS NOT NULL AND (s.run_job = $2 OR (
                                 NOT $3 AND s.synced_until IS NULL AND s.run_since IS NULL)) AS go_on
                      FROM (SELECT s.stash IS NOT DISTINCT FROM $5 AS same) known) begun)
        RETURNING run_since AS since, run_after AS after, failing";
    sql_query(query)
        .bind::<Text, _>(kind.as_str())
        .bind::<SqlUuid, _>(job)
        .bind::<Bool, _>(full)
        .bind::<BigInt, _>(overlap_hours)
        .bind::<Text, _>(address)
        .get_result(conn)
        .await
}

/// Has the next sync of a kind look at everything: some of it was deleted here, and Stash may have it again without a change
/// that a sync would see. One that is under way comes to its end, and does not count as such.
pub async fn forget(conn: &mut AsyncPgConnection, kind: Kind) -> QueryResult<usize> {
    let query = "
        UPDATE sync_state SET synced_until = NULL, run_after = 0, run_failed = run_job IS NOT NULL WHERE entity = $1";
    sql_query(query).bind::<Text, _>(kind.as_str()).execute(conn).await
}

/// What became of a page.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Everything with this id or a smaller one is here now; none where pages have no such order.
    pub after: Option<i64>,
    /// Entities that could not be read.
    pub failing: Vec<String>,
    /// Entities that an earlier sync could not read, and this one could, or that are gone.
    pub settled: Vec<String>,
    /// Whether a whole page could not be read: which entities it has is not known.
    pub lost: bool,
}

/// Notes a page, in the transaction that writes it. False when another sync has taken over: then nothing may be written.
pub async fn advance(conn: &mut AsyncPgConnection, kind: Kind, job: Uuid, step: &Step) -> QueryResult<bool> {
    let query = "
        UPDATE sync_state SET
            run_after = COALESCE($3, run_after), run_failed = run_failed OR $4,
            failing = CASE WHEN $5 = '{}'::text[] AND $6 = '{}'::text[] THEN failing ELSE ARRAY(
                SELECT DISTINCT id FROM unnest(failing || $5) id WHERE id <> ALL($6)) END
        WHERE entity = $1 AND run_job = $2";
    let changed = sql_query(query)
        .bind::<Text, _>(kind.as_str())
        .bind::<SqlUuid, _>(job)
        .bind::<Nullable<BigInt>, _>(step.after)
        .bind::<Bool, _>(step.lost)
        .bind::<Array<Text>, _>(&step.failing)
        .bind::<Array<Text>, _>(&step.settled)
        .execute(conn)
        .await?;
    Ok(changed == 1)
}

/// Ends a sync.
pub async fn finish(conn: &mut AsyncPgConnection, kind: Kind, job: Uuid) -> QueryResult<usize> {
    let query = "
        UPDATE sync_state SET
            synced_until = CASE WHEN run_failed THEN synced_until ELSE run_began END,
            done_job = $2, done_at = now(), run_job = NULL, run_began = NULL, run_since = NULL, run_after = 0,
            run_failed = false
        WHERE entity = $1 AND run_job = $2";
    sql_query(query).bind::<Text, _>(kind.as_str()).bind::<SqlUuid, _>(job).execute(conn).await
}
