//! The index in the database, table `media_files`: read page by page in the order of its paths, written batch by batch.

use std::collections::VecDeque;

use anyhow::Context;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use tokio::sync::mpsc::{Receiver, Sender};

use super::reader::Facts;
use crate::job::JobContext;

/// Rows per page: some 300 KB.
const PAGE: i64 = 1_000;

/// A file as the index has it.
#[derive(QueryableByName)]
pub struct Known {
    /// Its resolved path.
    #[diesel(sql_type = Text)]
    pub path: String,
    #[diesel(sql_type = BigInt)]
    size: i64,
    #[diesel(sql_type = Timestamptz)]
    mtime: DateTime<Utc>,
    /// What its first bytes said.
    #[diesel(sql_type = Nullable<Text>)]
    pub container: Option<String>,
    /// Whether ffprobe has told what is in it.
    #[diesel(sql_type = Bool)]
    pub probed: bool,
    /// Whether its SHA-256 is there.
    #[diesel(sql_type = Bool)]
    pub hashed: bool,
    /// Whether it was gone when it was last looked for.
    #[diesel(sql_type = Bool)]
    pub missing: bool,
}

const COLUMNS: &str = "path, size, mtime, container, codec IS NOT NULL AS probed, sha256 IS NOT NULL AS hashed,
                       missing_at IS NOT NULL AS missing";

impl Known {
    /// Whether a file of this size and time of change is still the one of the index.
    pub fn is(&self, size: i64, mtime: i64) -> bool {
        self.size == size && self.mtime.timestamp_micros() == mtime
    }
}

/// Reads all that the index has at and below `start`, in its order, into a channel that holds it back.
///
/// A page is cut off before its end is looked at: so the database goes along its own order from `after` on, even if it has
/// no statistics yet, and never sorts all that is below.
pub async fn read(ctx: &JobContext, start: &str, pages: Sender<Vec<Known>>) -> anyhow::Result<()> {
    let itself = format!("SELECT {COLUMNS} FROM media_files WHERE path = $1");
    let below_it = format!(
        "SELECT * FROM (SELECT {COLUMNS} FROM media_files WHERE path > $1 ORDER BY path LIMIT {PAGE}) page
         WHERE path < $2"
    );
    let itself = sql_query(itself).bind::<Text, _>(start).get_results(&mut ctx.db().await?).await;
    let mut page: Vec<Known> = itself.context("the index could not be read")?;
    let (mut after, end) = below(start);
    loop {
        // Nobody reads on: the scan has ended with an error that says more.
        if pages.send(page).await.is_err() {
            return Ok(());
        }
        let query = sql_query(&below_it).bind::<Text, _>(&after).bind::<Text, _>(&end);
        page = query.get_results(&mut ctx.db().await?).await.context("the index could not be read")?;
        match page.last() {
            Some(last) => after.clone_from(&last.path),
            None => return Ok(()),
        }
    }
}

/// The range of paths below `folder`, both ends exclusive. In the order of bytes: no pattern, so nothing to escape.
fn below(folder: &str) -> (String, String) {
    const AFTER_SLASH: char = '0';
    let folder = folder.trim_end_matches('/');
    (format!("{folder}/"), format!("{folder}{AFTER_SLASH}"))
}

/// What the index has, to be taken in order.
pub struct Pages {
    page: VecDeque<Known>,
    pages: Receiver<Vec<Known>>,
}

impl Pages {
    /// Takes what [`read`] sends.
    pub fn new(pages: Receiver<Vec<Known>>) -> Self {
        Self { page: VecDeque::new(), pages }
    }

    /// Takes the next file if its path is before `position`; every one if there is none.
    pub async fn next_before(&mut self, position: Option<&str>) -> Option<Known> {
        self.fill().await;
        self.page.pop_front_if(|known| position.is_none_or(|position| known.path.as_str() < position))
    }

    /// Takes the next file if it is the one at `path`.
    pub async fn next_at(&mut self, path: &str) -> Option<Known> {
        self.fill().await;
        self.page.pop_front_if(|known| known.path == path)
    }

