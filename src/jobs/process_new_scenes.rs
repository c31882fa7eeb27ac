//! Takes new scenes all the way, from the download to the finished entry in Stash.
//!
//! ```text
//!   downloads ─▶ scan ─▶ sync ─▶ analysis ─▶ apply ─▶ generate ─▶ sync again
//!                 │               │           │         │           └ when something was applied or generated
//!                 │               │           │         └ when scenes are new or changed
//!                 │               │           └ when changes were found, and nobody needs to approve them
//!                 │               └ when scenes are new or changed
//!                 └ when a file came
//! ```
//!
//! Each step is a job of its own, with its page, log and item errors; this one says which of them are to run. When a step fails,
//! those after it are left out, and the job fails. Its next attempt finds the steps that had completed, and repeats none.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, anyhow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::info;
use uuid::Uuid;

use super::analysis::Analysis;
use super::apply_plan::ApplyPlan;
use super::non_ai_analysis::NonAiAnalysis;
use super::process_downloads::{LIBRARY_FOLDER, ProcessDownloads};
use super::stash_generate::StashGenerate;
use super::stash_scan::StashScan;
use super::sync::Sync;
use crate::job::{Color, Job, JobContext, JobResult, JobSpec, JobType, Outcome, Stopped};
use crate::services::{ai, qbittorrent, stash};

/// What people call a step, and how much of the whole it is.
#[derive(Clone, Copy)]
struct Step(&'static str, f64);

const DOWNLOADS: Step = Step("downloads", 3.0);
const SCAN: Step = Step("scan", 2.0);
const SYNC: Step = Step("sync", 2.0);
const ANALYSIS: Step = Step("analysis", 5.0);
const APPLY: Step = Step("apply", 2.0);
const GENERATE: Step = Step("generate", 3.0);
const SYNC_AGAIN: Step = Step("sync again", 1.0);
const STEPS: [Step; 7] = [DOWNLOADS, SCAN, SYNC, ANALYSIS, APPLY, GENERATE, SYNC_AGAIN];

/// How new scenes are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Look {
    /// Ask the AI service.
    #[default]
    Ai,
    /// By the names of their files, without any service.
    Names,
    /// Not at all.
    Skip,
}

/// Bring downloads into the library, have Stash scan them, sync, analyse what is new, apply the changes, generate previews, sync again.
///
/// Steps that have nothing to do are left out.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessNewScenes {
    /// Leave out videos that are shorter than 30 seconds. This needs ffprobe.
    pub exclude_small_videos: bool,
    /// How new scenes are looked at.
    pub analysis: Look,
    /// Leave out proposals that are less sure than this, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_confidence: f64,
    /// Apply all proposals at once. Without this they wait as a plan for somebody to approve them, and apply is left out.
    pub auto_approve: bool,
    /// Have Stash make covers, previews, sprites and hashes.
    pub generate: bool,
    /// Scan, analyse and generate also when nothing new came: for what an earlier run has left behind.
    pub all_steps: bool,
}

impl Default for ProcessNewScenes {
    fn default() -> Self {
        Self {
            exclude_small_videos: false,
            analysis: Look::default(),
            min_confidence: 0.5,
            auto_approve: false,
            generate: true,
            all_steps: false,
        }
    }
}

impl Job for ProcessNewScenes {
    const SPEC: JobSpec = JobSpec::new("process_new_scenes", "Process New Scenes")
        .category("Workflow")
        .color(Color::Geekblue)
        .icon("node-index")
        .unit("step", "steps")
        .progress_patterns(&[r"^Step (\d+) of (\d+)"])
        .needs(&[qbittorrent::URL.name(), LIBRARY_FOLDER.name(), stash::URL.name()])
        .retry(2, Duration::from_secs(60), Duration::from_secs(600))
        .exclusive();

    fn needs(&self) -> &'static [&'static str] {
        const ASKS: &[&str] = &[ai::URL.name(), ai::MODEL.name()];
        if self.analysis == Look::Ai { ASKS } else { &[] }
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        let mut walk = Walk::begin(&ctx);
        match self.steps(&mut walk).await {
            Ok(found) => {
                ctx.items(STEPS.len() as u64, STEPS.len() as u64);
                Ok(Outcome::completed().message(found.to_string()).data(walk.told()))
            }
            Err(error) if Stopped::is_cause_of(&error) => Err(error),
            Err(error) => Ok(Outcome::failed(format!("{error:#}")).data(walk.told())),
        }
    }
}

/// What the steps came to, as far as the others need to know.
#[derive(Default)]
struct Found {
    files: u64,
    scenes: u64,
    changes: u64,
    plan: Option<Uuid>,
    applied: u64,
}

