//! The document that describes the API, made from the handlers. Clients' types are generated from it.

use utoipa::OpenApi;

use super::error::Problem;
use super::{
    bulk_cancel, bulk_retry, cancel, create, docs, health, history, job_types, list, logs, retry, show, stats, ws,
};
use crate::actors::protocol::{ClientMessage, ServerMessage};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "StashHog",
        description = "Runs long jobs, shows their progress live, stops them when told to, and loses none of them.\n\n\
                       Errors are problem documents (RFC 9457); programs look at their `code`. A query parameter that a path \
                       does not know is an error. Times are RFC 3339, ids are UUIDs that sort by creation."
    ),
    tags(
        (name = "jobs", description = "Requests to do work, from trigger to end"),
        (name = "job types", description = "What can be done"),
        (name = "server", description = "How this node is"),
    ),
    paths(
        list::list, create::create, create::batch, create::run, bulk_cancel::cancel, bulk_retry::retry,
        show::show, logs::logs, history::events, history::item_errors, cancel::cancel, retry::retry,
        job_types::list, job_types::show,
        ws::all, ws::one, stats::stats, health::live, health::ready, docs::document,
    ),
    // No path shows the messages of the live socket.
    components(schemas(Problem, ClientMessage, ServerMessage)),
)]
struct Document;

/// The document. Needs no server.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}
