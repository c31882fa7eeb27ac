//! How a command ends: the exit status that scripts rely on, and what went wrong in words.

use std::process::ExitCode;

use crate::job::{OutcomeKind, Status};
use crate::store::row::JobSummary;

/// The exit status of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; the job completed.
    Completed = 0,
    /// The job failed, or the command did.
    Failed = 1,
    /// The command line or the params make no sense. clap's status, too.
    Usage = 2,
    /// The job completed, but some of its items failed.
    CompletedWithErrors = 3,
    /// The job was cancelled. What shells use for Ctrl-C.
    Cancelled = 130,
}

impl Exit {
    /// The status that tells how a job ended. A job that has not ended is no failure.
    pub fn of(job: &JobSummary) -> Self {
        match (job.status, job.outcome) {
            (Status::Failed, _) => Self::Failed,
            (Status::Cancelled, _) => Self::Cancelled,
            (Status::Completed, Some(OutcomeKind::CompletedWithErrors)) => Self::CompletedWithErrors,
            (Status::Completed | Status::Pending | Status::Running | Status::Cancelling, _) => Self::Completed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do what it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// It was asked for the wrong thing: exit status 2.
    Usage(String),
    /// It went wrong: exit status 1.
    Failed(String),
    /// Whoever read the output has left (`| head`): nothing to say, and nobody to say it to.
    Unread,
}

/// What commands return.
pub type Done = Result<Exit, Failure>;

impl Failure {
    /// The exit status.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Failed(_) => Exit::Failed,
            Self::Unread => Exit::Completed,
        }
    }

    /// What to tell, without the `error: ` before it.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Usage(text) | Self::Failed(text) => Some(text),
            Self::Unread => None,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;
    use crate::cli::words::tests::job;
    use crate::job::{OutcomeKind, Status};

    #[test]
    fn the_exit_status_tells_how_a_job_ended() {
        let exit = |status, outcome| {
            let mut job = job();
            (job.status, job.outcome) = (status, outcome);
            Exit::of(&job) as u8
        };
        assert_eq!(exit(Status::Completed, Some(OutcomeKind::Completed)), 0);
        assert_eq!(exit(Status::Failed, Some(OutcomeKind::Failed)), 1);
        assert_eq!(exit(Status::Failed, None), 1);
        assert_eq!(exit(Status::Completed, Some(OutcomeKind::CompletedWithErrors)), 3);
        assert_eq!(exit(Status::Cancelled, Some(OutcomeKind::Completed)), 130);
    }
}
