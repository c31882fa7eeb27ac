//! One torrent, from its list of files to its tag.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use super::folder::Folder;
use super::handled::{self, Handled};
use super::layout::{Target, layout};
use super::source::Source;
use super::tally::How;
use super::todo::SYNCED;
use super::{Run, partial, put};
use crate::job::{Fatal, Stopped};
use crate::services::ServiceError;
use crate::services::media::ffprobe;
use crate::services::qbittorrent::{Torrent, TorrentFile};

/// The tag of what failed; the next run tries it again.
const FAILED: &str = "error_syncing";

/// What is shorter, in seconds, is a small video.
const SMALL: f64 = 30.0;

/// Brings the files of a torrent into the library and tags it.
pub async fn process(run: &Run, torrent: &Torrent) -> anyhow::Result<()> {
    match bring(run, torrent).await {
        Ok(()) => tag(run, torrent, SYNCED, FAILED).await,
        Err(error) if error.is::<Fatal>() || Stopped::is_cause_of(&error) => Err(error),
        Err(error) => {
            tag(run, torrent, FAILED, SYNCED).await?;
            Err(error)
        }
    }
}

async fn tag(run: &Run, torrent: &Torrent, tag: &str, other: &str) -> anyhow::Result<()> {
    if torrent.has_tag(other) {
        run.qbittorrent.remove_tag(&torrent.hash, other).await.map_err(judge)?;
    }
    if !torrent.has_tag(tag) {
        run.qbittorrent.add_tag(&torrent.hash, tag).await.map_err(judge)?;
    }
    Ok(())
}

/// What is wrong with the service itself is wrong for every other torrent too.
fn judge(error: ServiceError) -> anyhow::Error {
    match error {
        ServiceError::Unreachable { .. }
        | ServiceError::TimedOut { .. }
        | ServiceError::WrongKey { .. }
        | ServiceError::Settings(_)
        | ServiceError::Refused { status: 403, .. } => Fatal(error.into()).into(),
        error => error.into(),
    }
}

async fn bring(run: &Run, torrent: &Torrent) -> anyhow::Result<()> {
    let files = run.qbittorrent.files(&torrent.hash).await.map_err(judge)?;
    let targets = layout(torrent, &files)?;
    let (mut done, mut failed) = (Vec::new(), Failed::default());
    let mut folders = Folders::new(run);
    for (n, target) in targets.iter().enumerate() {
        if run.ctx.is_cancelled() {
            break;
        }
        run.ctx.message(format!("{}: file {} of {}", torrent.name, n + 1, targets.len()));
        let file = &files[target.index];
        let handled = Handled {
            index: target.index,
            file: file.name.clone(),
            path: run.library.path_of(&target.path()).to_string_lossy().into_owned(),
            size: file.size,
        };
        match bring_file(run, torrent, file, target, &handled, &mut folders).await {
            Ok(how) => {
                run.tally.add(how);
                done.push((handled, how));
            }
            Err(error) if error.is::<Fatal>() => return Err(error),
            Err(error) if Stopped::is_cause_of(&error) => break,
            Err(error) => failed.add(&file.name, &error),
        }
    }
    let synced = folders.leave().await;
    handled::write(&run.ctx, torrent, &done).await.map_err(Fatal)?;
    run.ctx.checkpoint()?;
    synced?;
    failed.error(targets.len())
}

async fn bring_file(
    run: &Run,
    torrent: &Torrent,
    file: &TorrentFile,
    target: &Target,
    handled: &Handled,
    folders: &mut Folders<'_>,
) -> anyhow::Result<How> {
    let ctx = &run.ctx;
    let (path, size, roots) = (Path::new(&torrent.save_path).join(&file.name), file.size, ctx.media_roots().clone());
    let look_inside = run.exclude_small_videos;
    let open = move || {
        let source = Source::open(&path, size, &roots)?;
        let is_video = look_inside && source.is_video()?;
        anyhow::Ok((Arc::new(source), is_video))
    };
    let (source, is_video) = ctx.blocking(open).await??;
    if is_video && ffprobe(ctx, &source.path).await?.duration.is_some_and(|seconds| seconds < SMALL) {
        return Ok(How::Excluded);
    }
    let folder = folders.enter(&target.folders).await?;
    let (to, name, stop) = (Arc::clone(&folder), target.name.clone(), ctx.stop_signal());
    let from = Arc::clone(&source);
    if let Some(how) = ctx.blocking(move || put::link(&from, &to, &name, &stop)).await?? {
        return Ok(how);
    }
    let partial = partial::name();
    let noted = handled::begin_copy(ctx, torrent, handled, &folder.path_of(&partial)).await.map_err(Fatal)?;
    let (name, stop, reporter) = (target.name.clone(), ctx.stop_signal(), ctx.clone());
    let total = size >> 20;
    let grown = move |bytes: u64| reporter.message(format!("Copying {name}: {} of {total} MiB", bytes >> 20));
    let name = target.name.clone();
    let copied = ctx.blocking(move || put::copy(&source, &folder, &name, partial, &stop, grown)).await?;
    if copied.is_err() {
        handled::forget(ctx, &[noted]).await.map_err(Fatal)?;
    }
    copied
}

/// What failed of a torrent.
#[derive(Default)]
struct Failed {
    count: usize,
    first: Option<String>,
}

impl Failed {
    fn add(&mut self, file: &str, error: &anyhow::Error) {
        self.count += 1;
        self.first.get_or_insert_with(|| format!("{file}: {error:#}"));
        tracing::warn!("{file}: {error:#}");
    }

    fn error(self, total: usize) -> anyhow::Result<()> {
        match self.first {
            None => Ok(()),
            Some(first) if total == 1 => Err(anyhow!(first)),
            Some(first) => Err(anyhow!("{} of {total} files failed; the first is {first}", self.count)),
        }
    }
}

/// The folder of the library that is written in just now. One that is left is put on the disk.
struct Folders<'a> {
    run: &'a Run,
    present: Option<(Vec<String>, Arc<Folder>)>,
}

impl<'a> Folders<'a> {
    fn new(run: &'a Run) -> Self {
        Self { run, present: None }
    }

    async fn enter(&mut self, names: &[String]) -> anyhow::Result<Arc<Folder>> {
        if let Some((present, folder)) = &self.present
            && present == names
        {
            return Ok(Arc::clone(folder));
        }
        self.leave().await?;
        let (library, below) = (Arc::clone(&self.run.library), names.to_vec());
        let enter = move || below.iter().try_fold(library, |folder, name| folder.enter(name).map(Arc::new));
        let folder = self.run.ctx.blocking(enter).await??;
        self.present = Some((names.to_vec(), Arc::clone(&folder)));
        Ok(folder)
    }

    async fn leave(&mut self) -> anyhow::Result<()> {
        let Some((_, folder)) = self.present.take() else { return Ok(()) };
        let path = folder.path().to_owned();
        let synced = self.run.ctx.blocking(move || folder.sync()).await?;
        synced.with_context(|| format!("{} can't be put on the disk", path.display()))
    }
}
