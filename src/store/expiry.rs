//! Pending jobs whose deadline has passed: they are not started any more, and end as cancelled.

use diesel::QueryResult;
use diesel::sql_types::Int8;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};

/// Jobs of one call: some tens of milliseconds, so that the turn of the supervisor stays short.
const AT_ONCE: i64 = 1_000;

/// Cancels pending jobs whose `expires_at` has passed, in the name of `deadline`; at most 1,000 a call. Passes over rows that somebody
/// else holds.
pub async fn expire(conn: &mut AsyncPgConnection) -> QueryResult<Vec<JobSummary>> {
    Cached(Expire { limit: AT_ONCE }).load(conn).await
}

struct Expire {
    limit: i64,
}

impl Statement for Expire {
    type Row = SummarySql;

    const SQL: &'static str = concat!(
        ", late AS (
            SELECT id FROM jobs WHERE status = 'pending' AND expires_at <= now()
            ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
        ), expired AS (
            UPDATE jobs SET
                status = 'cancelled', outcome = 'cancelled', completed_at = now(), updated_at = now(), rev = nextval('job_rev'),
                message = 'Not started before its deadline',
                cancel = jsonb_build_object('requested_at', now(), 'stopped_at', now(), 'requested_by', 'deadline',
                                            'reason', 'not started before its deadline')
            WHERE id = ANY (ARRAY(SELECT id FROM late)) AND status = 'pending'
            RETURNING jobs.*
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, actor, reason)
            SELECT id, unnest(ARRAY['cancel_requested', 'cancelled']), attempt, 'deadline', 'not started before its deadline'
            FROM expired
        )
        SELECT ",
        summary_columns!(),
        " FROM expired"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Int8, _>(&self.limit)
    }
}
