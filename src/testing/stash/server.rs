//! The HTTP side of a fake Stash: one path, the key.

use std::sync::{Arc, Mutex};

use actix_web::web::{self, Data, Json, JsonConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

use super::super::loopback::Loopback;
use super::{Call, State, answer, lock};

/// Variables of a bulk change of all scenes are larger than what is usual.
const BODY_BYTES: usize = 64 << 20;

pub(super) fn start(state: Arc<Mutex<State>>) -> Loopback {
    let state = Data::from(state);
    Loopback::serve("", move |config| {
        config
            .app_data(Data::clone(&state))
            .app_data(JsonConfig::default().limit(BODY_BYTES))
            .route("/graphql", web::post().to(graphql));
    })
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
