//! `stashhog jobs cancel`.

use clap::Args;
use serde_json::{Map, json};

use super::bulk::{self, Targets};
use crate::cli::client::{Client, read};
use crate::cli::exit::{Done, Exit};
use crate::cli::reach::Reach;
use crate::cli::terminal::{print, print_json_line};
use crate::cli::words;
use crate::job::Status;
use crate::store::row::JobSummary;

/// Ask jobs to stop
///
/// Prints each job as it is then: `cancelled` when it had not begun, else `cancelling` until it has stopped.
#[derive(Args, Clone, Debug)]
pub struct CancelArgs {
    #[command(flatten)]
    targets: Targets,
    /// Why, for the job's history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: CancelArgs, reach: &Reach) -> Done {
    let many = args.targets.are_many("cancel")?;
    let ask = reach.ask(async |client| {
        if many {
            let more = Map::from_iter([("reason".to_owned(), json!(args.reason))]);
            return bulk::run(client, "cancel", &args.targets, more, args.json).await;
        }
        each(client, &args).await
    });
    ask.await
}

async fn each(client: &Client, args: &CancelArgs) -> Done {
    for typed in &args.targets.ids {
        let id = super::resolve::id(client, typed).await?;
        let answer = client.post(&format!("api/jobs/{id}/cancel"), &json!({"reason": args.reason})).await?;
        if args.json {
            print_json_line(&answer)?;
            continue;
        }
        let job: JobSummary = read(&answer)?;
        let more = match job.status {
            Status::Cancelling => format!("; see it stop with `{} jobs watch {}`", words::program(), words::short(id)),
            _ => String::new(),
        };
        print(format!("{id} is {}{more}", words::coloured(&job, words::status(&job))))?;
    }
    Ok(Exit::Completed)
}
