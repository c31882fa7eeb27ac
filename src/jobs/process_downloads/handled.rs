//! What was done with each file, in the table `handled_downloads`: for people, and to find what a dead run left of a copy.

use std::path::Path;

use anyhow::Context;
use diesel::sql_types::{Array, BigInt, Integer, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;

use super::tally::How;
use crate::job::JobContext;
use crate::services::qbittorrent::Torrent;

/// A file that was dealt with.
pub struct Handled {
    /// Its place in the torrent's list.
    pub index: usize,
    /// Its path in the torrent.
    pub file: String,
    /// Its place in the library.
    pub path: String,
    /// In bytes.
    pub size: u64,
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = Text)]
    partial: String,
}

/// The copies that were begun, and not seen to their end.
pub async fn partials(ctx: &JobContext) -> anyhow::Result<Vec<String>> {
    let query = "SELECT partial FROM handled_downloads WHERE partial IS NOT NULL";
    let left: Vec<Left> =
        sql_query(query).get_results(&mut ctx.db().await?).await.context("the copies that were cut short")?;
    Ok(left.into_iter().map(|left| left.partial).collect())
}

/// Forgets copies that are no more.
pub async fn forget(ctx: &JobContext, partials: &[String]) -> anyhow::Result<()> {
    let query = "DELETE FROM handled_downloads WHERE partial = ANY($1)";
    sql_query(query).bind::<Array<Text>, _>(partials).execute(&mut ctx.db().await?).await.context("a copy")?;
    Ok(())
}

/// Notes that a copy begins, before there is a file of it.
pub async fn begin_copy(ctx: &JobContext, torrent: &Torrent, file: &Handled, partial: &Path) -> anyhow::Result<String> {
    let partial = partial.to_str().context("the library folder's path is not UTF-8; rename it")?;
    write_rows(ctx, torrent, &[(file, "copying")], Some(partial)).await?;
    Ok(partial.to_owned())
}

/// Writes down what was done.
pub async fn write(ctx: &JobContext, torrent: &Torrent, files: &[(Handled, How)]) -> anyhow::Result<()> {
    let rows: Vec<_> = files.iter().map(|(file, how)| (file, how.word())).collect();
    if rows.is_empty() { Ok(()) } else { write_rows(ctx, torrent, &rows, None).await }
}

async fn write_rows(
    ctx: &JobContext,
    torrent: &Torrent,
    rows: &[(&Handled, &str)],
    partial: Option<&str>,
) -> anyhow::Result<()> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let index = |(file, _): &(&Handled, &str)| i32::try_from(file.index).context("too many files");
    let indexes = rows.iter().map(index).collect::<anyhow::Result<Vec<i32>>>()?;
    let query = "
        INSERT INTO handled_downloads
            (torrent_hash, torrent_name, job_id, partial, file_index, file, path, size_bytes, how)
        SELECT $1, $2, $3, $4, * FROM unnest($5, $6, $7, $8, $9)
        ON CONFLICT (torrent_hash, file_index) DO UPDATE SET
            torrent_name = excluded.torrent_name, job_id = excluded.job_id, partial = excluded.partial,
            file = excluded.file, path = excluded.path, size_bytes = excluded.size_bytes, how = excluded.how,
            handled_at = now()";
    sql_query(query)
        .bind::<Text, _>(&torrent.hash)
        .bind::<Text, _>(&torrent.name)
        .bind::<SqlUuid, _>(ctx.job_id())
        .bind::<diesel::sql_types::Nullable<Text>, _>(partial)
        .bind::<Array<Integer>, _>(indexes)
        .bind::<Array<Text>, _>(rows.iter().map(|(file, _)| file.file.as_str()).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(file, _)| file.path.as_str()).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(rows.iter().map(|(file, _)| number(file.size)).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|(_, how)| *how).collect::<Vec<_>>())
        .execute(&mut ctx.db().await?)
        .await
        .context("the handled files could not be written down")?;
    Ok(())
}
