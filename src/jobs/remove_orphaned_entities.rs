//! Takes out of the database what no longer exists in Stash.
//!
//! First everything is compared, then everything is checked, and only then the first row is deleted:
//!
//! - A kind whose ids can't be read to the last one is left alone, as an item error.
//! - Where Stash has nothing of a kind that is here, that kind is left alone too: hardly anybody deletes all of one.
//! - Where it has nothing at all, the job fails: it is more likely that Stash stands on an empty database than that somebody
//!   deleted everything.
//! - Nothing is deleted where more than `max_percent` of a kind would go: a Stash that lost half of its library will be repaired.
//!
//! What was written here after the comparison began is left alone too: Stash may have made it since. The next sync of a kind of which
//! something was deleted looks at everything: if the deletion was a mistake of Stash's, it brings it back.

use std::collections::HashSet;

use anyhow::{Context, anyhow, ensure};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use tracing::info;

use crate::job::{Color, Job, JobContext, JobResult, JobSpec, JobType, Outcome};
use crate::services::ServiceError;
use crate::services::stash::{self, Kind, Slice, Stash};
use crate::store::{library_write, sync_state};

/// Ids alone are small: some 100 kB.
const IDS_PER_PAGE: i64 = 5_000;
/// Rows per transaction.
const BATCH: usize = 1_000;
/// A share says nothing of a handful.
const FEW: usize = 20;

/// Delete from the library here what no longer exists in Stash.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoveOrphanedEntities {
    /// Only count what would be deleted, and change nothing.
    pub dry_run: bool,
    /// Delete nothing if more than this share of the performers, of the tags, of the studios or of the scenes would go.
    #[schemars(range(min = 1, max = 100))]
    pub max_percent: u8,
}

impl Default for RemoveOrphanedEntities {
    fn default() -> Self {
        Self { dry_run: false, max_percent: 50 }
    }
}

impl Job for RemoveOrphanedEntities {
    const SPEC: JobSpec = JobSpec::new("remove_orphaned_entities", "Remove Orphaned Entities")
        .category("Maintenance")
        .color(Color::Orange)
        .icon("delete")
        .unit("entity", "entities")
        .needs(&[stash::URL.name()])
        .exclusive();

    async fn run(self, ctx: JobContext) -> JobResult {
        let stash = ctx.stash().await?;
        stash.check_ready().await?;
        let before = library_write::now(&mut *ctx.db().await?).await?;
        let (mut orphans, mut empty, mut is_empty) = (Vec::new(), Vec::new(), true);
        for kind in Kind::ALL.into_iter().filter(|kind| ctx.wants(kind.as_str())) {
            ctx.message(format!("Comparing {kind}"));
            match self.compare(&ctx, &stash, kind).await {
                Ok(Compared { there, here, .. }) if there == 0 && here > 0 => empty.push((kind, nothing(kind, here))),
                Ok(Compared { there, orphans: ids, .. }) => {
                    is_empty &= there == 0;
                    orphans.push((kind, ids));
                }
                Err(Failed::OfStash(error)) if error.is_about_the_question() => {
                    is_empty = false; // not that we know
                    ctx.item_error(kind, &anyhow::Error::from(error));
                }
                Err(Failed::OfStash(error)) => return Err(error.into()),
                Err(Failed::Here(error)) => return Err(error),
            }
        }
        for (kind, error) in empty {
            if is_empty {
                return Err(error.context("Stash is empty: nothing is deleted"));
            }
            ctx.item_error(kind, &error);
        }
        self.delete(&ctx, &orphans, before).await
    }
}

/// What a comparison of a kind found.
struct Compared {
    /// How many are here.
    here: usize,
    /// How many Stash has.
    there: usize,
    /// The ids of those that are here and not in Stash.
    orphans: Vec<String>,
}

/// Why a kind could not be compared.
enum Failed {
    OfStash(ServiceError),
    Here(anyhow::Error),
}

impl From<ServiceError> for Failed {
    fn from(error: ServiceError) -> Self {
        Self::OfStash(error)
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Here(error)
    }
}

impl RemoveOrphanedEntities {
    /// Looks for what is here and not in Stash.
    async fn compare(&self, ctx: &JobContext, stash: &Stash, kind: Kind) -> Result<Compared, Failed> {
        let there = ids_in_stash(ctx, stash, kind).await?;
        let (mut here, mut orphans, mut after) = (0, Vec::new(), String::new());
        loop {
            let mut conn = ctx.db().await?;
            let page = library_write::ids(&mut conn, kind, &after, IDS_PER_PAGE).await;
            let page = page.context("the library could not be read")?;
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            here += page.len();
            orphans.extend(page.into_iter().filter(|id| !there.contains(id)));
        }
        info!(%kind, here, in_stash = there.len(), orphans = orphans.len(), "compared");
        if !there.is_empty() {
            self.check(kind, here, orphans.len())?;
        }
        Ok(Compared { here, there: there.len(), orphans })
    }

