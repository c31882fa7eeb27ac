//! `stashhog types [TYPE]`: what can be run. `types pause` and `types resume` hold it back and let it go on.

use clap::{Args, Command, Subcommand};
use serde_json::json;

use super::catalog::{Catalog, TypeEntry};
use super::client::read;
use super::exit::{Done, Exit};
use super::flags::Flags;
use super::reach::Reach;
use super::table::Table;
use super::terminal::{print, print_json, width};
use super::words::{one_line, program};

/// List the job types, or show one; pause and resume them
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct TypesArgs {
    #[command(subcommand)]
    act: Option<Act>,
    /// The type to show
    #[arg(value_name = "TYPE")]
    type_name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum Act {
    /// Start no more jobs of a type, on any server, until it is resumed
    ///
    /// Jobs that run go on, and new ones wait. Pausing a paused type changes nothing but its reason, if one is given.
    Pause(ActArgs),
    /// Start the jobs of a paused type again
    Resume(ActArgs),
}

#[derive(Args, Clone, Debug)]
struct ActArgs {
    /// The type
    #[arg(value_name = "TYPE")]
    type_name: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print the type as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: TypesArgs, reach: &Reach) -> Done {
    match &args.act {
        Some(Act::Pause(act)) => return set_paused("pause", act, reach).await,
        Some(Act::Resume(act)) => return set_paused("resume", act, reach).await,
        None => {}
    }
    let catalog = Catalog::fetch(reach).await?;
    match &args.type_name {
        None => list(&catalog, args.json),
        Some(name) => show(&catalog, name, args.json),
    }
}

async fn set_paused(verb: &str, act: &ActArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let name = Catalog::of(client).await?.get(&act.type_name)?.name.clone();
        let answer = client.post(&format!("api/job-types/{name}/{verb}"), &json!({"reason": act.reason})).await?;
        if act.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        let entry: TypeEntry = read(&answer)?;
        let label = &entry.label;
        print(match entry.pause() {
            Some(pause) => format!("{label} is {pause}; what runs goes on, what waits is not started"),
            None => format!("{label} is not paused"),
        })?;
        Ok(Exit::Completed)
    });
    ask.await
}

/// Lists the types.
pub fn list(catalog: &Catalog, json: bool) -> Done {
    if json {
        print_json(&json!({"job_types": catalog.all()}))?;
        return Ok(Exit::Completed);
    }
    let mut table = Table::new(["TYPE", "LABEL", "ADMISSION", "DESCRIPTION"]);
    for entry in catalog.all() {
        let first = one_line(entry.description.split("\n\n").next().unwrap_or_default());
        let label = if entry.paused.is_some() { format!("{} (paused)", entry.label) } else { entry.label.clone() };
        table.row(vec![entry.name.clone(), label, entry.admission(), first]);
    }
    for line in table.lines(width()) {
        print(line)?;
    }
    Ok(Exit::Completed)
}

fn show(catalog: &Catalog, name: &str, json: bool) -> Done {
    let entry = catalog.get(name)?;
    if json {
        print_json(entry)?;
        return Ok(Exit::Completed);
    }
    print(format!("{} ({})", entry.label, entry.name))?;
    print(format!("{}, counts {}", entry.admission(), entry.unit.plural))?;
    for line in entry.policies().into_iter().chain(entry.pause()) {
        print(line)?;
    }
    print("")?;
    let flags = Flags::of(entry, |_| false).command();
    let command = Command::new("run").bin_name(format!("{} run {}", program(), entry.name)).disable_help_flag(true);
    let command = flags.get_arguments().fold(command.about(entry.description.clone()), |c, arg| c.arg(arg.clone()));
    print(
        command.override_usage(format!("{} run {} [--NAME VALUE]…", program(), entry.name)).render_help().to_string(),
    )?;
    Ok(Exit::Completed)
}
