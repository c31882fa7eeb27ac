//! The running server processes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::clock;
use super::listing;
use super::rescue::LEASE_SECONDS;
use super::schema::nodes;

/// What a node says of itself when it registers.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The machine.
    pub hostname: String,
    /// How many jobs it runs at a time, by type.
    pub slots: Value,
}

/// Registers a node. Doing it twice under one id changes nothing.
pub async fn register(conn: &mut AsyncPgConnection, id: Uuid, registration: &Registration) -> QueryResult<usize> {
    let Registration { hostname, slots } = registration;
    let pid = i32::try_from(std::process::id()).unwrap_or(i32::MAX);
    diesel::insert_into(nodes::table)
        .values((
            nodes::id.eq(id),
            nodes::hostname.eq(hostname),
            nodes::pid.eq(pid),
            nodes::version.eq(env!("CARGO_PKG_VERSION")),
            nodes::slots.eq(slots),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await
}

/// What a node learns when it renews its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct Renewal {
    /// How many other nodes live.
    #[diesel(sql_type = BigInt)]
    pub others: i64,
    /// The number of the last change of a job, stored or about to be.
    #[diesel(sql_type = BigInt)]
    pub rev: i64,
    /// The oldest transaction that was under way.
    #[diesel(sql_type = BigInt)]
    pub oldest: i64,
    /// The transaction that comes next.
    #[diesel(sql_type = BigInt)]
    pub next: i64,
    /// When the lease had been renewed before, as it was stored.
    #[diesel(sql_type = Timestamptz)]
    pub renewed_before: DateTime<Utc>,
    /// When this renewal was, as it is stored.
    #[diesel(sql_type = Timestamptz)]
    pub renewed_at: DateTime<Utc>,
    /// The timeline of the server: a standby that becomes the primary, and a backup that is restored to a point in time, begin another.
    #[diesel(sql_type = BigInt)]
    pub timeline: i64,
}

impl Renewal {
    /// Whether the database's clock was put back: the lease had been renewed at a time that has not come yet.
    pub fn clock_went_back(&self) -> bool {
        (self.renewed_before - self.renewed_at).as_seconds_f64() > clock::TOLERANCE
    }

    /// Whether the database has lost commits since an earlier renewal: it is another server (a standby that was asynchronous), or an
    /// older state of this one (a backup).
    pub fn has_gone_back_since(&self, earlier: &Self) -> bool {
        self.timeline != earlier.timeline || self.renewed_before < earlier.renewed_at || self.rev < earlier.rev
    }
}

/// Says that a node lives, and whether it claims jobs. None when it is not registered, or was signed off.
pub async fn renew(conn: &mut AsyncPgConnection, id: Uuid, claiming: bool) -> QueryResult<Option<Renewal>> {
    let asked = Utc::now();
    let renewed: Vec<Renewal> = diesel::sql_query(
        "UPDATE nodes SET renewed_at = now(), claiming = $2 FROM nodes before
         WHERE nodes.id = $1 AND nodes.stopped_at IS NULL AND before.id = nodes.id
         RETURNING (SELECT count(*) FROM nodes other WHERE other.id <> $1 AND other.stopped_at IS NULL
                    AND other.renewed_at > now() - make_interval(secs => $3)) AS others,
                   (SELECT last_value FROM job_rev) AS rev,
                   pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
                   pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next,
                   before.renewed_at AS renewed_before, nodes.renewed_at,
                   ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint AS timeline",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<Bool, _>(claiming)
    .bind::<Double, _>(LEASE_SECONDS)
    .load(conn)
    .await?;
    let renewal = renewed.into_iter().next();
    if let Some(renewal) = &renewal {
        clock::learn(asked, renewal.renewed_at);
    }
    Ok(renewal)
}

/// Sees to it that the numbers of changes that are still to come are greater than all that anybody has seen, of a database that has
/// gone back: what is told by number is never taken for old. They are so much greater that a client which asks for what followed
/// a number of before is given a snapshot.
pub async fn raise_rev(conn: &mut AsyncPgConnection, seen: i64) -> QueryResult<()> {
    let rev = seen.saturating_add(listing::FURTHEST + 1);
    conn.transaction(async |conn| {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('stashhog rev'))").execute(conn).await?;
        let raise = "SELECT setval('job_rev', $1) WHERE (SELECT last_value FROM job_rev) <= $2";
        diesel::sql_query(raise).bind::<BigInt, _>(rev).bind::<BigInt, _>(seen).execute(conn).await
    })
    .await?;
    Ok(())
}

/// Says that a node is gone: it stops in order, or its process is known to be dead. Should it live, it learns that when it renews.
pub async fn sign_off(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<usize> {
    let still_there = nodes::table.find(id).filter(nodes::stopped_at.is_null());
    diesel::update(still_there).set(nodes::stopped_at.eq(now)).execute(conn).await
}

/// A node as it is read.
#[derive(Clone, Debug, QueryableByName)]
pub struct NodeRow {
    /// A fresh id per start.
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    /// The machine.
    #[diesel(sql_type = Text)]
    pub hostname: String,
    /// The process.
    #[diesel(sql_type = Integer)]
    pub pid: i32,
    /// The version of the program.
    #[diesel(sql_type = Text)]
    pub version: String,
    /// When it started.
    #[diesel(sql_type = Timestamptz)]
    pub started_at: DateTime<Utc>,
    /// When it last renewed its lease.
    #[diesel(sql_type = Timestamptz)]
    pub renewed_at: DateTime<Utc>,
    /// When it signed off, or was found dead.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub stopped_at: Option<DateTime<Utc>>,
    /// How many jobs it runs at a time, by type.
    #[diesel(sql_type = Jsonb)]
    slots: Value,
    /// Whether it claims jobs: false while it goes down.
    #[diesel(sql_type = Bool)]
    pub claiming: bool,
    /// How long its lease still runs, in seconds of the database's clock; negative once it ran out.
    #[diesel(sql_type = Double)]
    pub lease_seconds_left: f64,
}

impl NodeRow {
    /// Whether it lives, as far as its lease says.
    pub fn is_live(&self) -> bool {
        self.stopped_at.is_none() && self.lease_seconds_left > 0.0
    }

    /// Its slots by type; none for a type that it does not know.
    pub fn slots(&self) -> BTreeMap<&str, i64> {
        let slots = self.slots.as_object().into_iter().flatten();
        slots.filter_map(|(name, slots)| Some((name.as_str(), slots.as_i64()?))).collect()
    }
}

/// Nodes that live, or whose end is no longer ago than `seconds`; the oldest first, the most recent 500 of them.
pub async fn recent(conn: &mut AsyncPgConnection, seconds: f64) -> QueryResult<Vec<NodeRow>> {
    diesel::sql_query(
        "SELECT * FROM (
            SELECT *, $1 + extract(epoch FROM renewed_at - now())::float8 AS lease_seconds_left FROM nodes
            WHERE CASE WHEN stopped_at IS NULL THEN renewed_at > now() - make_interval(secs => $1 + $2)
                       ELSE stopped_at > now() - make_interval(secs => $2) END
            ORDER BY started_at DESC, id DESC LIMIT 500
        ) recent ORDER BY started_at, id",
    )
    .bind::<Double, _>(LEASE_SECONDS)
    .bind::<Double, _>(seconds)
    .load(conn)
    .await
}

/// One node, whether it lives or not.
pub async fn get(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<NodeRow>> {
    let query = "SELECT *, $1 + extract(epoch FROM renewed_at - now())::float8 AS lease_seconds_left FROM nodes
                 WHERE id = $2";
    let found: Vec<NodeRow> =
        diesel::sql_query(query).bind::<Double, _>(LEASE_SECONDS).bind::<SqlUuid, _>(id).load(conn).await?;
    Ok(found.into_iter().next())
}

/// How many jobs of a type a node runs.
#[derive(Clone, Debug, QueryableByName)]
pub struct Busy {
    /// The node.
    #[diesel(sql_type = SqlUuid)]
    pub node_id: Uuid,
    /// The type.
    #[diesel(sql_type = Text)]
    pub type_name: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub running: i64,
}

/// What these nodes run. Costs as much as there runs in the cluster.
pub async fn busy(conn: &mut AsyncPgConnection, nodes: &[Uuid]) -> QueryResult<Vec<Busy>> {
    diesel::sql_query(
        "SELECT node_id, type AS type_name, count(*) AS running FROM jobs
         WHERE status IN ('running', 'cancelling') AND node_id = ANY($1) GROUP BY 1, 2 ORDER BY 1, 2",
    )
    .bind::<Array<SqlUuid>, _>(nodes)
    .load(conn)
    .await
}
