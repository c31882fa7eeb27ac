//! A plain client of the HTTP API: every command is one.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, LOCATION, USER_AGENT};
use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::exit::Failure;
use super::problem::Problem;
use crate::services::remote::is_loopback;

/// By this name the server knows that the actor of an act is `cli`.
pub const AGENT: &str = concat!("stashhog-cli/", env!("CARGO_PKG_VERSION"));

/// A server on this machine or a LAN takes a connection in less, or not at all.
const CONNECT: Duration = Duration::from_secs(5);
/// No answer of the API takes longer; what does is live.
const ANSWER: Duration = Duration::from_secs(30);

/// Speaks to one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
}

/// Why there is no answer to use.
#[derive(Debug)]
pub enum CallError {
    /// Nobody answers.
    Away(String),
    /// The server refuses.
    Refused(Box<Problem>),
    /// The answer makes no sense.
    Strange(String),
}

impl Client {
    /// A client of the server at `url`. Connects to nothing yet.
    pub fn new(url: &str) -> Result<Self, Failure> {
        let with_scheme = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let usage = |why: String| Failure::Usage(format!("`{url}` is no address of a server: {why}"));
        let mut base = Url::parse(&with_scheme).map_err(|e| usage(e.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(usage("give one like http://127.0.0.1:4004".to_owned()));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // Fails when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let agent = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(AGENT))]);
        let mut http = reqwest::Client::builder().default_headers(agent).connect_timeout(CONNECT).timeout(ANSWER);
        if is_loopback(&base) {
            http = http.no_proxy(); // a proxy can't reach this machine's loopback
        }
        let http = http.build().map_err(|e| Failure::Failed(format!("no HTTP client: {e}")))?;
        Ok(Self { http, base })
    }

    /// Where the server is, without a slash at the end.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The address of a path of the server.
    pub fn at(&self, path: &str, query: &[(&str, String)]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), path.trim_start_matches('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Reads.
    pub async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Value, CallError> {
        self.call(self.http.get(self.at(path, query))).await
    }

    /// Acts.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.call(self.http.post(self.at(path, &[])).json(body)).await
    }

    /// Changes.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.call(self.http.patch(self.at(path, &[])).json(body)).await
    }

    /// Deletes. Null where there is nothing to say.
    pub async fn delete(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.call(self.http.delete(self.at(path, &[])).json(body)).await
    }

    /// The job as the API gives it.
    pub async fn job(&self, id: Uuid) -> Result<Value, CallError> {
        self.get(&format!("api/jobs/{id}"), &[]).await
    }

    /// Whether anyone answers. Waits a little, not long.
    pub async fn is_alive(&self) -> bool {
        let probe = self.http.get(self.at("health/live", &[])).timeout(Duration::from_secs(2));
        probe.send().await.is_ok()
    }

    async fn call(&self, request: RequestBuilder) -> Result<Value, CallError> {
        let away = |e: reqwest::Error| CallError::Away(format!("{} does not answer: {}", self.url(), deepest(&e)));
        let answer = request.send().await.map_err(away)?;
        let status = answer.status();
        if status.is_redirection() {
            let to = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok()).unwrap_or("elsewhere");
            return Err(CallError::Strange(format!("{} sends us to {to}; is that a stashhog server?", self.url())));
        }
        let body = answer.bytes().await.map_err(away)?;
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|e| self.strange(&e));
        }
        let problem = serde_json::from_slice::<Problem>(&body).unwrap_or_default();
        if problem.code.is_empty() && status == StatusCode::NOT_FOUND {
            return Err(CallError::Strange(format!("{} knows no such path; is it a stashhog server?", self.url())));
        }
        Err(CallError::Refused(Box::new(Problem { status: status.as_u16(), ..problem })))
    }

    fn strange(&self, error: &serde_json::Error) -> CallError {
        CallError::Strange(format!("the answer of {} makes no sense: {error}", self.url()))
    }
}

/// Reads an answer, or a part of it.
pub fn read<'a, T: Deserialize<'a>>(answer: &'a Value) -> Result<T, CallError> {
    T::deserialize(answer).map_err(|e| CallError::Strange(format!("the server's answer makes no sense: {e}")))
}

/// The cause at the bottom says what happened (`connection refused`); those above say where in the library.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let text = deepest.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Away(text) | CallError::Strange(text) => Self::Failed(text),
            CallError::Refused(problem) => problem.tell(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Client, Failure};

    #[test]
    fn an_address_may_lack_its_scheme_and_have_a_path() {
        let url = |text: &str| Client::new(text).unwrap().at("api/jobs", &[("q", "a b".into())]).to_string();
        assert_eq!(url("127.0.0.1:4004"), "http://127.0.0.1:4004/api/jobs?q=a+b");
        assert_eq!(url("https://hog.example/stash/"), "https://hog.example/stash/api/jobs?q=a+b");
        assert_eq!(url("https://hog.example/stash"), "https://hog.example/stash/api/jobs?q=a+b");
        assert!(matches!(Client::new("ftp://x").unwrap_err(), Failure::Usage(_)));
    }
}
