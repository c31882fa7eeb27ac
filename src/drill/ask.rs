//! What is asked of a node, and what its answer means.

use std::sync::Arc;

use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::{Api, Reply};
use super::history::{Kind, Violation};
use super::jobs::BULK;
use super::ledger::{Answer, Ledger, Request, Wish};

/// What is read.
const LOOKS: [&str; 8] = [
    "/api/jobs/{id}",
    "/api/jobs/{id}/events",
    "/api/jobs/{id}/explain",
    "/api/jobs/{id}/logs",
    "/api/jobs?limit=20",
    "/api/job-types",
    "/api/nodes",
    "/api/stats",
];

/// Something that is asked for.
pub enum Act {
    /// These jobs, each a type and its params; several are a batch.
    Submit(Vec<(&'static str, Value)>),
    /// That this job is done again, with these params.
    Retry(Uuid, Value),
    /// That this job stop.
    Cancel(Uuid),
    /// That all jobs of one type be done again, or stop: through this node and that of the act, at once.
    InBulk {
        /// Done again, or stopped.
        retry: bool,
        /// The address of the other node.
        other: String,
    },
    /// Something about this job, or all.
    Look(Uuid, usize),
}

impl Act {
    /// To look at something, as the dice fall.
    pub fn look(job: Uuid, dice: &mut fastrand::Rng) -> Self {
        Self::Look(job, dice.usize(..LOOKS.len()))
    }

    /// Asks a node for it, and notes the answer.
    pub async fn done_at(self, url: String, api: Api, ledger: Arc<Ledger>) {
        match self {
            Self::Submit(jobs) => {
                let tags = jobs.iter().map(|(_, params)| tag(params)).collect();
                let mut jobs: Vec<_> =
                    jobs.iter().map(|(name, params)| json!({ "type": name, "params": params })).collect();
                let single = (jobs.len() == 1).then(|| jobs.pop()).flatten();
                let reply = match &single {
                    Some(job) => api.post(&url, "/api/jobs", job).await,
                    None => api.post(&url, "/api/jobs/batch", &json!({ "jobs": jobs })).await,
                };
                ledger.note(Request { tags, answer: answer(reply, &ledger, "submit", None) });
            }
            Self::Retry(job, params) => {
                let tags = vec![tag(&params)];
                let reply = api.post(&url, &format!("/api/jobs/{job}/retry"), &json!({ "params": params })).await;
                let answer = answer(reply, &ledger, "retry", Some(job));
                if matches!(answer, Answer::Accepted(_)) {
                    ledger.note_retry();
                }
                ledger.note(Request { tags, answer });
            }
            Self::InBulk { retry, other } => {
                let ask = |url| in_bulk(url, &api, &ledger, retry);
                tokio::join!(ask(&url), ask(&other));
            }
            Self::Look(job, what) => {
                let path = LOOKS[what].replace("{id}", &job.to_string());
                let reply = api.get(&url, &path).await;
                if reply.as_ref().is_some_and(|reply| !is_fair(reply.status, 200)) {
                    ledger.note_odd(odd(&path, Some(job), reply.as_ref()));
                }
            }
            Self::Cancel(job) => {
                let at = Utc::now();
                let reply = api.post(&url, &format!("/api/jobs/{job}/cancel"), &json!({})).await;
                if reply.as_ref().is_some_and(|reply| !is_fair(reply.status, 202) && reply.status != 409) {
                    ledger.note_odd(odd("cancel", Some(job), reply.as_ref()));
                }
                ledger.note_wish(Wish { job, at, accepted: reply.is_some_and(|reply| reply.status == 202) });
            }
        }
    }
}

/// Acts on all jobs of one type, and notes which are promised to stop.
async fn in_bulk(url: &str, api: &Api, ledger: &Ledger, retry: bool) {
    let (path, status) = if retry {
        ("/api/jobs/retry", json!(["completed", "failed", "cancelled"]))
    } else {
        ("/api/jobs/cancel", json!(["pending", "running"]))
    };
    let at = Utc::now();
    let Some(reply) = api.post(url, path, &json!({ "type": [BULK], "status": status })).await else { return };
    if !is_fair(reply.status, 200) {
        ledger.note_odd(odd(path, None, Some(&reply)));
    }
    if !retry && reply.status == 200 {
        let jobs = reply.body["jobs"].as_array().into_iter().flatten();
        for job in jobs.filter_map(|job| job.as_str()?.parse().ok()) {
            ledger.note_wish(Wish { job, at, accepted: true });
        }
    }
}

fn tag(params: &Value) -> i64 {
    params["tag"].as_i64().unwrap_or_default()
}

/// Whether a server may answer this. 503 says that something is away, 504 that the database has not answered, 408 that a server was
/// frozen while it was asked.
const fn is_fair(status: u16, done: u16) -> bool {
    status == done || matches!(status, 408 | 503 | 504)
}

/// What an answer to a request for jobs means. 504 says that they may have been stored.
fn answer(reply: Option<Reply>, ledger: &Ledger, what: &str, of: Option<Uuid>) -> Answer {
    match reply {
        None => Answer::Unknown,
        Some(reply) => match reply.status {
            201 => Answer::Accepted(ids(&reply.body)),
            409 => Answer::Refused,
            503 | 504 | 408 => Answer::Unknown,
            _ => {
                ledger.note_odd(odd(what, of, Some(&reply)));
                Answer::Unknown
            }
        },
    }
}

fn ids(body: &Value) -> Vec<Uuid> {
    let id = |job: &Value| job["id"].as_str().and_then(|id| id.parse().ok());
    match body["jobs"].as_array() {
        Some(jobs) => jobs.iter().filter_map(id).collect(),
        None => id(body).into_iter().collect(),
    }
}

fn odd(what: &str, job: Option<Uuid>, reply: Option<&Reply>) -> Violation {
    let text = reply.map(|reply| format!("{what} was answered {}: {}", reply.status, reply.body)).unwrap_or_default();
    let of_unknown = job.filter(|_| reply.is_some_and(|reply| reply.status == 404));
    Violation { kind: Kind::OddAnswer, job: of_unknown, text }
}
