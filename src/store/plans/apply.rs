//! Applying a plan: what is to be done, scene by scene, and what became of it.

use std::collections::HashMap;

use diesel::QueryResult;
use diesel::dsl::{count_star, now};
use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::read;
use super::row::ChangeRow;
use super::words::{ChangeStatus, PlanStatus};
use crate::store::schema::{plan_changes, plans};

/// What an apply takes up: what is approved, and what failed before.
const DUE: [ChangeStatus; 2] = [ChangeStatus::Approved, ChangeStatus::Failed];

/// The scenes with changes that are due, in the order in which they were found, with those changes.
pub async fn due(conn: &mut AsyncPgConnection, plan: Uuid) -> QueryResult<Vec<(String, Vec<Uuid>)>> {
    let found: Vec<(String, Uuid)> = plan_changes::table
        .filter(plan_changes::plan_id.eq(plan))
        .filter(plan_changes::status.eq_any(DUE))
        .order(plan_changes::id)
        .select((plan_changes::scene_id, plan_changes::id))
        .load(conn)
        .await?;
    let mut scenes: Vec<(String, Vec<Uuid>)> = Vec::new();
    let mut places = HashMap::new();
    for (scene, change) in found {
        let place = *places.entry(scene.clone()).or_insert(scenes.len());
        if place == scenes.len() {
            scenes.push((scene, Vec::new()));
        }
        scenes[place].1.push(change);
    }
    Ok(scenes)
}

/// Those of the changes that are still due.
pub async fn still_due(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<Vec<ChangeRow>> {
    plan_changes::table
        .filter(plan_changes::id.eq_any(ids))
        .filter(plan_changes::status.eq_any(DUE))
        .order(plan_changes::id)
        .select(ChangeRow::as_select())
        .load(conn)
        .await
}

/// Notes what became of changes. How many it became of: one that somebody rejected meanwhile stays rejected, unless Stash has it;
/// then it has been applied all the same.
pub async fn settle(
    conn: &mut AsyncPgConnection,
    ids: &[Uuid],
    status: ChangeStatus,
    error: Option<&str>,
) -> QueryResult<usize> {
    let update = diesel::update(plan_changes::table).filter(plan_changes::id.eq_any(ids));
    let settled = (plan_changes::status.eq(status), plan_changes::error.eq(error));
    if status == ChangeStatus::Applied {
        return update.set((settled, plan_changes::applied_at.eq(now))).execute(conn).await;
    }
    update.filter(plan_changes::status.eq_any(DUE)).set(settled).execute(conn).await
}

/// Closes a plan of which nothing is left to decide or to do; opens it otherwise. Its status then. The plan is locked meanwhile:
/// who decides on its changes does so before they are counted, or opens it again.
pub async fn close(conn: &mut AsyncPgConnection, plan: Uuid) -> QueryResult<PlanStatus> {
    conn.transaction(async |conn| close_locked(conn, plan).await).await
}

async fn close_locked(conn: &mut AsyncPgConnection, plan: Uuid) -> QueryResult<PlanStatus> {
    read::lock(conn, plan).await?;
    let left: i64 = plan_changes::table
        .filter(plan_changes::plan_id.eq(plan))
        .filter(plan_changes::status.eq_any([ChangeStatus::Pending, ChangeStatus::Approved, ChangeStatus::Failed]))
        .select(count_star())
        .first(conn)
        .await?;
    let status = if left == 0 { PlanStatus::Applied } else { PlanStatus::Open };
    diesel::update(plans::table.find(plan))
        .filter(plans::status.eq_any([PlanStatus::Open, PlanStatus::Applied]))
        .set(plans::status.eq(status))
        .execute(conn)
        .await?;
    Ok(status)
}
