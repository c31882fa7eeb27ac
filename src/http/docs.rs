//! The OpenAPI document, and a page to browse it and try it out. Everything the page needs is in the binary.

use std::sync::{Arc, LazyLock};

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use actix_web::web::{Bytes, Path};
use utoipa_swagger_ui::{Config, serve};

use super::error::{ApiError, ErrorCode};

/// The document never changes while the server runs.
static DOCUMENT: LazyLock<Result<Bytes, String>> =
    LazyLock::new(|| super::openapi().to_json().map(Bytes::from).map_err(|error| error.to_string()));

/// Hands out the OpenAPI document of this server.
#[utoipa::path(
    get, path = "/api/openapi.json", operation_id = "openapi", tag = "server",
    responses((status = 200, description = "OpenAPI 3.1", body = HashMap<String, serde_json::Value>)),
)]
pub async fn document() -> Result<HttpResponse, ApiError> {
    let document = DOCUMENT.as_ref().map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(document.clone()))
}

/// Leads to the page, whose relative links need the slash.
pub async fn redirect() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, "/api/docs/")).finish()
}

/// A file of the page.
pub async fn file(path: Path<String>) -> Result<HttpResponse, ApiError> {
    // Checking the document at a stranger's server, which is the default, would tell it about this one.
    let config = Config::new(["/api/openapi.json"]).try_it_out_enabled(true).validator_url("none");
    let found = serve(&path, Arc::new(config)).map_err(ApiError::internal)?;
    let file = found.ok_or_else(|| ApiError::new(ErrorCode::UnknownPath, "there is no such file; see /api/docs/"))?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, file.content_type));
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(response.body(file.bytes.into_owned()))
}
