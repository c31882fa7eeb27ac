//! The REST API as a client sees it.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::until;

/// A server's API.
#[derive(Clone)]
pub struct Api {
    /// `http://127.0.0.1:1234`
    pub url: String,
    client: Client,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its body, null when it has none.
    pub body: Value,
}

impl Answer {
    /// The body, of an answer with this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self.body
    }
}

impl Api {
    /// The API at an address.
    pub fn at(url: &str) -> Self {
        // Without TLS no provider is needed, but reqwest asks for one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { url: url.to_owned(), client: Client::new() }
    }

    /// A request without a body.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, None).await
    }

    /// A request with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path, Some(body)).await
    }

    /// A request.
    pub async fn request(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(request).await
    }

    /// A request made with [`client`](Self::client).
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("an answer");
        let (status, text) = (response.status(), response.text().await.expect("a body"));
        Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// For requests that are odd.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Submits a job. Its id.
    pub async fn submit(&self, type_name: &str, params: Value) -> Uuid {
        let job = self.post("/api/jobs", json!({ "type": type_name, "params": params })).await.expect(201);
        id_of(&job)
    }

    /// Submits many jobs of a type at once. Their ids.
    pub async fn submit_many(&self, type_name: &str, params: &Value, count: usize) -> Vec<Uuid> {
        let jobs: Vec<_> = (0..count).map(|_| json!({ "type": type_name, "params": params })).collect();
        let answer = self.post("/api/jobs/batch", json!({ "jobs": jobs })).await.expect(201);
        answer["jobs"].as_array().expect("jobs").iter().map(id_of).collect()
    }

    /// A job as it is.
    pub async fn job(&self, id: Uuid) -> Value {
        self.get(&format!("/api/jobs/{id}")).await.expect(200)
    }

    /// Waits until a job has this status.
    pub async fn until_status(&self, id: Uuid, status: &str) -> Value {
        until(&format!("job {id} is {status}"), async || {
            let job = self.job(id).await;
            let ended = ["completed", "failed", "cancelled"].iter().any(|s| job["status"] == *s);
            assert!(!ended || job["status"] == status, "job {id} ended otherwise: {job:#}");
            (job["status"] == status).then_some(job)
        })
        .await
    }

    /// The kinds of a job's events, in order.
    pub async fn event_kinds(&self, id: Uuid) -> Vec<String> {
        let body = self.get(&format!("/api/jobs/{id}/events")).await.expect(200);
        let events = body["events"].as_array().expect("events");
        events.iter().map(|event| event["kind"].as_str().expect("a kind").to_owned()).collect()
    }
}

/// The id of a job.
pub fn id_of(job: &Value) -> Uuid {
    job["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id in {job:#}"))
}
