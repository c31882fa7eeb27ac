//! `stashhog jobs explain`: why a job is not running, or what it does.

use clap::Args;

use crate::cli::catalog::Catalog;
use crate::cli::client::read;
use crate::cli::exit::{Done, Exit};
use crate::cli::reach::Reach;
use crate::cli::terminal::{note, print, print_json};
use crate::cli::words;
use crate::http::explain::Explanation;

/// Say why a job is not running, or what it does
///
/// Below the sentence stand the jobs that have what it waits for.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// The job
    id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: ExplainArgs, reach: &Reach) -> Done {
    let idle = reach.running().await?.is_none();
    let ask = reach.ask(async |client| {
        let id = super::resolve::id(client, &args.id).await?;
        let answer = client.get(&format!("api/jobs/{id}/explain"), &[]).await?;
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        let explanation: Explanation = read(&answer)?;
        print(&explanation.sentence)?;
        if idle && !explanation.status.is_terminal() {
            note("no server is running: nothing will happen to this job until one is");
        }
        if explanation.held_by.is_empty() {
            return Ok(Exit::Completed);
        }
        let catalog = Catalog::of(client).await?;
        let (_, plural) = catalog.names_of(&explanation.type_name);
        for job in &explanation.held_by {
            let status = words::coloured(job, words::status(job));
            print(format!("  {} {status} {}", job.id, words::amount(job, plural)).trim_end())?;
        }
        Ok(Exit::Completed)
    });
    ask.await
}
