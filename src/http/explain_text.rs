//! The sentence of an explanation. Times are UTC, since a server does not know the clock on the wall of whoever reads; how long
//! ago or how soon is said beside them.

use chrono::{DateTime, TimeDelta, Utc};

use super::explain::{CancelRung, Explanation, ExplanationCode};
use crate::job::{JobSpec, OutcomeKind, Status, Unit, cut};
use crate::store::explain::{Facts, MOST_AHEAD, Waiting};
use crate::store::pauses::Pause;
use crate::store::row::{CancelLadder, JobSummary};

/// An error is told by its beginning; the whole is a fact of its own.
const ERROR_BYTES: usize = 300;

/// What a job is called and what it counts.
pub struct Words<'a> {
    label: &'a str,
    unit: Unit,
    grace: Option<TimeDelta>,
}

impl<'a> Words<'a> {
    /// The words of a type, also when this program does not know it.
    pub fn of(spec: Option<&'a JobSpec>, type_name: &'a str) -> Self {
        Self {
            label: spec.map_or(type_name, |spec| spec.label),
            unit: spec.map_or(Unit { singular: "item", plural: "items" }, |spec| spec.unit),
            grace: spec.and_then(|spec| TimeDelta::from_std(spec.cancel_grace).ok()),
        }
    }
}

/// One sentence, or a few, that a person understands.
pub fn sentence(explanation: &Explanation, facts: &Facts, words: &Words<'_>) -> String {
    let deadline = explanation.expires_at.filter(|_| explanation.code != ExplanationCode::Expired);
    let deadline = deadline.map(|at| format!(" It is cancelled unless it starts before {}.", moment(at, facts.now)));
    why(explanation, facts, words) + &deadline.unwrap_or_default()
}

fn why(explanation: &Explanation, facts: &Facts, words: &Words<'_>) -> String {
    let (job, now, label) = (&facts.job, facts.now, words.label);
    let since = explanation.since.unwrap_or(job.updated_at);
    match explanation.code {
        ExplanationCode::Scheduled => {
            let pause = explanation.paused.as_ref().map(|pause| format!(" {label} is {}.", paused(pause, now)));
            let until = format!("Waits until {} (in {}).", moment(job.run_at, now), span(job.run_at - now));
            until + &pause.unwrap_or_default()
        }
        ExplanationCode::RetryAt => {
            let pause = explanation.paused.as_ref().map(|pause| format!(" {label} is {}.", paused(pause, now)));
            let error = job.error.as_deref().map(|error| cut(one_line(error), ERROR_BYTES));
            format!(
                "Attempt {} failed{}. Retry {} of {} waits until {} (in {}).{}",
                job.attempt,
                because(error.as_deref()),
                job.failures,
                job.max_retries,
                moment(job.run_at, now),
                span(job.run_at - now),
                pause.unwrap_or_default()
            )
        }
        ExplanationCode::Expired => {
            let at = explanation.expires_at.map(|at| format!(" at {}", moment(at, now))).unwrap_or_default();
            format!("Its deadline passed{at}; it is cancelled within seconds.")
        }
        ExplanationCode::Paused => {
            let pause = explanation.paused.as_ref().map(|pause| paused(pause, now)).unwrap_or_default();
            format!("{}.", capital(&pause))
        }
        ExplanationCode::NoNode => no_node(facts.waiting.as_ref(), job, label),
        ExplanationCode::SerialHeld => {
            let holder = explanation.held_by.first().map(|holder| {
                let running = holder.started_at.map(|at| format!(", running since {}", moment(at, now)));
                format!(" waits for job {}{}", holder.id, running.unwrap_or_default())
            });
            format!("One {label} runs at a time:{}{}.", holder.unwrap_or_default(), ahead(explanation))
        }
        ExplanationCode::ClusterLimit => {
            let limit = explanation.in_cluster.unwrap_or(0);
            let held = explanation.held_by.first().map(|holder| format!(", job {} the longest", holder.id));
            format!(
                "At most {limit} {label} run in the cluster, and {limit} do{}{}.",
                held.unwrap_or_default(),
                ahead(explanation)
            )
        }
        ExplanationCode::RateLimited => {
            let until = explanation.rate_until.unwrap_or(now);
            format!(
                "The rate limit of {label} lets the next start at {} (in {}){}.",
                moment(until, now),
                span(until - now),
                ahead(explanation)
            )
        }
        ExplanationCode::QueuedBehind => {
            let first = explanation.held_by.first().map(|job| format!("job {}, which is {}", job.id, job.status));
            format!("Waits for {}: jobs of its queue run one after the other.", first.unwrap_or_default())
        }
        ExplanationCode::SlotsTaken => {
            let slots = match explanation.slots.map_or(0, |slots| slots.of) {
                1 => format!("The only slot of {label} is taken"),
                of => format!("All {of} slots of {label} are taken"),
            };
            format!("{slots}{}.", ahead(explanation))
        }
        ExplanationCode::Next if explanation.ahead.unwrap_or(0) == 0 => "Is about to be started.".to_owned(),
        ExplanationCode::Next => format!("Nothing holds it back{}.", ahead(explanation)),
        ExplanationCode::Running | ExplanationCode::WaitingForChildren => {
            let again = if job.attempt > 1 { format!(", attempt {}", job.attempt) } else { String::new() };
            let node = explanation.node.as_ref().map(|node| format!(" on {}, process {},", node.hostname, node.pid));
            format!(
                "Runs{} since {} ({}){again}{}.{}{}",
                node.unwrap_or_default(),
                moment(since, now),
                span(now - since),
                amount(job, words.unit),
                children(&explanation.children),
                blocked(explanation)
            )
        }
        ExplanationCode::TimedOut | ExplanationCode::Cancelling => {
            format!("{}{}", stopping(explanation, words, now), blocked(explanation))
        }
        ExplanationCode::Orphan => {
            let named = explanation.node.as_ref().map(|node| format!(" ({}, process {})", node.hostname, node.pid));
            let gone = named.as_ref().map(|_| format!(" since {}", moment(since, now)));
            let next = match job.status {
                Status::Cancelling => "it is cancelled within seconds",
                _ => "it goes back to the queue within seconds",
            };
            format!("Its node{} is gone{}; {next}.", named.unwrap_or_default(), gone.unwrap_or_default())
        }
        ExplanationCode::Ended => ended(explanation, job, now),
    }
}