    async fn fill(&mut self) {
        while self.page.is_empty() {
            match self.pages.recv().await {
                Some(page) => self.page = page.into(),
                None => return,
            }
        }
    }
}

/// Writes what was learned of some files. What only an earlier scan asked for stays, as long as the file is the same.
pub async fn write(ctx: &JobContext, files: &[Facts]) -> anyhow::Result<()> {
    if files.is_empty() {
        return Ok(());
    }
    let kept = |column: &str| {
        format!(
            "{column} = COALESCE(excluded.{column}, CASE WHEN old.size = excluded.size AND old.mtime = excluded.mtime
                                                    THEN old.{column} END)"
        )
    };
    let query = format!(
        "INSERT INTO media_files AS old (path, size, mtime, container, oshash, sha256, duration, codec, width, height)
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (path) DO UPDATE SET
            size = excluded.size, mtime = excluded.mtime, container = excluded.container, oshash = excluded.oshash,
            {}, {}, {}, {}, {}, scanned_at = now(), missing_at = NULL",
        kept("sha256"),
        kept("duration"),
        kept("codec"),
        kept("width"),
        kept("height"),
    );
    let mtime = |facts: &Facts| DateTime::from_timestamp_micros(facts.mtime).unwrap_or_default();
    sql_query(query)
        .bind::<Array<Text>, _>(column(files, |f| f.path.as_str()))
        .bind::<Array<BigInt>, _>(column(files, |f| f.size))
        .bind::<Array<Timestamptz>, _>(column(files, mtime))
        .bind::<Array<Nullable<Text>>, _>(column(files, |f| f.container.map(|c| c.name)))
        .bind::<Array<Nullable<Text>>, _>(column(files, |f| f.oshash.as_deref()))
        .bind::<Array<Nullable<Text>>, _>(column(files, |f| f.sha256.as_deref()))
        .bind::<Array<Nullable<Double>>, _>(column(files, |f| f.probe.duration))
        .bind::<Array<Nullable<Text>>, _>(column(files, |f| f.probe.codec.as_deref()))
        .bind::<Array<Nullable<Integer>>, _>(column(files, |f| f.probe.width))
        .bind::<Array<Nullable<Integer>>, _>(column(files, |f| f.probe.height))
        .execute(&mut ctx.db().await?)
        .await
        .context("the index could not be written")?;
    Ok(())
}

fn column<'a, T>(files: &'a [Facts], of: impl Fn(&'a Facts) -> T) -> Vec<T> {
    files.iter().map(of).collect()
}

/// Marks files as gone. Returns how many had not been marked before.
pub async fn mark_missing(ctx: &JobContext, paths: &[String]) -> anyhow::Result<u64> {
    mark(ctx, "missing_at = now()", "missing_at IS NULL", paths).await
}

/// Marks files as back.
pub async fn mark_returned(ctx: &JobContext, paths: &[String]) -> anyhow::Result<u64> {
    mark(ctx, "missing_at = NULL", "missing_at IS NOT NULL", paths).await
}

async fn mark(ctx: &JobContext, set: &str, only: &str, paths: &[String]) -> anyhow::Result<u64> {
    if paths.is_empty() {
        return Ok(0);
    }
    let query = format!("UPDATE media_files SET {set} WHERE path = ANY($1) AND {only}");
    let query = sql_query(query).bind::<Array<Text>, _>(paths);
    let marked = query.execute(&mut ctx.db().await?).await.context("the index could not be written")?;
    Ok(marked as u64)
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn what_is_below_a_folder_is_a_range_whatever_its_name() {
        for folder in ["/a", "/a%_\\", "/ä"] {
            let (from, to) = below(folder);
            for inside in ["/b", "/b/c", "/~", "/\u{10FFFF}"] {
                let path = format!("{folder}{inside}");
                assert!(from < path && path < to, "{path}");
            }
            for outside in ["", ".mp4", " (1)/b", "-b/c", "0", "b/c"] {
                let path = format!("{folder}{outside}");
                assert!(path <= from || to <= path, "{path}");
            }
        }
        assert_eq!(below("/"), ("/".to_owned(), "0".to_owned()));
    }
}
