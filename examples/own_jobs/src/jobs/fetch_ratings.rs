//! Fetches the ratings of titles from the rating service and keeps them in a table. Safe to run again: what is kept is not asked
//! for twice, and a rating is written in one statement.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use diesel::sql_query;
use diesel::sql_types::{Integer, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stashhog::job::{Color, Fatal, FieldError, Job, JobContext, JobResult, JobSpec, JobType, Outcome};
use stashhog::services::ServiceError;

use crate::ratings::{self, Ratings};

/// Fetch the ratings of titles, and keep them.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchRatings {
    /// The titles whose ratings are wanted.
    #[schemars(length(min = 1, max = 10_000))]
    pub titles: Vec<String>,
    /// Ratings below this are not kept.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub at_least: i32,
    /// Ask also for titles whose rating is kept already.
    #[serde(default)]
    pub again: bool,
}

/// What became of the titles that did not fail.
#[derive(Default)]
struct Counts {
    kept: AtomicU64,
    known: AtomicU64,
    below: AtomicU64,
}

impl Job for FetchRatings {
    const SPEC: JobSpec = JobSpec::new("fetch_ratings", "Fetch Ratings")
        .category("Own")
        .color(Color::Cyan)
        .icon("star")
        .unit("title", "titles")
        .exclusive()
        .needs(&[ratings::URL.name()])
        .timeout(Duration::from_secs(3600));

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        let blank = |(n, title): (usize, &String)| {
            title.trim().is_empty().then(|| FieldError::at(&format!("titles/{n}"), "must not be blank"))
        };
        let errors: Vec<_> = self.titles.iter().enumerate().filter_map(blank).collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        let service = Ratings::of(&ctx).await?;
        make_table(&ctx).await?;
        let counts = Counts::default();
        ctx.each(&self.titles, |title| self.fetch(&ctx, &service, title, &counts)).await?;
        let [kept, known, below] = [counts.kept, counts.known, counts.below].map(AtomicU64::into_inner);
        Ok(Outcome::completed()
            .message(format!("Kept {kept} ratings; {known} were known, {below} are below {}", self.at_least))
            .data(json!({ "kept": kept, "known": known, "below": below })))
    }
}

impl FetchRatings {
    /// One title. `Err` is an item error and the next title follows, unless it is `Fatal`.
    async fn fetch(&self, ctx: &JobContext, service: &Ratings, title: &str, counts: &Counts) -> anyhow::Result<()> {
        if !self.again && is_kept(ctx, title).await? {
            counts.known.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let rating = match service.rating_of(title).await {
            Ok(answer) => answer.rating,
            // It does not know this title, or says nonsense of it: the others may fare better.
            Err(error @ (ServiceError::Refused { status: 404, .. } | ServiceError::WrongAnswer { .. })) => {
                return Err(error.into());
            }
            Err(error) if error.is_stop() => return Err(error.into()),
            Err(error) => return Err(Fatal(error.into()).into()),
        };
        if rating < self.at_least {
            counts.below.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        keep(ctx, title, rating).await.with_context(|| format!("the rating {rating} could not be kept"))?;
        counts.kept.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Our own schema: this crate has no migrations.
async fn make_table(ctx: &JobContext) -> anyhow::Result<()> {
    let table = "CREATE SCHEMA IF NOT EXISTS own;
                 CREATE TABLE IF NOT EXISTS own.ratings (title text PRIMARY KEY, rating integer NOT NULL)";
    Ok(ctx.db().await?.batch_execute(table).await?)
}

async fn is_kept(ctx: &JobContext, title: &str) -> anyhow::Result<bool> {
    let look = sql_query("SELECT FROM own.ratings WHERE title = $1").bind::<Text, _>(title);
    Ok(look.execute(&mut ctx.db().await?).await? > 0)
}

async fn keep(ctx: &JobContext, title: &str, rating: i32) -> anyhow::Result<()> {
    let write = "INSERT INTO own.ratings VALUES ($1, $2) ON CONFLICT (title) DO UPDATE SET rating = $2";
    sql_query(write).bind::<Text, _>(title).bind::<Integer, _>(rating).execute(&mut ctx.db().await?).await?;
    Ok(())
}

inventory::submit!(JobType::of::<FetchRatings>());
