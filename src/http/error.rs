//! What goes wrong, as RFC 9457 problem documents.
//!
//! A client that handles errors looks at `code`: it never changes. `detail` is for people and says what to do. An error of
//! the server itself is logged here, once, and its client learns nothing of it but that it happened.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actors::health::ReasonCode;
use crate::job::FieldError;
use crate::store::outage::Outage;
use crate::store::row::JobSummary;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong. Stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The body is not JSON.
    InvalidJson,
    /// The body could not be read to its end.
    InvalidBody,
    /// Query parameters are unknown or wrong: see `parameters`.
    InvalidQuery,
    /// A part of the path is wrong.
    InvalidPath,
    /// The header `Idempotency-Key` is no key.
    InvalidIdempotencyKey,
    /// Another web site asks.
    ForeignOrigin,
    /// The server was asked under a name that is not its own.
    ForeignHost,
    /// There is no such path.
    UnknownPath,
    /// There is no such job.
    UnknownJob,
    /// There is no such job type: see `near` and `known`.
    UnknownJobType,
    /// There is no such schedule.
    UnknownSchedule,
    /// There is no such service: see `known`.
    UnknownService,
    /// There is no such plan.
    UnknownPlan,
    /// Nothing of that kind and id was synced.
    UnknownEntity,
    /// The path exists, but not with this method: see the `Allow` header.
    MethodNotAllowed,
    /// The body took too long to arrive.
    BodyTimeout,
    /// The type is exclusive and `job` is pending or running.
    ExclusiveJobActive,
    /// `job`, which has the same params or the same unique key, is pending, running or cancelling.
    DuplicateJobActive,
    /// Another schedule has this name.
    ScheduleNameTaken,
    /// An earlier job of the schedule has not ended, and it is to make no other then, or its queue is full: see `job`.
    ScheduleJobActive,
    /// The job has ended: it can't be cancelled.
    JobEnded,
    /// The job has not ended: it can't be retried.
    JobNotEnded,
    /// Another job does it again already: see `job`.
    AlreadyRetried,
    /// The job has no failed items that could be retried.
    NoFailedItems,
    /// Not all failed items of the job were kept.
    FailedItemsIncomplete,
    /// The plan is still being built.
    PlanBuilding,
    /// The thing was changed since the client read it: its `If-Match` does not hold.
    PreconditionFailed,
    /// A request with this `Idempotency-Key` is being executed: see the `Retry-After` header.
    IdempotencyKeyInUse,
    /// This `Idempotency-Key` was used for another request within the last day.
    IdempotencyKeyReused,
    /// The body is larger than this path takes.
    BodyTooLarge,
    /// The body is not declared as JSON.
    UnsupportedMediaType,
    /// Fields of the body are wrong: see `errors`.
    InvalidFields,
    /// A setting that the job type needs is not set: `detail` names it.
    SettingMissing,
    /// The path is a WebSocket, and the request does not ask for one as it should.
    UpgradeRequired,
    /// A fault of the server. It is in its log.
    Internal,
    /// The database does not answer, or the server is going down. Nothing was stored, and nothing will be.
    Unavailable,
    /// The database was asked to store something and has not answered: it may have done so, or do so later.
    OutcomeUnknown,
    /// The question takes the database too long.
    QueryTimeout,
}

