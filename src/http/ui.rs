//! The web UI: the built files of `ui/`, embedded in the binary. A debug build reads them from the folder each time instead.
//!
//! A file is found by its path. Whatever else a browser opens as a page gets the one HTML page, whose script knows the pages: a
//! link into the UI can be shared and reloaded. Without the files, where Node was not at hand when the program was built, that
//! page says how to get the UI.

use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH, VARY,
};
use actix_web::{HttpRequest, HttpResponse};
use rust_embed::{Embed, EmbeddedFile};

/// What `make ui` builds. Beside each larger file lies a smaller one, compressed.
#[derive(Embed)]
#[folder = "ui/dist/page"]
#[allow_missing = true]
struct Files;

const INDEX: &str = "index.html";
const WITHOUT: &str = include_str!("without_ui.html");

/// Names in this folder carry a hash of what is in them.
const HASHED: &str = "assets/";
const FOREVER: &str = "public, max-age=31536000, immutable";
const ASK_FIRST: &str = "no-cache";

/// The answer to a request for a file or a page of the UI; none for what belongs to the API, or is neither.
pub fn answer(request: &HttpRequest) -> Option<HttpResponse> {
    let path = request.path();
    if ![Method::GET, Method::HEAD].contains(request.method()) || of_api(path) {
        return None;
    }
    let name = path.trim_start_matches('/');
    let name = match name {
        "" => INDEX,
        file if Files::get(file).is_some() => file,
        // A browser that opens an address asks for HTML by name, scripts that fetch do not.
        _ if names(request.headers(), &ACCEPT, "text/html") => INDEX,
        _ => return None,
    };
    Some(match Files::get(name) {
        Some(file) => send(name, &file, request.headers()),
        None => HttpResponse::Ok().content_type("text/html; charset=utf-8").body(WITHOUT),
    })
}

fn of_api(path: &str) -> bool {
    ["/api", "/health"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

fn send(name: &str, file: &EmbeddedFile, headers: &HeaderMap) -> HttpResponse {
    // Weak: the compressed file has the same.
    let tag = format!("W/\"{}\"", hex(&file.metadata.sha256_hash()));
    let cached = if name.starts_with(HASHED) { FOREVER } else { ASK_FIRST };
    let known = names(headers, &IF_NONE_MATCH, &tag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((CACHE_CONTROL, cached)).insert_header((ETAG, tag)).insert_header((VARY, "accept-encoding"));
    if known {
        return response.finish();
    }
    response.content_type(file.metadata.mimetype());
    match Files::get(&format!("{name}.gz")).filter(|_| names(headers, &ACCEPT_ENCODING, "gzip")) {
        Some(smaller) => response.insert_header((CONTENT_ENCODING, "gzip")).body(smaller.data.into_owned()),
        None => response.body(file.data.clone().into_owned()),
    }
}

/// Whether a header's list has an entry of this name, leaving aside what follows a semicolon.
fn names(headers: &HeaderMap, header: &HeaderName, name: &str) -> bool {
    let values = headers.get_all(header).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|entry| entry.split(';').next().is_some_and(|it| it.trim() == name))
}

fn hex(bytes: &[u8]) -> String {
    bytes[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
