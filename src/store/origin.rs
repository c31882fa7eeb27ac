//! Where a job comes from, as its metadata tells: who had it made (`triggered_by`), and by which way (`source`).
//!
//! Both follow from what the job itself says, when it is stored: whoever makes one can neither forget nor contradict them.

use serde_json::{Map, Value};

use super::enqueue::NewJob;

/// By which way somebody asks for a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// A program.
    #[default]
    Api,
    /// The web UI.
    Ui,
    /// The command line.
    Cli,
    /// Rust code, in a transaction of its own.
    Code,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Ui => "ui",
            Self::Cli => "cli",
            Self::Code => "code",
        }
    }
}

impl NewJob {
    /// Its metadata with its origin: `triggered_by` is `manual`, `retry`, `schedule` or `job`; `source` is `api`, `ui`, `cli`, `code`,
    /// `schedule:NAME` or `job:ID`.
    pub fn whole_metadata(&self) -> Value {
        let mut all = Map::new();
        let scheduled = self.created_by.starts_with("schedule:");
        let triggered_by = match (self.parent_id, self.retry_of) {
            (Some(_), _) => "job",
            (None, _) if scheduled => "schedule",
            (None, Some(_)) => "retry",
            (None, None) => "manual",
        };
        let by_itself = scheduled || self.parent_id.is_some();
        let source = if by_itself { self.created_by.as_str() } else { self.way.name() };
        all.insert("triggered_by".to_owned(), triggered_by.into());
        all.insert("source".to_owned(), source.into());
        if let Value::Object(further) = &self.metadata {
            all.extend(further.clone());
        }
        Value::Object(all)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::{NewJob, Way};
    use crate::job::JobSpec;

    #[test]
    fn every_job_says_who_had_it_made_and_by_which_way() {
        let id = Some(Uuid::now_v7());
        let by = |actor| NewJob::of(&JobSpec::new("walk", "Walk"), json!({}), actor);
        let schedule = "schedule:Every night";
        for (job, triggered_by, source) in [
            (by("anonymous"), "manual", "api"),
            (NewJob { way: Way::Ui, ..by("anonymous") }, "manual", "ui"),
            (NewJob { way: Way::Cli, schedule_id: id, ..by("cli") }, "manual", "cli"),
            (NewJob { way: Way::Ui, retry_of: id, ..by("anonymous") }, "retry", "ui"),
            (NewJob { schedule_id: id, ..by(schedule) }, "schedule", schedule),
            (NewJob { parent_id: id, ..by("job:7") }, "job", "job:7"),
        ] {
            assert_eq!(job.whole_metadata(), json!({ "triggered_by": triggered_by, "source": source }));
        }
        let more = NewJob { metadata: json!({ "due_at": null }), ..by("cli") };
        assert_eq!(more.whole_metadata()["due_at"], json!(null));
        assert_eq!(more.whole_metadata().as_object().unwrap().len(), 3);
    }
}
