//! The pages of one kind, from where the sync stands to the end.
//!
//! Scenes are asked for by "with a greater id than the last one": whatever is added, changed or deleted meanwhile, none is left
//! out. Stash can't filter the other kinds by id, so they have numbered pages in the order of ids. A deletion on the way moves
//! the rest up, and one may slip over the edge of a page: when their number changes on the way, the pages are read once more.

use std::marker::PhantomData;

use anyhow::{Context, anyhow, ensure};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde::Serialize;
use tracing::info;

use super::entity::Entity;
use super::{Work, kind_of};
use crate::services::ServiceError;
use crate::services::stash::{Isolated, Kind, Slice};
use crate::store::library_write::Written;
use crate::store::sync_state::{self, Step, SyncRun};

/// Pages in a row that can't be read at all: then it is Stash that has a problem, and not a page.
const MOST_LOST: u32 = 3;
/// How often numbered pages are read while their number keeps changing.
const MOST_ROUNDS: u32 = 3;

/// What became of the entities that were looked at.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Tally {
    /// Those that were not here.
    pub new: usize,
    /// Those that were here and differed.
    pub changed: usize,
    /// Those that were here just like that.
    pub unchanged: usize,
    /// Those that could not be read, as far as is known.
    pub failed: usize,
}

impl Tally {
    /// All that were read.
    pub fn seen(&self) -> usize {
        self.new + self.changed + self.unchanged
    }

    /// Adds another.
    pub fn add(&mut self, other: &Self) {
        self.new += other.new;
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
    }
}

/// What came of asking for a page.
enum Asked<E> {
    /// What of it could be read, the id of its last one, and whether it was full.
    Page { items: Vec<E>, failed: Vec<(String, ServiceError)>, last: Option<String>, full: bool, count: u64 },
    /// Nothing: not even which entities it has.
    Lost,
}

/// The pages of one kind.
pub struct Pages<'w, 'a, E> {
    work: &'w mut Work<'a>,
    run: SyncRun,
    tally: Tally,
    kind: PhantomData<fn() -> E>,
}

impl<'w, 'a, E: Entity> Pages<'w, 'a, E> {
    /// From where the sync stands.
    pub fn new(work: &'w mut Work<'a>, run: SyncRun) -> Self {
        Self { work, run, tally: Tally::default(), kind: PhantomData }
    }

    /// Asks again for the entities that an earlier sync could not read, or that this job is to retry.
    pub async fn again(&mut self) -> anyhow::Result<()> {
        let mut ids = std::mem::take(&mut self.run.failing);
        if let Some(items) = self.work.ctx.only_items() {
            let of_kind = items.iter().filter(|item| kind_of(item) == Some(E::KIND));
            ids.extend(of_kind.filter_map(|item| item.split_once('/')).map(|(_, id)| id.to_owned()));
            ids.retain(|id| id.parse::<i64>().is_ok()); // the others are pages
        }
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        info!(count = ids.len(), "asking again for {} that could not be read before", E::KIND);
        let Isolated { found, failed } = match self.work.stash.isolate(ids.clone(), E::by_id).await {
            Ok(isolated) => isolated,
            // They keep no other from being synced.
            Err(error) if error.is_about_the_question() || error.is_timeout() => {
                let failed = ids.iter().map(|id| (id.clone(), error.clone())).collect();
                Isolated { found: Vec::new(), failed }
            }
            Err(error) => return Err(error.into()),
        };
        let settled = ids.into_iter().filter(|id| !is_failing(&failed, id)).collect();
        self.write(&found, failed, Step { settled, ..Step::default() }).await
    }

    /// Reads all pages, and ends the sync of the kind.
    pub async fn finish(mut self) -> anyhow::Result<Tally> {
        self.all().await?;
        let ctx = self.work.ctx;
        sync_state::finish(&mut *ctx.db().await?, E::KIND, ctx.job_id()).await?;
        Ok(self.tally)
    }

