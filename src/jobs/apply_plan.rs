//! Applies the approved changes of a plan to Stash, scene by scene: what a scene has now is read first, and all its changes are made
//! at once.
//!
//! What the plan saw and what Stash has now decide what becomes of a change:
//! - Stash has the proposed value already: it is applied. So it does no harm to run twice, whatever cut the first run short.
//! - Stash still has what the plan saw: it is made.
//! - Stash has something else: somebody was there meanwhile. It is a conflict, and the scene is left as it is.

mod merge;
mod names;

use std::collections::HashSet;

use anyhow::{Context, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use self::merge::Merged;
use self::names::Made;
use crate::job::{Color, Job, JobContext, JobResult, JobSpec, JobType, Outcome, Stopped};
use crate::services::ServiceError;
use crate::services::stash::{self, Stash};
use crate::store::plans::decide::{Chosen, Decision};
use crate::store::plans::{ChangeRow, ChangeStatus, PlanStatus, apply, build, decide, read};

/// Apply the approved changes of a plan to Stash.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyPlan {
    /// The plan.
    pub plan_id: Uuid,
    /// Also apply the changes that nobody has decided on: they are approved first.
    #[serde(default)]
    pub auto_approve: bool,
}

/// What became of the changes.
#[derive(Default)]
struct Tally {
    applied: u64,
    conflicts: u64,
    failed: u64,
}

impl Job for ApplyPlan {
    const SPEC: JobSpec = JobSpec::new("apply_plan", "Apply Plan")
        .category("AI Analysis")
        .color(Color::Purple)
        .icon("check-circle")
        .unit("change", "changes")
        .serial()
        .needs(&[stash::URL.name()]);

    async fn run(self, ctx: JobContext) -> JobResult {
        let stash = ctx.stash().await?;
        self.check(&ctx).await?;
        if self.auto_approve {
            self.approve(&ctx).await?;
        }
        let due = apply::due(&mut *ctx.db().await?, self.plan_id).await.context("the changes could not be read")?;
        let mut tally = Tally::default();
        let run = apply_all(&ctx, &stash, due, &mut tally).await;
        // However it ends, what is left decides what the plan is.
        let status = apply::close(&mut *ctx.db().await?, self.plan_id).await?;
        if tally.applied > 0 {
            build::touched(&mut *ctx.db().await?, self.plan_id).await?;
        }
        run?;
        let Tally { applied, conflicts, failed } = tally;
        let message = format!("Applied {applied} changes; {conflicts} conflicts, {failed} failed");
        let data = json!({
            "plan_id": self.plan_id,
            "applied": applied,
            "conflicts": conflicts,
            "failed": failed,
            "plan_status": status,
        });
        Ok(Outcome::completed().message(message).data(data))
    }
}

impl ApplyPlan {
    async fn check(&self, ctx: &JobContext) -> anyhow::Result<()> {
        let plan = read::get(&mut *ctx.db().await?, self.plan_id).await.context("the plan could not be read")?;
        match plan.with_context(|| format!("there is no plan {}; it may have been deleted", self.plan_id))?.status {
            PlanStatus::Building => bail!("the plan is still being built; apply it when its job has ended"),
            PlanStatus::Open | PlanStatus::Applied | PlanStatus::Failed => Ok(()),
        }
    }

    /// Approves what nobody has decided on.
    async fn approve(&self, ctx: &JobContext) -> anyhow::Result<()> {
        let decision = Decision {
            status: ChangeStatus::Approved,
            actor: format!("job:{}", ctx.job_id()),
            reason: Some("auto_approve".to_owned()),
        };
        let pending = Chosen { pending_only: true, ..Chosen::default() };
        let approved = decide::decide(&mut *ctx.db().await?, self.plan_id, &pending, &decision).await?;
        tracing::info!(approved, "approved what nobody had decided on");
        Ok(())
    }
}