impl ProcessNewScenes {
    async fn steps(&self, walk: &mut Walk<'_>) -> anyhow::Result<Found> {
        let mut found = Found::default();
        let downloads = ProcessDownloads { exclude_small_videos: self.exclude_small_videos };
        let did = walk.go(DOWNLOADS, downloads).await?;
        found.files = sum(&did, &["linked", "copied"]);

        if found.files > 0 || is_resumed(&did) || self.all_steps {
            walk.go(SCAN, StashScan::default()).await?;
        } else {
            walk.skip(SCAN, "no file came");
        }
        let did = walk.go(SYNC, Sync::default()).await?;
        found.scenes = sum(&did["scenes"], &["new", "changed"]);

        let is_new = found.scenes > 0 || is_resumed(&did) || self.all_steps;
        self.analyse(walk, is_new, &mut found).await?;
        self.apply(walk, &mut found).await?;

        let generates = self.generate && is_new;
        if generates {
            walk.go(GENERATE, StashGenerate::default()).await?;
        } else {
            walk.skip(GENERATE, if self.generate { "no scene is new" } else { "not wanted" });
        }
        if found.applied > 0 || generates {
            walk.go(SYNC_AGAIN, Sync::default()).await?;
        } else {
            walk.skip(SYNC_AGAIN, "nothing was changed in Stash");
        }
        Ok(found)
    }

    /// Has the scenes looked at that no plan has looked at yet.
    async fn analyse(&self, walk: &mut Walk<'_>, is_new: bool, found: &mut Found) -> anyhow::Result<()> {
        let min_confidence = self.min_confidence;
        let did = match self.analysis {
            Look::Skip => return walk.leave_out(ANALYSIS, "not wanted"),
            _ if !is_new => return walk.leave_out(ANALYSIS, "no scene is new"),
            Look::Ai => walk.go(ANALYSIS, Analysis { min_confidence, ..Analysis::default() }).await?,
            Look::Names => walk.go(ANALYSIS, NonAiAnalysis { min_confidence, ..NonAiAnalysis::default() }).await?,
        };
        found.changes = sum(&did, &["changes"]);
        found.plan = did["plan_id"].as_str().and_then(|id| id.parse().ok());
        Ok(())
    }

    /// Has the plan applied, if there is something in it and nobody wants to look at it first.
    async fn apply(&self, walk: &mut Walk<'_>, found: &mut Found) -> anyhow::Result<()> {
        match found.plan.filter(|_| found.changes > 0) {
            None => walk.leave_out(APPLY, "no change was found"),
            Some(plan) if !self.auto_approve => walk.leave_out(APPLY, &format!("plan {plan} waits to be approved")),
            Some(plan_id) => {
                let did = walk.go(APPLY, ApplyPlan { plan_id, auto_approve: true }).await?;
                found.applied = sum(&did, &["applied"]);
                Ok(())
            }
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, scenes, changes, applied, .. } = self;
        write!(f, "{files} files came, {scenes} scenes are new or changed; {changes} changes found, {applied} applied")
    }
}

/// The way through the steps: how far it is, and what became of each.
struct Walk<'a> {
    ctx: &'a JobContext,
    told: Vec<Value>,
    /// What the steps weigh that were not left out, and those of them that are done.
    whole: f64,
    done: f64,
}

impl<'a> Walk<'a> {
    fn begin(ctx: &'a JobContext) -> Self {
        let whole = STEPS.iter().map(|step| step.1).sum();
        ctx.total_weight(whole);
        Self { ctx, told: Vec::new(), whole, done: 0.0 }
    }

    /// Has the job of a step run to its end. What it returned; `Err` when it did not complete.
    async fn go<J: Job>(&mut self, Step(name, weight): Step, job: J) -> anyhow::Result<Value> {
        let step = format!("Step {} of {}: {name}", self.told.len() + 1, STEPS.len());
        self.ctx.progress(100.0 * self.done / self.whole, &step);
        let child = match self.ctx.spawn_job(job).weight(weight).reason(step).await {
            Ok(child) => child,
            Err(error) => {
                self.told.push(json!({ "step": name, "status": "failed", "why": error.to_string() }));
                return Err(error).with_context(|| format!("step `{name}` could not be started"));
            }
        };
        let end = child.outcome().await?;
        self.done += weight;
        self.told.push(json!({
            "step": name,
            "status": end.status,
            "job_id": end.job_id,
            "message": end.message,
            "error_count": end.error_count,
            "result": end.result,
        }));
        let end = end.completed().with_context(|| format!("step `{name}`"))?;
        if end.error_count > 0 {
            self.ctx.item_error(name, &anyhow!("{} errors in job {}", end.error_count, end.job_id));
        }
        Ok(end.result.unwrap_or_default())
    }