impl ErrorCode {
    /// The word for it in JSON; the end of the problem's `type`.
    pub const fn as_str(self) -> &'static str {
        self.about().0
    }

    /// The status that it is answered with.
    pub fn status(self) -> StatusCode {
        self.about().1
    }

    const fn about(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::InvalidJson => ("invalid_json", StatusCode::BAD_REQUEST, "the body is not JSON"),
            Self::InvalidBody => ("invalid_body", StatusCode::BAD_REQUEST, "the body can't be read"),
            Self::InvalidQuery => ("invalid_query", StatusCode::BAD_REQUEST, "wrong query parameters"),
            Self::InvalidPath => ("invalid_path", StatusCode::BAD_REQUEST, "wrong path"),
            Self::InvalidIdempotencyKey => {
                ("invalid_idempotency_key", StatusCode::BAD_REQUEST, "Invalid Idempotency-Key")
            }
            Self::ForeignOrigin => ("foreign_origin", StatusCode::FORBIDDEN, "another site asks"),
            Self::ForeignHost => ("foreign_host", StatusCode::FORBIDDEN, "not the name of this server"),
            Self::UnknownPath => ("unknown_path", StatusCode::NOT_FOUND, "no such path"),
            Self::UnknownJob => ("unknown_job", StatusCode::NOT_FOUND, "no such job"),
            Self::UnknownJobType => ("unknown_job_type", StatusCode::NOT_FOUND, "no such job type"),
            Self::UnknownSchedule => ("unknown_schedule", StatusCode::NOT_FOUND, "no such schedule"),
            Self::UnknownService => ("unknown_service", StatusCode::NOT_FOUND, "no such service"),
            Self::UnknownPlan => ("unknown_plan", StatusCode::NOT_FOUND, "no such plan"),
            Self::UnknownEntity => ("unknown_entity", StatusCode::NOT_FOUND, "not in the library"),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "wrong method"),
            Self::BodyTimeout => ("body_timeout", StatusCode::REQUEST_TIMEOUT, "the body took too long"),
            Self::ExclusiveJobActive => ("exclusive_job_active", StatusCode::CONFLICT, "one at a time"),
            Self::DuplicateJobActive => ("duplicate_job_active", StatusCode::CONFLICT, "A duplicate job is active"),
            Self::ScheduleNameTaken => ("schedule_name_taken", StatusCode::CONFLICT, "the name is taken"),
            Self::ScheduleJobActive => ("schedule_job_active", StatusCode::CONFLICT, "one job at a time"),
            Self::JobEnded => ("job_ended", StatusCode::CONFLICT, "the job has ended"),
            Self::JobNotEnded => ("job_not_ended", StatusCode::CONFLICT, "the job has not ended"),
            Self::AlreadyRetried => ("already_retried", StatusCode::CONFLICT, "the job is already being retried"),
            Self::NoFailedItems => ("no_failed_items", StatusCode::CONFLICT, "no failed items"),
            Self::FailedItemsIncomplete => {
                ("failed_items_incomplete", StatusCode::CONFLICT, "not all failed items were kept")
            }
            Self::PlanBuilding => ("plan_building", StatusCode::CONFLICT, "the plan is being built"),
            Self::PreconditionFailed => {
                ("precondition_failed", StatusCode::PRECONDITION_FAILED, "changed by somebody else")
            }
            Self::IdempotencyKeyInUse => {
                ("idempotency_key_in_use", StatusCode::CONFLICT, "The Idempotency-Key is in use")
            }
            Self::IdempotencyKeyReused => (
                "idempotency_key_reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The Idempotency-Key belongs to another request",
            ),
            Self::BodyTooLarge => ("body_too_large", StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is not declared as JSON")
            }
            Self::InvalidFields => ("invalid_fields", StatusCode::UNPROCESSABLE_ENTITY, "wrong fields"),
            Self::SettingMissing => ("setting_missing", StatusCode::UNPROCESSABLE_ENTITY, "a setting is missing"),
            Self::UpgradeRequired => ("upgrade_required", StatusCode::UPGRADE_REQUIRED, "a WebSocket"),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "a fault of the server"),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "not available"),
            Self::OutcomeUnknown => ("outcome_unknown", StatusCode::GATEWAY_TIMEOUT, "Outcome unknown"),
            Self::QueryTimeout => ("query_timeout", StatusCode::SERVICE_UNAVAILABLE, "the question takes too long"),
        }
    }
}

/// What is wrong with a query parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BadParameter {
    /// Its name.
    pub parameter: String,
    /// What is wrong, and what is allowed.
    pub message: String,
}

/// An error as clients get it (RFC 9457).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:stashhog:problem:` and the code.
    #[serde(rename = "type")]
    pub uri: String,
    /// The code in words.
    pub title: String,
    /// The status of the answer, again.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What went wrong here, and what to do.
    pub detail: String,
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// One entry per wrong field. Pointers lead into the body of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// One entry per wrong query parameter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<BadParameter>,
    /// Why it is `unavailable`: as `/health/ready` names it. It may be better by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cause: Option<ReasonCode>,
    /// The job that stands in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub job: Option<JobSummary>,
    /// Names that may have been meant, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
    /// All names that would have been right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<String>,
}

/// An error on its way to the client. A box, so that the good way does not carry its size.
#[derive(Clone, Debug)]
pub struct ApiError(Box<Problem>);

