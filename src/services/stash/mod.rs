//! Stash: the media library that jobs sync from and write to, by GraphQL over HTTP.
//!
//! ```text
//!   read, change, task ──typed operations──▶ Stash::call ──one POST──▶ Remote (timeouts, repeats, limits, stop)
//!            ▲ checked when compiled                │
//!   *.graphql, schema.graphql                       └─ `data`, or a `ServiceError` with what Stash said
//! ```
//!
//! Works with servers from v0.26 on. One of before v0.27 has movies where later ones have groups: the client finds out once
//! what its server has, and asks such a one in its own words.

mod change;
mod dialect;
mod facts;
mod follow;
mod isolate;
mod operations;
mod read;
mod task;

pub use change::{IdChange, SceneChange, SceneChanges};
pub use facts::{Kind, Named, Page, Performer, Scene, SceneGroup, Studio, Tag, VideoFile};
pub use follow::TaskEnd;
pub use isolate::Isolated;
pub use read::Slice;
pub use task::{GenerateOptions, ScanOptions, Task, TaskStatus};

use std::sync::Arc;

use futures_util::FutureExt;
use graphql_client::{GraphQLQuery, QueryBody, Response};
use reqwest::header::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use self::dialect::Dialect;
use super::connection::Service;
use super::error::ServiceError;
use super::remote::{Identity, Remote, Repeat};
use crate::job::{JobContext, Setting, Settings, Stop};

/// Where it is.
pub const URL: Setting<String> = Setting::url("stash.url", "Address")
    .group("Stash")
    .describe("Where Stash is reached, as in the browser: http://127.0.0.1:9999");
/// Its key.
pub const API_KEY: Setting<String> = Setting::text("stash.api_key", "API key")
    .group("Stash")
    .describe("Stash shows it under Settings, Security; leave it empty where Stash asks for no password")
    .secret();
/// How much is asked for at a time.
pub const PAGE_SIZE: Setting<i64> = Setting::integer("stash.page_size", "Page size", 1, 5_000)
    .group("Stash")
    .describe("How many entities are asked for at a time; fewer are slower, and easier on a small machine")
    .default("500");

inventory::submit!(URL.spec);
inventory::submit!(API_KEY.spec);
inventory::submit!(PAGE_SIZE.spec);

inventory::submit!(Service {
    name: "stash",
    label: "Stash",
    test: |settings, stop| async move { Stash::new(&settings, stop)?.describe().await }.boxed(),
});

const IDENTITY: Identity = Identity { service: "Stash", url_setting: URL.name(), key_setting: API_KEY.name() };

/// The key as a request has it.
fn header(key: &str) -> Result<HeaderValue, ServiceError> {
    let value = HeaderValue::from_str(key).ok().filter(|_| key.is_ascii());
    let mut value = value.ok_or_else(|| {
        let wrong = "has characters that no key has, such as the end of a line; copy it from Stash anew";
        ServiceError::Settings(format!("the setting `{}` {wrong}", API_KEY.name()))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A client of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stash {
    remote: Remote,
    /// Marked as sensitive: no log shows it.
    key: Option<HeaderValue>,
    page_size: i64,
    dialect: Arc<OnceCell<Dialect>>,
}

impl JobContext {
    /// Stash, as the settings have it. It gives up waiting when the job is asked to stop.
    pub async fn stash(&self) -> anyhow::Result<Stash> {
        Ok(Stash::new(&self.settings().await?, self.stop_signal())?)
    }
}

impl Stash {
    /// A client of the server that the settings name. Connects to nothing yet.
    pub fn new(settings: &Settings, stop: Stop) -> Result<Self, ServiceError> {
        let url = settings.need(&URL).map_err(ServiceError::settings)?;
        // Some have the whole address of the API from its documentation.
        let url = url.trim_end_matches('/').trim_end_matches("/graphql");
        let key = settings.optional(&API_KEY).map_err(ServiceError::settings)?.map(|key| header(&key)).transpose()?;
        let page_size = settings.get(&PAGE_SIZE).unwrap_or(500);
        Ok(Self { remote: Remote::new(IDENTITY, url, stop)?, key, page_size, dialect: Arc::default() })
    }

    /// Where it is, as people would write it.
    pub fn address(&self) -> &str {
        self.remote.address()
    }

    /// How many entities to ask for at a time.
    pub fn page_size(&self) -> i64 {
        self.page_size
    }

    /// What it says of itself: `Stash v0.28.1, 1234 scenes`.
    pub async fn describe(&self) -> Result<String, ServiceError> {
        let version = self.version().await?;
        self.check_ready().await?;
        let scenes = self.count(Kind::Scenes, None).await?;
        Ok(format!("Stash {version}, {scenes} scenes"))
    }

    /// Calls an operation.
    async fn ask<Q: GraphQLQuery>(
        &self,
        repeat: Repeat,
        variables: Q::Variables,
    ) -> Result<Q::ResponseData, ServiceError> {
        self.call(repeat, &Q::build_query(variables)).await
    }

    async fn call<V: Serialize, T: DeserializeOwned>(
        &self,
        repeat: Repeat,
        body: &QueryBody<V>,
    ) -> Result<T, ServiceError> {
        let answer = self.remote.ask_json::<Response<T>>("graphql", repeat, |http, url| {
            let request = http.post(url).json(body);
            match &self.key {
                Some(key) => request.header("ApiKey", key),
                None => request,
            }
        });
        let Response { data, errors, .. } = answer.await?;
        let messages: Vec<_> = errors.into_iter().flatten().map(|error| error.message).collect();
        match data {
            Some(data) if messages.is_empty() => Ok(data),
            _ if messages.is_empty() => Err(self.remote.wrong_answer("it has neither data nor errors")),
            _ => Err(ServiceError::said(IDENTITY.service, &messages)),
        }
    }
}
