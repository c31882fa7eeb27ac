//! Why a job is not running, or what it does: one sentence for people, and the facts that it is made of for programs.

use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::ApiError;
use super::explain_text::{Words, sentence};
use super::query::Query;
use super::read::read;
use super::refusals;
use super::show::unknown;
use super::state::AppState;
use crate::job::{JobSpec, Status};
use crate::store::explain::{self, Facts, Waiting};
use crate::store::nodes::NodeRow;
use crate::store::pauses::Pause;
use crate::store::row::{CancelLadder, JobSummary};

/// A handler that keeps its thread for longer is told of, in seconds. Shorter ones come and go.
const BLOCKS: f64 = 1.0;

/// Why a job is not running, or what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExplanationCode {
    /// Its time has not come: `run_at`.
    Scheduled,
    /// Its last attempt failed, and the next one is due later: `run_at`, `error`.
    RetryAt,
    /// Its deadline has passed, and it is cancelled within seconds: `expires_at`.
    Expired,
    /// Its type is paused: `paused`.
    Paused,
    /// No live node has a slot for its type, taken or free.
    NoNode,
    /// One of its type runs in the cluster at a time, and one does: `held_by`.
    SerialHeld,
    /// So many of its type run in the cluster as may: `in_cluster`, `held_by`.
    ClusterLimit,
    /// So many of its type were started lately as may: `rate_until`.
    RateLimited,
    /// Another job of its queue runs or comes first: `held_by`.
    QueuedBehind,
    /// All slots of its type are taken, on every live node: `slots`, `held_by`.
    SlotsTaken,
    /// Nothing is in its way but those that come first: `ahead`.
    Next,
    /// It runs: `node`, `attempt`, `since`.
    Running,
    /// Its time is up, and it is being stopped: `rung`, `cancel`.
    TimedOut,
    /// It runs, and jobs that it started have not ended: `children`.
    WaitingForChildren,
    /// It is asked to stop: `rung`, `cancel`.
    Cancelling,
    /// Its node is gone; another one hands it back within seconds.
    Orphan,
    /// It has ended: `since`.
    Ended,
}

/// How far the stop of a running job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelRung {
    /// Somebody asked; its runner has not heard yet.
    Requested,
    /// Its runner heard; it may stop by itself.
    Delivered,
    /// Its grace was over: it is dropped at its next `.await`, or abandoned when it reaches none.
    Aborted,
}

/// The slots of a type on all live nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlotsTaken {
    /// How many are taken.
    pub taken: i64,
    /// How many there are.
    pub of: i64,
}

/// A node, by the names that people know it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeName {
    /// Its id, fresh per start.
    pub id: Uuid,
    /// Its machine.
    pub hostname: String,
    /// Its process.
    pub pid: i32,
    /// Whether it lives, as far as its lease says.
    pub live: bool,
    /// Whether it is the one that answers.
    pub this: bool,
}

/// Why a job is not running, or what it does. Of the facts only those are there that apply.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The job.
    pub job_id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its status.
    pub status: Status,
    /// The explanation, for programs.
    pub code: ExplanationCode,
    /// The explanation, for people; times in it are UTC.
    pub sentence: String,
    /// Not started before; while that is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub run_at: Option<DateTime<Utc>>,
    /// Cancelled when it has not started by then; while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<DateTime<Utc>>,
    /// The pause of its type, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub paused: Option<Pause>,
    /// The slots of its type, while it waits for one. Not of a serial type: there `held_by` decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub slots: Option<SlotsTaken>,
    /// How many of its type may run in the cluster, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    pub in_cluster: Option<u32>,
    /// When the rate limit of its type lets the next job start; while that is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rate_until: Option<DateTime<Utc>>,
    /// How many jobs of its type come first; up to 1,000, which stands for that many or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1000)]
    pub ahead: Option<i64>,
    /// The jobs that have what it waits for, the first 10 that began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<JobSummary>,
    /// The jobs that it started and that have not ended, the first 10; while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<JobSummary>,
    /// The node that runs it, or ran it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub node: Option<NodeName>,
    /// Which run it is in, or was in last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempt: Option<i32>,
    /// When it began to be as it is: when it was started, asked to stop, or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub since: Option<DateTime<Utc>>,
    /// For how long its handler has kept its thread without an `.await`, when that is more than a second. Only the node that
    /// runs it can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub blocked_seconds: Option<f64>,
    /// How far its stop has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rung: Option<CancelRung>,
    /// Who asked it to stop, and how it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cancel: Option<CancelLadder>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
}

