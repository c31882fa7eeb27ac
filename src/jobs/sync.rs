//! Brings performers, tags, studios and scenes from Stash into the database.
//!
//! ```text
//!   for each kind: begin ─▶ page of Stash ─▶ write what differs, advance (one transaction) ─▶ next page … ─▶ finish
//!                              │ fails
//!                              └▶ its ids alone ─▶ by halves ─▶ the single ones that fail: item errors, asked for again next time
//! ```
//!
//! What Stash changed since the last sync is looked at, and a day more ([`OVERLAP_HOURS`] says why). Each page is written in a
//! transaction with the place that the sync has come to, so that a run that is cut short goes on there. Another Stash is
//! synced from the beginning. What is gone in Stash stays here until `remove_orphaned_entities` takes it.

mod entity;
mod pages;

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use tracing::info;

use self::entity::Entity;
use self::pages::{Pages, Tally};
use crate::job::{Color, FieldError, Job, JobContext, JobResult, JobSpec, JobType, Outcome};
use crate::services::stash::{self, Kind, Performer, Scene, Slice, Stash, Studio, Tag};
use crate::store::sync_state;

/// Stash compares times as texts in its own time zone, which may lie up to twelve hours behind; and its clock is not ours.
const OVERLAP_HOURS: i64 = 24;

/// Bring performers, tags, studios and scenes from Stash into the library here.
///
/// Only what changed since the last sync is looked at, unless everything is asked for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // a form with five boxes
pub struct Sync {
    /// Look at everything, not only at what changed since the last sync.
    pub full_resync: bool,
    /// Sync the scenes.
    pub include_scenes: bool,
    /// Sync the performers.
    pub include_performers: bool,
    /// Sync the tags.
    pub include_tags: bool,
    /// Sync the studios.
    pub include_studios: bool,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            full_resync: false,
            include_scenes: true,
            include_performers: true,
            include_tags: true,
            include_studios: true,
        }
    }
}

impl Job for Sync {
    const SPEC: JobSpec = JobSpec::new("sync", "Sync")
        .category("Synchronization")
        .color(Color::Blue)
        .icon("sync")
        .unit("item", "items")
        .needs(&[stash::URL.name()])
        .exclusive();

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        if Kind::ALL.iter().any(|kind| self.includes(*kind)) {
            return Ok(());
        }
        Err(vec![FieldError::at("include_scenes", "include something: scenes, performers, tags or studios")])
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        let stash = ctx.stash().await?;
        stash.check_ready().await?;
        let mut kinds = Vec::new();
        for kind in Kind::ALL.into_iter().filter(|kind| self.includes(*kind)) {
            if !is_retry_without(&ctx, kind) && !self.is_done(&ctx, &stash, kind).await? {
                kinds.push(kind);
            }
        }
        let mut work = Work::new(&ctx, &stash);
        work.total = self.extent(&ctx, &stash, &kinds).await?;
        ctx.items(0, work.total);
        let mut told = Map::new();
        let mut sum = Tally::default();
        for kind in kinds {
            ctx.checkpoint()?;
            let tally = match kind {
                Kind::Performers => self.sync::<Performer>(&mut work).await,
                Kind::Tags => self.sync::<Tag>(&mut work).await,
                Kind::Studios => self.sync::<Studio>(&mut work).await,
                Kind::Scenes => self.sync::<Scene>(&mut work).await,
            };
            let tally = tally.with_context(|| format!("the {kind} could not be synced"))?;
            info!(%kind, new = tally.new, changed = tally.changed, unchanged = tally.unchanged, "synced");
            told.insert(kind.to_string(), json!(tally));
            sum.add(&tally);
        }
        ctx.items(work.done, work.done);
        let Tally { new, changed, unchanged, .. } = sum;
        told.insert("resumed".to_owned(), json!(ctx.attempt() > 1)); // an earlier run has synced some, and is not counted
        Ok(Outcome::completed()
            .message(format!("Synced {} items: {new} new, {changed} changed, {unchanged} unchanged", sum.seen()))
            .data(told.into()))
    }
}