/// `paused by cli since 12:03 UTC: nightly backup`
fn paused(pause: &Pause, now: DateTime<Utc>) -> String {
    format!("paused by {} since {}{}", pause.by, moment(pause.at, now), because(pause.reason.as_deref()))
}

fn no_node(waiting: Option<&Waiting>, job: &JobSummary, label: &str) -> String {
    let nodes = waiting.map_or(&[][..], |waiting| &waiting.nodes);
    let knowing: Vec<_> =
        nodes.iter().filter_map(|node| Some((node, *node.slots().get(job.type_name.as_str())?))).collect();
    if knowing.is_empty() {
        format!("No live node knows the type {}.", job.type_name)
    } else if knowing.iter().all(|(_, slots)| *slots == 0) {
        format!("No live node has a slot for {label}.")
    } else {
        format!("Every node with a slot for {label} is going down.")
    }
}

/// `; 2 jobs come first`, or what is true instead.
fn ahead(explanation: &Explanation) -> String {
    match explanation.ahead.unwrap_or(0) {
        0 => "; it is the next".to_owned(),
        1 => "; 1 job comes first".to_owned(),
        MOST_AHEAD.. => format!("; {MOST_AHEAD} jobs or more come first"),
        n => format!("; {n} jobs come first"),
    }
}

/// ` Its child job 0199… (demo) is running, and 2 more have not ended.`
fn children(children: &[JobSummary]) -> String {
    let Some(first) = children.iter().min_by_key(|child| child.status == Status::Pending) else { return String::new() };
    let more = match children.len() - 1 {
        0 => String::new(),
        1 => ", and 1 more has not ended".to_owned(),
        n => format!(", and {n} more have not ended"),
    };
    format!(" Its child job {} ({}) is {}{more}.", first.id, first.type_name, first.status)
}

/// `, 15 of 30 files done`
fn amount(job: &JobSummary, unit: Unit) -> String {
    match job.processed_items.zip(job.total_items).filter(|(_, total)| *total > 0) {
        Some((done, 1)) => format!(", {done} of 1 {} done", unit.singular),
        Some((done, total)) => format!(", {done} of {total} {} done", unit.plural),
        None if job.progress > 0.0 => format!(", {:.0}% done", job.progress),
        None => String::new(),
    }
}

fn blocked(explanation: &Explanation) -> String {
    let told = |seconds| format!(" It has kept its thread for {seconds:.0} s without an .await.");
    explanation.blocked_seconds.map(told).unwrap_or_default()
}

