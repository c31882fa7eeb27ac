//! The cancel ladder as it is stored: requested, then rung by rung.

use diesel::QueryResult;
use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::fence::{FenceColumns, owned_by};
use super::row::{JobSummary, SummarySql, summary_columns};
use super::schema::jobs;
use super::statement::{Binds, Cached, Statement};
use crate::job::{Fence, Status};

/// A wish that a job stop.
#[derive(Clone, Debug)]
pub struct CancelWrite {
    /// The job.
    pub job_id: Uuid,
    /// Who asked.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
}

/// Stores the wishes. A pending job is cancelled by this; a running one becomes `cancelling`. Jobs that had been asked before,
/// or that have ended, do not come back.
pub async fn request(conn: &mut AsyncPgConnection, wishes: &[CancelWrite]) -> QueryResult<Vec<JobSummary>> {
    let statement = Request {
        ids: wishes.iter().map(|w| w.job_id).collect(),
        actors: wishes.iter().map(|w| w.actor.clone()).collect(),
        reasons: wishes.iter().map(|w| w.reason.clone()).collect(),
    };
    Cached(statement).load(conn).await
}

struct Request {
    ids: Vec<Uuid>,
    actors: Vec<String>,
    reasons: Vec<Option<String>>,
}

impl Statement for Request {
    type Row = SummarySql;

    // Locked in the order of `cancel_below`, from the top down: of two that stop the same jobs none waits for the other in a circle.
    const SQL: &'static str = concat!(
        ", wish AS (
            SELECT DISTINCT ON (id) * FROM unnest($1, $2, $3) AS w (id, actor, reason) ORDER BY id
        ), held AS (
            SELECT jobs.id FROM wish JOIN jobs ON jobs.id = wish.id WHERE jobs.status IN ('pending', 'running')
            ORDER BY cardinality(jobs.ancestors), jobs.id
            FOR NO KEY UPDATE OF jobs
        ), asked AS (
            UPDATE jobs SET
                status = CASE status WHEN 'pending' THEN 'cancelled' ELSE 'cancelling' END,
                outcome = CASE status WHEN 'pending' THEN 'cancelled' END,
                completed_at = CASE status WHEN 'pending' THEN now() END,
                -- One whose time is up has climbed some rungs already.
                cancel = CASE status WHEN 'pending' THEN jsonb_build_object('stopped_at', now())
                                     ELSE coalesce(cancel, '{}') END
                         || jsonb_build_object('requested_at', now(), 'requested_by', wish.actor, 'reason', wish.reason),
                updated_at = now(), rev = nextval('job_rev')
            FROM held JOIN wish USING (id) WHERE jobs.id = held.id AND jobs.status IN ('pending', 'running')
            RETURNING jobs.*, wish.actor AS wish_actor, wish.reason AS wish_reason
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, actor, reason)
            SELECT id, unnest(CASE status WHEN 'cancelled' THEN ARRAY['cancel_requested', 'cancelled']
                                          ELSE ARRAY['cancel_requested'] END),
                   attempt, wish_actor, wish_reason
            FROM asked
        )
        SELECT ",
        summary_columns!(),
        " FROM asked"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Text>, _>(&self.actors)?;
        binds.add::<Array<Nullable<Text>>, _>(&self.reasons)
    }
}

/// A rung that a run has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rung {
    /// Its time was up: nobody asked but its type.
    TimedOut,
    /// Its runner heard.
    Delivered,
    /// Its grace was over: its future is dropped at its next `.await`.
    Aborted,
    /// Its handler had stopped.
    Stopped,
    /// It still blocked a thread: fenced off.
    Abandoned,
}

impl Rung {
    /// The field of the ladder that holds its time; also the kind of its event, without the `_at`.
    pub const fn field(self) -> &'static str {
        match self {
            Self::TimedOut => "requested_at",
            Self::Delivered => "delivered_at",
            Self::Aborted => "aborted_at",
            Self::Stopped => "stopped_at",
            Self::Abandoned => "abandoned_at",
        }
    }
}

/// A rung to be stored.
#[derive(Clone, Copy, Debug)]
pub struct RungWrite {
    /// The run.
    pub fence: Fence,
    /// The rung.
    pub rung: Rung,
}

/// Stores rungs. Runs that were not asked to stop, or own their job no longer, do not come back.
pub async fn climb(conn: &mut AsyncPgConnection, rungs: &[RungWrite]) -> QueryResult<Vec<JobSummary>> {
    let statement = Climb {
        fences: rungs.iter().map(|r| r.fence).collect(),
        fields: rungs.iter().map(|r| r.rung.field()).collect(),
    };
    Cached(statement).load(conn).await
}

struct Climb {
    fences: FenceColumns,
    fields: Vec<&'static str>,
}

impl Statement for Climb {
    type Row = SummarySql;

    // A job may reach two rungs in one batch: its row is updated once, with both. A rung that is stored stays as it is, since a
    // batch may be written twice.
    const SQL: &'static str = concat!(
        ", rung AS (
            SELECT r.* FROM unnest($1, $2, $3) AS r (job_id, claim_id, field)
            JOIN jobs ON ",
        owned_by!("r"),
        "
            WHERE NOT coalesce(jobs.cancel ? r.field, false)
        ),
        rungs AS (
            SELECT job_id, claim_id, jsonb_object_agg(field, now())
                   || CASE WHEN bool_or(field = 'requested_at') THEN '{\"requested_by\": \"timeout\", \"reason\": \"timeout\"}'
                           ELSE '{}' END::jsonb AS times
            FROM rung GROUP BY job_id, claim_id
        ),
        climbed AS (
            UPDATE jobs SET cancel = times || coalesce(cancel, '{}'), updated_at = now(), rev = nextval('job_rev')
            FROM rungs
            WHERE ",
        owned_by!("rungs"),
        "
              AND (cancel IS NOT NULL OR times ? 'requested_at')
            RETURNING jobs.*
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, actor)
            SELECT climbed.id,
                   CASE rung.field WHEN 'requested_at' THEN 'timed_out' ELSE 'cancel_' || regexp_replace(rung.field, '_at$', '') END,
                   climbed.attempt, CASE rung.field WHEN 'requested_at' THEN 'timeout' END
            FROM climbed JOIN rung ON rung.job_id = climbed.id
        )
        SELECT ",
        summary_columns!(),
        " FROM climbed"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.fences.bind(binds)?;
        binds.add::<Array<Text>, _>(&self.fields)
    }
}

/// The jobs that a node runs and that somebody asked to stop: whoever lost a message finds them here.
pub async fn asked(conn: &mut AsyncPgConnection, node: Uuid) -> QueryResult<Vec<Uuid>> {
    let asked = jobs::table.filter(jobs::node_id.eq(node)).filter(jobs::status.eq(Status::Cancelling));
    asked.select(jobs::id).load(conn).await
}

/// The jobs as they are now.
pub async fn current(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<Vec<JobSummary>> {
    jobs::table.filter(jobs::id.eq_any(ids)).select(JobSummary::as_select()).load(conn).await
}
