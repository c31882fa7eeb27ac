//! What people ask of plans: pages of them, one, its changes, and how many of those are where in their life.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::dsl::{count_star, max};
use diesel::prelude::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::row::{ChangeRow, PlanRow};
use super::words::{ChangeField, ChangeStatus, PlanStatus};
use crate::store::schema::{plan_changes, plans};

/// Which changes of a plan.
#[derive(Clone, Debug, Default)]
pub struct ChangeFilter {
    /// With one of these statuses; any when empty.
    pub statuses: Vec<ChangeStatus>,
    /// Of one of these fields; any when empty.
    pub fields: Vec<ChangeField>,
    /// Of this scene.
    pub scene: Option<String>,
    /// At least this sure.
    pub min_confidence: Option<f64>,
    /// Behind this change: where the page begins.
    pub after: Option<Uuid>,
}

/// How many changes of a plan are where in their life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeCounts {
    /// Nobody has decided.
    pub pending: i64,
    /// To be applied.
    pub approved: i64,
    /// Not to be applied.
    pub rejected: i64,
    /// Stash has them.
    pub applied: i64,
    /// Their scene is no longer what the plan saw.
    pub conflict: i64,
    /// Stash did not take them.
    pub failed: i64,
}

impl ChangeCounts {
    fn of(&mut self, status: ChangeStatus) -> &mut i64 {
        match status {
            ChangeStatus::Pending => &mut self.pending,
            ChangeStatus::Approved => &mut self.approved,
            ChangeStatus::Rejected => &mut self.rejected,
            ChangeStatus::Applied => &mut self.applied,
            ChangeStatus::Conflict => &mut self.conflict,
            ChangeStatus::Failed => &mut self.failed,
        }
    }

    /// All of them.
    pub const fn total(&self) -> i64 {
        self.pending + self.approved + self.rejected + self.applied + self.conflict + self.failed
    }
}

/// A page of plans, the newest first.
pub async fn page(
    conn: &mut AsyncPgConnection,
    statuses: &[PlanStatus],
    before: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<PlanRow>> {
    let mut query = plans::table.into_boxed();
    if !statuses.is_empty() {
        query = query.filter(plans::status.eq_any(statuses));
    }
    if let Some(before) = before {
        query = query.filter(plans::id.lt(before));
    }
    query.order(plans::id.desc()).limit(limit).select(PlanRow::as_select()).load(conn).await
}

/// One plan.
pub async fn get(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<PlanRow>> {
    plans::table.find(id).select(PlanRow::as_select()).first(conn).await.optional()
}

/// One plan, which nobody else writes until the transaction ends.
pub async fn lock(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<PlanRow>> {
    plans::table.find(id).select(PlanRow::as_select()).for_update().first(conn).await.optional()
}

/// How many changes of these plans are where in their life. A plan without changes is not in it.
pub async fn counts(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<HashMap<Uuid, ChangeCounts>> {
    let counted: Vec<(Uuid, ChangeStatus, i64)> = plan_changes::table
        .filter(plan_changes::plan_id.eq_any(ids))
        .group_by((plan_changes::plan_id, plan_changes::status))
        .select((plan_changes::plan_id, plan_changes::status, count_star()))
        .load(conn)
        .await?;
    let mut counts: HashMap<Uuid, ChangeCounts> = HashMap::new();
    for (plan, status, n) in counted {
        *counts.entry(plan).or_default().of(status) = n;
    }
    Ok(counts)
}

/// When somebody last decided on a change of each of these plans. A plan without decisions is not in it.
pub async fn last_decisions(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<HashMap<Uuid, DateTime<Utc>>> {
    let decided: Vec<(Uuid, Option<DateTime<Utc>>)> = plan_changes::table
        .filter(plan_changes::plan_id.eq_any(ids))
        .group_by(plan_changes::plan_id)
        .select((plan_changes::plan_id, max(plan_changes::decided_at)))
        .load(conn)
        .await?;
    Ok(decided.into_iter().filter_map(|(plan, at)| Some((plan, at?))).collect())
}

/// A page of the changes of a plan, in the order in which they were found.
pub async fn changes(
    conn: &mut AsyncPgConnection,
    plan: Uuid,
    filter: &ChangeFilter,
    limit: i64,
) -> QueryResult<Vec<ChangeRow>> {
    let mut query = plan_changes::table.filter(plan_changes::plan_id.eq(plan)).into_boxed();
    if !filter.statuses.is_empty() {
        query = query.filter(plan_changes::status.eq_any(&filter.statuses));
    }
    if !filter.fields.is_empty() {
        query = query.filter(plan_changes::field.eq_any(&filter.fields));
    }
    if let Some(scene) = &filter.scene {
        query = query.filter(plan_changes::scene_id.eq(scene));
    }
    if let Some(least) = filter.min_confidence {
        query = query.filter(plan_changes::confidence.ge(least));
    }
    if let Some(after) = filter.after {
        query = query.filter(plan_changes::id.gt(after));
    }
    query.order(plan_changes::id).limit(limit).select(ChangeRow::as_select()).load(conn).await
}