fn stopping(explanation: &Explanation, words: &Words<'_>, now: DateTime<Utc>) -> String {
    let ladder = explanation.cancel.clone().unwrap_or_default();
    let ago = ladder.requested_at.map(|at| format!(" {} ago", span(now - at))).unwrap_or_default();
    let asked = match explanation.code {
        ExplanationCode::TimedOut => format!(", as its time was up{ago}"),
        _ => format!("{}{ago}{}", by(&ladder), because(ladder.reason.as_deref())),
    };
    let grace = words.grace.map(|grace| format!(" of {}", span(grace))).unwrap_or_default();
    match explanation.rung {
        Some(CancelRung::Delivered) => {
            format!("Asked to stop{asked}; its runner heard, and it has its grace{grace} to stop by itself.")
        }
        Some(CancelRung::Aborted) => {
            format!(
                "Asked to stop{asked}; it did not within its grace{grace}, and is dropped at its next .await or abandoned."
            )
        }
        Some(CancelRung::Requested) | None => format!("Asked to stop{asked}; its runner has yet to hear."),
    }
}

fn ended(explanation: &Explanation, job: &JobSummary, now: DateTime<Utc>) -> String {
    let at = explanation.since.map(|at| format!(" at {}", moment(at, now))).unwrap_or_default();
    let took = job.started_at.zip(explanation.since).map(|(from, to)| format!(" after {}", span(to - from)));
    let took = took.unwrap_or_default();
    match job.status {
        Status::Failed => {
            let error = job.error.as_deref().map(|error| cut(one_line(error), ERROR_BYTES));
            format!("Failed{at}{took}{}.", because(error.as_deref()))
        }
        Status::Cancelled => {
            let ladder = explanation.cancel.clone().unwrap_or_default();
            let when = if job.started_at.is_none() { " before it began" } else { took.as_str() };
            let left = if ladder.abandoned_at.is_some() { "; it blocked its thread and was abandoned" } else { "" };
            format!("Cancelled{}{at}{when}{}{left}.", by(&ladder), because(ladder.reason.as_deref()))
        }
        _ => match job.outcome {
            Some(OutcomeKind::CompletedWithErrors) if job.error_count == 1 => {
                format!("Completed with 1 error{at}{took}.")
            }
            Some(OutcomeKind::CompletedWithErrors) => {
                format!("Completed with {} errors{at}{took}.", job.error_count)
            }
            _ => format!("Completed{at}{took}."),
        },
    }
}

fn by(ladder: &CancelLadder) -> String {
    ladder.requested_by.as_ref().map(|who| format!(" by {who}")).unwrap_or_default()
}

