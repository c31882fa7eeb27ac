//! A service behind HTTP: one place for what every client of one must bound.
//!
//! - Connecting, answering, the size of an answer: each has a limit.
//! - A call that is safe to repeat is repeated a few times when the trouble may pass, after a pause that doubles, or that the
//!   service asks for. Any other call is made once: whether it was done is not known.
//! - No redirect is followed: a key must not travel to another host, and a service that has moved is a setting to change.
//! - Whoever waits for an answer hears a stop at once.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::error::ServiceError;
use crate::job::{Stop, cut};

/// A service on this machine or a LAN takes a connection in less, or not at all.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one answer may take, unless the service says otherwise.
const ANSWER: Duration = Duration::from_secs(60);
/// A page of a thousand scenes has about 3 MB.
const ANSWER_BYTES: usize = 64 << 20;
/// How often a safe call is made in all.
const TRIES: u32 = 4;
/// The pause before the second try; it doubles: half a second, one, two.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A service that wants to be left alone for longer has a reason that a job can't wait for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How much of an error page is shown.
const SAID_BYTES: usize = 300;

/// Whether a call may be made again when it is not known whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It reads, or doing it twice is the same as once.
    Safe,
    /// It changes something each time.
    Never,
}

/// What a service is, for its errors.
#[derive(Clone, Copy, Debug)]
pub struct Identity {
    /// What people call it.
    pub service: &'static str,
    /// The setting that says where it is.
    pub url_setting: &'static str,
    /// The setting that has its key.
    pub key_setting: &'static str,
}

/// One service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Remote {
    identity: Identity,
    http: reqwest::Client,
    base: Url,
    stop: Stop,
    answer: Duration,
    /// Whether 401 and 403 say no more than that the key is wrong.
    refuses_keys: bool,
}

/// A whole answer whose status says that all went well.
#[derive(Debug)]
pub struct Answer {
    /// Its status, one of the 200s.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

impl Remote {
    /// A client of the service at `base`, which gives up when `stop` is requested. Connects to nothing yet.
    pub fn new(identity: Identity, base: &str, stop: Stop) -> Result<Self, ServiceError> {
        let wrong = |why: String| ServiceError::Settings(format!("the setting `{}` {why}", identity.url_setting));
        let mut base = Url::parse(base).map_err(|e| wrong(format!("is no address: {e}")))?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // Fails when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let agent = concat!("stashhog/", env!("CARGO_PKG_VERSION"));
        let mut http = reqwest::Client::builder().user_agent(agent).connect_timeout(CONNECT).redirect(Policy::none());
        if is_loopback(&base) {
            http = http.no_proxy(); // a proxy can't reach this machine's loopback
        }
        let http = http.build().map_err(|e| wrong(format!("can't be used: {e}")))?;
        Ok(Self { identity, http, base, stop, answer: ANSWER, refuses_keys: true })
    }

    /// Sets how long one answer may take.
    pub fn answers_within(mut self, answer: Duration) -> Self {
        self.answer = answer;
        self
    }

    /// Tells 401 and 403 as they are, as refusals with what the service said: of one that means more by them than a wrong key.
    pub fn tells_refusals(mut self) -> Self {
        self.refuses_keys = false;
        self
    }

