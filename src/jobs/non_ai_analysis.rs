//! Proposes changes to scenes by names alone: what the path and the title of a scene say of performers, studios, tags and dates that
//! the library knows. Asks no service.

mod file_name;
mod finder;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::finder::Finder;
use crate::job::{Color, FieldError, Job, JobContext, JobResult, JobSpec, JobType, Outcome};
use crate::planning::{Building, Suggestion, Wanted};
use crate::store::plans::build::SceneFacts;
use crate::store::plans::{ChangeField, PlanSource};

/// Scenes that are stored at a time: some milliseconds.
const BATCH: usize = 200;

/// Find known performers, studios and tags in the names of files, and propose them as a plan to be reviewed. Needs no AI service.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NonAiAnalysis {
    /// Scenes to look at, by their ids in Stash. When empty: those that are not organized and in no earlier plan of this kind.
    #[schemars(length(max = 10_000))]
    pub scene_ids: Vec<String>,
    /// Propose tags.
    pub detect_tags: bool,
    /// Propose performers.
    pub detect_performers: bool,
    /// Propose the studio, where a scene has none.
    pub detect_studio: bool,
    /// Propose a title made of the file's name, where a scene has none.
    pub detect_title: bool,
    /// Propose a date that stands in the file's name, where a scene has none.
    pub detect_date: bool,
    /// Leave out what is less sure than this, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_confidence: f64,
    /// How many scenes to look at when none are named.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_scenes: u32,
    /// When no scenes are named, look at those again that an earlier plan has looked at.
    pub again: bool,
}

impl Default for NonAiAnalysis {
    fn default() -> Self {
        Self {
            scene_ids: Vec::new(),
            detect_tags: true,
            detect_performers: true,
            detect_studio: true,
            detect_title: true,
            detect_date: true,
            min_confidence: 0.5,
            max_scenes: 100_000,
            again: false,
        }
    }
}

impl Job for NonAiAnalysis {
    const SPEC: JobSpec = JobSpec::new("non_ai_analysis", "Analysis by Names")
        .category("AI Analysis")
        .color(Color::Green)
        .icon("file-search")
        .unit("scene", "scenes");

    fn validate(&self) -> Result<(), Vec<FieldError>> {
        let wanted =
            [self.detect_tags, self.detect_performers, self.detect_studio, self.detect_title, self.detect_date];
        if wanted.contains(&true) {
            return Ok(());
        }
        Err(vec![FieldError::at("detect_tags", "nothing is to be detected; choose one thing at least")])
    }

    async fn run(self, ctx: JobContext) -> JobResult {
        let wanted = Wanted {
            scene_ids: self.scene_ids.clone(),
            again: self.again,
            max_scenes: self.max_scenes,
            min_confidence: self.min_confidence,
            create_missing: false,
        };
        let params = serde_json::to_value(&self)?;
        let (mut plan, left) = Building::begin(&ctx, PlanSource::Names, None, params, &wanted).await?;
        let run = self.look(&ctx, &mut plan, &left).await;
        let plan = plan.end(run).await?;
        let message = format!("Found {} changes", plan.found());
        Ok(Outcome::completed().message(message).data(json!({ "plan_id": plan.id(), "changes": plan.found() })))
    }
}

impl NonAiAnalysis {
    async fn look(&self, ctx: &JobContext, plan: &mut Building, left: &[String]) -> anyhow::Result<()> {
        let finder = Finder::new(&plan.catalog);
        for ids in left.chunks(BATCH) {
            ctx.checkpoint()?;
            let scenes = plan.scenes(ids).await?;
            let ideas = scenes.into_iter().map(|scene| {
                let ideas = self.ideas(&finder, &scene);
                (scene, ideas)
            });
            plan.keep(ideas.collect()).await?;
        }
        Ok(())
    }

    fn ideas(&self, finder: &Finder, scene: &SceneFacts) -> Vec<Suggestion> {
        let path = scene.path.as_deref().unwrap_or_default();
        let mut ideas = finder.look(path, &scene.title);
        ideas.retain(|idea| match idea.field {
            ChangeField::Tags => self.detect_tags,
            ChangeField::Performers => self.detect_performers,
            _ => self.detect_studio && scene.studio_id.is_none(),
        });
        let date = file_name::date(path).filter(|_| self.detect_date && scene.date.is_none());
        let title = file_name::title(path).filter(|_| self.detect_title && scene.title.trim().is_empty());
        let more = [
            date.map(|date| (ChangeField::Date, date.to_string(), 0.8, "a date in the file's name")),
            title.map(|title| (ChangeField::Title, title, 0.7, "the file's name")),
        ];
        ideas.extend(more.into_iter().flatten().map(|(field, value, confidence, why)| Suggestion {
            field,
            value,
            confidence,
            reason: Some(why.to_owned()),
        }));
        ideas
    }
}

inventory::submit!(JobType::of::<NonAiAnalysis>());
