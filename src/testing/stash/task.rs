//! The tasks of a fake Stash: one advances each time that somebody looks at it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// A task of a fake Stash.
#[derive(Clone, Debug, PartialEq)]
pub struct FakeTask {
    /// Its id.
    pub id: String,
    /// What Stash calls it.
    pub description: String,
    /// `RUNNING`, `FINISHED`, `CANCELLED` or `FAILED`.
    pub status: &'static str,
    /// What it was started with.
    pub input: Value,
    added_at: DateTime<Utc>,
    looked: u32,
}

pub(super) struct Tasks {
    pub(super) all: Vec<FakeTask>,
    pub(super) looks: Option<u32>,
    pub(super) error: Option<String>,
    started: u32,
}

impl Default for Tasks {
    fn default() -> Self {
        Self { all: Vec::new(), looks: Some(3), error: None, started: 0 }
    }
}

impl Tasks {
    pub(super) fn start(&mut self, description: &str, input: Value) -> String {
        self.started += 1;
        let id = self.started.to_string();
        let description = description.to_owned();
        self.all.push(FakeTask {
            id: id.clone(),
            description,
            status: "RUNNING",
            input,
            added_at: Utc::now(),
            looked: 0,
        });
        id
    }

    pub(super) fn look(&mut self, id: &str) -> Value {
        let (looks, error) = (self.looks, self.error.clone());
        let Some(task) = self.all.iter_mut().find(|task| task.id == id) else { return Value::Null };
        task.looked += 1;
        let progress = looks.map(|looks| f64::from(task.looked.min(looks)) / f64::from(looks.max(1)));
        if task.status == "RUNNING" && looks.is_some_and(|looks| task.looked >= looks) {
            task.status = if error.is_some() { "FAILED" } else { "FINISHED" };
        }
        let error = error.filter(|_| task.status == "FAILED");
        json!({
            "id": task.id, "status": task.status, "description": task.description, "error": error,
            "addTime": task.added_at,
            "subTasks": [format!("file {}", task.looked)], "progress": progress.unwrap_or(0.5),
        })
    }

    pub(super) fn queue(&self) -> Value {
        let running = self.all.iter().filter(|task| task.status == "RUNNING");
        running.map(|task| json!({ "id": task.id, "status": task.status, "description": task.description })).collect()
    }

    pub(super) fn stop(&mut self, id: &str) {
        if let Some(task) = self.all.iter_mut().find(|task| task.id == id && task.status == "RUNNING") {
            task.status = "CANCELLED";
        }
    }
}
