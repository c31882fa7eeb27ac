//! What the world may ask of the supervisor, and how it may be refused.

use std::time::Duration;

use actix::Message;
use uuid::Uuid;

use crate::store::enqueue::{NewJob, Unique};
use crate::store::pauses::Pause;
use crate::store::row::JobSummary;

/// Command: store these jobs, all or none. Answers with the committed rows, in the order given.
#[derive(Message)]
#[rtype(result = "Result<Vec<JobSummary>, SubmitError>")]
pub struct Submit {
    /// Checked jobs.
    pub jobs: Vec<NewJob>,
}

/// Why nothing was stored.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
    /// A duplicate is pending, running or cancelling.
    #[error("{}", taken(.existing, .rule))]
    Duplicate {
        /// That job.
        existing: Box<JobSummary>,
        /// What makes the two duplicates.
        rule: Unique,
        /// Which of the submitted jobs was refused.
        index: usize,
    },
    /// Two jobs of a batch are duplicates.
    #[error("{}", twice(.type_name, .rule))]
    Twice {
        /// The type.
        type_name: &'static str,
        /// What makes the two duplicates.
        rule: Unique,
        /// Which of the submitted jobs was refused.
        index: usize,
    },
    /// Duplicates come and go: there was none in the way any more, and yet no room.
    #[error("jobs of `{0}` come and go at this moment; try again")]
    Busy(&'static str),
    /// The database does not answer.
    #[error("the database does not answer: {0}; try again")]
    Unavailable(String),
    /// The server goes down.
    #[error("the server is stopping; submit again when it is back")]
    Stopping,
}

fn taken(existing: &JobSummary, rule: &Unique) -> String {
    let (name, status, id) = (&existing.type_name, existing.status, existing.id);
    match rule {
        Unique::Type => format!("`{name}` is exclusive, and a job of it is already {status}: {id}"),
        Unique::Params => format!("a job of `{name}` with these params is already {status}: {id}"),
        Unique::Key(key) => format!("a job of `{name}` with the unique key `{key}` is already {status}: {id}"),
    }
}

fn twice(name: &str, rule: &Unique) -> String {
    match rule {
        Unique::Type => format!("`{name}` is exclusive: a batch can hold one of it"),
        Unique::Params => format!("a batch can hold one job of `{name}` with these params"),
        Unique::Key(key) => format!("a batch can hold one job of `{name}` with the unique key `{key}`"),
    }
}

/// Command: ask these jobs to stop. Answers for each, in the order given, once the wish is stored.
#[derive(Message)]
#[rtype(result = "Result<Vec<CancelAnswer>, Unavailable>")]
pub struct Cancel {
    /// The jobs.
    pub ids: Vec<Uuid>,
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
}

/// What became of a wish that a job stop.
#[derive(Clone, Debug)]
pub enum CancelAnswer {
    /// It is asked, or it was pending and is cancelled.
    Accepted(Box<JobSummary>),
    /// Somebody had asked it before.
    AskedBefore(Box<JobSummary>),
    /// It had ended.
    Terminal(Box<JobSummary>),
    /// There is no such job.
    Unknown(Uuid),
    /// Its row is locked by another session of the database. The wish is kept, and stored when the row is free.
    Kept(Uuid),
}

/// Command: start no more jobs of a type, or start them again; on every node. Answers, once that is stored, with the pause
/// that now holds, if one does.
#[derive(Message)]
#[rtype(result = "Result<Option<Pause>, Unavailable>")]
pub struct SetPaused {
    /// The type.
    pub type_name: &'static str,
    /// Whether it is to be paused.
    pub paused: bool,
    /// Who asks.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
}

/// The database does not answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the database does not answer ({0}); try again")]
pub struct Unavailable(pub String);

/// Fact: somebody else of this node stored jobs of these types.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MadePending(pub Vec<String>);

/// Command: claim no more, stop what runs, and answer when nothing is left.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain {
    /// The longest that jobs have to stop by themselves.
    pub grace: Duration,
}
