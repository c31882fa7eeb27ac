//! `stashhog openapi`: the description of the API, for code generators.

use super::exit::{Done, Exit};
use super::reach::Reach;
use super::terminal::print_json;
use crate::http;

/// Runs the command: asks the server that runs, else this program itself, which needs no database for it.
pub async fn run(reach: &Reach) -> Done {
    match reach.running().await? {
        Some(client) => print_json(&client.get("api/openapi.json", &[]).await?)?,
        None => print_json(&http::openapi())?,
    }
    Ok(Exit::Completed)
}
