//! `stashhog schedules …`: which jobs are made when.

mod act;
mod history;
mod job;
mod list;
mod preview;
mod resolve;
mod show;
mod write;

use clap::Subcommand;

use super::exit::Done;
use super::reach::Reach;

/// Make jobs by the clock: list the schedules, write them, have them run
///
/// A schedule is called by its name, or by the end of its id. Only `serve` keeps due times.
#[derive(Clone, Debug, Subcommand)]
pub enum SchedulesCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Create(write::CreateArgs),
    Edit(write::EditArgs),
    /// Switch a schedule on
    Enable(act::ActArgs),
    /// Switch a schedule off; its jobs go on
    Disable(act::ActArgs),
    /// Have a schedule make a job at once, whether it is on or off
    Run(act::ActArgs),
    /// Delete a schedule and its history; its jobs stay
    Delete(act::ActArgs),
    History(history::HistoryArgs),
    Preview(preview::PreviewArgs),
}

/// Runs the command.
pub async fn run(command: SchedulesCommand, reach: &Reach) -> Done {
    match command {
        SchedulesCommand::List(args) => list::run(args, reach).await,
        SchedulesCommand::Show(args) => show::run(args, reach).await,
        SchedulesCommand::Create(args) => write::create(args, reach).await,
        SchedulesCommand::Edit(args) => write::edit(args, reach).await,
        SchedulesCommand::Enable(args) => act::switch("enable", args, reach).await,
        SchedulesCommand::Disable(args) => act::switch("disable", args, reach).await,
        SchedulesCommand::Run(args) => act::run(args, reach).await,
        SchedulesCommand::Delete(args) => act::delete(args, reach).await,
        SchedulesCommand::History(args) => history::run(args, reach).await,
        SchedulesCommand::Preview(args) => preview::run(args, reach).await,
    }
}
