//! Who asks: the name that a write records.
//!
//! Without tokens nobody proves who he is, so a request can claim no name: it is anonymous, or comes from the command line, which
//! says so in its `User-Agent` for the benefit of people who read a history, not for safety.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{FromRequest, HttpRequest};

use super::error::ApiError;

/// How the command line's `User-Agent` begins.
const CLI: &str = "stashhog-cli/";

/// The actor of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorName(pub String);

impl FromRequest for ActorName {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let name = if agent.is_some_and(|agent| agent.starts_with(CLI)) { "cli" } else { "anonymous" };
        ready(Ok(Self(name.to_owned())))
    }
}
