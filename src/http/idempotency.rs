//! `Idempotency-Key`: a write that is repeated is done once, and each repetition gets the answer of the first.
//!
//! ```text
//!   request ─▶ reserve the key ─┬─ first ──▶ execute ──▶ keep the answer ──▶ answer
//!                               ├─ answered ───────────────────────────────▶ the kept answer, `Idempotency-Replayed: true`
//!                               ├─ in progress ────────────────────────────▶ 409, `Retry-After`
//!                               └─ another request ────────────────────────▶ 422
//! ```
//!
//! Keys are kept in the database for a day, so this holds over restarts and nodes. A request with a key is executed to its end
//! even when its client leaves. Only judgements are kept: after a 5xx the same key executes the request again. The ids that a
//! request gives follow from its key ([`NewIds`]), so an execution whose answer got lost is not repeated but found.

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::body::{BoxBody, EitherBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::error::{ApiError, ErrorCode};
use super::read::write;
use super::state::AppState;
use super::{body, limits};
use crate::store::clock;
use crate::store::enqueue::NewJob;
use crate::store::idempotency::{self, Execution, KeptAnswer, KeyedRequest, Reservation};

/// The header that a client sends.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of an answer that was given before.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The characters of a key: a UUID, or some.
const KEY_CHARS: usize = 255;
/// The headers of an answer that are kept; the others are added to every answer.
const KEPT_HEADERS: [HeaderName; 2] = [CONTENT_TYPE, LOCATION];

/// Executes a write once per key.
pub async fn once<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if reads || !request.headers().contains_key(IDEMPOTENCY_KEY) {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    }
    let (http, payload) = request.into_parts();
    let answer = match admit(&http, payload).await {
        Ok(Admitted::Execute(state, execution, body)) => {
            let request = ServiceRequest::from_parts(http, whole(body));
            // On a task of its own: a client that leaves must not end it half-way.
            let executed = actix_web::rt::spawn(execute(state, execution, request, next));
            let executed = executed.await.map_err(ApiError::internal)??;
            return Ok(executed.map_into_right_body());
        }
        Ok(Admitted::Answered(answer)) => replay(answer),
        Err(error) => HttpResponse::from_error(error),
    };
    Ok(ServiceResponse::new(http, answer).map_into_right_body())
}

enum Admitted {
    Execute(Data<AppState>, Execution, Bytes),
    Answered(KeptAnswer),
}

/// Reads a request, and reserves its key.
async fn admit(http: &HttpRequest, payload: Payload) -> Result<Admitted, ApiError> {
    let key = key(http.headers())?;
    let body = body::read(http, payload, limits::BATCH_BYTES).await?;
    let state = http.app_data::<Data<AppState>>().ok_or_else(|| ApiError::internal("a request without a state"))?;
    let request = KeyedRequest { key, request: digest(http, &body), node: state.node.current() };
    let reserved = write(&state.db, async |conn| idempotency::reserve(conn, &request).await.map(Ok)).await?;
    match reserved {
        Reservation::Execute(execution) => Ok(Admitted::Execute(state.clone(), execution, body)),
        Reservation::Answered(answer) => Ok(Admitted::Answered(answer)),
        Reservation::InProgress => {
            let detail = "a request with this Idempotency-Key is being executed; ask again in a moment";
            Err(ApiError::new(ErrorCode::IdempotencyKeyInUse, detail))
        }
        Reservation::Reused => {
            let detail = "this Idempotency-Key was used for another request within the last day; use a new one";
            Err(ApiError::new(ErrorCode::IdempotencyKeyReused, detail))
        }
    }
}

