//! The answers of the fake, call by call.

use actix_web::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};
use uuid::Uuid;

use super::{FakeTorrent, Shared, State, lock};

/// `WebUI\MaxAuthenticationFailCount`, unless it is set.
const MOST_FAILURES: u32 = 5;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route("/api/v2/{path:.*}", web::route().to(answer));
}

async fn answer(
    state: web::Data<Shared>,
    path: web::Path<String>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let rude = {
        let mut state = lock(&state);
        state.calls.push(path.to_string());
        state.rude.get(path.as_str()).copied()
    };
    match rude {
        Some(rude) => rude.answer().await,
        None => polite(&mut lock(&state), &path, &request, &body),
    }
}

fn polite(state: &mut State, path: &str, request: &HttpRequest, body: &[u8]) -> HttpResponse {
    let posted = request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    let form = Form::read(if posted { body } else { request.query_string().as_bytes() });
    if path == "auth/login" {
        return log_in(state, &form);
    }
    let sent = request.headers().get(COOKIE).and_then(|cookie| cookie.to_str().ok()?.strip_prefix("SID="));
    let known = sent.is_some_and(|session| state.sessions.contains(session));
    state.calls_of_session += 1;
    if state.session_calls.is_some_and(|most| state.calls_of_session >= most) {
        state.sessions.clear();
    }
    if state.login.is_some() && !known {
        return HttpResponse::Forbidden().content_type("text/plain").body("Forbidden");
    }
    match path {
        "app/version" => HttpResponse::Ok().content_type("text/plain").body("v4.5.2"),
        "torrents/info" => HttpResponse::Ok().json(list(state, &form)),
        "torrents/files" => match state.torrents.iter().find(|torrent| torrent.hash == form.get("hash")) {
            Some(torrent) => HttpResponse::Ok().json(torrent.list()),
            None => HttpResponse::NotFound().content_type("text/plain").body("Not Found"),
        },
        "torrents/addTags" => tag(state, &form, |torrent, tag| {
            if !torrent.tags.iter().any(|known| known == tag) {
                torrent.tags.push(tag.to_owned());
            }
        }),
        "torrents/removeTags" => tag(state, &form, |torrent, tag| torrent.tags.retain(|known| known != tag)),
        _ => HttpResponse::NotFound().content_type("text/plain").body("Not Found"),
    }
}

fn log_in(state: &mut State, form: &Form) -> HttpResponse {
    let text = |text: &'static str| HttpResponse::Ok().content_type("text/plain").body(text);
    let Some((username, password)) = &state.login else { return text("Ok.") };
    if state.failures >= MOST_FAILURES {
        let banned = "Your IP address has been banned after too many failed authentication attempts.";
        return HttpResponse::Forbidden().content_type("text/plain").body(banned);
    }
    if form.get("username") != username || form.get("password") != password {
        state.failures += 1;
        return text("Fails.");
    }
    (state.failures, state.calls_of_session) = (0, 0);
    let session = Uuid::new_v4().simple().to_string();
    let cookie = format!("SID={session}; HttpOnly; path=/; SameSite=Strict");
    state.sessions.insert(session);
    HttpResponse::Ok().insert_header((SET_COOKIE, cookie)).content_type("text/plain").body("Ok.")
}

fn list(state: &State, form: &Form) -> Vec<serde_json::Value> {
    let category = form.0.iter().find(|(name, _)| name == "category").map(|(_, value)| value);
    let completed = form.get("filter") == "completed";
    let wanted = |torrent: &&FakeTorrent| {
        category.is_none_or(|category| torrent.category == *category) && (torrent.completed || !completed)
    };
    state.torrents.iter().filter(wanted).map(FakeTorrent::info).collect()
}

fn tag(state: &mut State, form: &Form, change: impl Fn(&mut FakeTorrent, &str)) -> HttpResponse {
    let (hashes, tags) = (form.get("hashes"), form.get("tags"));
    for torrent in &mut state.torrents {
        if hashes == "all" || hashes.split('|').any(|hash| hash == torrent.hash) {
            tags.split(',').map(str::trim).for_each(|tag| change(torrent, tag));
        }
    }
    HttpResponse::Ok().finish()
}

struct Form(Vec<(String, String)>);

impl Form {
    fn read(encoded: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(encoded).into_owned().collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}