    /// Sets another signal that ends its waiting: for the one call that undoes what was begun when the job is stopped.
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Where it is, as people would write it.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The signal that ends its waiting.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Asks it: `request` makes the request for the address of `path`, once for each try.
    pub async fn ask(
        &self,
        path: &str,
        repeat: Repeat,
        request: impl Fn(&reqwest::Client, Url) -> RequestBuilder,
    ) -> Result<Answer, ServiceError> {
        let url = self.base.join(path).map_err(|e| self.wrong_answer(format!("`{path}` is no path: {e}")))?;
        let mut tries = 1;
        loop {
            let asked = self.once(request(&self.http, url.clone()));
            let error = match self.stop.unless_requested(asked).await? {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(pause) = pause_before_next(&error, repeat, tries) else { return Err(error) };
            tracing::debug!("{error}; asking again in {} ms", pause.as_millis());
            self.stop.unless_requested(tokio::time::sleep(pause)).await?;
            tries += 1;
        }
    }

    /// Asks it for JSON.
    pub async fn ask_json<T: DeserializeOwned>(
        &self,
        path: &str,
        repeat: Repeat,
        request: impl Fn(&reqwest::Client, Url) -> RequestBuilder,
    ) -> Result<T, ServiceError> {
        let answer = self.ask(path, repeat, request).await?;
        self.read_json(&answer)
    }

    /// Reads the JSON of an answer.
    pub fn read_json<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ServiceError> {
        let json = &mut serde_json::Deserializer::from_slice(&answer.body);
        serde_path_to_error::deserialize(json).map_err(|error| {
            let kind = answer.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("no type");
            if kind.contains("html") {
                return self.wrong_answer("it is a web page; is the address right?".to_owned());
            }
            self.wrong_answer(format!("{error} ({} bytes of {kind})", answer.body.len()))
        })
    }

    /// The error of an answer that makes no sense.
    pub fn wrong_answer(&self, reason: impl Into<String>) -> ServiceError {
        let reason = cut(reason.into(), SAID_BYTES);
        ServiceError::WrongAnswer { service: self.identity.service, address: self.address().to_owned(), reason }
    }

    async fn once(&self, request: RequestBuilder) -> Result<Answer, ServiceError> {
        match tokio::time::timeout(self.answer, self.whole(request)).await {
            Ok(done) => done,
            Err(_) => Err(self.timed_out()),
        }
    }

    async fn whole(&self, request: RequestBuilder) -> Result<Answer, ServiceError> {
        let mut response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status.is_redirection() {
            return Err(self.redirected(&headers));
        }
        let body = self.body(&mut response).await?;
        match status {
            _ if status.is_success() => Ok(Answer { status, headers, body }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.refuses_keys => Err(self.wrong_key()),
            _ => Err(ServiceError::Refused {
                service: self.identity.service,
                status: status.as_u16(),
                said: said(&headers, &body),
                retry_after: retry_after(&headers),
            }),
        }
    }

    async fn body(&self, response: &mut Response) -> Result<Bytes, ServiceError> {
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > ANSWER_BYTES => {
                    return Err(self.wrong_answer(format!("it is over {} MiB", ANSWER_BYTES >> 20)));
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(body.freeze()),
                Err(error) => return Err(self.unreachable(&error)),
            }
        }
    }

    fn timed_out(&self) -> ServiceError {
        let address = self.address().to_owned();
        ServiceError::TimedOut { service: self.identity.service, address, after: self.answer }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ServiceError {
        if error.is_timeout() && !error.is_connect() {
            return self.timed_out();
        }
        // The last cause has what happened; those above it say that a request failed.
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        ServiceError::Unreachable {
            service: self.identity.service,
            address: self.address().to_owned(),
            reason: cause.to_string(),
            setting: self.identity.url_setting,
        }
    }

    fn wrong_key(&self) -> ServiceError {
        ServiceError::WrongKey { service: self.identity.service, setting: self.identity.key_setting }
    }

    fn redirected(&self, headers: &HeaderMap) -> ServiceError {
        let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
        let path = to.split(['?', '#']).next().unwrap_or(to).trim_end_matches('/');
        if path.ends_with("/login") {
            return self.wrong_key(); // its page for people who have yet to say who they are
        }
        self.wrong_answer(format!("it sends us on to {to}; set `{}` to where it really is", self.identity.url_setting))
    }
}

/// How long to wait before the call is made again; none when it should not be.
fn pause_before_next(error: &ServiceError, repeat: Repeat, tries: u32) -> Option<Duration> {
    if !error.is_passing() || tries >= TRIES {
        return None;
    }
    let asked = match error {
        // It was refused, not done: any call may be made again when the service says when.
        ServiceError::Refused { status: 429 | 503, retry_after: Some(after), .. } => Some(*after),
        _ if repeat == Repeat::Never => return None,
        _ => None,
    };
    let doubled = FIRST_PAUSE * 2_u32.pow(tries - 1);
    let pause = asked.unwrap_or_else(|| doubled.mul_f64(fastrand::f64().mul_add(0.5, 0.5)));
    (pause <= LONGEST_PAUSE).then_some(pause)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    Some((until.to_utc() - chrono::Utc::now()).to_std().unwrap_or(Duration::ZERO))
}

/// What an error page says, in a line.
fn said(headers: &HeaderMap, body: &[u8]) -> String {
    let is_page = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().windows(4).any(|part| part == b"html"));
    if is_page {
        return String::new();
    }
    let text = String::from_utf8_lossy(body);
    cut(text.split_whitespace().collect::<Vec<_>>().join(" "), SAID_BYTES)
}

/// Whether an address leads to this machine itself.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