/// What all kinds share: whom to ask, and how far the job is.
struct Work<'a> {
    ctx: &'a JobContext,
    stash: &'a Stash,
    done: u64,
    total: u64,
    /// Pages in a row that could not be read, whatever their kind.
    lost: u32,
}

impl<'a> Work<'a> {
    fn new(ctx: &'a JobContext, stash: &'a Stash) -> Self {
        Self { ctx, stash, done: 0, total: 0, lost: 0 }
    }

    fn count(&mut self, done: usize) {
        self.done += done as u64;
        self.total = self.total.max(self.done);
        self.ctx.items(self.done, self.total);
    }
}

/// Whether this job retries failed items, and none of that kind.
fn is_retry_without(ctx: &JobContext, kind: Kind) -> bool {
    ctx.only_items().is_some_and(|items| !items.iter().any(|item| kind_of(item) == Some(kind)))
}

/// Whether this job is about the pages of that kind, and not only about single ones of it that failed.
fn wants_pages(ctx: &JobContext, kind: Kind) -> bool {
    let is_page = |item: &String| item.starts_with(&format!("{kind}/page"));
    ctx.only_items().is_none_or(|items| items.iter().any(is_page))
}

/// The kind that an item is of: `scenes/12`.
fn kind_of(item: &str) -> Option<Kind> {
    item.split_once('/')?.0.parse().ok()
}

impl Sync {
    fn includes(&self, kind: Kind) -> bool {
        match kind {
            Kind::Performers => self.include_performers,
            Kind::Tags => self.include_tags,
            Kind::Studios => self.include_studios,
            Kind::Scenes => self.include_scenes,
        }
    }

    /// Whether an earlier run of this job has come to the end of that kind.
    async fn is_done(&self, ctx: &JobContext, stash: &Stash, kind: Kind) -> anyhow::Result<bool> {
        if ctx.attempt() <= 1 {
            return Ok(false);
        }
        Ok(sync_state::is_done(&mut *ctx.db().await?, kind, ctx.job_id(), stash.address()).await?)
    }

    /// How much there is to look at: for the bar, so a kind that can't be counted counts as nothing.
    async fn extent(&self, ctx: &JobContext, stash: &Stash, kinds: &[Kind]) -> anyhow::Result<u64> {
        let mut total = ctx.only_items().map_or(0, |items| items.len() as u64);
        for kind in kinds.iter().filter(|kind| wants_pages(ctx, **kind)) {
            let run = self.begin(ctx, stash, *kind).await?;
            let slice = Slice { after_id: (*kind == Kind::Scenes).then_some(run.after), ..Slice::first(1) };
            match stash.ids(*kind, &slice.changed_after(run.since)).await {
                Ok(page) => total += page.count,
                Err(error) if error.is_about_the_question() => info!("{kind} can't be counted: {error}"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(total)
    }

    async fn begin(&self, ctx: &JobContext, stash: &Stash, kind: Kind) -> anyhow::Result<sync_state::SyncRun> {
        let mut conn = ctx.db().await?;
        let (job, full) = (ctx.job_id(), self.full_resync);
        let begun = sync_state::begin(&mut conn, kind, job, full, OVERLAP_HOURS, stash.address());
        begun.await.context("the state of the sync could not be read")
    }

    async fn sync<E: Entity>(&self, work: &mut Work<'_>) -> anyhow::Result<Tally> {
        let ctx = work.ctx;
        ctx.message(format!("Syncing {}", E::KIND));
        let run = self.begin(ctx, work.stash, E::KIND).await?;
        let mut pages = Pages::<E>::new(work, run);
        pages.again().await?;
        if wants_pages(ctx, E::KIND) { pages.finish().await } else { Ok(pages.tally()) }
    }
}

inventory::submit!(JobType::of::<Sync>());
