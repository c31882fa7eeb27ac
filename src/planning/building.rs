//! A plan while a job builds it.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use serde_json::Value;
use uuid::Uuid;

use super::catalog::Catalog;
use super::suggestion::{self, Suggestion, Taste};
use crate::job::{JobContext, StopReason, Stopped};
use crate::services::ai::Spent;
use crate::store::plans::build::{self, SceneFacts};
use crate::store::plans::{NewPlan, PlanRow, PlanSource, PlanStatus, read};

/// Which scenes a job is to look at, and what it makes of the ideas about them.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// These; when empty, those that are not organized and that no plan of this kind has looked at.
    pub scene_ids: Vec<String>,
    /// When no scenes are named, those too that a plan has looked at.
    pub again: bool,
    /// When no scenes are named, so many at most.
    pub max_scenes: u32,
    /// Ideas that are less sure are left out.
    pub min_confidence: f64,
    /// Whether names that the library does not have are proposed.
    pub create_missing: bool,
}

/// A plan that is being built.
pub struct Building {
    ctx: JobContext,
    plan: PlanRow,
    /// The names that the library has.
    pub catalog: Arc<Catalog>,
    taste: Taste,
    /// Scenes that are to be looked at in all, those of runs before included.
    total: i64,
    /// Scenes that are dealt with.
    done: i64,
    /// Changes that this run has found; of all runs, once it has ended.
    found: usize,
}

impl Building {
    /// Begins a plan, or takes up the one of an earlier run of the job. The ids are the scenes that are left to be looked at.
    pub async fn begin(
        ctx: &JobContext,
        source: PlanSource,
        model: Option<String>,
        params: Value,
        wanted: &Wanted,
    ) -> anyhow::Result<(Self, Vec<String>)> {
        let now = chrono::Utc::now().format("%Y-%m-%d %H:%M");
        let name = match source {
            PlanSource::Ai => format!("AI analysis of {now} UTC"),
            PlanSource::Names => format!("Names found on {now} UTC"),
        };
        let status = PlanStatus::Building;
        let new = NewPlan { id: Uuid::now_v7(), job_id: ctx.job_id(), name, status, source, model, params };
        let plan = build::begin(&mut *ctx.db().await?, &new).await.context("the plan could not be stored")?;
        let (done, total) = (plan.scene_count, plan.scene_count);
        let taste = Taste { min_confidence: wanted.min_confidence, create_missing: wanted.create_missing };
        let catalog = Arc::default();
        let mut building = Self { ctx: ctx.clone(), plan, catalog, taste, total, done, found: 0 };
        match building.prepare(wanted).await {
            Ok(left) => Ok((building, left)),
            Err(error) => building.end(Err(error)).await.map(|building| (building, Vec::new())), // with that error
        }
    }

    /// Chooses the scenes, and reads the names that the library has.
    async fn prepare(&mut self, wanted: &Wanted) -> anyhow::Result<Vec<String>> {
        let left = scenes_left(&self.ctx, &self.plan, wanted).await.context("the scenes could not be chosen")?;
        self.total = self.done + i64::try_from(left.len())?;
        build::set_total(&mut *self.ctx.db().await?, self.plan.id, self.total).await?;
        self.catalog = Arc::new(Catalog::read(&self.ctx).await?);
        self.show();
        Ok(left)
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        self.plan.id
    }

    /// How many changes this run has found; once it has ended, how many the plan has, those of earlier runs included.
    pub fn found(&self) -> usize {
        self.found
    }

    /// What the library has of these scenes. Those that it does not have are item errors.
    pub async fn scenes(&mut self, ids: &[String]) -> anyhow::Result<Vec<SceneFacts>> {
        let found = build::scenes(&mut *self.ctx.db().await?, ids).await.context("the scenes could not be read")?;
        if found.len() < ids.len() {
            let there: HashSet<_> = found.iter().map(|scene| scene.id.as_str()).collect();
            let missing: Vec<_> = ids.iter().filter(|id| !there.contains(id.as_str())).cloned().collect();
            self.fail(&missing, &anyhow!("the library has no scene of this id; sync it first"));
        }
        Ok(found)
    }

