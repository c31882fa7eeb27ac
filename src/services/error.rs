//! What can go wrong with a service, told so that a person can act on it.

use std::time::Duration;

use crate::job::{Stopped, cut};

/// How much of what a service says is shown.
const SAID_BYTES: usize = 1_000;

/// Why a service gave no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServiceError {
    /// Nobody answers there.
    #[error("{service} can't be reached at {address}: {reason}; check that it runs, and the setting `{setting}`")]
    Unreachable {
        /// The service.
        service: &'static str,
        /// Where it was looked for.
        address: String,
        /// What the network says.
        reason: String,
        /// The setting that says where it is.
        setting: &'static str,
    },
    /// It took too long.
    #[error("{service} at {address} did not answer within {} s", .after.as_secs())]
    TimedOut {
        /// The service.
        service: &'static str,
        /// Where.
        address: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// It does not know who asks.
    #[error("{service} refuses the key or the password; check the setting `{setting}`")]
    WrongKey {
        /// The service.
        service: &'static str,
        /// The setting that has the key.
        setting: &'static str,
    },
    /// It refuses, or fails.
    #[error("{service} answered {status}{}", colon(.said))]
    Refused {
        /// The service.
        service: &'static str,
        /// Its HTTP status.
        status: u16,
        /// What it said, cut short.
        said: String,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// What it answered is not what this service answers.
    #[error("{service} at {address} gave an answer that makes no sense: {reason}")]
    WrongAnswer {
        /// The service.
        service: &'static str,
        /// Where.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It answered in its own way that it could not do it.
    #[error("{service} says: {messages}")]
    Said {
        /// The service.
        service: &'static str,
        /// What it said, cut short.
        messages: String,
    },
    /// The job was asked to stop while it waited. Pass it on with `?`.
    #[error("{0}")]
    Stopped(#[from] Stopped),
    /// A setting is missing or can't be.
    #[error("{0}")]
    Settings(String),
}

fn colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl ServiceError {
    /// The error of settings that are missing, or can't be.
    pub fn settings(error: anyhow::Error) -> Self {
        Self::Settings(format!("{error:#}"))
    }

    /// Whether the same call may well succeed a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::WrongKey { .. }
            | Self::WrongAnswer { .. }
            | Self::Said { .. }
            | Self::Stopped(_)
            | Self::Settings(_) => false,
        }
    }

    /// The error of an answer that consists of these messages.
    pub fn said(service: &'static str, messages: &[String]) -> Self {
        Self::Said { service, messages: cut(messages.join("; "), SAID_BYTES) }
    }

    /// Whether the service said that the entity that was asked for does not exist, in Stash's words: `scene with id 4 not found`.
    /// Much else can be not found, such as a file or a program, and the entity is there.
    pub fn is_missing(&self) -> bool {
        let Self::Said { messages, .. } = self else { return false };
        let id = messages.split_once(" with id ").and_then(|(what, rest)| {
            ["scene", "performer", "tag", "studio"].contains(&what).then(|| rest.strip_suffix(" not found"))?
        });
        id.is_some_and(|id| !id.is_empty() && !id.contains(char::is_whitespace))
    }

    /// Whether it concerns what was asked, and not the service as a whole: another question may well be answered.
    pub fn is_about_the_question(&self) -> bool {
        matches!(self, Self::Said { .. } | Self::WrongAnswer { .. } | Self::Refused { .. })
    }

    /// Whether it took too long: less of it may well be in time.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }

    /// Whether the job was asked to stop: then it is no failure of the service.
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Stopped(_))
    }
}

#[cfg(test)]
mod tests {
    use super::ServiceError;

    #[test]
    fn only_an_entity_that_is_not_found_is_missing() {
        let said = |message: &str| ServiceError::said("Stash", &[message.to_owned()]);
        for gone in ["scene with id 4 not found", "performer with id 1 not found", "studio with id 70 not found"] {
            assert!(said(gone).is_missing(), "{gone}");
        }
        for other in [
            "ffprobe not found",
            "scene with id 4: file not found",
            "gallery with id 4 not found",
            "tag with id  not found",
            "error: tag with id 4 not found",
        ] {
            assert!(!said(other).is_missing(), "{other}");
        }
    }
}
