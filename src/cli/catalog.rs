//! The job types as a command sees them: those of the server, or, where none runs, those of this program.

use std::time::Duration;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::client::{Client, read};
use super::exit::Failure;
use super::reach::Reach;
use super::words;
use crate::actors::health::RunnerState;
use crate::http::job_types::JobTypeView;
use crate::job::Registered;
use crate::store::pauses::Pause;

/// A job type, as the API shows it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TypeEntry {
    /// Its name.
    #[serde(rename = "type")]
    pub name: String,
    /// What people call it.
    pub label: String,
    /// What it does.
    pub description: String,
    /// What it counts.
    pub unit: UnitEntry,
    /// `per_node`, `serial` or `exclusive`.
    pub admission: String,
    /// How many at a time on a node.
    pub concurrency: u32,
    /// How many at a time in the cluster.
    #[serde(default)]
    pub in_cluster: Option<u32>,
    /// Set while it is paused. This program alone, without a server, can't tell.
    #[serde(default)]
    pub paused: Option<Pause>,
    /// The JSON Schema of its params.
    pub params_schema: Value,
    /// Whatever else there is to know.
    #[serde(flatten)]
    pub more: serde_json::Map<String, Value>,
}

/// What a type counts.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct UnitEntry {
    /// For one.
    pub singular: String,
    /// For any other number.
    pub plural: String,
}

/// All types.
pub struct Catalog(Vec<TypeEntry>);

impl Catalog {
    /// Asks the server that runs, else this program itself: that needs no database.
    pub async fn fetch(reach: &Reach) -> Result<Self, Failure> {
        match reach.running().await? {
            Some(client) => Self::of(&client).await,
            None => reach.registry.iter().map(TypeEntry::own).collect::<Result<_, _>>().map(Self),
        }
    }

    /// Asks a server.
    pub async fn of(client: &Client) -> Result<Self, Failure> {
        let answer = client.get("api/job-types", &[]).await?;
        Ok(Self(read(&answer["job_types"])?))
    }

    /// All types, by name.
    pub fn all(&self) -> &[TypeEntry] {
        &self.0
    }

    /// The type of that name; dashes are as good as underscores.
    pub fn get(&self, name: &str) -> Result<&TypeEntry, Failure> {
        let wanted = name.replace('-', "_");
        self.0.iter().find(|t| t.name == wanted).ok_or_else(|| {
            let near = match words::near(name, self.0.iter().map(|t| t.name.as_str())).first() {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            Failure::Usage(format!("there is no job type `{name}`{near}\n`{} types` lists them", words::program()))
        })
    }

    /// What jobs of a type are called and what they count, also when the type is unknown here.
    pub fn names_of<'a>(&'a self, type_name: &'a str) -> (&'a str, &'a str) {
        let found = self.0.iter().find(|t| t.name == type_name);
        found.map_or((type_name, "items"), |t| (t.label.as_str(), t.unit.plural.as_str()))
    }
}

impl TypeEntry {
    /// How many may run, in words.
    pub fn admission(&self) -> String {
        match self.admission.as_str() {
            "per_node" => match self.in_cluster {
                Some(limit) => format!("{} at a time, {limit} in all", self.concurrency),
                None => format!("{} at a time", self.concurrency),
            },
            other => other.to_owned(),
        }
    }

    /// What else there is to know of how its jobs run, a line each.
    pub fn policies(&self) -> Vec<String> {
        let number = |of: &Value, name: &str| of.get(name).and_then(Value::as_f64);
        let seconds =
            |of: &Value, name: &str| number(of, name).map(|s| words::duration(Duration::from_secs_f64(s.max(0.0))));
        let rate = self.more.get("rate_limit").and_then(|rate| {
            Some(format!("at most {} starts in {}", number(rate, "starts")?, seconds(rate, "period_seconds")?))
        });
        let timeout = self.more.get("timeout_seconds").and_then(Value::as_f64);
        let timeout = timeout.map(|limit| {
            format!("an attempt is stopped after {}", words::duration(Duration::from_secs_f64(limit.max(0.0))))
        });
        let retry = self.more.get("retry").and_then(|retry| {
            let (first, longest) = (seconds(retry, "first_pause_seconds")?, seconds(retry, "longest_pause_seconds")?);
            Some(format!("{} retries after a failure, {first} to {longest} apart", number(retry, "retries")?))
        });
        let unique = self.more.get("unique_by_params").and_then(Value::as_bool).filter(|unique| *unique);
        let unique = unique.map(|_| "one with the same params at a time".to_owned());
        [unique, rate, timeout, retry].into_iter().flatten().collect()
    }

    /// `paused by cli 5m ago: the disk is full`, if it is.
    pub fn pause(&self) -> Option<String> {
        let pause = self.paused.as_ref()?;
        let why = pause.reason.as_ref().map(|why| format!(": {}", words::one_line(why))).unwrap_or_default();
        Some(format!("paused by {} {}{why}", pause.by, words::relative(pause.at, Utc::now())))
    }
}

impl TypeEntry {
    /// A type of this program, told as a server would.
    fn own(registered: &Registered) -> Result<Self, Failure> {
        let runner = RunnerState::idle(registered.spec.slots().into());
        let view = serde_json::to_value(JobTypeView::new(registered, None, runner));
        let view = view.map_err(|e| Failure::Failed(format!("job type `{}`: {e}", registered.spec.name)))?;
        Ok(read(&view)?)
    }
}