    /// Refuses what is more likely a fault than a wish.
    fn check(&self, kind: Kind, here: usize, orphans: usize) -> anyhow::Result<()> {
        let most = here * usize::from(self.max_percent) / 100;
        ensure!(
            orphans <= most.max(FEW) || self.max_percent == 100,
            "{orphans} of {here} {kind} are no longer in Stash, more than {} %: nothing is deleted; check Stash, or raise \
             max_percent if that is right",
            self.max_percent
        );
        Ok(())
    }

    async fn delete(&self, ctx: &JobContext, orphans: &[(Kind, Vec<String>)], before: DateTime<Utc>) -> JobResult {
        let total: usize = orphans.iter().map(|(_, ids)| ids.len()).sum();
        let (mut done, mut told, mut sum) = (0, Map::new(), 0);
        ctx.items(0, total as u64);
        for (kind, ids) in orphans {
            let mut deleted = if self.dry_run { i64::try_from(ids.len())? } else { 0 };
            for batch in ids.chunks(BATCH).filter(|_| !self.dry_run) {
                ctx.message(format!("Deleting {kind}"));
                ctx.checkpoint()?;
                let mut conn = ctx.db().await?;
                let connection: &mut AsyncPgConnection = &mut conn;
                let gone = connection.transaction(async |conn: &mut AsyncPgConnection| {
                    let gone = library_write::delete(conn, *kind, batch, before).await?;
                    if gone > 0 {
                        sync_state::forget(conn, *kind).await?;
                    }
                    Ok::<_, diesel::result::Error>(gone)
                });
                deleted += gone.await.with_context(|| format!("{kind} could not be deleted"))?;
                done += batch.len() as u64;
                ctx.items(done, total as u64);
            }
            told.insert(kind.to_string(), json!(deleted));
            sum += deleted;
        }
        told.insert("dry_run".to_owned(), json!(self.dry_run));
        let did = if self.dry_run { "Would delete" } else { "Deleted" };
        Ok(Outcome::completed().message(format!("{did} {sum} entities")).data(told.into()))
    }
}

/// Why nothing is deleted of a kind of which Stash has none.
fn nothing(kind: Kind, here: usize) -> anyhow::Error {
    anyhow!(
        "Stash has no {kind}, and the library {here}: none of them is deleted; check that Stash has the right database"
    )
}

/// All ids of a kind. Scenes come in pages, each behind the last one by id; of the others there are few enough for one answer,
/// which no change on the way can tear.
async fn ids_in_stash(ctx: &JobContext, stash: &Stash, kind: Kind) -> Result<HashSet<String>, ServiceError> {
    if kind != Kind::Scenes {
        return Ok(stash.ids(kind, &Slice::first(-1)).await?.items.into_iter().collect());
    }
    let mut ids = HashSet::new();
    let mut after = 0;
    loop {
        ctx.checkpoint()?;
        let page = stash.ids(kind, &Slice { after_id: Some(after), ..Slice::first(IDS_PER_PAGE) }).await?;
        let Some(last) = page.items.last() else { return Ok(ids) };
        after = last.parse().map_err(|_| ServiceError::said("Stash", &[format!("a scene has the id `{last}`")]))?;
        ids.extend(page.items);
    }
}

inventory::submit!(JobType::of::<RemoveOrphanedEntities>());

#[cfg(test)]
mod tests {
    use super::RemoveOrphanedEntities;
    use crate::services::stash::Kind;

    #[test]
    fn what_is_more_likely_a_fault_than_a_wish_is_refused() {
        let check = |max_percent, here, orphans| {
            RemoveOrphanedEntities { dry_run: false, max_percent }.check(Kind::Scenes, here, orphans)
        };
        assert!(check(50, 0, 0).is_ok(), "an empty library has nothing to lose");
        assert!(check(50, 3, 2).is_ok(), "a share says nothing of a handful");
        assert!(check(50, 100, 50).is_ok());
        for (max_percent, here, orphans) in [(50, 100, 51), (10, 1_000, 101)] {
            let refused = check(max_percent, here, orphans).unwrap_err().to_string();
            assert!(refused.contains("nothing is deleted"), "{refused}");
        }
        assert!(check(100, 100, 99).is_ok());
    }
}
