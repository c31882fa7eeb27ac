//! Handing back the jobs of nodes that died.

use diesel::QueryResult;
use diesel::sql_types::{Array, Bool, Float8, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};

/// A node that has not renewed its row for this long is dead, in seconds of the database's clock.
pub const LEASE_SECONDS: f64 = 10.0;

/// Which nodes are known to be dead.
#[derive(Clone, Debug)]
pub enum Dead {
    /// All but this one: the database belongs to one data directory, whose lock this process holds.
    AllBut(Uuid),
    /// These, whose processes are gone, and any whose lease ran out, but never the last one named.
    These {
        /// Known to be gone.
        gone: Vec<Uuid>,
        /// Never rescued from: the node that asks.
        me: Uuid,
    },
}

/// Takes the jobs from dead nodes: back to pending; cancelled, when somebody had asked; failed, when this happened too often.
pub async fn rescue(conn: &mut AsyncPgConnection, dead: &Dead) -> QueryResult<Vec<JobSummary>> {
    let statement = match dead {
        Dead::AllBut(me) => Rescue { all: true, gone: Vec::new(), me: *me, lease: LEASE_SECONDS },
        Dead::These { gone, me } => Rescue { all: false, gone: gone.clone(), me: *me, lease: LEASE_SECONDS },
    };
    Cached(statement).load(conn).await
}

struct Rescue {
    all: bool,
    gone: Vec<Uuid>,
    me: Uuid,
    lease: f64,
}

impl Statement for Rescue {
    type Row = SummarySql;

    const SQL: &'static str = concat!(
        ", orphan AS (
            SELECT jobs.id, jobs.node_id, jobs.attempt FROM jobs LEFT JOIN nodes ON nodes.id = jobs.node_id
            WHERE jobs.status IN ('running', 'cancelling') AND jobs.node_id IS DISTINCT FROM $3
              AND ($1 OR jobs.node_id = ANY ($2) OR nodes.id IS NULL OR nodes.stopped_at IS NOT NULL
                   OR nodes.renewed_at < now() - make_interval(secs => $4))
            ORDER BY jobs.id
            FOR UPDATE OF jobs SKIP LOCKED
        ), rescued AS (
            UPDATE jobs SET
                status = CASE WHEN status = 'cancelling' THEN 'cancelled'
                              WHEN interruptions >= max_interruptions THEN 'failed'
                              ELSE 'pending' END,
                outcome = CASE WHEN status = 'cancelling' THEN 'cancelled'
                               WHEN interruptions >= max_interruptions THEN 'failed' END,
                error = CASE WHEN status <> 'cancelling' AND interruptions >= max_interruptions
                             THEN 'its node died under it ' || interruptions + 1 || ' times' END,
                completed_at = CASE WHEN status = 'cancelling' OR interruptions >= max_interruptions THEN now() END,
                cancel = CASE WHEN cancel IS NOT NULL THEN cancel || jsonb_build_object('stopped_at', now()) END,
                interruptions = interruptions + 1, node_id = NULL, updated_at = now(), rev = nextval('job_rev')
            FROM orphan WHERE jobs.id = orphan.id AND jobs.attempt = orphan.attempt
            RETURNING jobs.*, orphan.node_id AS dead_node
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, node_id)
            SELECT id, unnest(CASE status WHEN 'pending' THEN ARRAY['rescued'] ELSE ARRAY['rescued', status] END),
                   attempt, dead_node
            FROM rescued
        )
        SELECT ",
        summary_columns!(),
        " FROM rescued"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Bool, _>(&self.all)?;
        binds.add::<Array<SqlUuid>, _>(&self.gone)?;
        binds.add::<SqlUuid, _>(&self.me)?;
        binds.add::<Float8, _>(&self.lease)
    }
}
