//! `stashhog settings …`: what jobs have to be told.

use std::io::{IsTerminal, stdin};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::client::read;
use super::exit::{Done, Exit, Failure};
use super::reach::Reach;
use super::table::Table;
use super::terminal::{note, print, print_json, width};
use crate::http::settings::{SettingView, SettingsView};
use crate::http::settings_test::ServiceTest;
use crate::job::{SettingSource, SettingSpec};

/// Look at the settings, change them, and try the services that they lead to
///
/// What is set here wins over the environment of the server, and is in force for the next job.
#[derive(Clone, Debug, Subcommand)]
pub enum SettingsCommand {
    List(ListArgs),
    Set(SetArgs),
    Unset(UnsetArgs),
    Test(TestArgs),
}

/// List the settings, their values, and where those come from
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Set a setting
#[derive(Args, Clone, Debug)]
pub struct SetArgs {
    /// Its name, like stash.url
    name: String,
    /// Its value; read from standard input when left out, so that a secret is in no history of a shell
    value: Option<String>,
}

/// Take back what was set: the environment of the server holds again, or the default
#[derive(Args, Clone, Debug)]
pub struct UnsetArgs {
    /// Its name, like stash.url
    name: String,
}

/// Try a service with the settings as they stand
#[derive(Args, Clone, Debug)]
pub struct TestArgs {
    /// Its name, like stash
    service: String,
    /// Try it with this value, which is not saved; may be repeated
    #[arg(long = "with", value_name = "NAME=VALUE", value_parser = assignment)]
    with: Vec<(String, String)>,
}

/// Runs the command.
pub async fn run(command: SettingsCommand, reach: &Reach) -> Done {
    match command {
        SettingsCommand::List(args) => list(args, reach).await,
        SettingsCommand::Set(args) => {
            let text = args.value.map_or_else(|| line_of_stdin(&args.name), Ok)?;
            change(&args.name, value(&args.name, &text)?, reach).await
        }
        SettingsCommand::Unset(args) => change(&args.name, Value::Null, reach).await,
        SettingsCommand::Test(args) => test(args, reach).await,
    }
}

async fn list(args: ListArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let answer = client.get("api/settings", &[]).await?;
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        let mut table = Table::new(["SETTING", "VALUE", "FROM", "WHAT IT IS"]);
        for setting in read::<SettingsView>(&answer)?.settings {
            let (shown, from) = (shown(&setting), from(&setting));
            table.row(vec![setting.name, shown, from, setting.description]);
        }
        for line in table.lines(width()) {
            print(line)?;
        }
        Ok(Exit::Completed)
    });
    ask.await
}

async fn change(name: &str, value: Value, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let values = Map::from_iter([(name.to_owned(), value)]);
        let answer = client.patch("api/settings", &json!({ "values": values })).await?;
        let now = read::<SettingsView>(&answer)?.settings.into_iter().find(|setting| setting.name == name);
        if let Some(setting) = now {
            print(format!("{name} is {} ({})", shown(&setting), from(&setting)))?;
        }
        Ok(Exit::Completed)
    });
    ask.await
}

async fn test(args: TestArgs, reach: &Reach) -> Done {
    let typed = args.with.iter().map(|(name, text)| Ok((name.clone(), value(name, text)?)));
    let values = typed.collect::<Result<Map<_, _>, Failure>>()?;
    let ask = reach.ask(async |client| {
        let path = format!("api/settings/test/{}", args.service);
        let ServiceTest { ok, message } = read(&client.post(&path, &json!({ "values": values })).await?)?;
        if ok {
            print(message)?;
            return Ok(Exit::Completed);
        }
        note(message);
        Ok(Exit::Failed)
    });
    ask.await
}

/// A value as its setting takes it. A setting that only the server knows is given the text.
fn value(name: &str, text: &str) -> Result<Value, Failure> {
    match inventory::iter::<SettingSpec>.into_iter().find(|spec| spec.name == name) {
        Some(spec) => spec.parse(text).map_err(|why| Failure::Usage(format!("{name} {why}"))),
        None => Ok(Value::from(text)),
    }
}

fn line_of_stdin(name: &str) -> Result<String, Failure> {
    if stdin().is_terminal() {
        note(format!("the value of {name}, then Enter:"));
    }
    let mut line = String::new();
    stdin().read_line(&mut line).map_err(|e| Failure::Failed(format!("standard input can't be read: {e}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("give a name and a value, stash.url=http://127.0.0.1:9999")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn shown(setting: &SettingView) -> String {
    match &setting.value {
        _ if setting.unreadable.is_some() => "unreadable".to_owned(),
        _ if !setting.is_set => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => "(secret)".to_owned(),
    }
}

fn from(setting: &SettingView) -> String {
    match (setting.source, &setting.updated_by) {
        (SettingSource::Unset, _) => "unset".to_owned(),
        (SettingSource::Default, _) => "default".to_owned(),
        (SettingSource::Environment, _) => setting.variable.clone(),
        (SettingSource::Database, Some(by)) => format!("set by {by}"),
        (SettingSource::Database, None) => "set".to_owned(),
    }
}
