//! A client of the API, as the drill needs one: it wants to know whether there was an answer at all.

use std::time::Duration;

use serde_json::Value;

/// A client that waits longer than a server needs when its database is away gives up: the answer is lost.
const PATIENCE: Duration = Duration::from_secs(8);

/// Speaks to any node.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
}

/// An answer.
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Value,
}

impl Api {
    /// A client. Connects to nothing yet.
    pub fn new() -> anyhow::Result<Self> {
        // Fails when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self { http: reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()? })
    }

    /// Posts a body. No answer: `None`.
    pub async fn post(&self, url: &str, path: &str, body: &Value) -> Option<Reply> {
        reply(self.http.post(format!("{url}{path}")).json(body)).await
    }

    /// Asks. No answer: `None`.
    pub async fn get(&self, url: &str, path: &str) -> Option<Reply> {
        reply(self.http.get(format!("{url}{path}"))).await
    }
}

async fn reply(request: reqwest::RequestBuilder) -> Option<Reply> {
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    let body = answer.bytes().await.ok()?;
    Some(Reply { status, body: serde_json::from_slice(&body).unwrap_or_default() })
}
