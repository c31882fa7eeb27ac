//! A plain client of the HTTP API: every command is one.

use std::time::{Duration, Instant};

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
const ANSWER: Duration = Duration::from_secs(60);
/// How long a write is repeated whose answer got lost: a server that restarts is back within that.
const LOST_ANSWER: Duration = Duration::from_secs(20);
/// Between two repetitions.
const PAUSE: Duration = Duration::from_millis(250);

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

    /// Acts, once: a request whose answer got lost is repeated under the same idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.post_once(path, body, None).await
    }

    /// Acts, once for this idempotency key: it may have been used by an earlier command.
    pub async fn post_once(&self, path: &str, body: &Value, key: Option<&str>) -> Result<Value, CallError> {
        self.write(self.http.post(self.at(path, &[])).json(body), key).await
    }

    /// Changes, once.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.write(self.http.patch(self.at(path, &[])).json(body), None).await
    }

    /// Deletes, once. Null where there is nothing to say.
    pub async fn delete(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        self.write(self.http.delete(self.at(path, &[])).json(body), None).await
    }

    /// Sends a write, again when its answer got lost or its first execution is under way.
    async fn write(&self, request: RequestBuilder, key: Option<&str>) -> Result<Value, CallError> {
        let key = key.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned);
        let request = request.header("Idempotency-Key", key);
        let begun = Instant::now();
        let mut sent = false;
        loop {
            let again = request.try_clone();
            let Some(attempt) = again else { return self.call(request).await }; // never: the body is in memory
            match attempt.send().await {
                Ok(answer) => match self.read_answer(answer).await {
                    Err(CallError::Away(_)) if begun.elapsed() < LOST_ANSWER => sent = true,
                    Err(CallError::Refused(problem))
                        if problem.code == "idempotency_key_in_use" && begun.elapsed() < LOST_ANSWER => {}
                    answered => return answered,
                },
                // Nobody listens: a server that was never reached is not waited for.
                Err(error) if begun.elapsed() < LOST_ANSWER && (sent || !error.is_connect()) && !error.is_timeout() => {
                    sent = true;
                }
                Err(error) => return Err(self.away(&error)),
            }
            tokio::time::sleep(PAUSE).await;
        }
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

    fn away(&self, error: &reqwest::Error) -> CallError {
        CallError::Away(format!("{} does not answer: {}", self.url(), deepest(error)))
    }

    async fn call(&self, request: RequestBuilder) -> Result<Value, CallError> {
        let answer = request.send().await.map_err(|error| self.away(&error))?;
        self.read_answer(answer).await
    }

    async fn read_answer(&self, answer: reqwest::Response) -> Result<Value, CallError> {
        let status = answer.status();
        if status.is_redirection() {
            let to = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok()).unwrap_or("elsewhere");
            return Err(CallError::Strange(format!("{} sends us to {to}; is that a stashhog server?", self.url())));
        }
        let body = answer.bytes().await.map_err(|error| self.away(&error))?;
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
