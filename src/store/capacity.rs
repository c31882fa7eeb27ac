//! How many connections this node may have.
//!
//! The actors come first: each keeps one of its own. The pool, for handlers and requests, gets what is left of the node's
//! share, which is reckoned for one node more than there are, so that another can join.

use diesel::sql_types::{BigInt, Integer, Text};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::rescue::LEASE_SECONDS;

/// Connections of actors: supervisor, tracker, lease, scheduler, and, where other nodes live, change feed and bus.
pub const ACTOR_CONNECTIONS: u32 = 6;
/// A handler that holds a connection and starts a child job needs a second one.
const SMALLEST_POOL: u32 = 2;
/// A node works with this many connections, slowly, and not with fewer.
pub const NODE_MINIMUM: u32 = ACTOR_CONNECTIONS + SMALLEST_POOL;
/// Enough for two requests per core and some jobs.
const LARGEST_POOL: u32 = 16;

/// What the database allows.
#[derive(Clone, Debug, QueryableByName)]
pub struct Allowance {
    /// The role that this node logs in as.
    #[diesel(sql_type = Text)]
    pub role: String,
    /// How many connections all nodes together may have, by the limits of the server, the database and the role.
    #[diesel(sql_type = Integer)]
    pub allowed: i32,
    /// How many nodes live, this one included once it is entered.
    #[diesel(sql_type = BigInt)]
    pub nodes: i64,
}

/// Reads what the database allows.
pub async fn allowance(conn: &mut AsyncPgConnection) -> QueryResult<Allowance> {
    // `reserved_connections` came with version 16. Limits of a role and a database don't bind a superuser.
    diesel::sql_query(format!(
        "SELECT rolname::text AS role,
                CASE WHEN rolsuper THEN server.allowed
                     ELSE least(server.allowed - server.reserved, nullif(rolconnlimit, -1), nullif(datconnlimit, -1))
                END AS allowed,
                (SELECT count(*) FROM nodes
                 WHERE stopped_at IS NULL AND renewed_at > now() - make_interval(secs => {LEASE_SECONDS})) AS nodes
         FROM pg_roles, pg_database,
              (SELECT current_setting('max_connections')::int AS allowed,
                      current_setting('superuser_reserved_connections')::int
                      + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved) server
         WHERE rolname = session_user AND datname = current_database()"
    ))
    .get_result(conn)
    .await
}

impl Allowance {
    /// How many connections the pool may have, when the node may have `wanted` at most.
    pub fn pool_size(&self, wanted: Option<u32>) -> usize {
        let allowed = u32::try_from(self.allowed).unwrap_or(0);
        let nodes = u32::try_from(self.nodes).unwrap_or(u32::MAX);
        let pool = match wanted {
            Some(wanted) => wanted.min(allowed).saturating_sub(ACTOR_CONNECTIONS),
            None => (allowed / nodes.saturating_add(1)).saturating_sub(ACTOR_CONNECTIONS).min(LARGEST_POOL),
        };
        pool.max(SMALLEST_POOL) as usize
    }

    /// Why a node can't work here, if it can't.
    pub fn refusal(&self) -> Option<String> {
        let Self { role, allowed, .. } = self;
        (u32::try_from(*allowed).unwrap_or(0) < NODE_MINIMUM).then(|| {
            format!(
                "the database allows the role `{role}` {allowed} connections, and a server needs {NODE_MINIMUM}: \
                 {ACTOR_CONNECTIONS} of its own and {SMALLEST_POOL} for requests and jobs; raise the CONNECTION LIMIT of the \
                 role or of the database, or max_connections"
            )
        })
    }

    /// What is too tight, if anything is.
    pub fn warning(&self) -> Option<String> {
        let Self { role, allowed, nodes } = self;
        let needed = nodes * i64::from(NODE_MINIMUM);
        (i64::from(*allowed) < needed).then(|| {
            format!(
                "{nodes} servers need at least {needed} connections, and the database allows the role `{role}` {allowed}; \
                 raise the CONNECTION LIMIT of the role or of the database, or max_connections"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, NODE_MINIMUM};

    fn allowance(allowed: i32, nodes: i64) -> Allowance {
        Allowance { role: "hog".into(), allowed, nodes }
    }

    #[test]
    fn actors_come_first_and_another_node_finds_room() {
        for (allowed, nodes, size) in [(100, 1, 16), (97, 9, 3), (30, 1, 9), (8, 1, 2), (20, 1, 4), (1_000_000, 3, 16)]
        {
            assert_eq!(allowance(allowed, nodes).pool_size(None), size, "{allowed} for {nodes}");
        }
    }

    #[test]
    fn a_wanted_number_counts_as_far_as_the_server_goes() {
        for (allowed, wanted, size) in [(100, 40, 34), (20, 40, 14), (100, 8, 2), (100, 3, 2)] {
            assert_eq!(allowance(allowed, 1).pool_size(Some(wanted)), size, "{wanted} of {allowed}");
        }
    }

    #[test]
    fn too_few_are_named_with_what_is_needed() {
        assert!(allowance(8, 1).refusal().is_none() && allowance(8, 1).warning().is_none());
        let refusal = allowance(5, 1).refusal().unwrap();
        assert!(refusal.contains("`hog` 5 connections") && refusal.contains(&NODE_MINIMUM.to_string()), "{refusal}");
        assert!(allowance(15, 2).warning().unwrap().contains("need at least 16"));
    }
}
