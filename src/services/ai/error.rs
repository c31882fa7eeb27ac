//! Why a question has no answer that can be used.

use crate::services::ServiceError;

/// Why a question has no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum AiError {
    /// The service could not be asked.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The model won't answer.
    #[error("the model `{model}` refuses to answer{said}")]
    Refuses {
        /// The model.
        model: String,
        /// What it said, behind a colon.
        said: String,
    },
    /// The answer was too long for the model.
    #[error("the answer of the model `{model}` was cut off at its limit; ask about fewer things at a time")]
    CutOff {
        /// The model.
        model: String,
    },
    /// The answer is not of the form that was asked for.
    #[error("the model `{model}` did not answer in the form that was asked for, even when it was told so: {reason}")]
    Unfit {
        /// The model.
        model: String,
        /// What is wrong with its last answer.
        reason: String,
    },
}

impl AiError {
    /// Whether the job was asked to stop: then it is no failure of the service.
    pub fn is_stop(&self) -> bool {
        matches!(self, Self::Service(error) if error.is_stop())
    }

    /// Whether no other question can fare better: the settings are wrong.
    pub fn is_for_all(&self) -> bool {
        matches!(self, Self::Service(ServiceError::WrongKey { .. } | ServiceError::Settings(_)))
            || matches!(self, Self::Service(ServiceError::Refused { status: 404, .. }))
    }

    /// Whether the service itself is in trouble, rather than the model with one question.
    pub fn is_of_the_service(&self) -> bool {
        matches!(self, Self::Service(_))
    }
}