    /// Keeps what was found out about some scenes.
    pub async fn keep(&mut self, ideas: Vec<(SceneFacts, Vec<Suggestion>)>) -> anyhow::Result<()> {
        if ideas.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = ideas.iter().map(|(scene, _)| scene.id.clone()).collect();
        let changes: Vec<_> = ideas
            .into_iter()
            .flat_map(|(scene, ideas)| suggestion::changes(self.plan.id, &scene, ideas, &self.catalog, self.taste))
            .collect();
        let kept = build::keep(&mut *self.ctx.db().await?, self.plan.id, &ids, &changes).await;
        self.found += kept.context("the changes could not be stored; the plan may have been deleted")?;
        self.done += i64::try_from(ids.len())?;
        self.show();
        Ok(())
    }

    /// Notes that these scenes could not be looked at: item errors, and the rest goes on.
    pub fn fail(&mut self, ids: &[String], error: &anyhow::Error) {
        for id in ids {
            self.ctx.item_error(id, error);
        }
        self.done += i64::try_from(ids.len()).unwrap_or(0);
        self.show();
    }

    /// Notes what this run has spent.
    pub async fn spent(&self, spent: Spent) -> anyhow::Result<()> {
        let before = &self.plan;
        let more = |before: i64, now: u64| before.saturating_add(i64::try_from(now).unwrap_or(i64::MAX));
        let counts = (
            more(before.requests, spent.requests),
            more(before.input_tokens, spent.input_tokens),
            more(before.output_tokens, spent.output_tokens),
        );
        let cost = spent.cost.map(|cost| cost + before.cost.unwrap_or(0.0));
        build::spent(&mut *self.ctx.db().await?, self.plan.id, counts, cost).await?;
        Ok(())
    }

    /// Ends it. However the run came to its end, what was found stays, and the plan says why it is not whole; only when the node goes
    /// away it stays as it is, as the job will run again.
    pub async fn end(mut self, run: anyhow::Result<()>) -> anyhow::Result<Self> {
        if self.ctx.stop_reason() == Some(StopReason::Interrupted) {
            return run.map(|()| self);
        }
        let note = match &run {
            Ok(()) => None,
            Err(error) if Stopped::is_cause_of(error) => {
                Some(format!("stopped after {} of {} scenes", self.done, self.total))
            }
            Err(error) => Some(crate::job::cut(format!("its job failed: {error:#}"), 1_000)),
        };
        let errors = self.ctx.item_error_count();
        let mut db = self.ctx.db().await?;
        build::end(&mut db, self.plan.id, errors, note.as_deref()).await?;
        run?;
        let counts = read::counts(&mut db, &[self.plan.id]).await.context("the changes could not be counted")?;
        drop(db);
        self.found = counts.get(&self.plan.id).map_or(0, |counts| usize::try_from(counts.total()).unwrap_or(0));
        Ok(self)
    }

    fn show(&self) {
        self.ctx.items(self.done.unsigned_abs(), self.total.unsigned_abs());
    }
}

/// The scenes that this run is to look at. A retry of failed scenes is about those.
async fn scenes_left(ctx: &JobContext, plan: &PlanRow, wanted: &Wanted) -> anyhow::Result<Vec<String>> {
    let named: Option<Vec<String>> = match ctx.only_items() {
        Some(items) => Some(items.iter().cloned().collect()),
        None => Some(wanted.scene_ids.clone()).filter(|ids| !ids.is_empty()),
    };
    let mut db = ctx.db().await?;
    match named {
        Some(mut ids) => {
            let mut seen = HashSet::new();
            ids.retain(|id| seen.insert(id.clone()));
            Ok(build::unseen(&mut db, plan.id, &ids).await?)
        }
        None => {
            let left = i64::from(wanted.max_scenes) - plan.scene_count;
            Ok(build::choose(&mut db, plan.id, plan.source, wanted.again, left.max(0)).await?)
        }
    }
}
