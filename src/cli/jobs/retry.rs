//! `stashhog jobs retry`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::bulk::{self, Targets};
use crate::cli::client::{Client, read};
use crate::cli::exit::{Done, Exit, Failure};
use crate::cli::reach::Reach;
use crate::cli::terminal::{note, print, print_json_line};
use crate::cli::words::program;
use crate::http::show::JobDetail;

/// Run jobs again: makes a new job with the same params
///
/// Prints the id of each new job.
#[derive(Args, Clone, Debug)]
pub struct RetryArgs {
    #[command(flatten)]
    targets: Targets,
    /// Only with the items that failed
    #[arg(long)]
    only_failed_items: bool,
    /// Also when another job is already doing the same again
    #[arg(long)]
    again: bool,
    /// Why, for the job's history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print JSON, one object per line
    #[arg(long)]
    json: bool,
}

impl RetryArgs {
    fn body(&self) -> Map<String, Value> {
        let mut body = Map::from_iter([("reason".to_owned(), json!(self.reason))]);
        if self.only_failed_items {
            body.insert("only_failed_items".to_owned(), true.into());
        }
        if self.again {
            body.insert("again".to_owned(), true.into());
        }
        body
    }
}

/// Runs the command.
pub async fn run(args: RetryArgs, reach: &Reach) -> Done {
    let many = args.targets.are_many("retry")?;
    if many && (args.only_failed_items || args.again) {
        return Err(Failure::Usage("--only-failed-items and --again are for jobs named by their ids".to_owned()));
    }
    let idle = reach.running().await?.is_none();
    let ask = reach.ask(async |client| {
        let done = if many {
            bulk::run(client, "retry", &args.targets, args.body(), args.json).await
        } else {
            each(client, &args).await
        };
        if idle && done.is_ok() {
            note(format!("no server is running: what is new waits until one is (`{} serve`)", program()));
        }
        done
    });
    ask.await
}

async fn each(client: &Client, args: &RetryArgs) -> Done {
    for typed in &args.targets.ids {
        let id = super::resolve::id(client, typed).await?;
        let answer = client.post(&format!("api/jobs/{id}/retry"), &Value::Object(args.body())).await?;
        if args.json {
            print_json_line(&answer)?;
        } else {
            print(read::<JobDetail>(&answer)?.job.id.to_string())?;
        }
    }
    Ok(Exit::Completed)
}
