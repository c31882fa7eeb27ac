//! The errors of each path, as the OpenAPI document lists them: groups that paths have in common.
//!
//! These types are never made; [`ApiError`](super::error::ApiError) answers. They say which answers to expect.

use utoipa::IntoResponses;

use super::error::Problem;

/// What any question may be answered with.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum AnyQuestion {
    /// `invalid_query`: a query parameter is unknown or wrong. `invalid_path`: a part of the path is wrong.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] Problem),
    /// `foreign_host`: the server was asked under a name that is not its own. `foreign_origin`: another site opens a WebSocket.
    #[response(status = 403, content_type = "application/problem+json")]
    Foreign(#[to_schema] Problem),
    /// `unavailable`: the database does not answer. `query_timeout`: the question takes too long; narrow it.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}

/// What any write may be answered with.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum AnyWrite {
    /// `invalid_json`, `invalid_body`: the body is not JSON. `invalid_query`, `invalid_path`: the URL is wrong.
    /// `invalid_idempotency_key`: the header `Idempotency-Key` is no key.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] Problem),
    /// `foreign_host`, `foreign_origin`: another site asks, or the server was asked under a name that is not its own.
    #[response(status = 403, content_type = "application/problem+json")]
    Foreign(#[to_schema] Problem),
    /// `body_timeout`: the body took too long to arrive.
    #[response(status = 408, content_type = "application/problem+json")]
    Late(#[to_schema] Problem),
    /// `body_too_large`: the body is larger than this path takes.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// `unsupported_media_type`: the body is not declared as JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(#[to_schema] Problem),
    /// `invalid_fields`: fields are wrong; `errors` has an entry with a JSON pointer into the body for each. `setting_missing`: the job type needs a setting that
    /// is not set. `idempotency_key_reused`: the `Idempotency-Key` belongs to another request.
    #[response(status = 422, content_type = "application/problem+json")]
    Fields(#[to_schema] Problem),
    /// `unavailable`: the database does not answer, or the server is going down; nothing was stored, and nothing will be.
    /// `query_timeout`: narrow the question.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
    /// `outcome_unknown`: the database was asked to store it and has not answered; it may have done so, or do so later.
    #[response(status = 504, content_type = "application/problem+json")]
    Unknown(#[to_schema] Problem),
}

/// What a live path may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum NoSocket {
    /// `upgrade_required`: the request is not the handshake of a WebSocket.
    #[response(status = 426, content_type = "application/problem+json")]
    Plain(#[to_schema] Problem),
}

/// What a path of one job may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum UnknownJob {
    /// `unknown_job`: there is no such job.
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(#[to_schema] Problem),
}

/// What a path of one job type may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum UnknownJobType {
    /// `unknown_job_type`: there is no such job type; `near` lists what may have been meant, `known` all.
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(#[to_schema] Problem),
}

/// What a path of one service may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum UnknownService {
    /// `unknown_service`: there is no such service; `known` lists all.
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(#[to_schema] Problem),
}

/// What a path of one schedule may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum UnknownSchedule {
    /// `unknown_schedule`: there is no such schedule.
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(#[to_schema] Problem),
}

/// What a path of one plan may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum UnknownPlan {
    /// `unknown_plan`: there is no such plan.
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(#[to_schema] Problem),
}

/// What a write of something that has an `ETag` may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum Changed {
    /// `precondition_failed`: `If-Match` was sent, and somebody has changed it since; read it again, and repeat the change.
    #[response(status = 412, content_type = "application/problem+json")]
    Changed(#[to_schema] Problem),
}

/// What a path of the library may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum UnknownEntity {
    /// `unknown_entity`: nothing of that kind and id was synced.
    #[response(status = 404, content_type = "application/problem+json")]
    Unknown(#[to_schema] Problem),
}

/// What naming a schedule may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum NameTaken {
    /// `schedule_name_taken`: another schedule has this name.
    #[response(status = 409, content_type = "application/problem+json")]
    Taken(#[to_schema] Problem),
}

/// What running a schedule may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum NoRoom {
    /// `schedule_job_active`: an earlier `job` of the schedule has not ended, and its overlap is `skip`, or its queue is full.
    /// `exclusive_job_active`: its type is exclusive, and `job` is pending or running.
    #[response(status = 409, content_type = "application/problem+json")]
    Taken(#[to_schema] Problem),
}

/// What submitting a job may be answered with besides.
#[allow(dead_code)]
#[derive(IntoResponses)]
pub enum Taken {
    /// `exclusive_job_active`: the type is exclusive, and `job` is pending or running. `duplicate_job_active`: `job`, which has the
    /// same unique key or, of a type that is unique by its params, the same params, is.
    #[response(status = 409, content_type = "application/problem+json")]
    Exclusive(#[to_schema] Problem),
}
