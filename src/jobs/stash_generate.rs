//! Has Stash make covers, previews and the like: Stash's own task, with its progress, and stopped with this job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::sync_scenes::{as_stash_has_them, check_ids};
use crate::job::{Color, FieldError, Job, JobContext, JobResult, JobSpec, JobType, Outcome};
use crate::services::stash::{self, GenerateOptions, TaskEnd};

/// Have Stash make what it shows beside its scenes: covers, previews, sprites, hashes. What is there is left alone.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[allow(clippy::struct_excessive_bools)] // a form with seven boxes
pub struct StashGenerate {
    /// Make covers.
    pub covers: bool,
    /// Make previews.
    pub previews: bool,
    /// Make sprites for the seek bar.
    pub sprites: bool,
    /// Take perceptual hashes.
    pub phashes: bool,
    /// Make previews of markers.
    pub markers: bool,
    /// Make transcodes of what browsers can't play.
    pub transcodes: bool,
    /// Only for the scenes with these ids. For all when empty.
    #[schemars(length(max = 10_000))]
    pub scene_ids: Vec<String>,
    /// Make anew what is there already.
    pub overwrite: bool,
}

impl Default for StashGenerate {
    fn default() -> Self {
        Self {
            covers: true,
            previews: true,
            sprites: true,
            phashes: true,
            markers: false,
            transcodes: false,
            scene_ids: Vec::new(),
            overwrite: false,
        }
    }
}

impl Job for StashGenerate {
    const SPEC: JobSpec = JobSpec::new("stash_generate", "Stash Generate")
        .category("Stash")
        .color(Color::Cyan)
        .icon("picture")
        .unit("task", "tasks")
        .needs(&[stash::URL.name()])
        .exclusive();

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        if self.covers || self.previews || self.sprites || self.phashes || self.markers || self.transcodes {
            return check_ids(&self.scene_ids);
        }
        Err(vec![FieldError::at("covers", "choose something to make")])
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        let stash = ctx.stash().await?;
        let options = GenerateOptions {
            covers: self.covers,
            sprites: self.sprites,
            previews: self.previews,
            markers: self.markers,
            transcodes: self.transcodes,
            phashes: self.phashes,
            scene_ids: as_stash_has_them(&self.scene_ids),
            overwrite: self.overwrite,
        };
        match ctx.run_stash_task(&stash, async |stash| stash.start_generate(&options).await).await? {
            TaskEnd::Finished => Ok(Outcome::completed().message("Stash has made what was missing")),
            TaskEnd::StoppedInStash => {
                Ok(Outcome::failed("somebody stopped the task in Stash").data(json!({ "stopped_in_stash": true })))
            }
        }
    }
}

inventory::submit!(JobType::of::<StashGenerate>());
