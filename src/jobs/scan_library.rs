//! Keeps the index of the media library.
//!
//! ```text
//!   walk (a thread) ──files, in the order of paths──▶ compare ──new or changed──▶ examine (some threads)
//!   index, page by page, in the same order ─────────▶   │                           │ ffprobe, for videos
//!                                                       ▼                           ▼
//!                                            vanished, returned            index, batch by batch
//! ```
//!
//! Folders and index are walked side by side, so a file that has not changed costs no write, and one that is in the index
//! alone has vanished. Every channel is bounded: memory does not grow with the library. A run that is cut short loses
//! nothing; the next one skips what it did.
//!
//! What can't be read is an item error, and whatever the index had of it stays as it was.

mod compare;
mod examine;
mod index;
mod reader;
mod walk;

use std::path::{Component, Path};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use self::compare::{Change, Pending};
use crate::job::{Color, FieldError, Job, JobContext, JobResult, JobSpec, JobType, Outcome};

/// Threads that read files, and ffprobes, at most: more of them only make a disk seek.
const MOST_READERS: usize = 8;

/// Looks through the media folders and keeps an index of their files: size, kind, fingerprints, length and resolution.
///
/// Files that have not changed since the last scan are skipped.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScanLibrary {
    /// The folder or file to scan, as an absolute path under a media folder. All media folders when empty.
    pub path: Option<String>,
    /// Also take the SHA-256 of every file that has none yet. This reads all files whole.
    pub sha256: bool,
    /// Ask ffprobe for length, codec and resolution of videos, if it is installed.
    pub probe: bool,
    /// Read every file again, even if it has not changed.
    pub force: bool,
}

impl Default for ScanLibrary {
    fn default() -> Self {
        Self { path: None, sha256: false, probe: true, force: false }
    }
}

impl Job for ScanLibrary {
    const SPEC: JobSpec = JobSpec::new("scan_library", "Scan Library")
        .category("Library")
        .color(Color::Cyan)
        .icon("folder-open")
        .unit("file", "files")
        .exclusive();

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        if self.path().is_none_or(Path::is_absolute) {
            return Ok(());
        }
        Err(vec![FieldError::at("path", "must be an absolute path, one that begins with /")])
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        let begun = Instant::now();
        let starts = starts(&ctx, self.path())?;
        let scan = Scan::new(self, ctx).await;
        // Whatever ends this run ends its threads.
        let _stop_threads = scan.halt.clone().drop_guard();

        let (changed, to_examine) = mpsc::channel(1);
        tokio::try_join!(scan.count(starts.clone()), scan.find(&starts, changed), examine::examine(&scan, to_examine),)?;
        Ok(scan.outcome(begun.elapsed()))
    }
}

impl ScanLibrary {
    /// A form leaves a field empty where a program leaves it out.
    fn path(&self) -> Option<&Path> {
        self.path.as_deref().filter(|path| !path.is_empty()).map(Path::new)
    }
}

/// Where to look: the given path, or every media root; in a retry of failed items, those. None lies below another.
fn starts(ctx: &JobContext, path: Option<&Path>) -> anyhow::Result<Vec<String>> {
    let roots = ctx.media_roots();
    let mut wanted: Vec<String> = match (ctx.only_items(), path) {
        // Not resolved: what failed may be a broken name, and symlinks are refused when it is opened.
        (Some(items), _) => {
            let leads_out = |path: &Path| path.components().any(|part| part == Component::ParentDir);
            let is_inside = |path: &Path| roots.contains(path) && !leads_out(path);
            let (inside, outside) = items.iter().cloned().partition(|item| is_inside(Path::new(item)));
            let outside: Vec<_> = outside;
            for item in outside {
                ctx.item_error(item, &anyhow!("it is under no media folder"));
            }
            inside
        }
        (None, Some(path)) => vec![text(&roots.resolve(path)?)?],
        (None, None) => roots.all().iter().map(|root| text(root)).collect::<Result<Vec<_>, _>>()?,
    };
    ensure!(
        !wanted.is_empty(),
        "there is nothing to scan; name a media folder with --media-root when you start the server"
    );
    // In the order of paths by their parts, what is below a path follows it at once.
    wanted.sort_by(|a, b| Path::new(a).cmp(Path::new(b)));
    wanted.dedup_by(|path, before| Path::new(path).starts_with(before));
    Ok(wanted)
}

