//! Which runs only wait for their children: a node that dies then did not die of them.

use diesel::QueryResult;
use diesel::sql_types::{Array, Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::fence::{FenceColumns, owned_by};
use super::statement::{Binds, Cached, Statement};
use crate::job::Fence;

/// Stores of runs whether they only wait. No client is told: a job that waits is `running` to all of them.
pub async fn store(conn: &mut AsyncPgConnection, runs: impl Iterator<Item = (Fence, bool)>) -> QueryResult<usize> {
    let (runs, wait): (Vec<_>, Vec<_>) = runs.unzip();
    Cached(Store { runs: runs.into_iter().collect(), wait }).execute(conn).await
}

struct Store {
    runs: FenceColumns,
    wait: Vec<bool>,
}

impl Statement for Store {
    type Row = ();

    const SQL: &'static str = concat!(
        "UPDATE jobs SET waiting_claim_id = CASE WHEN w.wait THEN w.claim_id END
         FROM unnest($1, $2, $3) AS w (job_id, claim_id, wait) WHERE ",
        owned_by!("w")
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.runs.bind(binds)?;
        binds.add::<Array<Bool>, _>(&self.wait)
    }
}
