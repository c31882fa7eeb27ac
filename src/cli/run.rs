//! `stashhog run TYPE …`: runs a job and stays with it.
//!
//! The flags of a type are known only when its schema is: from the server, which may have other types than this program, or
//! from this program. So the command line is read twice: first to find the type, then with the type's own flags.

use std::ffi::OsString;
use std::io::Read;

use chrono::{SecondsFormat, TimeDelta, Utc};
use clap::{Args, CommandFactory, FromArgMatches, Subcommand};
use serde_json::{Map, Value, json};

use super::attend::{Attendant, Attended, Interrupt};
use super::catalog::{Catalog, TypeEntry};
use super::client::{CallError, read};
use super::exit::{Done, Exit, Failure};
use super::flags::Flags;
use super::reach::{Purpose, Reach, ReachArgs, Server};
use super::terminal::{note, print, print_json};
use super::view::View;
use super::words::program;
use super::{Cli, report, types};
use crate::config::WorkArgs;
use crate::http::show::JobDetail;

/// Run a job, show its progress, and tell by the exit status how it ended
///
/// The flags of a type follow its name: `run TYPE --help` shows them. Ctrl-C cancels the job.
///
/// Exit status: 0 completed, 1 failed, 2 wrong usage, 3 completed with errors, 130 cancelled.
#[derive(Args, Clone, Debug)]
#[command(subcommand_value_name = "TYPE", subcommand_help_heading = "Types", disable_help_subcommand = true)]
pub struct RunArgs {
    #[command(flatten)]
    options: RunOptions,
    #[command(flatten)]
    work: WorkArgs,
    #[command(subcommand)]
    job: Option<TypeArgs>,
}

/// What `run` itself understands, before and after the type.
#[derive(Args, Clone, Debug)]
struct RunOptions {
    /// The params as JSON, @FILE, or - for stdin; flags go on top
    #[arg(long, value_name = "JSON", global = true, allow_hyphen_values = true)]
    params: Option<String>,
    /// Why, for the job's history
    #[arg(long, value_name = "TEXT", global = true)]
    reason: Option<String>,
    /// Start one job for this key, however often the command is repeated within a day
    #[arg(long, value_name = "KEY", global = true)]
    idempotency_key: Option<String>,
    /// Start no second job of the type with this key while one is pending or running
    #[arg(long, value_name = "KEY", global = true)]
    unique_key: Option<String>,
    /// Cancel the job when it has not started by this time, as 2026-01-31T18:00:00Z
    #[arg(long, value_name = "TIME", global = true, conflicts_with = "expires_in")]
    expires_at: Option<String>,
    /// Cancel the job when it has not started within this time, as 90s, 15m, 2h or 1d
    #[arg(long, value_name = "SPAN", global = true, value_parser = span)]
    expires_in: Option<TimeDelta>,
    /// Print the job's id and leave; needs a running server
    #[arg(long, global = true)]
    detach: bool,
    /// Print the job as JSON when it has ended
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, Subcommand)]
enum TypeArgs {
    #[command(external_subcommand)]
    Type(Vec<OsString>),
}

impl RunArgs {
    /// What follows the type on the command line. The first reading left it alone.
    pub fn after_type(&self) -> &[OsString] {
        match &self.job {
            Some(TypeArgs::Type(words)) => words.get(1..).unwrap_or_default(),
            None => &[],
        }
    }
}

/// Runs the command. `line` is the whole command line.
pub async fn run(args: RunArgs, line: Vec<OsString>, mut reach: Reach) -> Done {
    let Some(TypeArgs::Type(words)) = &args.job else {
        return types::list(&Catalog::fetch(&reach).await?, args.options.json);
    };
    let type_name = words.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let catalog = Catalog::fetch(&reach).await?;
    let entry = catalog.get(&type_name)?;
    let call = match Call::read(entry, &type_name, line) {
        Ok(call) => call?,
        Err(error) => return super::of_clap(&error),
    };
    reach = Reach::new(call.reach.clone(), reach.registry);
    if call.options.detach && reach.running().await?.is_none() {
        let advice = format!("start one with `{} serve`, or leave out --detach", program());
        return Err(Failure::Usage(format!("no server is running that could do the job when we have left; {advice}")));
    }
    let mut server = reach.server(Purpose::Work(&call.work)).await?;
    let done = with_server(&call, &catalog, &reach, &mut server).await;
    let left = server.leave().await;
    done.and_then(|exit| left.map(|()| exit))
}

