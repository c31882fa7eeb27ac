//! The course of a job's progress, as it is kept: a row per job, replaced now and then while it runs, and at its end.
//!
//! It is that of one attempt. The next attempt begins anew: the count begins anew too, and its node knows nothing of the last.

use diesel::QueryResult;
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel::result::Error;
use diesel::sql_types::{Array, Jsonb};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fence::{FenceColumns, owned_by};
use super::schema::job_curves;
use super::statement::{Binds, Cached, Statement};
use crate::job::{CurvePoint, Fence};

/// How a job's progress went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Curve {
    /// The run that it is of: the last one that began.
    pub attempt: i32,
    /// At most 200 points, evenly in time. The first is the beginning of the run, the last the newest that is stored, and how it
    /// ended once it has.
    pub points: Vec<CurvePoint>,
}

/// The curve of a run.
#[derive(Clone, Debug)]
pub struct CurveWrite {
    /// The run.
    pub fence: Fence,
    /// Its points.
    pub points: Vec<CurvePoint>,
}

/// Stores the curves of runs that still own their jobs, instead of those that are there.
pub async fn store(conn: &mut AsyncPgConnection, writes: &[CurveWrite]) -> QueryResult<usize> {
    let mut store = Store::default();
    for write in writes {
        store.fences.push(write.fence);
        store.points.push(serde_json::to_value(&write.points).map_err(|e| Error::SerializationError(e.into()))?);
    }
    Cached(store).execute(conn).await
}

/// The curve of a job's attempt; none while nothing is stored of it.
pub async fn of(conn: &mut AsyncPgConnection, job_id: Uuid, attempt: i32) -> QueryResult<Option<Curve>> {
    let points = job_curves::table
        .find(job_id)
        .filter(job_curves::attempt.eq(attempt))
        .select(job_curves::points)
        .first::<Value>(conn)
        .await
        .optional()?;
    let Some(points) = points else { return Ok(None) };
    let points = serde_json::from_value(points).map_err(|e| Error::DeserializationError(e.into()))?;
    Ok(Some(Curve { attempt, points }))
}

#[derive(Default)]
struct Store {
    fences: FenceColumns,
    points: Vec<Value>,
}

impl Statement for Store {
    type Row = ();

    const SQL: &'static str = concat!(
        "INSERT INTO job_curves (job_id, attempt, points)
         SELECT w.job_id, jobs.attempt, w.points FROM unnest($1, $2, $3) AS w (job_id, claim_id, points)
         JOIN jobs ON ",
        owned_by!("w"),
        " ON CONFLICT (job_id) DO UPDATE SET attempt = excluded.attempt, points = excluded.points"
    );

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        self.fences.bind(binds)?;
        binds.add::<Array<Jsonb>, _>(&self.points)
    }
}
