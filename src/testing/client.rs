//! The API of a test's server, as the web UI uses it: JSON over HTTP, and the WebSocket.
//!
//! An answer that a test can't go on from is a panic that shows it.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use super::server::Server;
use crate::job::Setting;

/// Longer than a test should take on a loaded machine; only one that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// The JSON of a path that exists: `server.get("/api/job-types/greet").await`.
    pub async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "GET {path}: {answer:#}");
        answer
    }

    /// Posts JSON. The status and the JSON of the answer.
    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Sets a setting, as on the page.
    pub async fn set<T>(&self, setting: &Setting<T>, value: impl Into<Value>) {
        let body = json!({ "values": { (setting.name()): value.into() } });
        let (status, answer) = self.ask(Method::PATCH, "/api/settings", Some(body)).await;
        assert_eq!(status, 200, "{answer:#}");
    }

    /// Triggers a job of a type with these params. Its id.
    pub async fn trigger(&self, type_name: &str, params: Value) -> Uuid {
        let (status, answer) = self.post(&format!("/api/jobs/run/{type_name}"), params).await;
        assert_eq!(status, 201, "{answer:#}");
        id(&answer["job_id"])
    }

    /// The job, whole.
    pub async fn job(&self, job: Uuid) -> Value {
        self.get(&format!("/api/jobs/{job}")).await
    }

    /// Waits until a job has ended. The job, whole.
    pub async fn until_ended(&self, job: Uuid) -> Value {
        self.watch(job).await.ended().await;
        self.job(job).await
    }

    /// Watches a job by WebSocket, from the state that it is in.
    pub async fn watch(&self, job: Uuid) -> Watch {
        let url = format!("{}/api/jobs/{job}/ws", self.url().replacen("http", "ws", 1));
        let (socket, _) =
            connect_async(url).await.unwrap_or_else(|error| panic!("job {job} can't be watched: {error}"));
        Watch { job, socket }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        // Without TLS no provider is needed, but reqwest asks for one. Fails when one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let http = http.unwrap_or_else(|error| panic!("no HTTP client: {error}"));
        let mut request = http.request(method, format!("{}{path}", self.url()));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{path}: no answer: {error}"));
        let (status, text) = (answer.status().as_u16(), answer.text().await);
        let text = text.unwrap_or_else(|error| panic!("{path}: half an answer: {error}"));
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// What is told of one job by WebSocket. Made by [`Server::watch`].
pub struct Watch {
    job: Uuid,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Watch {
    /// Reads on until the job is such; that state of it. Panics when it ends otherwise.
    pub async fn until(&mut self, reached: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.next(deadline).await;
            if reached(&state) {
                return state;
            }
            assert!(!is_terminal(&state), "job {} ended and was never such: {state:#}", self.job);
        }
    }

    /// Reads on until the job has ended. Every state of it that was told.
    pub async fn ended(&mut self) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        let mut told = Vec::new();
        while !told.last().is_some_and(is_terminal) {
            told.push(self.next(deadline).await);
        }
        told
    }

    /// The next state of the job.
    async fn next(&mut self, deadline: Instant) -> Value {
        loop {
            let frame = timeout_at(deadline, self.socket.next()).await;
            let text = match frame {
                Ok(Some(Ok(Message::Text(text)))) => text,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                Ok(other) => panic!("the socket of job {} is closed: {other:?}", self.job),
                Err(_) => panic!("job {} has not come so far within {PATIENCE:?}", self.job),
            };
            let mut frame: Value = serde_json::from_str(&text).unwrap_or_default();
            // A frame of one job's socket holds that job once.
            if let Some(state) = frame["jobs"].as_array_mut().and_then(Vec::pop) {
                return state;
            }
        }
    }
}

fn is_terminal(job: &Value) -> bool {
    ["completed", "failed", "cancelled"].iter().any(|status| job["status"] == *status)
}

fn id(value: &Value) -> Uuid {
    value.as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id: {value}"))
}
