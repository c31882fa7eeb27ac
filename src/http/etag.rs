//! Entity tags: of two people who edit the same thing, the second is told instead of overwriting the first.
//!
//! A tag is a digest of what people can edit. It is sent as the `ETag` header, and in the body as `etag` for clients that read
//! lists. A write with `If-Match` compares it inside its own transaction, with the row locked, so that two writes on two nodes
//! can't both pass. A write without `If-Match` is not checked.

use std::fmt::Write;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ETAG, EntityTag, Header};
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::error::{ApiError, ErrorCode};

/// The tag of what this value holds, as the header has it: in double quotes.
pub fn tag(of: &impl Serialize) -> String {
    let json = serde_json::to_vec(of).unwrap_or_default(); // strings, numbers and times: it always becomes JSON
    let mut tag = String::from('"');
    for byte in &Sha256::digest(json)[..16] {
        let _ = write!(tag, "{byte:02x}"); // a String takes it
    }
    tag.push('"');
    tag
}

/// An answer that carries the tag of its body.
pub fn tagged(tag: &str, body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((ETAG, tag)).json(body)
}

/// The `If-Match` header of a request.
#[derive(Clone, Debug)]
pub struct IfMatch(Option<header::IfMatch>);

impl IfMatch {
    /// Whether the client says what it has seen.
    pub const fn is_sent(&self) -> bool {
        self.0.is_some()
    }

    /// Refuses the write unless the client has seen the thing as it is now. `what` names the thing: `the schedule`.
    pub fn check(&self, current: &str, what: &str) -> Result<(), ApiError> {
        let met = match &self.0 {
            None | Some(header::IfMatch::Any) => true,
            Some(header::IfMatch::Items(seen)) => seen.iter().any(|seen| is(seen, current)),
        };
        if met {
            return Ok(());
        }
        let detail =
            format!("{what} was changed since you read it; read it again, and repeat the change on what it is now");
        Err(ApiError::new(ErrorCode::PreconditionFailed, detail))
    }
}

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let sent = request.headers().contains_key(header::IF_MATCH);
        // What can't be read matches nothing.
        let read = || header::IfMatch::parse(request).unwrap_or_else(|_| header::IfMatch::Items(Vec::new()));
        ready(Ok(Self(sent.then(read))))
    }
}

/// The `If-None-Match` header of a request.
#[derive(Clone, Debug)]
pub struct IfNoneMatch(Option<header::IfNoneMatch>);

impl IfNoneMatch {
    /// The answer with its tag; without a body (304) when the client holds it already. The tag must cover all of the body.
    pub fn answer(&self, tag: &str, body: &impl Serialize) -> HttpResponse {
        let held = match &self.0 {
            None => false,
            Some(header::IfNoneMatch::Any) => true,
            Some(header::IfNoneMatch::Items(held)) => held.iter().any(|held| is(held, tag)),
        };
        if held {
            HttpResponse::build(StatusCode::NOT_MODIFIED).insert_header((ETAG, tag)).finish()
        } else {
            tagged(tag, body)
        }
    }
}

impl FromRequest for IfNoneMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let sent = request.headers().contains_key(header::IF_NONE_MATCH);
        ready(Ok(Self(header::IfNoneMatch::parse(request).ok().filter(|_| sent))))
    }
}

/// Whether a tag that a client sent is this one. Proxies that compress make tags weak; the content is the same.
fn is(sent: &EntityTag, tag: &str) -> bool {
    sent.tag() == tag.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use actix_web::test::TestRequest;

    use super::{IfMatch, IfNoneMatch, tag};

    fn if_match(sent: &str) -> IfMatch {
        let request = TestRequest::default().insert_header(("if-match", sent)).to_http_request();
        IfMatch::extract(&request).into_inner().unwrap()
    }

    #[test]
    fn a_write_passes_with_the_tag_of_what_is_there() {
        let (now, before) = (tag(&1), tag(&2));
        assert_eq!(now.len(), 34);
        for sent in [now.clone(), format!("{before}, {now}"), format!("W/{now}"), "*".to_owned()] {
            assert!(if_match(&sent).check(&now, "it").is_ok(), "{sent}");
        }
        for sent in [before.as_str(), "", "nonsense", "\"", "\"\""] {
            assert!(if_match(sent).check(&now, "it").is_err(), "{sent}");
        }
        let none = TestRequest::default().to_http_request();
        assert!(IfMatch::extract(&none).into_inner().unwrap().check(&now, "it").is_ok());
    }

    #[test]
    fn who_holds_it_is_sent_nothing() {
        let now = tag(&1);
        let status = |sent: &str| {
            let request = TestRequest::default().insert_header(("if-none-match", sent)).to_http_request();
            IfNoneMatch::extract(&request).into_inner().unwrap().answer(&now, &1).status().as_u16()
        };
        assert_eq!([now.as_str(), "*", tag(&2).as_str(), "nonsense"].map(status), [304, 304, 200, 200]);
    }
}