fn text(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(str::to_owned).with_context(|| format!("the path {} is not UTF-8; rename it", path.display()))
}

/// One run, as its tasks and threads share it.
struct Scan {
    params: ScanLibrary,
    ctx: JobContext,
    /// How many threads read files, and how many ffprobes run.
    readers: usize,
    /// Set when ffprobe is to be used; a permit for each that runs.
    ffprobe: Option<Semaphore>,
    /// Tells the threads that nobody waits for them any more.
    halt: CancellationToken,
    /// How many files there are; 0 until they are counted.
    total: AtomicU64,
    tally: Tally,
}

/// What was seen and done.
#[derive(Default)]
struct Tally {
    /// Files that are dealt with.
    done: AtomicU64,
    added: AtomicU64,
    changed: AtomicU64,
    unchanged: AtomicU64,
    returned: AtomicU64,
    vanished: AtomicU64,
    bytes_read: AtomicU64,
}

impl Scan {
    async fn new(params: ScanLibrary, ctx: JobContext) -> Arc<Self> {
        let readers = available_parallelism().map_or(1, usize::from).clamp(2, MOST_READERS);
        let ffprobe = params.probe && examine::may_probe(&ctx).await;
        Arc::new(Self {
            params,
            ctx,
            readers,
            ffprobe: ffprobe.then(|| Semaphore::new(readers)),
            halt: CancellationToken::new(),
            total: AtomicU64::new(0),
            tally: Tally::default(),
        })
    }

    /// Whether the threads should end.
    fn stopped(&self) -> bool {
        self.ctx.is_cancelled() || self.halt.is_cancelled()
    }

    /// Counts the files, so that progress has a total. It only lists folders, and so is done long before the walk.
    async fn count(self: &Arc<Self>, starts: Vec<String>) -> anyhow::Result<()> {
        self.ctx.message("Counting files");
        let scan = Arc::clone(self);
        let count = move || starts.iter().map(|start| walk::count_files(start, || scan.stopped())).sum();
        self.total.store(self.ctx.blocking(count).await?, Relaxed);
        self.ctx.message("Scanning");
        self.done(0);
        Ok(())
    }

    /// Notes that `files` more are dealt with.
    fn done(&self, files: u64) {
        let done = self.tally.done.fetch_add(files, Relaxed) + files;
        match self.total.load(Relaxed) {
            0 => {}
            total => self.ctx.items(done, total.max(done)),
        }
    }

    /// Walks, and hands on what is new or changed.
    async fn find(self: &Arc<Self>, starts: &[String], changed: mpsc::Sender<Vec<Pending>>) -> anyhow::Result<()> {
        for start in starts {
            compare::compare(self, start, &changed).await?;
        }
        Ok(())
    }

    fn outcome(&self, took: Duration) -> Outcome {
        let seen = self.tally.done.load(Relaxed);
        self.ctx.items(seen, seen);
        let data = self.tally.data(self.ctx.item_error_count(), took);
        let unit = if seen == 1 { "file" } else { "files" };
        let message = format!(
            "Scanned {seen} {unit}: {} added, {} changed, {} vanished",
            data["added"], data["changed"], data["vanished"]
        );
        Outcome::completed().message(message).data(data)
    }
}

impl Tally {
    fn of(&self, change: Change) -> &AtomicU64 {
        match change {
            Change::Added => &self.added,
            Change::Changed => &self.changed,
            Change::Returned => &self.returned,
            Change::None => &self.unchanged,
        }
    }

    fn data(&self, errors: i64, took: Duration) -> Value {
        let of = |count: &AtomicU64| count.load(Relaxed);
        json!({
            "seen": of(&self.done),
            "added": of(&self.added),
            "changed": of(&self.changed),
            "unchanged": of(&self.unchanged),
            "returned": of(&self.returned),
            "vanished": of(&self.vanished),
            "errors": errors,
            "bytes_read": of(&self.bytes_read),
            "seconds": took.as_secs_f64(),
        })
    }
}

inventory::submit!(JobType::of::<ScanLibrary>());
