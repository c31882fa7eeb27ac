//! Holds the walk against the index, both in the order of paths, and sorts out what is to be done.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::bail;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::Scan;
use super::index::{self, Known, Pages};
use super::walk::{Found, Met, Walk};
use crate::services::media::{Container, OSHASH_CHUNK};

/// How much the walk hands on at a time; small enough that progress is smooth on a slow disk.
const WALKED: usize = 256;
/// How many such batches the walk may be ahead.
const AHEAD: usize = 8;
/// Files that are examined and written at a time.
const BATCH_FILES: usize = 500;
/// Or as many as have this much to be read, so that a few large files are spread over all threads.
const BATCH_BYTES: u64 = 64 << 20;
/// Files that are marked at a time.
const MARKED: usize = 1_000;

/// A file to be read.
pub struct Pending {
    /// Its resolved path.
    pub path: String,
    /// What is known to be new about it.
    pub change: Change,
}

/// What is new about a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The index does not have it.
    Added,
    /// Its size or time of change differ.
    Changed,
    /// It was marked as missing, and is the same as before.
    Returned,
    /// Nothing.
    None,
}

/// Compares what is at and below `start`, and hands on what has to be read.
pub async fn compare(scan: &Arc<Scan>, start: &str, changed: &Sender<Vec<Pending>>) -> anyhow::Result<()> {
    let (walked, walk) = channel(AHEAD);
    let (pages, known) = channel(1);
    let mut comparison = Comparison {
        scan,
        known: Pages::new(known),
        unreadable: None,
        changed,
        batch: Vec::new(),
        batch_bytes: 0,
        vanished: Vec::new(),
        returned: Vec::new(),
    };
    tokio::try_join!(send_walk(scan, start, walked), index::read(&scan.ctx, start, pages), comparison.run(walk))?;
    Ok(())
}

/// Walks on a thread that may block. The last batch is followed by an empty one: without it the walk was cut short.
async fn send_walk(scan: &Arc<Scan>, start: &str, walked: Sender<Vec<Met>>) -> anyhow::Result<()> {
    let (this, start) = (Arc::clone(scan), start.to_owned());
    let walk = move || {
        let mut walk = Walk::new(&start, || this.stopped());
        loop {
            let batch: Vec<_> = walk.by_ref().take(WALKED).collect();
            let last = batch.is_empty();
            // Nobody listens: the scan has ended with an error that says more.
            if this.stopped() || walked.blocking_send(batch).is_err() || last {
                return;
            }
        }
    };
    scan.ctx.blocking(walk).await
}

struct Comparison<'a> {
    scan: &'a Arc<Scan>,
    known: Pages,
    /// The path that could not be looked at last: what the index has of it, and below it, stays as it is.
    unreadable: Option<String>,
    changed: &'a Sender<Vec<Pending>>,
    batch: Vec<Pending>,
    /// How much has to be read for the batch.
    batch_bytes: u64,
    vanished: Vec<String>,
    returned: Vec<String>,
}

impl Comparison<'_> {
    async fn run(&mut self, mut walk: Receiver<Vec<Met>>) -> anyhow::Result<()> {
        loop {
            self.scan.ctx.checkpoint()?;
            let Some(batch) = walk.recv().await else {
                self.scan.ctx.checkpoint()?;
                bail!("the walk was cut short");
            };
            if batch.is_empty() {
                break;
            }
            for met in batch {
                self.meet(met).await?;
            }
        }
        self.pass(None).await?;
        self.flush().await?;
        self.mark_vanished().await?;
        self.mark_returned().await
    }

    async fn meet(&mut self, met: Met) -> anyhow::Result<()> {
        match met {
            Met::File(found) => {
                self.pass(Some(&found.path)).await?;
                let known = self.known.next_at(&found.path).await;
                self.decide(found, known).await
            }
            Met::Unreadable { path, is_folder, error } => {
                let position = if is_folder { format!("{}/", path.trim_end_matches('/')) } else { path.clone() };
                self.pass(Some(&position)).await?;
                self.scan.ctx.item_error(&path, &error);
                self.scan.done(u64::from(!is_folder));
                self.unreadable = Some(path);
                Ok(())
            }
            Met::Unnameable { path, error } => {
                self.scan.ctx.item_error(path, &error);
                self.scan.done(1);
                Ok(())
            }
        }
    }

    /// Leaves behind what the index has before `position`: the walk did not meet it, so it has vanished.
    async fn pass(&mut self, position: Option<&str>) -> anyhow::Result<()> {
        while let Some(known) = self.known.next_before(position).await {
            if known.missing || self.unreadable.as_deref().is_some_and(|path| is_at_or_below(&known.path, path)) {
                continue;
            }
            self.vanished.push(known.path);
            if self.vanished.len() == MARKED {
                self.mark_vanished().await?;
            }
        }
        Ok(())
    }

    async fn decide(&mut self, found: Found, known: Option<Known>) -> anyhow::Result<()> {
        let change = match &known {
            None => Change::Added,
            Some(known) if !known.is(found.size, found.mtime) => Change::Changed,
            Some(known) if known.missing => Change::Returned,
            Some(_) => Change::None,
        };
        if known.is_none_or(|known| change == Change::Changed || self.lacks(&known)) {
            return self.hand_on(found, change).await;
        }
        self.scan.done(1);
        self.scan.tally.of(change).fetch_add(1, Relaxed);
        if change == Change::Returned {
            self.returned.push(found.path);
            if self.returned.len() == MARKED {
                self.mark_returned().await?;
            }
        }
        Ok(())
    }

    /// Whether something was asked for that the index does not have of a file.
    fn lacks(&self, known: &Known) -> bool {
        let Scan { params, ffprobe, .. } = &**self.scan;
        let unprobed =
            || ffprobe.is_some() && !known.probed && known.container.as_deref().is_some_and(Container::is_video_name);
        params.force || params.sha256 && !known.hashed || unprobed()
    }

    async fn hand_on(&mut self, found: Found, change: Change) -> anyhow::Result<()> {
        let size = found.size.unsigned_abs();
        self.batch_bytes += if self.scan.params.sha256 { size } else { size.min(2 * OSHASH_CHUNK as u64) };
        self.batch.push(Pending { path: found.path, change });
        if self.batch.len() >= BATCH_FILES || self.batch_bytes >= BATCH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        if batch.is_empty() || self.changed.send(batch).await.is_ok() {
            return Ok(());
        }
        bail!("nobody examines files any more")
    }

    async fn mark_vanished(&mut self) -> anyhow::Result<()> {
        let vanished = index::mark_missing(&self.scan.ctx, &std::mem::take(&mut self.vanished)).await?;
        self.scan.tally.vanished.fetch_add(vanished, Relaxed);
        Ok(())
    }

    async fn mark_returned(&mut self) -> anyhow::Result<()> {
        index::mark_returned(&self.scan.ctx, &std::mem::take(&mut self.returned)).await?;
        Ok(())
    }
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::is_at_or_below;

    #[test]
    fn a_path_is_below_a_folder_by_whole_names() {
        assert!(is_at_or_below("/a/b", "/a/b"));
        assert!(is_at_or_below("/a/b/c", "/a/b"));
        assert!(is_at_or_below("/a", "/"));
        assert!(!is_at_or_below("/a/bc", "/a/b"));
        assert!(!is_at_or_below("/a", "/a/b"));
    }
}