/// `: nightly backup`. The sentence has its own dot.
fn because(reason: Option<&str>) -> String {
    let reason = reason.map(one_line).filter(|reason| !reason.is_empty());
    reason.map(|reason| format!(": {}", reason.trim_end_matches('.'))).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `12:03 UTC`, with its day unless that is today.
fn moment(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let format = if at.date_naive() == now.date_naive() { "%H:%M UTC" } else { "%Y-%m-%d %H:%M UTC" };
    at.format(format).to_string()
}

/// `12 s`, `5 min`, `3 h`, `2 days`: a span by its largest unit.
fn span(span: TimeDelta) -> String {
    match span.num_seconds() {
        ..0 => "0 s".to_owned(),
        s @ 0..60 => format!("{s} s"),
        s @ 60..3_600 => format!("{} min", s / 60),
        s @ 3_600..86_400 => format!("{} h", s / 3_600),
        s @ 86_400..172_800 => format!("{} day", s / 86_400),
        s => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{Words, sentence, span};
    use crate::http::explain::Explanation;
    use crate::job::{Status, Unit};
    use crate::store::explain::Facts;

    fn noon() -> DateTime<Utc> {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    /// What is said of a job with these fields, with these facts.
    fn said(job: &Value, facts: &Value) -> String {
        let with = |mut base: Value, more: &Value| {
            base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            base
        };
        let now = noon();
        let job = with(
            json!({
                "id": Uuid::nil(), "type": "copy", "status": "pending", "progress": 0.0, "error_count": 0, "priority": 0,
                "run_at": now, "attempt": 1, "interruptions": 0, "failures": 0, "max_retries": 0, "created_by": "cli", "created_at": now,
                "updated_at": now, "rev": 1
            }),
            job,
        );
        let base = json!({ "job_id": Uuid::nil(), "type": "copy", "status": job["status"], "sentence": "" });
        let explanation: Explanation = serde_json::from_value(with(base, facts)).unwrap();
        let facts =
            Facts { job: serde_json::from_value(job).unwrap(), now, waiting: None, node: None, children: Vec::new() };
        let unit = Unit { singular: "file", plural: "files" };
        let words = Words { label: "Copy", unit, grace: Some(TimeDelta::seconds(10)) };
        sentence(&explanation, &facts, &words)
    }

    #[test]
    fn a_job_that_waits_is_told_for_what() {
        let pause = json!({ "by": "cli", "at": noon() - TimeDelta::hours(2), "reason": "nightly\nbackup." });
        let later = json!({ "run_at": noon() + TimeDelta::hours(27) });
        for (job, facts, expected) in [
            (json!({}), json!({ "code": "paused", "paused": pause }), "Paused by cli since 10:00 UTC: nightly backup."),
            (later.clone(), json!({ "code": "scheduled" }), "Waits until 2026-11-25 15:00 UTC (in 1 day)."),
            (
                later,
                json!({ "code": "scheduled", "paused": pause }),
                "Waits until 2026-11-25 15:00 UTC (in 1 day). Copy is paused by cli since 10:00 UTC: nightly backup.",
            ),
            (
                json!({}),
                json!({ "code": "slots_taken", "slots": { "taken": 4, "of": 4 }, "ahead": 2 }),
                "All 4 slots of Copy are taken; 2 jobs come first.",
            ),
            (
                json!({}),
                json!({ "code": "slots_taken", "slots": { "taken": 1, "of": 1 }, "ahead": 0 }),
                "The only slot of Copy is taken; it is the next.",
            ),
            (
                json!({}),
                json!({ "code": "next", "ahead": 1_000 }),
                "Nothing holds it back; 1000 jobs or more come first.",
            ),
            (json!({}), json!({ "code": "next", "ahead": 0 }), "Is about to be started."),
            (json!({}), json!({ "code": "no_node" }), "No live node knows the type copy."),
        ] {
            assert_eq!(said(&job, &facts), expected);
        }
    }

    #[test]
    fn a_job_that_runs_is_told_where_since_when_and_how_far_it_is() {
        let node = json!({ "id": Uuid::nil(), "hostname": "hog", "pid": 17, "live": true, "this": true });
        let started = noon() - TimeDelta::minutes(5);
        let job = json!({ "status": "running", "attempt": 2, "processed_items": 15, "total_items": 30 });
        let facts = json!({ "code": "running", "node": node, "since": started, "blocked_seconds": 3.2 });
        let expected = "Runs on hog, process 17, since 11:55 UTC (5 min), attempt 2, 15 of 30 files done. \
                        It has kept its thread for 3 s without an .await.";
        assert_eq!(said(&job, &facts), expected);
        let facts = json!({ "code": "orphan", "node": node, "since": started });
        let expected = "Its node (hog, process 17) is gone since 11:55 UTC; it goes back to the queue within seconds.";
        assert_eq!(said(&job, &facts), expected);
    }

    #[test]
    fn a_job_that_is_asked_to_stop_is_told_how_far_that_is() {
        let cancel =
            json!({ "requested_at": noon() - TimeDelta::seconds(4), "requested_by": "cli", "reason": "enough" });
        for (rung, end) in [
            ("requested", "its runner has yet to hear."),
            ("delivered", "its runner heard, and it has its grace of 10 s to stop by itself."),
            ("aborted", "it did not within its grace of 10 s, and is dropped at its next .await or abandoned."),
        ] {
            let facts = json!({ "code": "cancelling", "cancel": cancel, "rung": rung });
            let expected = format!("Asked to stop by cli 4 s ago: enough; {end}");
            assert_eq!(said(&json!({ "status": "cancelling" }), &facts), expected);
        }
    }

    #[test]
    fn a_job_that_has_ended_is_told_how_when_and_by_whom() {
        let started = noon() - TimeDelta::seconds(12);
        let ended = json!({ "code": "ended", "since": noon() });
        let job = |more: Value| {
            let mut job = json!({ "started_at": started });
            job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            job
        };
        let with_errors = json!({ "status": "completed", "outcome": "completed_with_errors", "error_count": 2 });
        for (job, expected) in [
            (job(json!({ "status": Status::Completed, "outcome": "completed" })), "Completed at 12:00 UTC after 12 s."),
            (job(with_errors), "Completed with 2 errors at 12:00 UTC after 12 s."),
            (job(json!({ "status": "failed", "error": "no\ndisk" })), "Failed at 12:00 UTC after 12 s: no disk."),
        ] {
            assert_eq!(said(&job, &ended), expected);
        }
        let cancel = json!({ "requested_at": noon(), "requested_by": "ann", "reason": "enough" });
        let facts = json!({ "code": "ended", "since": noon(), "cancel": cancel });
        let never_began = json!({ "status": "cancelled" });
        assert_eq!(said(&never_began, &facts), "Cancelled by ann at 12:00 UTC before it began: enough.");
    }

    #[test]
    fn a_span_is_told_by_its_largest_unit() {
        let told = [-5, 0, 59, 60, 7_199, 86_400, 200_000].map(|seconds| span(TimeDelta::seconds(seconds)));
        assert_eq!(told, ["0 s", "0 s", "59 s", "1 min", "1 h", "1 day", "2 days"]);
    }
}
