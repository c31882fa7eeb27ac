//! What is said over the WebSocket, both ways: text frames of JSON.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::store::history::LogRow;
use crate::store::listing::Watch;
use crate::store::row::JobSummary;

/// The longest name of a type that a client may give: it is kept as long as the client is there.
const NAME_BYTES: usize = 200;

/// A frame from a client.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Adds to what the client is told, beginning with a `snapshot` (or a `job_update` of what changed after `since`).
    Subscribe(Subscribe),
    /// Takes from what the client is told.
    Unsubscribe(Target),
    /// Asks for a `pong`.
    Ping,
}

/// A wish to be told.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Subscribe {
    /// Of which jobs.
    #[serde(flatten)]
    pub target: Target,
    /// Whether their log lines too, from now on.
    #[serde(default)]
    pub logs: bool,
    /// The greatest `rev` that the client has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

/// Which jobs: exactly one of the three.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Target {
    /// All.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// These.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Vec<Uuid>>,
    /// Those of these types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<Vec<String>>,
}

impl Target {
    /// All jobs.
    pub const fn all() -> Self {
        Self { all: true, jobs: None, types: None }
    }

    /// One job.
    pub fn job(id: Uuid) -> Self {
        Self { all: false, jobs: Some(vec![id]), types: None }
    }

    /// The jobs to watch. `Err` says what to send instead.
    pub fn watch(self) -> Result<Watch, String> {
        match (self.all, self.jobs, self.types) {
            (true, None, None) => Ok(Watch::All),
            (false, Some(jobs), None) => Ok(Watch::Jobs(jobs)),
            (false, None, Some(types)) if types.iter().any(|t| t.len() > NAME_BYTES || t.contains('\0')) => {
                Err(format!("no type has a name of more than {NAME_BYTES} bytes or with a NUL character"))
            }
            (false, None, Some(types)) => Ok(Watch::Types(types)),
            _ => Err(r#"name exactly one of "all":true, "jobs":[…] and "types":[…]"#.to_owned()),
        }
    }
}

/// A frame from the server.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// What a client needs to begin with: all that runs and the newest jobs of what it wants. It replaces what the client
    /// held. A job that it held unfinished and that is not in here has to be asked for.
    Snapshot {
        /// Every change up to this number is in it.
        rev: i64,
        /// The jobs, newest first.
        jobs: Vec<JobSummary>,
    },
    /// Jobs that changed. What is not newer (by `rev` of the job) than what the client holds is to be ignored.
    JobUpdate {
        /// Greatest number in it.
        rev: i64,
        /// The jobs, oldest change first.
        jobs: Vec<JobSummary>,
    },
    /// Jobs that were deleted, as they had ended long ago. What was deleted while a client was away is not told; a snapshot no
    /// longer has it.
    JobRemoved {
        /// The jobs.
        jobs: Vec<Uuid>,
    },
    /// Log lines of a job.
    JobLog {
        /// The job.
        job_id: Uuid,
        /// Lines before these that were left out because the client was slow; they can be read from the log.
        skipped: u64,
        /// The lines, oldest first.
        lines: Vec<LogRow>,
    },
    /// The client said something that can't be done.
    Error {
        /// Stable and short.
        code: String,
        /// What to do instead.
        message: String,
    },
    /// The answer to a ping.
    Pong,
}
