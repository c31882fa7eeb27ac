//! A count of the jobs now and then: how much there is to do, whether all is done, and which jobs could be cancelled or retried.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::jobs::BULK;

/// The jobs of the drill at one moment.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// Those that have not ended, by type.
    pub unfinished: HashMap<String, usize>,
    /// How many run.
    pub running: usize,
    /// How many have ended.
    pub ended: usize,
    /// Some that run, in no order.
    pub some_running: Vec<Uuid>,
    /// Some that have ended, in no order.
    pub some_ended: Vec<Uuid>,
}

#[derive(QueryableByName)]
struct Group {
    #[diesel(sql_type = Text)]
    type_name: String,
    #[diesel(sql_type = Bool)]
    ended: bool,
    #[diesel(sql_type = Bool)]
    running: bool,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(sql_type = Array<SqlUuid>)]
    some: Vec<Uuid>,
}

impl Census {
    /// Counts.
    pub async fn take(conn: &mut AsyncPgConnection, types: &[&str]) -> diesel::QueryResult<Self> {
        let query = sql_query(
            "SELECT type AS type_name, status IN ('completed', 'failed', 'cancelled') AS ended, status = 'running' AS running,
                    count(*) AS count, (array_agg(id ORDER BY random()))[:10] AS some
             FROM jobs WHERE type = ANY($1) GROUP BY 1, 2, 3",
        );
        let groups: Vec<Group> = query.bind::<Array<Text>, _>(types).load(conn).await?;
        let mut census = Self::default();
        for group in groups {
            let count = usize::try_from(group.count).unwrap_or_default();
            // Those of one type are left to requests about many.
            let some = if group.type_name == BULK { Vec::new() } else { group.some };
            if group.ended {
                census.ended += count;
                census.some_ended.extend(some);
            } else {
                *census.unfinished.entry(group.type_name).or_default() += count;
                if group.running {
                    census.running += count;
                    census.some_running.extend(some);
                }
            }
        }
        Ok(census)
    }

    /// Some of all.
    pub fn some(&self) -> Vec<Uuid> {
        self.some_running.iter().chain(&self.some_ended).copied().collect()
    }

    /// How many have not ended.
    pub fn unfinished(&self) -> usize {
        self.unfinished.values().sum()
    }
}
