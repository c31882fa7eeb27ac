//! The rating service: `GET /ratings/{title}` answers `{"title": "…", "rating": 8}`, or 404.

use serde::Deserialize;
use stashhog::job::{JobContext, Setting, Settings, Stop};
use stashhog::services::remote::{Identity, Remote, Repeat};
use stashhog::services::{Service, ServiceError};

/// Where the rating service is.
pub const URL: Setting<String> =
    Setting::url("ratings.url", "Address").group("Ratings").describe("Where the rating service is reached.");
inventory::submit!(URL.spec);

/// The key that it asks for.
pub const KEY: Setting<String> =
    Setting::text("ratings.key", "Key").group("Ratings").describe("Left out where it asks for none.").secret();
inventory::submit!(KEY.spec);

const RATINGS: Identity = Identity { service: "the rating service", url_setting: URL.name(), key_setting: KEY.name() };

/// What it says of a title.
#[derive(Debug, Deserialize)]
pub struct Rating {
    /// From 0 to 10.
    pub rating: i32,
}

/// A client of it. Gives up at once when the job is asked to stop.
pub struct Ratings {
    remote: Remote,
    key: Option<String>,
}

impl Ratings {
    /// The one that the settings name, for a job.
    pub async fn of(ctx: &JobContext) -> anyhow::Result<Self> {
        Ok(Self::new(&ctx.settings().await?, ctx.stop_signal())?)
    }

    fn new(settings: &Settings, stop: Stop) -> Result<Self, ServiceError> {
        let url = settings.need(&URL).map_err(|why| ServiceError::Settings(why.to_string()))?;
        Ok(Self { remote: Remote::new(RATINGS, &url, stop)?, key: settings.get(&KEY) })
    }

    /// The rating of a title.
    pub async fn rating_of(&self, title: &str) -> Result<Rating, ServiceError> {
        self.ask(&["ratings", title]).await
    }

    /// Asks for a path; its parts are escaped. Reading twice is the same as once, so passing trouble is waited out.
    async fn ask<T: for<'de> Deserialize<'de>>(&self, path: &[&str]) -> Result<T, ServiceError> {
        let request = self.remote.ask_json("", Repeat::Safe, |http, mut url| {
            if let Ok(mut parts) = url.path_segments_mut() {
                parts.pop_if_empty().extend(path);
            }
            let request = http.get(url);
            match &self.key {
                Some(key) => request.bearer_auth(key),
                None => request,
            }
        });
        request.await
    }
}

/// What it says of itself.
#[derive(Deserialize)]
struct About {
    titles: u64,
}

// What "Test" on the page Settings does, and `stashhog settings test ratings`.
inventory::submit!(Service {
    name: "ratings",
    label: "Ratings",
    test: |settings, stop| {
        Box::pin(async move {
            let about: About = Ratings::new(&settings, stop)?.ask(&["about"]).await?;
            Ok(format!("it knows {} titles", about.titles))
        })
    },
});
