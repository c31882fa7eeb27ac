//! What jobs keep between their attempts.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::prelude::{OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel::sql_types::{Int4, Jsonb, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::schema::job_states;
use super::statement::{Binds, Cached, Statement};
use crate::job::Fence;

/// What a job keeps between its attempts.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Serialize, Deserialize, ToSchema)]
#[diesel(table_name = job_states, check_for_backend(Pg))]
pub struct JobState {
    /// The state, as the job wrote it.
    #[diesel(column_name = state)]
    pub value: Value,
    /// The attempt that stored it.
    pub attempt: i32,
    /// The size of its JSON.
    pub bytes: i32,
    /// When it was stored.
    pub updated_at: DateTime<Utc>,
}

/// What a job keeps, if it keeps something.
pub async fn of(conn: &mut AsyncPgConnection, job_id: Uuid) -> QueryResult<Option<JobState>> {
    job_states::table.find(job_id).select(JobState::as_select()).first(conn).await.optional()
}

/// Stores what the job of this run keeps. False when the run has lost its job: then nothing is stored.
///
/// The row of the job is held until that is committed: whoever takes the job from this run comes before it, and it is refused, or
/// after it, and sees what it stored.
pub async fn store(conn: &mut AsyncPgConnection, fence: Fence, state: Value, bytes: usize) -> QueryResult<bool> {
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    Ok(Cached(Store { fence, state, bytes }).execute(conn).await? == 1)
}

struct Store {
    fence: Fence,
    state: Value,
    bytes: i32,
}

impl Statement for Store {
    type Row = ();

    const SQL: &'static str = ", owned AS (
            SELECT id FROM jobs WHERE id = $1 AND claim_id = $2 AND status IN ('running', 'cancelling') FOR SHARE
        )
        INSERT INTO job_states AS kept (job_id, changed_by, attempt, state, bytes)
        SELECT id, $2, $3, $4, $5 FROM owned
        ON CONFLICT (job_id) DO UPDATE SET
            changed_by = CASE WHEN kept.state = excluded.state THEN kept.changed_by ELSE excluded.changed_by END,
            attempt = excluded.attempt, state = excluded.state, bytes = excluded.bytes, updated_at = now()";

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<SqlUuid, _>(&self.fence.job_id)?;
        binds.add::<SqlUuid, _>(&self.fence.claim_id)?;
        binds.add::<Int4, _>(&self.fence.attempt)?;
        binds.add::<Jsonb, _>(&self.state)?;
        binds.add::<Int4, _>(&self.bytes)
    }
}
