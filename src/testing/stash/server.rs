//! The HTTP side of a fake Stash: one thread, one path, the key.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data, Json};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::Value;

use super::{Call, State, answer, lock};

/// A server that runs until it is dropped.
pub(super) struct Running {
    pub(super) url: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// Variables of a bulk change of all scenes are larger than what is usual.
const BODY_BYTES: usize = 64 << 20;

impl Running {
    pub(super) fn start(state: Arc<Mutex<State>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("a listener without address: {error}"));
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let state = Data::from(state);
                let app = move || {
                    App::new()
                        .app_data(Data::clone(&state))
                        .app_data(web::JsonConfig::default().limit(BODY_BYTES))
                        .route("/graphql", web::post().to(graphql))
                };
                let server = HttpServer::new(app).workers(2).disable_signals().shutdown_timeout(0).listen(listener);
                let server = server.unwrap_or_else(|error| panic!("a listener that is none: {error}")).run();
                let _ = tell.send(server.handle());
                let _ = server.await; // ends when it is stopped
            });
        });
        let Ok(handle) = told.recv() else { panic!("the fake Stash does not start") };
        Self { url: format!("http://{address}"), handle, thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.handle.stop(false)); // the order is given when it is made, whether it is awaited or not
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    operation_name: String,
    query: String,
    #[serde(default)]
    variables: Value,
}

async fn graphql(state: Data<Mutex<State>>, request: HttpRequest, question: Json<Question>) -> HttpResponse {
    let Question { operation_name: operation, query, variables } = question.into_inner();
    let call = Call { operation, variables };
    let mut locked = lock(&state);
    let sent = request.headers().get("ApiKey").and_then(|key| key.to_str().ok());
    if locked.key.is_some() && locked.key.as_deref() != sent {
        return HttpResponse::Unauthorized().insert_header(("WWW-Authenticate", "FormBased")).finish();
    }
    locked.calls.push(call.clone());
    if let Some(look) = locked.on_call.clone() {
        drop(locked); // it may change this very Stash
        look(&call);
        locked = lock(&state);
    }
    let (status, body) = answer::answer(&mut locked, &call, &query);
    let mut response = if status == 422 { HttpResponse::UnprocessableEntity() } else { HttpResponse::Ok() };
    response.content_type("application/json").body(body)
}