/// Explains why a job is not running, or what it does.
#[utoipa::path(
    get, path = "/api/jobs/{id}/explain", operation_id = "explain_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job")),
    responses(
        (status = 200, description = "Why it is not running, or what it does", body = Explanation),
        refusals::AnyQuestion, refusals::UnknownJob,
    ),
)]
pub async fn explain(state: Data<AppState>, id: Path<Uuid>, _: Query<()>) -> Result<Json<Explanation>, ApiError> {
    let rate_limit = |name: &str| state.registry.get(name).and_then(|known| known.spec.rate_limit);
    let facts = read(&state.db, async |conn| explain::facts(conn, *id, rate_limit).await).await?;
    let facts = facts.ok_or_else(|| unknown(*id))?;
    let job = &facts.job;
    let spec = state.registry.get(&job.type_name).map(|known| &known.spec);
    let attempt = state.health.runner(&job.type_name).and_then(|runner| runner.attempt(job.id));
    let blocked = attempt.filter(|attempt| attempt.number == job.attempt).and_then(|attempt| attempt.blocks_since());
    let mut explanation = explained(&facts, spec, state.node.current());
    if !job.status.is_terminal() {
        explanation.blocked_seconds = blocked.map(|span| span.as_secs_f64()).filter(|seconds| *seconds > BLOCKS);
    }
    explanation.sentence = sentence(&explanation, &facts, &Words::of(spec, &job.type_name));
    Ok(Json(explanation))
}

/// The facts that apply, without the sentence.
fn explained(facts: &Facts, spec: Option<&JobSpec>, this: Uuid) -> Explanation {
    let job = &facts.job;
    let began = job.attempt > 0;
    let mut explanation = Explanation {
        job_id: job.id,
        type_name: job.type_name.clone(),
        status: job.status,
        code: ExplanationCode::Ended,
        sentence: String::new(),
        run_at: None,
        expires_at: None,
        paused: None,
        slots: None,
        in_cluster: None,
        rate_until: None,
        ahead: None,
        held_by: Vec::new(),
        children: facts.children.clone(),
        node: facts.node.as_ref().map(|node| NodeName::new(node, this)),
        attempt: began.then_some(job.attempt),
        since: None,
        blocked_seconds: None,
        rung: None,
        cancel: ladder(job),
        error: job.error.clone(),
    };
    let lives = facts.node.as_ref().is_some_and(NodeRow::is_live);
    match (job.status, &facts.waiting) {
        (Status::Pending, Some(waiting)) => wait(&mut explanation, facts, spec, waiting),
        (Status::Pending, None) => explanation.code = ExplanationCode::Next, // never: it is asked for every pending job
        (Status::Running | Status::Cancelling, _) if !lives => {
            explanation.code = ExplanationCode::Orphan;
            explanation.since = facts.node.as_ref().map(|node| node.stopped_at.unwrap_or(node.renewed_at));
        }
        (Status::Running, _) if explanation.cancel.is_some() => stops(&mut explanation, ExplanationCode::TimedOut),
        (Status::Running, _) => {
            explanation.code = match facts.children.is_empty() {
                true => ExplanationCode::Running,
                false => ExplanationCode::WaitingForChildren,
            };
            explanation.since = job.started_at;
        }
        (Status::Cancelling, _) => stops(&mut explanation, ExplanationCode::Cancelling),
        (Status::Completed | Status::Failed | Status::Cancelled, _) => explanation.since = job.completed_at,
    }
    explanation
}