    /// Leaves a step out. What remains is all that there is to do.
    fn skip(&mut self, Step(name, weight): Step, why: &str) {
        info!("step `{name}` is left out: {why}");
        self.told.push(json!({ "step": name, "status": "skipped", "why": why }));
        self.whole -= weight;
        self.ctx.total_weight(self.whole);
    }

    /// The same, as the end of a function that might have failed.
    fn leave_out(&mut self, step: Step, why: &str) -> anyhow::Result<()> {
        self.skip(step, why);
        Ok(())
    }

    /// What became of all steps, for the result.
    fn told(mut self) -> Value {
        let never = STEPS.iter().skip(self.told.len()).map(|step| json!({ "step": step.0, "status": "not_reached" }));
        self.told.extend(never);
        json!({ "steps": self.told })
    }
}

/// Whether a job was cut short and ran again: what its earlier run brought is not in what it returned, so something may have come.
fn is_resumed(result: &Value) -> bool {
    result["resumed"] == true
}

/// The sum of some numbers in what a job returned. One that is not there counts as none.
fn sum(result: &Value, names: &[&str]) -> u64 {
    names.iter().filter_map(|name| result[name].as_u64()).sum()
}

inventory::submit!(JobType::of::<ProcessNewScenes>());

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{
        Analysis, ApplyPlan, LIBRARY_FOLDER, Look, NonAiAnalysis, ProcessDownloads, ProcessNewScenes, StashGenerate,
        StashScan, Sync,
    };
    use crate::job::Outcome;
    use crate::services::{ai, qbittorrent, stash};
    use crate::testing::{self, JobTest, Run};

    fn outcome(data: Value) -> Outcome {
        Outcome::completed().data(data)
    }

    /// The job with the settings that it always needs.
    fn bare(params: ProcessNewScenes) -> JobTest {
        testing::job(params)
            .setting(&qbittorrent::URL, "http://127.0.0.1:9")
            .setting(&LIBRARY_FOLDER, "/library")
            .setting(&stash::URL, "http://127.0.0.1:9")
    }

    /// The job with children that do as they are told: so many files came, so many scenes are new, so many changes found.
    fn job(params: ProcessNewScenes, files: u64, scenes: u64, changes: u64) -> JobTest {
        let plan = json!({ "plan_id": Uuid::nil(), "changes": changes });
        let by_names = plan.clone();
        bare(params)
            .setting(&ai::URL, "http://127.0.0.1:9")
            .setting(&ai::MODEL, "small")
            .child(move |_: ProcessDownloads| Ok(outcome(json!({ "linked": files, "copied": 0, "skipped": 7 }))))
            .child(|_: StashScan| Ok(Outcome::completed()))
            .child(move |_: Sync| {
                Ok(outcome(json!({ "tags": { "new": 9 }, "scenes": { "new": scenes, "changed": 0 } })))
            })
            .child(move |_: Analysis| Ok(outcome(plan.clone())))
            .child(move |_: NonAiAnalysis| Ok(outcome(by_names.clone())))
            .child(move |_: ApplyPlan| Ok(outcome(json!({ "applied": changes }))))
            .child(|_: StashGenerate| Ok(Outcome::completed()))
    }

    /// The types of the children, in their order.
    fn started(run: &Run) -> Vec<&str> {
        run.children().iter().map(|child| child.type_name.as_str()).collect()
    }

    /// What the result says of each step: its status, or why it was left out.
    fn steps(run: &Run) -> Vec<String> {
        let steps = run.result().unwrap()["steps"].as_array().unwrap();
        let word = |step: &Value| step.get("why").unwrap_or(&step["status"]).as_str().unwrap().to_owned();
        steps.iter().map(word).collect()
    }

    #[tokio::test]
    async fn new_scenes_go_all_the_way_with_one_bar() {
        let params = ProcessNewScenes { auto_approve: true, ..ProcessNewScenes::default() };
        let run = job(params, 3, 2, 5).await;
        run.assert_completed().assert_items(7, 7);
        let all = "process_downloads stash_scan sync analysis apply_plan stash_generate sync";
        assert_eq!(started(&run).join(" "), all);
        assert_eq!(steps(&run), ["completed"; 7]);
        let percents: Vec<_> = run.progress().iter().map(|progress| progress.percent).collect();
        assert!(percents.is_sorted() && percents.contains(&100.0), "{percents:?}");
        assert!(run.messages().contains(&"Step 4 of 7: analysis"), "{run}");
        let found = "3 files came, 2 scenes are new or changed; 5 changes found, 5 applied";
        assert_eq!(run.last_progress().message.as_deref(), Some(found));
    }

    #[tokio::test]
    async fn steps_that_have_nothing_to_do_are_left_out_and_say_why() {
        let run = job(ProcessNewScenes::default(), 0, 0, 0).await;
        run.assert_completed().assert_items(7, 7);
        assert_eq!(started(&run), ["process_downloads", "sync"]);
        let none = "no scene is new";
        let why = ["no file came", "completed", none, "no change was found", none, "nothing was changed in Stash"];
        assert_eq!(steps(&run)[1..], why);
        let percents: Vec<_> = run.progress().iter().map(|progress| progress.percent).collect();
        assert!(percents.is_sorted(), "what is left out makes the rest more: {percents:?}");
    }

    #[tokio::test]
    async fn what_a_step_brought_before_it_was_cut_short_counts_as_something() {
        let run = job(ProcessNewScenes::default(), 0, 0, 0)
            .child(|_: ProcessDownloads| Ok(outcome(json!({ "linked": 0, "resumed": true }))))
            .child(|_: Sync| Ok(outcome(json!({ "scenes": { "new": 0 }, "resumed": true }))))
            .await;
        let all = ["process_downloads", "stash_scan", "sync", "analysis", "stash_generate", "sync"];
        assert_eq!(started(&run), all);
    }

    #[tokio::test]
    async fn a_plan_waits_for_people_unless_all_is_approved_beforehand() {
        let run = job(ProcessNewScenes::default(), 1, 1, 5).await;
        run.assert_completed();
        assert!(!started(&run).contains(&"apply_plan"));
        assert_eq!(steps(&run)[4], format!("plan {} waits to be approved", Uuid::nil()));
        let params = ProcessNewScenes { auto_approve: true, ..ProcessNewScenes::default() };
        assert_eq!(steps(&job(params, 1, 1, 0).await)[4], "no change was found");
    }

    #[tokio::test]
    async fn what_is_wanted_is_done_and_reaches_its_step() {
        let params = ProcessNewScenes {
            exclude_small_videos: true,
            analysis: Look::Names,
            min_confidence: 0.75,
            generate: false,
            all_steps: true,
            ..ProcessNewScenes::default()
        };
        let run = job(params, 0, 0, 0)
            .child(|downloads: ProcessDownloads| {
                assert!(downloads.exclude_small_videos);
                Ok(Outcome::completed())
            })
            .child(|names: NonAiAnalysis| {
                assert!((names.min_confidence - 0.75).abs() < 1e-9);
                Ok(Outcome::completed())
            });
        let run = run.await;
        run.assert_completed();
        assert_eq!(started(&run), ["process_downloads", "stash_scan", "sync", "non_ai_analysis"]);
        assert_eq!(steps(&run)[5], "not wanted");

        let run = job(ProcessNewScenes { analysis: Look::Skip, ..ProcessNewScenes::default() }, 1, 1, 1).await;
        assert_eq!(steps(&run)[3], "not wanted");
    }

    #[tokio::test]
    async fn a_step_that_fails_is_named_and_the_next_attempt_repeats_none_that_completed() {
        let params = ProcessNewScenes { auto_approve: true, ..ProcessNewScenes::default() };
        let run = job(params, 3, 2, 5).child(|_: Analysis| Ok(Outcome::failed("no model"))).await;
        run.assert_failed("step `analysis`").assert_failed("no model");
        assert_eq!(steps(&run)[3..], ["failed", "not_reached", "not_reached", "not_reached"]);

        let plan = json!({ "plan_id": Uuid::nil(), "changes": 5 });
        let run = run.resume().child(move |_: Analysis| Ok(outcome(plan.clone()))).await;
        run.assert_completed();
        assert_eq!(started(&run).iter().filter(|name| **name == "process_downloads").count(), 1);
        assert_eq!(steps(&run), ["completed"; 7]);
    }

    #[tokio::test]
    async fn it_stops_between_two_steps_when_it_is_cancelled() {
        let run = job(ProcessNewScenes::default(), 3, 2, 5);
        let run = run.cancel_when(|progress| progress.processed_items == Some(3)).await;
        run.assert_cancelled();
        assert!(!started(&run).contains(&"analysis"), "{run}");
    }

    #[tokio::test]
    async fn without_an_ai_service_it_fails_before_it_does_anything() {
        let run = bare(ProcessNewScenes::default()).await;
        run.assert_failed(ai::URL.name());
        assert!(run.children().is_empty());
    }
}
