//! `stashhog openapi`: the description of the API, for code generators.

use super::exit::{Done, Exit};
use super::reach::Reach;
use super::terminal::print_json;

/// Runs the command.
pub async fn run(reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        print_json(&client.get("api/openapi.json", &[]).await?)?;
        Ok(Exit::Completed)
    });
    ask.await
}
