//! The body of a request as JSON, bounded in size and in time.
//!
//! actix's own extractor answers its errors in other words and other forms, waits for a body as long as the client likes, and
//! reads no empty body; this one tells apart what is not JSON (400, with line and column) from what is JSON but not what was
//! asked for (422, with a pointer).

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::future::LocalBoxFuture;
use futures_util::{FutureExt, StreamExt};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::{ApiError, ErrorCode};
use super::limits;
use crate::job::FieldError;

/// The whole body must have arrived by then: 16 MiB at 5 Mbit/s.
const ARRIVAL: Duration = Duration::from_secs(30);

/// A body that must be there.
#[derive(Clone, Debug)]
pub struct Body<T, const LIMIT: usize = { limits::BODY_BYTES }>(pub T);

/// A body that may be left out, or null; then it is the default.
#[derive(Clone, Debug)]
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned, const LIMIT: usize> FromRequest for Body<T, LIMIT> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let bytes = read(&request, payload, LIMIT).await?;
            declared_as_json(&request)?;
            parse(&bytes).map(Self)
        }
        .boxed_local()
    }
}

impl<T: DeserializeOwned + Default> FromRequest for OptionalBody<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let bytes = read(&request, payload, limits::BODY_BYTES).await?;
            if bytes.is_empty() {
                return Ok(Self(T::default()));
            }
            declared_as_json(&request)?;
            parse::<Option<T>>(&bytes).map(|body| Self(body.unwrap_or_default()))
        }
        .boxed_local()
    }
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::new(ErrorCode::BodyTooLarge, format!("the body may have {limit} bytes; send less"));
    let announced = header(request, &CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let whole = async {
        let mut payload = payload;
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let broken =
                |error| ApiError::new(ErrorCode::InvalidBody, format!("the body did not arrive whole: {error}"));
            let chunk = chunk.map_err(broken)?;
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    let late =
        |_| ApiError::new(ErrorCode::BodyTimeout, format!("the body must arrive within {} s", ARRIVAL.as_secs()));
    tokio::time::timeout(ARRIVAL, whole).await.map_err(late)?
}

/// A browser sends another site's form without asking first, but never as JSON.
fn declared_as_json(request: &HttpRequest) -> Result<(), ApiError> {
    let refuse = |detail: &str| Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail));
    if header(request, &CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return refuse("send the body uncompressed");
    }
    let media_type = request.content_type();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return refuse("send the body as JSON, with the header `content-type: application/json`");
    }
    Ok(())
}

fn header<'r>(request: &'r HttpRequest, name: &HeaderName) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// Reads a `T` from JSON. serde takes a list of a struct's fields for the struct; people don't mean that.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(ApiError::field("", "must be a JSON object, not a list"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let pointer = pointer(error.path());
        refusal(&pointer, error.inner())
    })?;
    json.end().map_err(|error| refusal("", &error))?;
    Ok(read)
}

fn refusal(pointer: &str, error: &serde_json::Error) -> ApiError {
    match error.classify() {
        Category::Data => ApiError::fields(vec![FieldError { pointer: pointer.to_owned(), message: short(error) }]),
        Category::Io | Category::Syntax | Category::Eof => {
            ApiError::new(ErrorCode::InvalidJson, format!("the body is not JSON: {}", short(error)))
        }
    }
}

/// An error of serde quotes what it met.
fn short(error: &serde_json::Error) -> String {
    const LIMIT: usize = 300; // a sentence, and the names of all fields
    let text = error.to_string();
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}… at line {} column {}", &text[..end], error.line(), error.column()),
        None => text,
    }
}

/// A JSON pointer. The keys are the client's: a huge one is cut.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    const KEY: usize = 100; // characters; ours have fewer
    let segments = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => {
            let key: String = key.chars().take(KEY).collect();
            Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
        }
        Segment::Enum { variant } => Some(format!("/{variant}")),
        Segment::Unknown => None,
    });
    segments.collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::parse;
    use crate::http::error::ErrorCode;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Asked {
        #[allow(dead_code)]
        items: Vec<u8>,
    }

    #[test]
    fn json_with_a_wrong_field_gets_its_pointer() {
        for (body, pointer) in [
            (r#"{"items":[1,"x"]}"#, "/items/1"),
            (r#"{"items":[1],"more":1}"#, "/more"),
            ("[]", ""),
            ("{}", ""),
            (r#"{"items":[1],"items":[2]}"#, ""),
        ] {
            let problem = parse::<Asked>(body.as_bytes()).unwrap_err().problem().clone();
            assert_eq!(problem.code, ErrorCode::InvalidFields, "{body}");
            assert_eq!(problem.errors[0].pointer, pointer, "{body}: {problem:?}");
        }
    }

    #[test]
    fn what_is_not_json_gets_its_line_and_column() {
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        for body in ["", "{", "{\"a\":\n1,}", "{} {}", "\"\\ud800\"", "1e999", deep.as_str(), "nul", "\u{feff}{}"] {
            let problem = parse::<Value>(body.as_bytes()).unwrap_err().problem().clone();
            assert_eq!(problem.code, ErrorCode::InvalidJson, "{body:.20}");
            assert!(problem.detail.contains("line"), "{problem:?}");
        }
        assert_eq!(parse::<Value>(b"\"\xff\"").unwrap_err().problem().code, ErrorCode::InvalidJson);
    }
}
