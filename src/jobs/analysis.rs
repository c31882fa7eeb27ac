//! Asks an AI service what scenes are about, and makes a plan of changes of its answers. Nothing reaches Stash: a person looks
//! at the plan, and `apply_plan` applies what was approved.
//!
//! Scenes are asked about in batches, some at a time. Each batch is stored as it is answered: a run that is cut short goes on
//! behind what is stored, with the same plan. A batch that fails makes item errors of its scenes, and the rest goes on, unless no
//! other batch can fare better.

mod question;

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::anyhow;
use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::question::Asker;
use crate::job::{Color, FieldError, Job, JobContext, JobResult, JobSpec, JobType, Outcome, Stopped};
use crate::planning::{Building, Suggestion, Wanted};
use crate::services::ai::{self, Ai, AiError};
use crate::store::plans::PlanSource;
use crate::store::plans::build::SceneFacts;

/// Batches in a row that the service fails, each after several tries: more of them would only take longer.
const HOPELESS: u32 = 3;

/// Ask the AI service about scenes, and propose tags, performers, studio, title and details as a plan to be reviewed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Analysis {
    /// Scenes to look at, by their ids in Stash. When empty: those that are not organized and in no earlier AI plan.
    #[schemars(length(max = 10_000))]
    pub scene_ids: Vec<String>,
    /// Propose tags.
    pub detect_tags: bool,
    /// Propose performers.
    pub detect_performers: bool,
    /// Propose the studio.
    pub detect_studio: bool,
    /// Propose a title.
    pub detect_title: bool,
    /// Propose a description.
    pub detect_details: bool,
    /// Also propose tags, performers and studios that the library does not have yet.
    pub create_missing: bool,
    /// Leave out what is less sure than this, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_confidence: f64,
    /// Scenes in one question.
    #[schemars(range(min = 1, max = 50))]
    pub batch_size: u32,
    /// How many scenes to look at when none are named.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_scenes: u32,
    /// When no scenes are named, look at those again that an earlier plan has looked at.
    pub again: bool,
}

impl Default for Analysis {
    fn default() -> Self {
        Self {
            scene_ids: Vec::new(),
            detect_tags: true,
            detect_performers: true,
            detect_studio: true,
            detect_title: true,
            detect_details: true,
            create_missing: true,
            min_confidence: 0.5,
            batch_size: 10,
            max_scenes: 1_000,
            again: false,
        }
    }
}

impl Job for Analysis {
    const SPEC: JobSpec = JobSpec::new("analysis", "AI Analysis")
        .category("AI Analysis")
        .color(Color::Green)
        .icon("robot")
        .unit("scene", "scenes")
        .needs(&[ai::URL.name(), ai::MODEL.name()]);

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        let wanted =
            [self.detect_tags, self.detect_performers, self.detect_studio, self.detect_title, self.detect_details];
        if wanted.contains(&true) {
            return Ok(());
        }
        Err(vec![FieldError::at("detect_tags", "nothing is to be detected; choose one thing at least")])
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        let ai = ctx.ai().await?;
        let params = serde_json::to_value(&self)?;
        let model = Some(ai.model().to_owned());
        let (mut plan, left) = Building::begin(&ctx, PlanSource::Ai, model, params, &self.wanted()).await?;
        ctx.message(format!("Asking {}", ai.model()));
        let asker = Asker::new(ai.clone(), self.clone(), Arc::clone(&plan.catalog));
        let run = self.ask(&ctx, &asker, &mut plan, left).await;
        let noted = plan.spent(ai.spent()).await;
        let plan = plan.end(run.and(noted)).await?;
        Ok(outcome(&plan, &ai))
    }
}

impl Analysis {
    fn wanted(&self) -> Wanted {
        Wanted {
            scene_ids: self.scene_ids.clone(),
            again: self.again,
            max_scenes: self.max_scenes,
            min_confidence: self.min_confidence,
            create_missing: self.create_missing,
        }
    }

    /// Asks about all that is left, batch by batch, some at a time.
    async fn ask(&self, ctx: &JobContext, asker: &Asker, plan: &mut Building, left: Vec<String>) -> anyhow::Result<()> {
        // Read before they are asked about, and not all at once: a library has many scenes.
        let mut failed_in_a_row = 0;
        let some = self.batch_size as usize * asker.at_a_time();
        for ids in left.chunks(some.max(1)) {
            ctx.checkpoint()?;
            let scenes = plan.scenes(ids).await?;
            let batches: Vec<Vec<SceneFacts>> =
                scenes.chunks(self.batch_size.max(1) as usize).map(<[SceneFacts]>::to_vec).collect();
            let mut answers = futures_util::stream::iter(batches)
                .map(|batch| async move {
                    let answer = asker.ask(&batch).await;
                    (batch, answer)
                })
                .buffer_unordered(asker.at_a_time());
            while let Some((batch, answer)) = answers.next().await {
                match answer {
                    Ok(ideas) => {
                        failed_in_a_row = 0;
                        take(plan, batch, ideas).await?;
                    }
                    Err(error) => {
                        failed_in_a_row = if error.is_of_the_service() { failed_in_a_row + 1 } else { 0 };
                        let give_up = error.is_stop() || error.is_for_all() || failed_in_a_row >= HOPELESS;
                        refuse(plan, &batch, error, give_up)?;
                    }
                }
            }
            drop(answers);
            plan.spent(asker.spent()).await?;
        }
        Ok(())
    }
}

/// Keeps what was said of the scenes of a batch. Scenes of which nothing was said are item errors.
async fn take(
    plan: &mut Building,
    batch: Vec<SceneFacts>,
    mut ideas: HashMap<String, Vec<Suggestion>>,
) -> anyhow::Result<()> {
    let (mut told, mut silent) = (Vec::new(), Vec::new());
    for scene in batch {
        match ideas.remove(&scene.id) {
            Some(ideas) => told.push((scene, ideas)),
            None => silent.push(scene.id),
        }
    }
    plan.keep(told).await?;
    plan.fail(&silent, &anyhow!("the model left it out of its answer"));
    Ok(())
}

/// Makes item errors of the scenes of a batch; or gives up.
fn refuse(plan: &mut Building, batch: &[SceneFacts], error: AiError, give_up: bool) -> anyhow::Result<()> {
    let error = anyhow::Error::from(error);
    if give_up || Stopped::is_cause_of(&error) {
        return Err(error);
    }
    let ids: Vec<_> = batch.iter().map(|scene| scene.id.clone()).collect();
    plan.fail(&ids, &error);
    Ok(())
}

fn outcome(plan: &Building, ai: &Ai) -> Outcome {
    let (found, spent) = (plan.found(), ai.spent());
    Outcome::completed().message(format!("Found {found} changes")).data(json!({
        "plan_id": plan.id(),
        "changes": found,
        "requests": spent.requests,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "cost": spent.cost,
    }))
}

inventory::submit!(JobType::of::<Analysis>());