impl ApiError {
    /// A problem with a sentence about what happened.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let (word, status, title) = code.about();
        Self(Box::new(Problem {
            uri: format!("urn:stashhog:problem:{word}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            errors: Vec::new(),
            parameters: Vec::new(),
            cause: None,
            job: None,
            near: Vec::new(),
            known: Vec::new(),
        }))
    }

    /// A fault of the server: logged with what is known of it, answered without.
    pub fn internal(error: impl fmt::Display) -> Self {
        tracing::error!(%error, "a request failed by a fault of the server");
        Self::new(ErrorCode::Internal, "the server made a mistake; its log says more")
    }

    /// Wrong fields.
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] if one.pointer.is_empty() => one.message.clone(),
            [one] => format!("{}: {}", one.pointer, one.message),
            many => format!("{} fields are wrong; `errors` names each", many.len()),
        };
        let mut error = Self::new(ErrorCode::InvalidFields, detail);
        error.0.errors = errors;
        error
    }

    /// One wrong field.
    pub fn field(pointer: &str, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { pointer: pointer.to_owned(), message: message.into() }])
    }

    /// Wrong query parameters.
    pub fn parameters(parameters: Vec<BadParameter>) -> Self {
        let each: Vec<_> = parameters.iter().map(|p| format!("{}: {}", p.parameter, p.message)).collect();
        let mut error = Self::new(ErrorCode::InvalidQuery, each.join("; "));
        error.0.parameters = parameters;
        error
    }

    /// Adds the job that stands in the way.
    pub fn job(mut self, job: JobSummary) -> Self {
        self.0.job = Some(job);
        self
    }

    /// Adds the names that may have been meant, and all.
    pub fn names(mut self, near: Vec<String>, known: Vec<String>) -> Self {
        (self.0.near, self.0.known) = (near, known);
        self
    }

    /// The database can't serve a request. `rest` says what became of it, or what to do.
    pub fn outage(outage: Outage, rest: &str) -> Self {
        Self::new(ErrorCode::Unavailable, format!("{}; {rest}", outage.message())).cause(outage.into())
    }

    /// Adds why it is unavailable.
    pub fn cause(mut self, cause: ReasonCode) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// Says more about what happened, after what is said already.
    pub fn but(mut self, more: &str) -> Self {
        self.0.detail = format!("{}; {more}", self.0.detail);
        self
    }

    /// The document.
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, PROBLEM_JSON));
        match self.0.code {
            ErrorCode::MethodNotAllowed => response.insert_header((ALLOW, self.0.known.join(", "))),
            ErrorCode::Unavailable | ErrorCode::QueryTimeout => {
                response.insert_header((RETRY_AFTER, retry_after(self.0.cause)))
            }
            ErrorCode::IdempotencyKeyInUse => response.insert_header((RETRY_AFTER, "1")),
            ErrorCode::UpgradeRequired => {
                response.insert_header((UPGRADE, "websocket")).insert_header((SEC_WEBSOCKET_VERSION, "13"))
            }
            _ => &mut response,
        };
        // Strings and numbers: a problem always becomes JSON, and `json` keeps a content type that is set.
        response.json(&self.0)
    }
}

/// After how many seconds it makes sense to try again: soon where it passes by itself, later where somebody has to act.
fn retry_after(cause: Option<ReasonCode>) -> u32 {
    match cause {
        Some(ReasonCode::DatabaseFull | ReasonCode::DatabaseRefusesWrites | ReasonCode::DatabaseReadOnly) => 10,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError;

    use super::{ApiError, ErrorCode};
    use crate::job::FieldError;

    #[test]
    fn the_word_of_a_code_is_the_one_in_json() {
        for code in [ErrorCode::InvalidJson, ErrorCode::UnknownJobType, ErrorCode::FailedItemsIncomplete] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn one_wrong_field_is_told_in_the_detail_and_many_are_counted() {
        let field = |pointer: &str| FieldError { pointer: pointer.into(), message: "must be more".into() };
        assert_eq!(ApiError::fields(vec![field("/a")]).problem().detail, "/a: must be more");
        assert!(ApiError::fields(vec![field("/a"), field("/b")]).problem().detail.starts_with("2 fields"));
    }

    #[test]
    fn a_problem_has_the_media_type_of_one() {
        let response = ApiError::new(ErrorCode::UnknownJob, "no").error_response();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
    }
}
