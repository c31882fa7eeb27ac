//! Has Stash look for new and changed files: Stash's own task, with its progress, and stopped with this job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::job::{Color, Job, JobContext, JobResult, JobSpec, JobType, Outcome};
use crate::services::stash::{self, ScanOptions, TaskEnd};

/// Have Stash scan its library for new and changed files.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // a form with six boxes
pub struct StashScan {
    /// Only these folders and files, as Stash sees them. Its whole library when empty.
    #[schemars(length(max = 1_000))]
    pub paths: Vec<String>,
    /// Also look at files that have not changed.
    pub rescan: bool,
    /// Make covers on the way.
    pub covers: bool,
    /// Make previews on the way.
    pub previews: bool,
    /// Make sprites for the seek bar on the way.
    pub sprites: bool,
    /// Take perceptual hashes on the way.
    pub phashes: bool,
    /// Make thumbnails of images on the way.
    pub thumbnails: bool,
}

impl Job for StashScan {
    const SPEC: JobSpec = JobSpec::new("stash_scan", "Stash Scan")
        .category("Stash")
        .color(Color::Cyan)
        .icon("folder-open")
        .unit("task", "tasks")
        .needs(&[stash::URL.name()])
        .exclusive();

    async fn run(self, ctx: JobContext) -> JobResult {
        let stash = ctx.stash().await?;
        let options = ScanOptions {
            paths: self.paths,
            rescan: self.rescan,
            covers: self.covers,
            previews: self.previews,
            sprites: self.sprites,
            phashes: self.phashes,
            thumbnails: self.thumbnails,
        };
        match ctx.run_stash_task(&stash, async |stash| stash.start_scan(&options).await).await? {
            TaskEnd::Finished => Ok(Outcome::completed().message("Stash has scanned its library")),
            TaskEnd::StoppedInStash => {
                Ok(Outcome::failed("somebody stopped the scan in Stash").data(json!({ "stopped_in_stash": true })))
            }
        }
    }
}

inventory::submit!(JobType::of::<StashScan>());
