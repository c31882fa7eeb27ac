//! Answers that are none.

use std::future::pending;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

/// A way to answer badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rude {
    /// With this status, and a word.
    Status(u16),
    /// With a web page, and 200.
    Html,
    /// With JSON that is no answer to what was asked.
    Junk,
    /// With nothing, ever.
    Hang,
}

impl Rude {
    pub(super) async fn answer(self) -> HttpResponse {
        match self {
            Self::Status(status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                HttpResponse::build(status).content_type("text/plain").body("a bear sits on the disk")
            }
            Self::Html => HttpResponse::Ok().content_type("text/html").body("<html><body>Welcome</body></html>"),
            Self::Junk => HttpResponse::Ok().content_type("application/json").body("{\"what\": [1, 2"),
            Self::Hang => pending().await,
        }
    }
}
