//! The HTTP side of a fake AI service: two paths, the key.

use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::super::loopback::Loopback;
use super::reply::Reply;
use super::{MODEL, Question, State, lock};

pub(super) fn start(state: Arc<Mutex<State>>) -> Loopback {
    let state = Data::from(state);
    Loopback::serve("/v1", move |config| {
        config
            .app_data(Data::clone(&state))
            .route("/v1/models", web::get().to(models))
            .route("/v1/chat/completions", web::post().to(completions));
    })
}

async fn models(state: Data<Mutex<State>>, request: HttpRequest) -> HttpResponse {
    if !knows(&request, &lock(&state)) {
        return wrong_key();
    }
    let model = |id: &str| json!({ "id": id, "object": "model", "created": 1_700_000_000, "owned_by": "nobody" });
    HttpResponse::Ok().json(json!({ "object": "list", "data": [model(MODEL), model("large-model")] }))
}

async fn completions(state: Data<Mutex<State>>, request: HttpRequest, body: Json<Value>) -> HttpResponse {
    let question = Question { body: body.into_inner() };
    let reply = {
        let mut state = lock(&state);
        if !knows(&request, &state) {
            return wrong_key();
        }
        state.questions.push(question.clone());
        state.at_once += 1;
        state.most_at_once = state.most_at_once.max(state.at_once);
        match refusal(&question, &state) {
            Some(reply) => Ok(reply),
            None => state.next.pop_front().ok_or_else(|| state.answer.clone()),
        }
    };
    // Outside of the lock: it may look at this very fake.
    let reply = reply.unwrap_or_else(|answer| answer.map_or(Reply::text("{}"), |answer| answer(&question)));
    actix_web::rt::time::sleep(reply.takes).await;
    lock(&state).at_once -= 1;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = reply.retry_after {
        response.insert_header(("retry-after", seconds.to_string()));
    }
    response.content_type("application/json").body(reply.body)
}

/// What such a server won't answer.
fn refusal(question: &Question, state: &State) -> Option<Reply> {
    let error = |status, message: String| {
        Some(Reply::raw(
            status,
            json!({ "error": { "message": message, "type": "invalid_request_error" } }).to_string(),
        ))
    };
    if question.body["model"] != MODEL {
        return error(404, format!("the model {} does not exist", question.body["model"]));
    }
    if state.no_schemas && question.form() == "json_schema" {
        return error(400, "'response_format.type' must be one of 'json_object', 'text'".to_owned());
    }
    None
}

fn knows(request: &HttpRequest, state: &State) -> bool {
    let sent = request.headers().get("authorization").and_then(|key| key.to_str().ok());
    state.key.as_ref().is_none_or(|key| sent == Some(format!("Bearer {key}").as_str()))
}

fn wrong_key() -> HttpResponse {
    HttpResponse::Unauthorized().json(json!({ "error": { "message": "Incorrect API key provided" } }))
}
