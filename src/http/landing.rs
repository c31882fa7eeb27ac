//! The first page: what this is, what runs now, and where to go on. Plain files, nothing from elsewhere.
//!
//! Styles and script are files of their own, so that the page's policy can forbid everything inline.

use actix_web::HttpResponse;

/// The page.
pub async fn page() -> HttpResponse {
    file("text/html; charset=utf-8", include_str!("landing.html"))
}

/// Its styles.
pub async fn styles() -> HttpResponse {
    file("text/css; charset=utf-8", include_str!("landing.css"))
}

/// Its script.
pub async fn script() -> HttpResponse {
    file("text/javascript; charset=utf-8", include_str!("landing.js"))
}

fn file(content_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(content_type).body(text)
}
