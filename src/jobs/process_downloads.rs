//! Brings finished downloads into the library.
//!
//! ```text
//!   torrents of the category, all there, not tagged `synced`
//!        │ one after the other
//!        ▼
//!   names checked ──▶ each file: linked, or copied, or skipped, or excluded ──▶ written down ──▶ tag `synced`
//!        └── refused ───────────┴── failed ───────────────────────────────────────────────────▶ tag `error_syncing`
//! ```
//!
//! - Safe to run again at any point: a file that is there already is skipped, and the tag comes last.
//! - Nothing in the library is ever overwritten, and a file is there whole or not at all: a copy grows under a name of its own
//!   beside its place, and gets its name when it is on the disk. What a dead run left of one is removed by the next.
//! - Everything that is read lies below a media root, everything that is written below the library folder, which lies below
//!   one too. No symlink in the library is followed, and a torrent whose names would lead out of it is refused.

mod folder;
mod handled;
mod layout;
mod partial;
mod put;
mod source;
mod tally;
mod todo;
mod torrent;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::folder::Folder;
use self::tally::Tally;
use crate::job::{Color, Job, JobContext, JobResult, JobSpec, JobType, Outcome, Setting, folder as folder_of};
use crate::services::media::has_ffprobe;
use crate::services::qbittorrent::{self, Qbittorrent};

/// The torrents that are meant for the library.
pub const CATEGORY: Setting<String> = Setting::text("downloads.category", "Category")
    .group("Downloads")
    .describe("Torrents of this category in qBittorrent are brought into the library when they are complete")
    .default("stash");
inventory::submit!(CATEGORY.spec);

/// Where their files go.
pub const LIBRARY_FOLDER: Setting<PathBuf> = Setting::folder("downloads.library_folder", "Library folder")
    .group("Downloads")
    .describe("Where the files of finished downloads go; it must lie under a media folder of the server, as the downloads must");
inventory::submit!(LIBRARY_FOLDER.spec);

/// Brings the files of completed torrents from qBittorrent into the media library.
///
/// Files are hard-linked, or copied where the library is on another disk. Files that are there already are skipped.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessDownloads {
    /// Leave out videos that are shorter than 30 seconds. This needs ffprobe.
    pub exclude_small_videos: bool,
}

impl Job for ProcessDownloads {
    const SPEC: JobSpec = JobSpec::new("process_downloads", "Process Downloads")
        .category("Workflow")
        .color(Color::Geekblue)
        .icon("download")
        .unit("download", "downloads")
        .needs(&[qbittorrent::URL.name(), LIBRARY_FOLDER.name()])
        .exclusive();

    async fn run(self, ctx: JobContext) -> JobResult {
        let run = Run::begin(self, ctx).await?;
        partial::remove_inherited(&run.ctx).await?;
        let torrents = run.qbittorrent.completed(&run.category).await?;
        let todo = todo::choose(&run.ctx, torrents);
        let looked_at = todo.len();
        run.ctx.each(todo, async |item| torrent::process(&run, &item.torrent).await).await?;
        let (errors, unit) = (run.ctx.item_error_count(), if looked_at == 1 { "download" } else { "downloads" });
        let mut data = run.tally.data(looked_at, errors);
        data["resumed"] = (run.ctx.attempt() > 1).into(); // what an earlier run has brought is not counted
        Ok(Outcome::completed().message(format!("{looked_at} {unit}: {}", run.tally)).data(data))
    }
}

/// One run, as its steps share it.
struct Run {
    ctx: JobContext,
    qbittorrent: Qbittorrent,
    category: String,
    /// The library folder.
    library: Arc<Folder>,
    exclude_small_videos: bool,
    tally: Tally,
}

impl Run {
    async fn begin(params: ProcessDownloads, ctx: JobContext) -> anyhow::Result<Self> {
        let settings = ctx.settings().await?;
        let library = folder_of(&settings, &LIBRARY_FOLDER)?;
        ensure!(
            ctx.media_roots().contains(&library),
            "the library folder {} (setting `{}`) is under no media root; allow it with --media-root",
            library.display(),
            LIBRARY_FOLDER.name()
        );
        if params.exclude_small_videos && !has_ffprobe(&ctx).await {
            ctx.checkpoint()?;
            anyhow::bail!(
                "ffprobe, which tells how long a video is, is not installed; install it, or include small videos"
            );
        }
        let library = ctx.blocking(move || Folder::open(library)).await?;
        Ok(Self {
            library: Arc::new(library.context("the library folder can't be used")?),
            category: settings.need(&CATEGORY)?,
            qbittorrent: ctx.qbittorrent().await?,
            exclude_small_videos: params.exclude_small_videos,
            tally: Tally::default(),
            ctx,
        })
    }
}

inventory::submit!(JobType::of::<ProcessDownloads>());
