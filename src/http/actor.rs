//! Who asks: the name that a write records.
//!
//! Without tokens nobody proves who he is, so a request can claim no name: it is anonymous, or comes from the command line, which
//! says so in its `User-Agent` for the benefit of people who read a history, not for safety. By `Origin`, which browsers send with
//! every write, the web UI is told from other programs: other sites have been kept out by then.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ORIGIN, USER_AGENT};
use actix_web::{FromRequest, HttpRequest};

use super::error::ApiError;
use crate::store::origin::Way;

/// How the command line's `User-Agent` begins.
const CLI: &str = "stashhog-cli/";

/// The actor of an act, and the way by which the request came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorName(pub String, pub Way);

impl FromRequest for ActorName {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let (name, way) = match agent.is_some_and(|agent| agent.starts_with(CLI)) {
            true => ("cli", Way::Cli),
            false if request.headers().contains_key(ORIGIN) => ("anonymous", Way::Ui),
            false => ("anonymous", Way::Api),
        };
        ready(Ok(Self(name.to_owned(), way)))
    }
}
