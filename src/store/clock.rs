//! The database's clock, the one that all nodes share, and what is to be done when it was wrong.
//!
//! Ids order the lists of jobs, and a node makes them. So it makes them by the database's clock: each renewal of its lease tells it
//! how far its own is off. A node whose clock is a day fast has its jobs where they belong.
//!
//! A database clock that was ahead for a moment leaves times in the future: leases that never run out, jobs that wait for a time that
//! is years away. The next reading finds the clock behind what was written before, and [`heal`] pulls these times back.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::sql_types::{Double, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::{ContextV7, Timestamp, Uuid};

use super::row::{JobSummary, SummarySql, summary_columns};
use super::statement::{Binds, Cached, Statement};

/// Clocks are adjusted by less than these seconds all the time, and transactions take their time.
pub const TOLERANCE: f64 = 5.0;

/// Makes the ids of jobs.
struct Ids {
    /// How far the database's clock is ahead of this machine's.
    offset: TimeDelta,
    /// Keeps ids of one millisecond in order.
    context: ContextV7,
}

static IDS: Mutex<Ids> = Mutex::new(Ids { offset: TimeDelta::zero(), context: ContextV7::new() });

/// A UUID v7 by the database's clock, greater than those made here before.
pub fn new_id() -> Uuid {
    let ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    let at = Utc::now() + ids.offset;
    let seconds = u64::try_from(at.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(&ids.context, seconds, at.timestamp_subsec_nanos()))
}

/// Reads the database's clock, and makes ids by it from now on.
pub async fn read(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    let asked = Utc::now();
    let now = diesel::select(sql::<Timestamptz>("clock_timestamp()")).get_result(conn).await?;
    learn(asked, now);
    Ok(())
}

/// Makes ids by the database's clock, which showed `now` when it was asked at `asked` by this machine's, and answered a moment ago.
pub fn learn(asked: DateTime<Utc>, now: DateTime<Utc>) {
    follow(now - asked - (Utc::now() - asked) / 2);
}

fn follow(offset: TimeDelta) {
    let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    if offset < ids.offset - TimeDelta::seconds(1) {
        ids.context = ContextV7::new(); // the old one makes no id that is less than its last
    }
    ids.offset = offset;
}

/// Pulls back what other nodes wrote while the clock was ahead. Answers whether there was something: then the clock was wrong.
///
/// A live node renews its lease within a second or two; one that is dead is found dead a lease from now.
pub async fn heal_nodes(conn: &mut AsyncPgConnection, me: Uuid) -> QueryResult<bool> {
    let query = "UPDATE nodes SET renewed_at = least(renewed_at, now()), started_at = least(started_at, now()),
                                  stopped_at = least(stopped_at, now())
                 WHERE id <> $2 AND greatest(renewed_at, started_at, stopped_at) > now() + make_interval(secs => $1)";
    let query = diesel::sql_query(query).bind::<Double, _>(TOLERANCE).bind::<SqlUuid, _>(me);
    Ok(query.execute(conn).await? > 0)
}

/// Pulls back pending jobs that were stored, or given another attempt, while the clock was ahead: they wait as long as they would
/// have. A time that somebody named stays. Forgets starts and removals of that time. Answers with the jobs; those that somebody holds
/// at this moment are left for another time.
pub async fn heal(conn: &mut AsyncPgConnection) -> QueryResult<Vec<JobSummary>> {
    Cached(Heal { tolerance: TOLERANCE }).load(conn).await
}

struct Heal {
    tolerance: f64,
}

impl Statement for Heal {
    type Row = SummarySql;

    const SQL: &'static str = concat!(
        ", starts AS (DELETE FROM recent_starts WHERE at > now() + make_interval(secs => $1)),
        gone AS (DELETE FROM removals WHERE at > now() + make_interval(secs => $1)),
        wrong AS (
            SELECT id, CASE WHEN run_at >= updated_at THEN run_at - (updated_at - now()) ELSE run_at END AS due
            FROM jobs WHERE status = 'pending' AND updated_at > now() + make_interval(secs => $1)
            FOR UPDATE SKIP LOCKED
        ), healed AS (
            UPDATE jobs SET run_at = due, turn_at = least(turn_at, greatest(due, now()) - priority * interval '10 minutes'),
                   created_at = least(created_at, now()), updated_at = now(), rev = nextval('job_rev')
            FROM wrong WHERE jobs.id = ANY(ARRAY(SELECT id FROM wrong)) AND jobs.id = wrong.id
            RETURNING jobs.*
        )
        SELECT ",
        summary_columns!(),
        " FROM healed"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Double, _>(&self.tolerance)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::{follow, new_id};

    #[test]
    fn ids_follow_the_database_forward_and_back_and_stay_in_order() {
        let day = TimeDelta::days(1);
        for offset in [day, -day, TimeDelta::zero()] {
            follow(offset);
            let ids: Vec<_> = (0..1_000).map(|_| new_id()).collect();
            assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
            let (seconds, nanos) = ids[0].get_timestamp().unwrap().to_unix();
            let made = DateTime::from_timestamp(i64::try_from(seconds).unwrap(), nanos).unwrap();
            assert!((made - Utc::now() - offset).abs() < TimeDelta::minutes(1), "{made} with {offset}");
        }
    }
}
