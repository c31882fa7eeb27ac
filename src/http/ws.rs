//! The WebSocket's door: the upgrade, and what a session needs to begin with.

use std::any::Any;
use std::io::ErrorKind;
use std::mem::MaybeUninit;
use std::sync::Arc;

use actix_web::dev::Extensions;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_web_actors::ws::WsResponseBuilder;
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use utoipa::IntoParams;
use uuid::Uuid;

use super::error::{ApiError, ErrorCode};
use super::limits::quoted;
use super::query::{FromQuery, Query, QueryReader, flag};
use super::refusals;
use super::show::of_job;
use super::state::AppState;
use crate::actors::outbox::Outbox;
use crate::actors::protocol::{Subscribe, Target};
use crate::actors::session::ClientSession;

/// A subscription names up to a thousand jobs of 39 bytes each.
const FRAME_BYTES: usize = 64 << 10;

/// A second handle on a connection's socket, with which it can be broken from outside.
#[derive(Clone)]
pub(super) struct Kept(Arc<Socket>);

impl Kept {
    /// Whether the client has closed its side of the connection.
    pub(super) fn is_closed(&self) -> bool {
        match self.0.peek(&mut [MaybeUninit::uninit()]) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }
}

/// Keeps a handle on the socket of a new connection, for [`Outbox::hang_up`].
pub fn keep_socket(connection: &dyn Any, extensions: &mut Extensions) {
    if let Some(socket) = connection.downcast_ref::<TcpStream>().and_then(|tcp| SockRef::from(tcp).try_clone().ok()) {
        extensions.insert(Kept(Arc::new(socket)));
    }
}

/// How a client may begin.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Begin {
    /// The greatest `rev` seen before: begins with what changed after it.
    #[param(minimum = 0)]
    since: Option<i64>,
    /// Whether log lines too; not unless told otherwise.
    #[param(required = false, default = false)]
    logs: bool,
}

impl FromQuery for Begin {
    fn read(query: &mut QueryReader) -> Self {
        Self { since: query.integer("since", 0..=i64::MAX), logs: query.one("logs", flag).unwrap_or(false) }
    }
}

/// All jobs, live: a `snapshot`, then a `job_update` for all that changes. Frames are JSON: `ServerMessage`, `ClientMessage`.
#[utoipa::path(
    get, path = "/api/jobs/ws", operation_id = "watch_jobs", tag = "jobs",
    params(Begin),
    responses((status = 101, description = "A WebSocket"), refusals::AnyQuestion, refusals::NoSocket),
)]
pub async fn all(
    request: HttpRequest,
    begin: Query<Begin>,
    state: Data<AppState>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    upgrade(&request, begin.0, Target::all(), &state, body)
}

/// One job, live, in the same way.
#[utoipa::path(
    get, path = "/api/jobs/{id}/ws", operation_id = "watch_job", tag = "jobs",
    params(("id" = Uuid, Path, description = "The job"), Begin),
    responses(
        (status = 101, description = "A WebSocket"),
        refusals::AnyQuestion, refusals::NoSocket, refusals::UnknownJob,
    ),
)]
pub async fn one(
    request: HttpRequest,
    id: Path<Uuid>,
    begin: Query<Begin>,
    state: Data<AppState>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    of_job(&state, *id, async |_| Ok(())).await?;
    upgrade(&request, begin.0, Target::job(*id), &state, body)
}

fn upgrade(
    request: &HttpRequest,
    begin: Begin,
    target: Target,
    state: &AppState,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let socket = request.conn_data::<Kept>().map(|kept| Arc::clone(&kept.0));
    let outbox = Arc::new(Outbox::new(socket));
    let initial = Subscribe { target, logs: begin.logs, since: begin.since };
    let session = ClientSession::new(outbox, state.tracker.clone(), state.relay.clone(), state.db.clone(), initial);
    // The handshake is the only thing that can fail.
    let refused = |error| {
        ApiError::new(ErrorCode::UpgradeRequired, format!("{error}; open {} as a WebSocket", quoted(request.path())))
    };
    WsResponseBuilder::new(session, request, body).frame_size(FRAME_BYTES).start().map_err(refused)
}
