//! Forgets what was done with the files of downloads long ago. The files themselves stay where they are.

use anyhow::Context;
use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Integer, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use super::{BATCH_ROWS, Limits};
use crate::job::JobContext;

#[derive(QueryableByName)]
struct Old {
    #[diesel(sql_type = Timestamptz)]
    before: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// Deletes the rows, or counts them. One that names what is left of a copy stays: the next run of `process_downloads` needs it.
pub(super) async fn forget(limits: &Limits, ctx: &JobContext) -> anyhow::Result<i64> {
    ctx.message("Forgetting old downloads");
    let query = "WITH kept AS (SELECT now() - make_interval(days => $1) AS since)
                 SELECT since AS before, (SELECT count(*) FROM handled_downloads
                                          WHERE handled_at < since AND partial IS NULL) AS rows FROM kept";
    let counted = sql_query(query).bind::<Integer, _>(limits.downloads_days).get_result(&mut ctx.db().await?).await;
    let Old { before, rows } = counted.context("old downloads could not be counted")?;
    if limits.dry_run {
        return Ok(rows);
    }
    let delete = format!(
        "DELETE FROM handled_downloads WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM handled_downloads WHERE handled_at < $1 AND partial IS NULL LIMIT {BATCH_ROWS}))"
    );
    let mut deleted = 0;
    loop {
        ctx.checkpoint()?;
        let gone = sql_query(&delete).bind::<Timestamptz, _>(before).execute(&mut ctx.db().await?).await;
        let gone = i64::try_from(gone.context("old downloads could not be deleted")?)?;
        deleted += gone;
        if gone < BATCH_ROWS {
            return Ok(deleted);
        }
    }
}
