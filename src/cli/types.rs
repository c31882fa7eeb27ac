//! `stashhog types [TYPE]`: what can be run.

use clap::{Args, Command};

use super::catalog::Catalog;
use super::exit::{Done, Exit};
use super::flags::Flags;
use super::reach::Reach;
use super::table::Table;
use super::terminal::{print, print_json, width};
use super::words::{one_line, program};

/// List the job types, or show one
#[derive(Args, Clone, Debug)]
pub struct TypesArgs {
    /// The type to show
    #[arg(value_name = "TYPE")]
    type_name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: TypesArgs, reach: &Reach) -> Done {
    let catalog = Catalog::fetch(reach).await?;
    match &args.type_name {
        None => list(&catalog, args.json),
        Some(name) => show(&catalog, name, args.json),
    }
}

/// Lists the types.
pub fn list(catalog: &Catalog, json: bool) -> Done {
    if json {
        print_json(&serde_json::json!({"job_types": catalog.all()}))?;
        return Ok(Exit::Completed);
    }
    let mut table = Table::new(["TYPE", "LABEL", "ADMISSION", "DESCRIPTION"]);
    for entry in catalog.all() {
        let first = one_line(entry.description.split("\n\n").next().unwrap_or_default());
        table.row(vec![entry.name.clone(), entry.label.clone(), entry.admission(), first]);
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
    print("")?;
    let flags = Flags::of(entry, |_| false).command();
    let command = Command::new("run").bin_name(format!("{} run {}", program(), entry.name)).disable_help_flag(true);
    let command = flags.get_arguments().fold(command.about(entry.description.clone()), |c, arg| c.arg(arg.clone()));
    print(
        command.override_usage(format!("{} run {} [--NAME VALUE]…", program(), entry.name)).render_help().to_string(),
    )?;
    Ok(Exit::Completed)
}
