//! The WebSocket's door: the upgrade, and what a session needs to begin with.

use std::any::Any;
use std::sync::Arc;

use actix_web::dev::Extensions;
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::WsResponseBuilder;
use serde::Deserialize;
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::state::AppState;
use crate::actors::outbox::Outbox;
use crate::actors::protocol::{Subscribe, Target};
use crate::actors::session::ClientSession;

/// A subscription names up to a thousand jobs of 39 bytes each.
const FRAME_BYTES: usize = 64 << 10;

/// A second handle on a connection's socket, with which it can be broken from outside.
#[derive(Clone)]
struct Kept(Arc<Socket>);

/// Keeps a handle on the socket of a new connection, for [`Outbox::hang_up`].
pub fn keep_socket(connection: &dyn Any, extensions: &mut Extensions) {
    if let Some(socket) = connection.downcast_ref::<TcpStream>().and_then(|tcp| SockRef::from(tcp).try_clone().ok()) {
        extensions.insert(Kept(Arc::new(socket)));
    }
}

/// How a client may begin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begin {
    /// The greatest `rev` that the client has seen: it is told what changed after it.
    since: Option<i64>,
    /// Whether log lines too.
    #[serde(default)]
    logs: bool,
}

/// All jobs, live.
pub async fn all(
    request: HttpRequest,
    begin: web::Query<Begin>,
    state: web::Data<AppState>,
    body: web::Payload,
) -> actix_web::Result<HttpResponse> {
    upgrade(&request, begin.0, Target::all(), &state, body)
}

/// One job, live.
pub async fn one(
    request: HttpRequest,
    id: web::Path<Uuid>,
    begin: web::Query<Begin>,
    state: web::Data<AppState>,
    body: web::Payload,
) -> actix_web::Result<HttpResponse> {
    upgrade(&request, begin.0, Target::job(*id), &state, body)
}

fn upgrade(
    request: &HttpRequest,
    begin: Begin,
    target: Target,
    state: &AppState,
    body: web::Payload,
) -> actix_web::Result<HttpResponse> {
    let socket = request.conn_data::<Kept>().map(|kept| Arc::clone(&kept.0));
    let outbox = Arc::new(Outbox::new(socket));
    let initial = Subscribe { target, logs: begin.logs, since: begin.since };
    let session = ClientSession::new(outbox, state.tracker.clone(), state.db.clone(), initial);
    WsResponseBuilder::new(session, request, body).frame_size(FRAME_BYTES).start()
}
