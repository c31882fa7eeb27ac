//! Plans that nobody builds any more: their job died in a way that left them no time to say so.

use diesel::sql_types::{BigInt, Bool};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Ends the building of plans whose job has ended or is gone: those that have looked at scenes are open with what they have, the
/// others are failed. How many there were; with `dry_run` how many there are.
pub async fn release(conn: &mut AsyncPgConnection, dry_run: bool) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let query = "WITH stuck AS (
                    SELECT p.id FROM plans p
                    WHERE p.status = 'building'
                      AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = p.job_id AND j.completed_at IS NULL)),
                 released AS (
                    UPDATE plans SET status = CASE WHEN scene_count = 0 THEN 'failed' ELSE 'open' END,
                           built_at = now(), note = 'its job ended before it was done'
                    FROM stuck WHERE plans.id = stuck.id AND plans.status = 'building' AND NOT $1)
                 SELECT count(*) AS n FROM stuck";
    let count: Count = sql_query(query).bind::<Bool, _>(dry_run).get_result(conn).await?;
    Ok(count.n)
}
