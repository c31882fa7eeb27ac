//! Brings single scenes from Stash into the database: after something changed them, without looking at all others.

use std::collections::BTreeSet;

use anyhow::Context;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::job::{Color, FieldError, Job, JobContext, JobResult, JobSpec, JobType, Outcome};
use crate::services::stash::{self, Isolated, Stash};
use crate::store::library_write;

/// Bring these scenes from Stash into the library here, with the performers, tags and studios that they name.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SyncScenes {
    /// The ids of the scenes in Stash.
    #[schemars(length(min = 1, max = 10_000))]
    pub scene_ids: Vec<String>,
}

impl Job for SyncScenes {
    const SPEC: JobSpec = JobSpec::new("sync_scenes", "Sync Scenes")
        .category("Synchronization")
        .color(Color::Blue)
        .icon("sync")
        .unit("scene", "scenes")
        .needs(&[stash::URL.name()]);

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        if self.scene_ids.is_empty() {
            return Err(vec![FieldError::at("scene_ids", "name at least one scene")]);
        }
        check_ids(&self.scene_ids)
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        let stash = ctx.stash().await?;
        let ids: Vec<String> = as_stash_has_them(&self.scene_ids).into_iter().filter(|id| ctx.wants(id)).collect();
        let total = ids.len() as u64;
        let (mut done, mut new, mut changed) = (0, 0, 0);
        ctx.items(0, total);
        for page in ids.chunks(usize::try_from(stash.page_size()).unwrap_or(1)) {
            ctx.checkpoint()?;
            let written = sync(&ctx, &stash, page).await?;
            new += written.new.len();
            changed += written.changed.len();
            done += page.len() as u64;
            ctx.items(done, total);
        }
        let failed = ctx.item_error_count();
        let synced = done.saturating_sub(failed.unsigned_abs());
        Ok(Outcome::completed()
            .message(format!("Synced {synced} scenes: {new} new, {changed} changed"))
            .data(json!({ "new": new, "changed": changed, "synced": synced, "failed": failed })))
    }
}

/// Refuses what is no id of a scene.
pub(super) fn check_ids(scene_ids: &[String]) -> Result<(), Vec<FieldError>> {
    let wrong = (0..).zip(scene_ids).filter(|(_, id)| id.parse::<u32>().is_err());
    let errors: Vec<_> = wrong
        .map(|(n, _): (usize, _)| FieldError::at(&format!("scene_ids/{n}"), "is no id of Stash, such as 123"))
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Each id once, and without what people put before a number: `01` and `+1` are 1.
pub(super) fn as_stash_has_them(scene_ids: &[String]) -> Vec<String> {
    let numbers: BTreeSet<u32> = scene_ids.iter().filter_map(|id| id.parse().ok()).collect();
    numbers.into_iter().map(|number| number.to_string()).collect()
}

/// Writes a page of scenes, after those that they name.
async fn sync(ctx: &JobContext, stash: &Stash, page: &[String]) -> anyhow::Result<library_write::Written> {
    let Isolated { found: scenes, failed } = stash.isolate(page.to_vec(), Stash::scenes_by_id).await?;
    for (id, error) in failed {
        let missing = error.is_missing();
        let error = anyhow::Error::from(error);
        let advice = "it is gone in Stash; remove_orphaned_entities takes it out of the library too";
        ctx.item_error(id, &if missing { error.context(advice) } else { error });
    }
    let named = |ids: &mut Vec<String>| {
        ids.sort_unstable();
        ids.dedup();
        std::mem::take(ids)
    };
    let mut performers = scenes.iter().flat_map(|scene| &scene.performers).map(|who| who.id.clone()).collect();
    let mut tags = scenes.iter().flat_map(|scene| &scene.tags).map(|tag| tag.id.clone()).collect();
    let mut studios = scenes.iter().filter_map(|scene| scene.studio.as_ref()).map(|studio| studio.id.clone()).collect();
    // What can't be read of those is for the sync to tell; the scenes name them all the same.
    let performers = stash.isolate(named(&mut performers), Stash::performers_by_id).await?.found;
    let tags = stash.isolate(named(&mut tags), Stash::tags_by_id).await?.found;
    let studios = stash.isolate(named(&mut studios), Stash::studios_by_id).await?.found;
    let mut conn = ctx.db().await?;
    let connection: &mut AsyncPgConnection = &mut conn;
    let written = connection.transaction(async |conn: &mut AsyncPgConnection| {
        library_write::performers(conn, &performers).await?;
        library_write::tags(conn, &tags).await?;
        library_write::studios(conn, &studios).await?;
        library_write::scenes(conn, &scenes).await
    });
    written.await.context("the scenes could not be written")
}

inventory::submit!(JobType::of::<SyncScenes>());
