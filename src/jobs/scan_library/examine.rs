//! Reads what is new or changed, asks ffprobe about videos, and writes what was learned.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::Receiver;
use tracing::info;

use super::compare::{Change, Pending};
use super::reader::{Facts, Reader};
use super::{Scan, index};
use crate::job::JobContext;
use crate::services::media::{Medium, ffprobe, has_ffprobe};

/// Reads what is new or changed, a few batches at a time.
pub async fn examine(scan: &Arc<Scan>, mut batches: Receiver<Vec<Pending>>) -> anyhow::Result<()> {
    stream::poll_fn(|cx| batches.poll_recv(cx))
        .map(Ok)
        .try_for_each_concurrent(scan.readers, |batch| examine_batch(scan, batch))
        .await
}

async fn examine_batch(scan: &Arc<Scan>, batch: Vec<Pending>) -> anyhow::Result<()> {
    let on_thread = Arc::clone(scan);
    let (mut read, gone) = scan.ctx.blocking(move || read_files(&on_thread, batch)).await?;
    scan.ctx.checkpoint()?;
    if let Some(permits) = &scan.ffprobe {
        let videos = read.iter_mut().filter(|(_, facts)| is_video(facts));
        stream::iter(videos).map(Ok).try_for_each_concurrent(None, |(_, facts)| probe(scan, facts, permits)).await?;
    }
    let (changes, facts): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    index::write(&scan.ctx, &facts).await?;
    scan.tally.vanished.fetch_add(index::mark_missing(&scan.ctx, &gone).await?, Relaxed);
    for change in changes {
        scan.tally.of(change).fetch_add(1, Relaxed);
    }
    Ok(())
}

/// On a thread that may block: reads the files. What went meanwhile is the second part.
fn read_files(scan: &Scan, batch: Vec<Pending>) -> (Vec<(Change, Facts)>, Vec<String>) {
    let mut reader = Reader::new(scan.params.sha256, || scan.stopped());
    let (mut read, mut gone) = (Vec::with_capacity(batch.len()), Vec::new());
    for Pending { change, path } in batch {
        if scan.stopped() {
            break;
        }
        match reader.examine(&path) {
            Ok(Some(facts)) => {
                scan.tally.bytes_read.fetch_add(facts.bytes_read, Relaxed);
                // A video is done when ffprobe is done with it.
                if scan.ffprobe.is_none() || !is_video(&facts) {
                    scan.done(1);
                }
                read.push((change, facts));
            }
            Ok(None) => {
                scan.done(1);
                gone.push(path);
            }
            Err(_) if scan.stopped() => break,
            Err(error) => {
                scan.ctx.item_error(path, &error);
                scan.done(1);
            }
        }
    }
    (read, gone)
}

/// Asks ffprobe. What it can't read is an item error; its other facts are kept.
async fn probe(scan: &Scan, facts: &mut Facts, permits: &Semaphore) -> anyhow::Result<()> {
    let _permit = permits.acquire().await?;
    let probed = ffprobe(&scan.ctx, &facts.path).await;
    scan.ctx.checkpoint()?;
    match probed {
        Ok(probe) => facts.probe = probe,
        Err(error) => scan.ctx.item_error(&facts.path, &error),
    }
    scan.done(1);
    Ok(())
}

fn is_video(facts: &Facts) -> bool {
    facts.container.is_some_and(|container| container.medium == Medium::Video)
}

/// Whether ffprobe is installed; says so in the log when it is not.
pub async fn may_probe(ctx: &JobContext) -> bool {
    let found = has_ffprobe(ctx).await;
    if !found {
        info!("ffprobe is not installed: length, codec and resolution of videos are left out");
    }
    found
}