/// A command line that was read with the flags of its type.
struct Call {
    options: RunOptions,
    work: WorkArgs,
    reach: ReachArgs,
    flags: Flags,
    type_name: String,
    params: Map<String, Value>,
}

impl Call {
    fn read(entry: &TypeEntry, typed: &str, line: Vec<OsString>) -> Result<Result<Self, Failure>, clap::Error> {
        let cli = Cli::command();
        let own: Vec<String> = longs(&cli);
        let flags = Flags::of(entry, |flag| own.iter().any(|long| long == flag));
        let command = if typed == entry.name { flags.command() } else { flags.command().alias(typed.to_owned()) };
        let matches = cli.mut_subcommand("run", |run| run.subcommand(command)).try_get_matches_from(line)?;
        let reach = ReachArgs::from_arg_matches(&matches)?;
        // The first reading found `run` and the type.
        let Some(run) = matches.subcommand_matches("run") else { return Ok(Err(unread())) };
        let options = RunOptions::from_arg_matches(run)?;
        let work = WorkArgs::from_arg_matches(run)?;
        let Some((_, of_type)) = run.subcommand() else { return Ok(Err(unread())) };
        let given = options.params.as_deref().map_or_else(|| Ok(Map::new()), given_params);
        let params = given.and_then(|given| flags.fill(of_type, given));
        let type_name = entry.name.clone();
        Ok(params.map(|params| Self { options, work, reach, flags, type_name, params }))
    }
}

fn unread() -> Failure {
    Failure::Usage("the command line names no job type".to_owned())
}

/// The long flags that a type can't have because `run` has them.
fn longs(cli: &clap::Command) -> Vec<String> {
    let run = cli.find_subcommand("run").into_iter().flat_map(clap::Command::get_arguments);
    let all = cli.get_arguments().chain(run).filter_map(|arg| arg.get_long().map(str::to_owned));
    all.chain(["help".to_owned(), "version".to_owned()]).collect()
}

/// The params that `--params` gives: JSON, a file's, or those of stdin.
pub(super) fn given_params(given: &str) -> Result<Map<String, Value>, Failure> {
    let usage = |why: String| Failure::Usage(format!("--params: {why}"));
    let text = match given.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|e| usage(format!("{file} can't be read: {e}")))?,
        None if given == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|e| usage(format!("stdin can't be read: {e}")))?;
            text
        }
        None => given.to_owned(),
    };
    match serde_json::from_str(&text).map_err(|e| usage(format!("this is no JSON: {e}")))? {
        Value::Object(params) => Ok(params),
        _ => Err(usage("give an object, {\"name\": value}".to_owned())),
    }
}

