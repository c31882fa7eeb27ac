//! Stopping what a job started, and what that started: top down, until nothing is left that is not asked to stop.

use diesel::QueryResult;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};
use crate::job::Status;

/// A job whose descendants are to stop.
#[derive(Clone, Debug)]
pub struct Above {
    /// The job.
    pub job_id: Uuid,
    /// What became of it: `was cancelled by anna: enough`, `failed`.
    pub how: String,
}

impl Above {
    /// What the descendants of a job are told, if the job is asked to stop, or has ended otherwise than well.
    pub fn of(job: &JobSummary) -> Option<Self> {
        let asked = |name: &str| job.cancel.as_ref().and_then(|ladder| ladder[name].as_str());
        let how = match job.status {
            Status::Pending | Status::Running | Status::Completed => return None,
            Status::Failed if asked("requested_by") == Some("timeout") => "timed out".to_owned(),
            Status::Failed => "failed".to_owned(),
            Status::Cancelling | Status::Cancelled => {
                let by = asked("requested_by").map(|who| format!(" by {who}")).unwrap_or_default();
                let why = asked("reason").map(|why| format!(": {why}")).unwrap_or_default();
                format!("was cancelled{by}{why}")
            }
        };
        Some(Self { job_id: job.id, how })
    }
}

/// Asks all jobs to stop that stand below these, as [`cancel::request`](super::cancel::request) does. Each statement sees what
/// was committed before it: it may wait for a run that is storing a child at that moment, and the next one sees that child. A
/// run that is asked to stop stores none. So the circle ends, at the depth of the deepest at the latest.
pub async fn cancel_below(conn: &mut AsyncPgConnection, above: &[Above]) -> QueryResult<Vec<JobSummary>> {
    let mut all = Vec::new();
    while !above.is_empty() {
        let statement = CancelBelow {
            ids: above.iter().map(|above| above.job_id).collect(),
            how: above.iter().map(|above| above.how.clone()).collect(),
        };
        let asked: Vec<JobSummary> = Cached(statement).load(conn).await?;
        if asked.is_empty() {
            break;
        }
        all.extend(asked);
    }
    Ok(all)
}

struct CancelBelow {
    ids: Vec<Uuid>,
    how: Vec<String>,
}

impl Statement for CancelBelow {
    type Row = SummarySql;

    // Locked from the top down: two that stop one tree don't wait for each other.
    const SQL: &'static str = concat!(
        ", above AS (SELECT * FROM unnest($1, $2) AS a (id, how)),
        below AS (
            SELECT DISTINCT ON (jobs.id) jobs.id,
                   CASE WHEN jobs.parent_id = above.id THEN 'its parent ' ELSE 'job ' || above.id || ' above it ' END || how AS why
            FROM above JOIN jobs ON jobs.ancestors @> ARRAY[above.id]
            WHERE jobs.ancestors <> '{}' AND jobs.status IN ('pending', 'running', 'cancelling')
            ORDER BY jobs.id, jobs.parent_id = above.id DESC
        ), held AS (
            SELECT jobs.id, below.why FROM below JOIN jobs ON jobs.id = below.id
            WHERE jobs.status IN ('pending', 'running')
            ORDER BY cardinality(jobs.ancestors), jobs.id
            FOR NO KEY UPDATE OF jobs
        ), asked AS (
            UPDATE jobs SET
                status = CASE status WHEN 'pending' THEN 'cancelled' ELSE 'cancelling' END,
                outcome = CASE status WHEN 'pending' THEN 'cancelled' END,
                completed_at = CASE status WHEN 'pending' THEN now() END,
                cancel = jsonb_build_object('requested_at', now(), 'requested_by', 'job:' || jobs.parent_id, 'reason', held.why)
                         || CASE status WHEN 'pending' THEN jsonb_build_object('stopped_at', now()) ELSE '{}' END,
                updated_at = now(), rev = nextval('job_rev')
            FROM held WHERE jobs.id = held.id AND jobs.status IN ('pending', 'running')
            RETURNING jobs.*, held.why
        ), events AS (
            INSERT INTO job_events (job_id, kind, attempt, actor, reason)
            SELECT id, unnest(CASE status WHEN 'cancelled' THEN ARRAY['cancel_requested', 'cancelled']
                                          ELSE ARRAY['cancel_requested'] END),
                   attempt, 'job:' || parent_id, why
            FROM asked
        )
        SELECT ",
        summary_columns!(),
        " FROM asked"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<SqlUuid>, _>(&self.ids)?;
        binds.add::<Array<Text>, _>(&self.how)
    }
}
