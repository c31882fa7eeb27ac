//! The tasks that Stash runs by itself: starting, watching and stopping them.

use chrono::{DateTime, Utc};

use super::super::error::ServiceError;
use super::super::remote::Repeat::{Never, Safe};
use super::Stash;
use super::operations::{
    FindJob, JobQueue, MetadataGenerate, MetadataScan, StopJob, find_job, job_queue, metadata_generate, metadata_scan,
    stop_job,
};

/// How a task of Stash stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// It waits for others.
    Ready,
    /// It runs.
    Running,
    /// It was asked to stop.
    Stopping,
    /// It came to its end.
    Finished,
    /// It was stopped.
    Cancelled,
    /// It failed.
    Failed,
}

impl TaskStatus {
    /// Whether it stays so.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Failed)
    }
}

/// A task of Stash.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its id; ids begin anew when Stash is restarted.
    pub id: String,
    /// How it stands.
    pub status: TaskStatus,
    /// What Stash calls it: `Scanning...`.
    pub description: String,
    /// What it does at the moment.
    pub doing: Vec<String>,
    /// From 0 to 1; none when Stash can't tell.
    pub progress: Option<f64>,
    /// When it was added to the queue: tells it from another of that id after a restart of Stash.
    pub added_at: DateTime<Utc>,
    /// Why it failed.
    pub error: Option<String>,
}

/// What a scan of Stash does besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanOptions {
    /// Only these folders and files, as Stash sees them; all of its library when empty.
    pub paths: Vec<String>,
    /// Also files whose time of change is the same.
    pub rescan: bool,
    /// Make covers.
    pub covers: bool,
    /// Make previews.
    pub previews: bool,
    /// Make sprites.
    pub sprites: bool,
    /// Take perceptual hashes.
    pub phashes: bool,
    /// Make thumbnails of images.
    pub thumbnails: bool,
}

/// What Stash is to generate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GenerateOptions {
    /// Covers of scenes.
    pub covers: bool,
    /// Sprites, for the seek bar.
    pub sprites: bool,
    /// Previews.
    pub previews: bool,
    /// Previews of markers.
    pub markers: bool,
    /// Transcodes of what browsers can't play.
    pub transcodes: bool,
    /// Perceptual hashes.
    pub phashes: bool,
    /// Only for these scenes; for all when empty.
    pub scene_ids: Vec<String>,
    /// Also what is there already.
    pub overwrite: bool,
}

impl Stash {
    /// Starts a scan. The id of its task.
    pub async fn start_scan(&self, options: &ScanOptions) -> Result<String, ServiceError> {
        let input = metadata_scan::ScanMetadataInput {
            paths: Some(options.paths.clone()).filter(|paths| !paths.is_empty()),
            rescan: Some(options.rescan),
            scan_generate_covers: Some(options.covers),
            scan_generate_previews: Some(options.previews),
            scan_generate_image_previews: Some(false),
            scan_generate_sprites: Some(options.sprites),
            scan_generate_phashes: Some(options.phashes),
            scan_generate_thumbnails: Some(options.thumbnails),
            scan_generate_clip_previews: Some(false),
            filter: None,
        };
        Ok(self.ask::<MetadataScan>(Never, metadata_scan::Variables { input }).await?.metadata_scan)
    }

    /// Starts generating. The id of its task.
    pub async fn start_generate(&self, options: &GenerateOptions) -> Result<String, ServiceError> {
        let input = metadata_generate::GenerateMetadataInput {
            covers: Some(options.covers),
            sprites: Some(options.sprites),
            previews: Some(options.previews),
            image_previews: Some(false),
            markers: Some(options.markers),
            transcodes: Some(options.transcodes),
            phashes: Some(options.phashes),
            interactive_heatmaps_speeds: Some(false),
            image_thumbnails: Some(false),
            clip_previews: Some(false),
            scene_i_ds: Some(options.scene_ids.clone()).filter(|ids| !ids.is_empty()),
            overwrite: Some(options.overwrite),
        };
        Ok(self.ask::<MetadataGenerate>(Never, metadata_generate::Variables { input }).await?.metadata_generate)
    }

    /// A task. Stash forgets those that are over when ten more are.
    pub async fn task(&self, id: &str) -> Result<Option<Task>, ServiceError> {
        let input = find_job::FindJobInput { id: id.to_owned() };
        let found = self.ask::<FindJob>(Safe, find_job::Variables { input }).await?.find_job;
        let Some(found) = found else { return Ok(None) };
        use find_job::JobStatus::{CANCELLED, FAILED, FINISHED, READY, RUNNING, STOPPING};
        let status = match found.status {
            READY => TaskStatus::Ready,
            RUNNING => TaskStatus::Running,
            STOPPING => TaskStatus::Stopping,
            FINISHED => TaskStatus::Finished,
            CANCELLED => TaskStatus::Cancelled,
            FAILED => TaskStatus::Failed,
            find_job::JobStatus::Other(status) => {
                return Err(self.remote.wrong_answer(format!("a task has the status `{status}`")));
            }
        };
        Ok(Some(Task {
            id: found.id,
            status,
            description: found.description,
            doing: found.sub_tasks.unwrap_or_default(),
            progress: found.progress.filter(|progress| (0.0..=1.0).contains(progress)),
            added_at: found.add_time,
            error: found.error.filter(|error| !error.is_empty()),
        }))
    }

    /// The tasks that wait or run: id and description, in their order.
    pub async fn queued_tasks(&self) -> Result<Vec<(String, String)>, ServiceError> {
        let queue = self.ask::<JobQueue>(Safe, job_queue::Variables).await?.job_queue;
        Ok(queue.into_iter().flatten().map(|task| (task.id, task.description)).collect())
    }

    /// Asks a task to stop. One that is over stays as it is.
    pub async fn stop_task(&self, id: &str) -> Result<(), ServiceError> {
        self.ask::<StopJob>(Safe, stop_job::Variables { job_id: id.to_owned() }).await?;
        Ok(())
    }
}