/// The key, if it is one: 1 to 255 visible ASCII characters.
fn key(headers: &HeaderMap) -> Result<String, ApiError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY);
    let refuse = |why: &str| {
        let detail =
            format!("the header Idempotency-Key {why}; send one key of 1 to {KEY_CHARS} visible ASCII characters");
        Err(ApiError::new(ErrorCode::InvalidIdempotencyKey, detail))
    };
    let (Some(key), None) = (given.next(), given.next()) else { return refuse("is there twice") };
    match key.as_bytes() {
        [] => refuse("is empty"),
        long if long.len() > KEY_CHARS => refuse("is too long"),
        bytes if !bytes.iter().all(u8::is_ascii_graphic) => refuse("has other characters in it"),
        bytes => Ok(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// What makes two requests the same.
fn digest(http: &HttpRequest, body: &[u8]) -> Vec<u8> {
    let mut digest = Sha256::new();
    for part in [http.method().as_str().as_bytes(), http.path().as_bytes(), http.query_string().as_bytes()] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.update(body);
    digest.finalize().to_vec()
}

/// A body that was read, to be read again.
fn whole(body: Bytes) -> Payload {
    Payload::Stream { payload: Box::pin(stream::once(ready(Ok(body)))) as Pin<Box<_>> }
}

/// Executes a request, and keeps its answer.
async fn execute<B: MessageBody + 'static>(
    state: Data<AppState>,
    execution: Execution,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.extensions_mut().insert(NewIds(Some(execution.seed)));
    let (http, response) = next.call(request).await?.into_parts();
    let (response, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|_| ApiError::internal("an answer could not be read"))?;
    let answer = is_final(response.status()).then(|| KeptAnswer {
        status: response.status().as_u16(),
        headers: kept(response.headers()),
        body: body.to_vec(),
    });
    let ended = write(&state.db, async |conn| idempotency::end(conn, &execution, answer).await.map(Ok)).await;
    if let Err(error) = ended {
        // A repetition executes the request again, and finds what this execution stored.
        tracing::warn!(%error, "the answer to a request with an idempotency key is not kept");
    }
    Ok(ServiceResponse::new(http, response.set_body(BoxBody::new(body))))
}

/// Whether an answer is a judgement on the request, which stays the same.
fn is_final(status: StatusCode) -> bool {
    !status.is_server_error() && ![StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status)
}

fn kept(headers: &HeaderMap) -> Value {
    let text = |name: &HeaderName| Some((name.as_str().to_owned(), Value::from(headers.get(name)?.to_str().ok()?)));
    Value::Object(KEPT_HEADERS.iter().filter_map(text).collect::<Map<_, _>>())
}

fn replay(answer: KeptAnswer) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or_default());
    response.insert_header((REPLAYED, HeaderValue::from_static("true")));
    for name in KEPT_HEADERS {
        if let Some(value) = answer.headers[name.as_str()].as_str() {
            response.insert_header((name, value));
        }
    }
    response.body(answer.body)
}

/// Where a request takes the ids of what it makes: from its idempotency key, if it has one, so that executing it again gives the
/// same ids.
#[derive(Clone, Copy, Debug)]
pub struct NewIds(Option<Uuid>);

impl FromRequest for NewIds {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.extensions().get::<Self>().copied().unwrap_or(Self(None))))
    }
}

impl NewIds {
    /// Whether what is to be made may be there already.
    pub fn are_fixed(self) -> bool {
        self.0.is_some()
    }

    /// The id of the only thing that a request makes.
    pub fn only(self) -> Uuid {
        self.0.map_or_else(clock::new_id, |seed| derived(seed, 0, &[]))
    }

    /// Gives jobs their ids, which sort as the jobs do.
    pub fn number(self, jobs: &mut [NewJob]) {
        if let Some(seed) = self.0 {
            for (n, job) in (0..).zip(jobs) {
                job.id = derived(seed, n, &[]);
            }
        }
    }

    /// The id of what follows from another thing, whichever others are there.
    pub fn from(self, other: Uuid) -> Uuid {
        self.0.map_or_else(clock::new_id, |seed| derived(seed, u32::MAX, other.as_bytes()))
    }
}

/// A UUID v7 of the seed's time. Those with a smaller number sort before those with a greater one.
fn derived(seed: Uuid, number: u32, other: &[u8]) -> Uuid {
    let digest = Sha256::new().chain_update(seed.as_bytes()).chain_update(number.to_be_bytes()).chain_update(other);
    let digest = digest.finalize();
    let mut bytes = *seed.as_bytes();
    // The number, most significant bits first, around the version and the variant.
    bytes[6] = 0x70 | (number >> 28) as u8;
    bytes[7] = (number >> 20) as u8;
    bytes[8] = 0x80 | ((number >> 14) & 0x3f) as u8;
    bytes[9] = (number >> 6) as u8;
    bytes[10] = ((number << 2) as u8) | (digest[10] & 0x03);
    bytes[11..].copy_from_slice(&digest[11..16]);
    Builder::from_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderValue};
    use uuid::Uuid;

    use super::{IDEMPOTENCY_KEY, derived, key};

    #[test]
    fn derived_ids_are_v7_differ_and_sort_by_their_number() {
        let seed = Uuid::now_v7();
        let ids: Vec<_> = (0..20_000).map(|n| derived(seed, n, &[])).collect();
        assert!(ids.is_sorted() && ids.windows(2).all(|two| two[0] != two[1]));
        assert!(ids.iter().all(|id| id.get_version_num() == 7 && id.get_timestamp() == seed.get_timestamp()));
        assert_ne!(ids[0], derived(Uuid::now_v7(), 0, &[]));
        assert_ne!(derived(seed, u32::MAX, &[1]), derived(seed, u32::MAX, &[2]));
    }

    #[test]
    fn a_key_is_visible_and_short_and_alone() {
        let of = |keys: &[&str]| {
            let mut headers = HeaderMap::new();
            keys.iter().for_each(|key| headers.append(IDEMPOTENCY_KEY, HeaderValue::from_str(key).unwrap()));
            key(&headers).ok()
        };
        assert_eq!(of(&["a-b"]).as_deref(), Some("a-b"));
        assert!(of(&[""]).is_none() && of(&["a b"]).is_none() && of(&["a", "b"]).is_none());
        assert!(of(&[&"x".repeat(255)]).is_some() && of(&[&"x".repeat(256)]).is_none());
    }
}