/// How far the stop of a running job has come.
fn stops(explanation: &mut Explanation, code: ExplanationCode) {
    let ladder = explanation.cancel.clone().unwrap_or_default();
    explanation.code = code;
    explanation.since = ladder.requested_at;
    explanation.rung = Some(match (ladder.delivered_at, ladder.aborted_at) {
        (_, Some(_)) => CancelRung::Aborted,
        (Some(_), None) => CancelRung::Delivered,
        (None, None) => CancelRung::Requested,
    });
}

/// Why it waits: what would hold it back longest comes first.
fn wait(explanation: &mut Explanation, facts: &Facts, spec: Option<&JobSpec>, waiting: &Waiting) {
    let job = &facts.job;
    let slots = slots(waiting, &job.type_name);
    explanation.node = None; // where it ran once says nothing about where it will
    explanation.run_at = Some(job.run_at).filter(|run_at| *run_at > facts.now);
    explanation.expires_at = job.expires_at;
    explanation.paused.clone_from(&waiting.paused);
    explanation.ahead = waiting.ahead;
    if job.expires_at.is_some_and(|deadline| deadline <= facts.now) {
        explanation.code = ExplanationCode::Expired;
        return;
    }
    if explanation.run_at.is_some() {
        let retries = job.failures > 0;
        explanation.code = if retries { ExplanationCode::RetryAt } else { ExplanationCode::Scheduled };
        return;
    }
    explanation.slots = Some(slots.taken).filter(|_| !waiting.serial);
    explanation.in_cluster = spec.and_then(|spec| spec.in_cluster).filter(|_| !waiting.serial);
    explanation.rate_until = waiting.rate_until.filter(|until| *until > facts.now);
    let running = i64::try_from(waiting.held_by.len()).unwrap_or(i64::MAX);
    let is_full = |limit: u32| waiting.busy.iter().map(|busy| busy.running).sum::<i64>().max(running) >= limit.into();
    explanation.code = if waiting.paused.is_some() {
        ExplanationCode::Paused
    } else if slots.taken.of == 0 {
        ExplanationCode::NoNode
    } else if waiting.queued_behind.is_some() {
        ExplanationCode::QueuedBehind
    } else if waiting.serial && !waiting.held_by.is_empty() {
        ExplanationCode::SerialHeld
    } else if explanation.in_cluster.is_some_and(is_full) {
        ExplanationCode::ClusterLimit
    } else if slots.free == 0 {
        ExplanationCode::SlotsTaken
    } else if explanation.rate_until.is_some() {
        ExplanationCode::RateLimited
    } else {
        ExplanationCode::Next
    };
    explanation.held_by = match explanation.code {
        ExplanationCode::QueuedBehind => waiting.queued_behind.iter().cloned().collect(),
        ExplanationCode::SerialHeld | ExplanationCode::ClusterLimit | ExplanationCode::SlotsTaken => {
            waiting.held_by.clone()
        }
        _ => Vec::new(),
    };
}

struct Slots {
    taken: SlotsTaken,
    free: i64,
}

/// The slots of a type on the nodes that would claim.
fn slots(waiting: &Waiting, type_name: &str) -> Slots {
    let mut sum = Slots { taken: SlotsTaken { taken: 0, of: 0 }, free: 0 };
    for node in waiting.nodes.iter().filter(|node| node.claiming) {
        let of = node.slots().get(type_name).copied().unwrap_or(0);
        let busy = waiting.busy.iter().find(|busy| busy.node_id == node.id).map_or(0, |busy| busy.running);
        sum.taken.taken += busy.min(of);
        sum.taken.of += of;
        sum.free += (of - busy).max(0);
    }
    sum
}

fn ladder(job: &JobSummary) -> Option<CancelLadder> {
    job.cancel.clone().and_then(|ladder| serde_json::from_value(ladder).ok())
}

impl NodeName {
    /// A node, seen from `this` one.
    pub fn new(node: &NodeRow, this: Uuid) -> Self {
        let (id, hostname, pid) = (node.id, node.hostname.clone(), node.pid);
        Self { id, hostname, pid, live: node.is_live(), this: id == this }
    }
}
