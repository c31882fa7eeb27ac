//! Every 503 names its cause: as `/health/ready` would, at the time of the answer.
//!
//! Most commands go through actors, which answer that something was not done; the connection that failed has told the node's
//! health why. Here the two come together.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, ResponseError};

use super::error::{ApiError, ErrorCode};
use super::state::AppState;
use crate::actors::health::{Health, ReasonCode};

/// Adds the cause to an answer that has none.
pub async fn name_cause<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let state = request.app_data::<Data<AppState>>().cloned();
    let response = next.call(request).await?;
    let error = response.response().error().and_then(Error::as_error::<ApiError>);
    match state.zip(error).and_then(|(state, error)| named(error, &state.health)) {
        Some(error) => Ok(response.into_response(error.error_response()).map_into_right_body()),
        None => Ok(response.map_into_left_body()),
    }
}

fn named(error: &ApiError, health: &Health) -> Option<ApiError> {
    let problem = error.problem();
    if problem.code != ErrorCode::Unavailable || problem.cause.is_some() {
        return None;
    }
    match health.database.outages().first() {
        Some(now) => Some(ApiError::outage(now.outage, &problem.detail)),
        None => health.is_stopping().then(|| error.clone().cause(ReasonCode::Stopping)),
    }
}