async fn with_server(call: &Call, catalog: &Catalog, reach: &Reach, server: &mut Server) -> Done {
    let options = &call.options;
    let deadline = options.expires_in.map(|span| (Utc::now() + span).to_rfc3339_opts(SecondsFormat::Millis, true));
    let submitted = json!({
        "type": call.type_name, "params": call.params, "reason": options.reason,
        "unique_key": options.unique_key, "expires_at": options.expires_at.as_ref().or(deadline.as_ref()),
    });
    let key = options.idempotency_key.as_deref();
    let answer = server.client.post_once("api/jobs", &submitted, key).await.map_err(|error| match error {
        CallError::Refused(mut problem) => {
            if !problem.errors.is_empty() {
                problem.detail = Some(format!("the params of `{}` are invalid", call.type_name));
            }
            problem.tell(|pointer| call.flags.name(pointer.trim_start_matches("/params")))
        }
        other => other.into(),
    })?;
    let job: JobDetail = read(&answer)?;
    if call.options.detach {
        if call.options.json {
            print_json(&answer)?
        } else {
            print(job.job.id.to_string())?
        }
        return Ok(Exit::Completed);
    }
    note_pause(server, &call.type_name).await;
    let id = job.job.id;
    let mut view = View::new(catalog, &call.type_name);
    let attendant = Attendant { reach, purpose: Purpose::Work(&call.work), interrupt: Interrupt::Cancels };
    let attended = attendant.attend(server, job.job, &mut view, |_| Ok(())).await;
    view.close();
    match attended? {
        Attended::Left => {
            note(format!("leaving before job {id} has stopped"));
            note(match server.is_here() {
                true => "stopping the server in this process; Ctrl-C once more ends it at once",
                false => "the server goes on cancelling it",
            });
            Ok(Exit::Cancelled)
        }
        Attended::Ended(ended) => {
            let answer = reach.job(Purpose::Work(&call.work), server, id).await?;
            if call.options.json {
                print_json(&answer)?;
            } else {
                let (label, plural) = catalog.names_of(&call.type_name);
                for line in report::ended(&server.client, &read(&answer)?, label, plural).await {
                    print(line)?;
                }
            }
            Ok(Exit::of(&ended))
        }
    }
}

/// A span of time: a number and its unit.
fn span(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "give a number and a unit, as 90s, 15m, 2h or 1d".to_owned();
    let (at, unit) = text.char_indices().last().ok_or_else(wrong)?;
    let number: i64 = text[..at].parse().map_err(|_| wrong())?;
    let span = match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        _ => None,
    };
    span.filter(|span| (TimeDelta::seconds(1)..TimeDelta::days(36_500)).contains(span)).ok_or_else(wrong)
}

/// Says why the job will not start. Asked of the server only now: before, there may have been none.
async fn note_pause(server: &Server, type_name: &str) {
    let catalog = Catalog::of(&server.client).await; // that it can't be had is no reason to leave the job
    if let Some(pause) = catalog.ok().and_then(|catalog| catalog.get(type_name).ok()?.pause()) {
        note(format!("{type_name} is {pause}; the job waits until `{} types resume {type_name}`", program()));
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{Call, given_params, span};
    use crate::cli::catalog::TypeEntry;

    fn call(line: &str) -> Call {
        let entry: TypeEntry = serde_json::from_value(serde_json::json!({
            "type": "copy_all", "label": "Copy", "description": "Copies.", "admission": "serial", "concurrency": 1,
            "unit": {"singular": "file", "plural": "files"},
            "params_schema": {"properties": {"limit": {"type": "integer"}, "reason": {"type": "string"}}}
        }))
        .unwrap();
        let words = format!("stashhog {line}");
        Call::read(&entry, "copy-all", words.split(' ').map(OsString::from).collect()).unwrap().unwrap()
    }

    #[test]
    fn options_stand_before_or_after_the_type() {
        for line in
            ["run --detach --server http://a copy-all --limit 3", "run copy-all --limit 3 --server http://a --detach"]
        {
            let call = call(line);
            assert!(call.options.detach && !call.options.json, "{line}");
            assert_eq!(call.reach.server.as_deref(), Some("http://a"), "{line}");
            assert_eq!(call.params["limit"], 3, "{line}");
        }
    }

    #[test]
    fn a_param_called_like_an_option_gets_another_flag() {
        let call = call(r#"run copy-all --reason why --param-reason param --params {"limit":4}"#);
        assert_eq!(call.options.reason.as_deref(), Some("why"));
        assert_eq!((&call.params["reason"], &call.params["limit"]), (&"param".into(), &4.into()));
    }

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        assert_eq!(span("90s").unwrap().num_seconds(), 90);
        assert_eq!(span("2h").unwrap().num_minutes(), 120);
        for bad in ["", "5", "h", "1w", "-1h", "0s", "9999999999999d", "1é"] {
            assert!(span(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn params_are_an_object() {
        assert_eq!(given_params(r#"{"a": 1}"#).unwrap()["a"], 1);
        assert!(given_params("[1]").is_err() && given_params("{").is_err() && given_params("@/no/such/file").is_err());
    }
}