/// Applies what is due, scene by scene. A stop is heard between two of them.
async fn apply_all(
    ctx: &JobContext,
    stash: &Stash,
    due: Vec<(String, Vec<Uuid>)>,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let wanted = |id: &Uuid| ctx.wants(&id.to_string());
    let due: Vec<(String, Vec<Uuid>)> = due
        .into_iter()
        .map(|(scene, ids)| (scene, ids.into_iter().filter(wanted).collect()))
        .filter(|(_, ids): &(_, Vec<_>)| !ids.is_empty())
        .collect();
    let total = due.iter().map(|(_, ids)| ids.len() as u64).sum();
    let mut done = 0;
    let mut made = Made::default();
    ctx.items(0, total);
    for (scene, ids) in due {
        ctx.checkpoint()?;
        // Somebody may have rejected some of them by now.
        let changes = apply::still_due(&mut *ctx.db().await?, &ids).await.context("the changes could not be read")?;
        if let Err(error) = apply_scene(ctx, stash, &mut made, &scene, &changes, tally).await {
            if Stopped::is_cause_of(&error) || is_hopeless(&error) {
                return Err(error);
            }
            fail(ctx, &changes, &error, tally).await?;
        }
        done += ids.len() as u64;
        ctx.items(done, total);
    }
    Ok(())
}

/// Whether no other scene can fare better: then the changes stay approved, and the job fails.
fn is_hopeless(error: &anyhow::Error) -> bool {
    error.downcast_ref::<ServiceError>().is_some_and(|error| !error.is_about_the_question())
}

/// Applies the changes of one scene. `Err` when Stash did not take them: none of them is made then.
async fn apply_scene(
    ctx: &JobContext,
    stash: &Stash,
    made: &mut Made,
    id: &str,
    changes: &[ChangeRow],
    tally: &mut Tally,
) -> anyhow::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    // Looking names up and making them takes time: then the scene is read again, so that little comes between reading and writing.
    let mut named = made.count();
    let mut scene = stash.scene(id).await?;
    let merged = loop {
        let Some(now) = &scene else {
            let ids: Vec<_> = changes.iter().map(|change| change.id).collect();
            return conflict(ctx, &ids, "Stash has no such scene any more", tally).await;
        };
        let mut merged = Merged::of(now);
        for change in changes {
            merged.take(change, stash, made).await?;
        }
        if made.count() == named {
            break merged;
        }
        named = made.count();
        scene = stash.scene(id).await?;
    };
    if let Some(change) = merged.change() {
        stash.update_scene(id, change).await?;
    }
    let refused: HashSet<Uuid> = merged.conflicts.iter().map(|(id, _)| *id).collect();
    let applied: Vec<Uuid> = changes.iter().map(|change| change.id).filter(|id| !refused.contains(id)).collect();
    for (id, why) in &merged.conflicts {
        conflict(ctx, &[*id], why, tally).await?;
    }
    apply::settle(&mut *ctx.db().await?, &applied, ChangeStatus::Applied, None).await?;
    tally.applied += applied.len() as u64;
    Ok(())
}

async fn conflict(ctx: &JobContext, ids: &[Uuid], why: &str, tally: &mut Tally) -> anyhow::Result<()> {
    let settled = apply::settle(&mut *ctx.db().await?, ids, ChangeStatus::Conflict, Some(why)).await?;
    tracing::info!(changes = ?ids, "left as it is: {why}");
    tally.conflicts += settled as u64;
    Ok(())
}

async fn fail(ctx: &JobContext, changes: &[ChangeRow], error: &anyhow::Error, tally: &mut Tally) -> anyhow::Result<()> {
    let ids: Vec<_> = changes.iter().map(|change| change.id).collect();
    let error_text = format!("{error:#}");
    let settled = apply::settle(&mut *ctx.db().await?, &ids, ChangeStatus::Failed, Some(&error_text)).await?;
    for id in &ids {
        ctx.item_error(id, error);
    }
    tally.failed += settled as u64;
    Ok(())
}

inventory::submit!(JobType::of::<ApplyPlan>());
