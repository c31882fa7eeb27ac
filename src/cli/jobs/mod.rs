//! `stashhog jobs …`: look at jobs, and act on them.

mod bulk;
mod cancel;
mod explain;
mod list;
mod logs;
mod resolve;
mod retry;
mod select;
mod show;
mod watch;

use clap::Subcommand;

use super::exit::Done;
use super::reach::Reach;

/// Look at jobs, cancel them, run them again
///
/// A job may be named by the end of its id, as lists show it.
#[derive(Clone, Debug, Subcommand)]
pub enum JobsCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Explain(explain::ExplainArgs),
    Watch(watch::WatchArgs),
    Logs(logs::LogsArgs),
    Cancel(cancel::CancelArgs),
    Retry(retry::RetryArgs),
}

/// Runs the command.
pub async fn run(command: JobsCommand, reach: &Reach) -> Done {
    match command {
        JobsCommand::List(args) => list::run(args, reach).await,
        JobsCommand::Show(args) => show::run(args, reach).await,
        JobsCommand::Explain(args) => explain::run(args, reach).await,
        JobsCommand::Watch(args) => watch::run(args, reach).await,
        JobsCommand::Logs(args) => logs::run(args, reach).await,
        JobsCommand::Cancel(args) => cancel::run(args, reach).await,
        JobsCommand::Retry(args) => retry::run(args, reach).await,
    }
}
