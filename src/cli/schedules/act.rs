//! `stashhog schedules enable`, `disable`, `run` and `delete`.

use clap::Args;
use serde_json::json;

use super::{resolve, show};
use crate::cli::client::read;
use crate::cli::exit::{Done, Exit};
use crate::cli::reach::Reach;
use crate::cli::terminal::{print, print_json};
use crate::cli::words;
use crate::http::show::JobDetail;

/// A schedule, and why.
#[derive(Args, Clone, Debug)]
pub struct ActArgs {
    /// The schedule
    #[arg(value_name = "NAME")]
    schedule: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Switches one on or off.
pub async fn switch(verb: &str, args: ActArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let view = resolve::schedule(client, &args.schedule).await?;
        let path = format!("{}/{verb}", resolve::path(&view));
        let answer = client.post(&path, &json!({ "reason": args.reason })).await?;
        if args.json {
            print_json(&answer)?;
        } else {
            show::summary(&answer)?;
        }
        Ok(Exit::Completed)
    });
    ask.await
}

/// Has one make a job.
pub async fn run(args: ActArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let view = resolve::schedule(client, &args.schedule).await?;
        let path = format!("{}/run", resolve::path(&view));
        let answer = client.post(&path, &json!({ "reason": args.reason })).await?;
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        let JobDetail { job, .. } = read(&answer)?;
        let watch = format!("{} jobs watch {}", words::program(), words::short(job.id));
        print(format!("job {} is {}; see it run with `{watch}`", job.id, words::status(&job)))?;
        Ok(Exit::Completed)
    });
    ask.await
}

/// Deletes one.
pub async fn delete(args: ActArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let view = resolve::schedule(client, &args.schedule).await?;
        client.delete(&resolve::path(&view), &json!({ "reason": args.reason })).await?;
        if args.json {
            print_json(&json!({ "deleted": view.schedule.id }))?;
        } else {
            print(format!("{} is deleted", view.schedule.name))?;
        }
        Ok(Exit::Completed)
    });
    ask.await
}
