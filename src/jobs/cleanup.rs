//! Keeps the database small: deletes what is old, fails what is stale.
//!
//! Everything happens in small steps that each commit by themselves, so that no step holds locks for long, a cancellation is
//! heard between two of them, and a run that is cut short loses nothing: the next one goes on. What belongs to a job
//! (its logs, events, item errors, curve, state) goes before the job, so that none of it outlives it.

mod downloads;
mod old_jobs;
mod plans;
mod stale;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::job::{Color, Job, JobContext, JobResult, JobSpec, JobType, Outcome, Setting, Settings};

/// Rows per step. One job may have a hundred thousand of them.
const BATCH_ROWS: i64 = 10_000;

/// How long finished jobs are kept.
pub const RETENTION_DAYS: Setting<i64> = Setting::integer("cleanup.retention_days", "Finished jobs, days", 0, 36_500)
    .group("Cleanup")
    .describe("How many days a finished job is kept, with its log")
    .default("30");
inventory::submit!(RETENTION_DAYS.spec);

/// When a server counts as gone.
pub const STALE_MINUTES: Setting<i64> =
    Setting::integer("cleanup.stale_minutes", "Silent servers, minutes", 1, 525_600)
        .group("Cleanup")
        .describe("A running job counts as stale once its server has given no sign of life for this many minutes")
        .default("10");
inventory::submit!(STALE_MINUTES.spec);

/// How long it is known what was done with a download.
pub const DOWNLOADS_DAYS: Setting<i64> =
    Setting::integer("cleanup.handled_downloads_days", "Handled downloads, days", 0, 36_500)
        .group("Cleanup")
        .describe("How many days it is kept what was done with the files of a download; the files themselves stay")
        .default("14");
inventory::submit!(DOWNLOADS_DAYS.spec);

/// Deletes finished jobs that are old, with their logs, and fails jobs whose server is long gone.
///
/// Also forgets downloads that were handled long ago, and ends plans whose job died while it built them.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cleanup {
    /// How many days a finished job is kept. With 0 every finished job is deleted. As the settings say when empty.
    #[schemars(range(min = 0, max = 36_500))]
    pub retention_days: Option<i32>,
    /// A running job counts as stale once its server has given no sign of life for this many minutes. As the settings say
    /// when empty.
    #[schemars(range(min = 1, max = 525_600))]
    pub stale_minutes: Option<i32>,
    /// How many days it is kept what was done with the files of a download. As the settings say when empty.
    #[schemars(range(min = 0, max = 36_500))]
    pub handled_downloads_days: Option<i32>,
    /// Only count what would be done, and change nothing.
    pub dry_run: bool,
}

impl Job for Cleanup {
    const SPEC: JobSpec = JobSpec::new("cleanup", "Cleanup")
        .category("Maintenance")
        .color(Color::Orange)
        .icon("clear")
        .unit("job", "jobs")
        .exclusive();

    async fn run(self, ctx: JobContext) -> JobResult {
        let limits = self.limits(&ctx.settings().await?)?;
        let deleted = old_jobs::delete(&limits, &ctx).await?;
        let stale = stale::fail_jobs(&limits, &ctx).await?;
        let nodes = stale::delete_nodes(&limits, &ctx).await?;
        let plans = plans::end_stuck(&limits, &ctx).await?;
        let downloads = downloads::forget(&limits, &ctx).await?;
        let did = if self.dry_run { "Would delete" } else { "Deleted" };
        let message = format!(
            "{did} {} jobs, {} log lines and {downloads} handled downloads; {stale} stale jobs, {plans} stuck plans",
            deleted.jobs, deleted.logs
        );
        Ok(Outcome::completed().message(message).data(json!({
            "jobs": deleted.jobs,
            "logs": deleted.logs,
            "events": deleted.events,
            "item_errors": deleted.item_errors,
            "stale_jobs": stale,
            "nodes": nodes,
            "stuck_plans": plans,
            "handled_downloads": downloads,
            "dry_run": self.dry_run,
        })))
    }
}

/// What is old and what is stale, for one run.
struct Limits {
    retention_days: i32,
    stale_minutes: i32,
    downloads_days: i32,
    dry_run: bool,
}

impl Cleanup {
    /// What the run was told, and for the rest the settings.
    fn limits(&self, settings: &Settings) -> anyhow::Result<Limits> {
        let or_setting = |given: Option<i32>, setting| match given {
            Some(given) => Ok(given),
            None => anyhow::Ok(i32::try_from(settings.need(setting)?)?),
        };
        Ok(Limits {
            retention_days: or_setting(self.retention_days, &RETENTION_DAYS)?,
            stale_minutes: or_setting(self.stale_minutes, &STALE_MINUTES)?,
            downloads_days: or_setting(self.handled_downloads_days, &DOWNLOADS_DAYS)?,
            dry_run: self.dry_run,
        })
    }
}

inventory::submit!(JobType::of::<Cleanup>());