    /// What came of it so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    async fn all(&mut self) -> anyhow::Result<()> {
        if E::KIND == Kind::Scenes {
            return self.by_id().await;
        }
        for round in 1..=MOST_ROUNDS {
            if self.by_number().await? {
                return Ok(());
            }
            if round < MOST_ROUNDS {
                info!("the number of {} has changed on the way: reading them again", E::KIND);
            }
        }
        self.write(&[], Vec::new(), Step { lost: true, ..Step::default() }).await
    }

    async fn by_id(&mut self) -> anyhow::Result<()> {
        let (mut after, mut page) = (self.run.after, 1);
        loop {
            self.work.ctx.checkpoint()?;
            let slice = Slice { after_id: Some(after), ..self.slice(page) };
            match self.ask(&slice).await? {
                Asked::Page { items, failed, last, full, .. } => {
                    if let Some(last) = last.as_deref() {
                        after = last.parse().with_context(|| format!("`{last}` is no id of a scene"))?;
                    }
                    page = 1;
                    self.write(&items, failed, Step { after: Some(after), ..Step::default() }).await?;
                    if !full {
                        return Ok(());
                    }
                }
                Asked::Lost => page += 1,
            }
        }
    }

    /// Whether the number of entities stayed the same on the way.
    async fn by_number(&mut self) -> anyhow::Result<bool> {
        let (mut page, mut counts) = (1, Vec::new());
        loop {
            self.work.ctx.checkpoint()?;
            if let Asked::Page { items, failed, full, count, .. } = self.ask(&self.slice(page)).await? {
                counts.push(count);
                self.write(&items, failed, Step::default()).await?;
                if !full {
                    return Ok(counts.windows(2).all(|pair| pair[0] == pair[1]));
                }
            }
            page += 1;
        }
    }

    fn slice(&self, page: i64) -> Slice {
        let first = Slice::first(self.work.stash.page_size());
        Slice { page, ..first }.changed_after(self.run.since)
    }

    /// Asks for a page, and where that fails for its entities one by one.
    async fn ask(&mut self, slice: &Slice) -> anyhow::Result<Asked<E>> {
        let stash = self.work.stash;
        let is_full = |len: usize| i64::try_from(len).is_ok_and(|len| len >= slice.per_page);
        let error = match E::page(stash, slice).await {
            Ok(page) => {
                self.work.lost = 0;
                let (last, full) = (page.items.last().map(|item| item.id().to_owned()), is_full(page.items.len()));
                return Ok(Asked::Page { items: page.items, failed: Vec::new(), last, full, count: page.count });
            }
            Err(error) if error.is_about_the_question() || error.is_timeout() => error,
            Err(error) => return Err(error.into()),
        };
        info!("a page of {} can't be read ({error}): looking for what is wrong with it", E::KIND);
        let ids = match stash.ids(E::KIND, slice).await {
            Ok(ids) => ids,
            Err(again) if again.is_about_the_question() => return self.lose(slice, error).await,
            Err(again) => return Err(told(again)),
        };
        let (last, full, count) = (ids.items.last().cloned(), is_full(ids.items.len()), ids.count);
        let asked = ids.items.len();
        let Isolated { found, failed } = match stash.isolate(ids.items, E::by_id).await {
            Ok(isolated) => isolated,
            Err(again) if again.is_about_the_question() => return self.lose(slice, again).await,
            Err(again) => return Err(told(again)),
        };
        // When each single one fails, nothing is wrong with them.
        let all_failed = asked > 1 && failed.len() == asked;
        self.work.lost = if all_failed { self.work.lost + 1 } else { 0 };
        ensure!(self.work.lost < MOST_LOST, "page after page can't be read: {error}");
        Ok(Asked::Page { items: found, failed, last, full, count })
    }

    async fn lose(&mut self, slice: &Slice, error: ServiceError) -> anyhow::Result<Asked<E>> {
        self.work.lost += 1;
        let lost = self.work.lost;
        let error = told(error);
        let after = slice.after_id.map(|id| format!(" after id {id}")).unwrap_or_default();
        self.work.ctx.item_error(format!("{}/page {}{after}", E::KIND, slice.page), &error);
        if lost >= MOST_LOST {
            return Err(error.context("page after page can't be read"));
        }
        self.tally.failed += 1;
        self.write(&[], Vec::new(), Step { lost: true, ..Step::default() }).await?;
        Ok(Asked::Lost)
    }

    /// Writes what was read and where the sync stands, in one transaction; then tells what failed.
    async fn write(&mut self, items: &[E], failed: Vec<(String, ServiceError)>, mut step: Step) -> anyhow::Result<()> {
        let (ctx, kind) = (self.work.ctx, E::KIND);
        // One that is gone by now is no failure.
        let (gone, failed): (Vec<_>, Vec<_>) = failed.into_iter().partition(|(_, error)| error.is_missing());
        step.settled.extend(gone.into_iter().map(|(id, _)| id));
        step.failing = failed.iter().map(|(id, _)| id.clone()).collect();
        let job = ctx.job_id();
        let mut conn = ctx.db().await?;
        let connection: &mut AsyncPgConnection = &mut conn;
        let written = connection.transaction(async |conn: &mut AsyncPgConnection| {
            let written = if items.is_empty() { Written::default() } else { E::write(conn, items).await? };
            match sync_state::advance(conn, kind, job, &step).await? {
                true => anyhow::Ok(written),
                false => Err(anyhow!("another sync has taken over; nothing more is written by this one")),
            }
        });
        let written = written.await.with_context(|| format!("a page of {kind} could not be written"))?;
        drop(conn);
        let (new, changed) = (written.new.len(), written.changed.len());
        let unchanged = items.len() - new - changed;
        self.tally.add(&Tally { new, changed, unchanged, failed: failed.len() });
        self.work.count(items.len() + failed.len());
        for (id, error) in failed {
            ctx.item_error(format!("{kind}/{id}"), &anyhow::Error::from(error));
        }
        Ok(())
    }
}

/// The error of a page, with what to do about it.
fn told(error: ServiceError) -> anyhow::Error {
    let is_timeout = error.is_timeout();
    let error = anyhow::Error::from(error);
    if is_timeout { error.context("a page takes too long; set a smaller `stash.page_size`") } else { error }
}

fn is_failing(failed: &[(String, ServiceError)], id: &str) -> bool {
    failed.iter().any(|(failed, error)| failed == id && !error.is_missing())
}
