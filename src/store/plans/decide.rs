//! What people decide: changes that are approved or rejected, and plans that are deleted.

use diesel::QueryResult;
use diesel::dsl::sql;
use diesel::prelude::{ExpressionMethods, QueryDsl};
use diesel::sql_types::{Nullable, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use super::words::{ChangeField, ChangeStatus, PlanStatus};
use crate::store::schema::{plan_changes, plans};

/// Which changes of a plan.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// One of these; any when none.
    pub ids: Option<Vec<Uuid>>,
    /// At least this sure.
    pub min_confidence: Option<f64>,
    /// Of one of these fields; any when empty.
    pub fields: Vec<ChangeField>,
    /// Only those that nobody has decided on.
    pub pending_only: bool,
}

/// Who decides, and why.
#[derive(Clone, Debug)]
pub struct Decision {
    /// `approved` or `rejected`.
    pub status: ChangeStatus,
    /// Who.
    pub actor: String,
    /// Why, in that person's words.
    pub reason: Option<String>,
}

/// Decides on the chosen changes that are still open and not decided so already. How many there were.
pub async fn decide(
    conn: &mut AsyncPgConnection,
    plan: Uuid,
    chosen: &Chosen,
    decision: &Decision,
) -> QueryResult<usize> {
    let mut update = diesel::update(plan_changes::table)
        .filter(plan_changes::plan_id.eq(plan))
        .filter(plan_changes::status.eq_any(ChangeStatus::OPEN))
        .filter(plan_changes::status.ne(decision.status))
        .into_boxed();
    if let Some(ids) = &chosen.ids {
        update = update.filter(plan_changes::id.eq_any(ids));
    }
    if let Some(least) = chosen.min_confidence {
        update = update.filter(plan_changes::confidence.ge(least));
    }
    if chosen.pending_only {
        update = update.filter(plan_changes::status.eq(ChangeStatus::Pending));
    }
    if !chosen.fields.is_empty() {
        update = update.filter(plan_changes::field.eq_any(&chosen.fields));
    }
    let decided = (
        plan_changes::status.eq(decision.status),
        plan_changes::decided_by.eq(&decision.actor),
        // Not the transaction's clock, which stood before its turn at the plan came: a later decision has a later time.
        plan_changes::decided_at.eq(sql::<Nullable<Timestamptz>>("clock_timestamp()")),
        plan_changes::decision_reason.eq(&decision.reason),
        plan_changes::error.eq(None::<&str>), // of one that failed before
    );
    update.set(decided).execute(conn).await
}

/// Opens a plan that was applied: something of it is to be applied again.
pub async fn reopen(conn: &mut AsyncPgConnection, plan: Uuid) -> QueryResult<usize> {
    diesel::update(plans::table.find(plan))
        .filter(plans::status.eq(PlanStatus::Applied))
        .set(plans::status.eq(PlanStatus::Open))
        .execute(conn)
        .await
}

/// Deletes a plan with its changes; what was applied stays in Stash.
pub async fn delete(conn: &mut AsyncPgConnection, plan: Uuid) -> QueryResult<usize> {
    diesel::delete(plans::table.find(plan)).execute(conn).await
}
