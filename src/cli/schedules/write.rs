//! `stashhog schedules create` and `edit`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::job::{JobWords, TypedJob, params, tell};
use super::{resolve, show};
use crate::cli::catalog::Catalog;
use crate::cli::client::{CallError, Client};
use crate::cli::exit::{Done, Exit, Failure};
use crate::cli::reach::Reach;
use crate::cli::terminal::print_json;
use crate::cli::words::program;
use crate::http::schedules::ScheduleView;
use crate::job::{CatchUp, Overlap};

/// Create a schedule
///
/// The flags of a type follow its name: `create nightly --cron "30 2 * * *" demo --items 3`.
#[derive(Args, Clone, Debug)]
#[command(subcommand_value_name = "TYPE", subcommand_help_heading = "Types", disable_help_subcommand = true)]
pub struct CreateArgs {
    /// What to call it
    name: String,
    /// When: `minute hour day month weekday`, or seconds in front, or `@daily`
    #[arg(long, value_name = "LINE")]
    cron: String,
    /// Leave it switched off
    #[arg(long)]
    disabled: bool,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    job: Option<JobWords>,
}

/// Change a schedule: what is not named stays
///
/// The flags of its type follow the type: `edit nightly demo --items 5`. They go on top of the params that it has.
#[derive(Args, Clone, Debug)]
#[command(subcommand_value_name = "TYPE", subcommand_help_heading = "Types", disable_help_subcommand = true)]
pub struct EditArgs {
    /// The schedule
    #[arg(value_name = "NAME")]
    schedule: String,
    /// What to call it from now on
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// When: `minute hour day month weekday`, or seconds in front, or `@daily`
    #[arg(long, value_name = "LINE")]
    cron: Option<String>,
    /// Go back to the priority of the type
    #[arg(long, conflicts_with = "priority")]
    no_priority: bool,
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    job: Option<JobWords>,
}

/// What both take.
#[derive(Args, Clone, Debug)]
struct Options {
    /// On the clocks of which IANA time zone, Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// While an earlier job has not ended: skip makes no other, queue one that waits
    #[arg(long, value_name = "skip|queue")]
    overlap: Option<Overlap>,
    /// What becomes of missed times: none, or the last one gets its job late
    #[arg(long, value_name = "none|one")]
    catch_up: Option<CatchUp>,
    /// The priority of its jobs
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i64>,
    /// The params as JSON, @FILE, or - for stdin; flags go on top
    #[arg(long, value_name = "JSON", allow_hyphen_values = true)]
    params: Option<String>,
    /// Why, for the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print the schedule as JSON
    #[arg(long)]
    json: bool,
}

impl Options {
    fn fields(&self) -> Map<String, Value> {
        let fields = [
            ("time_zone", json!(self.time_zone)),
            ("overlap", json!(self.overlap)),
            ("catch_up", json!(self.catch_up)),
            ("priority", json!(self.priority)),
            ("reason", json!(self.reason)),
        ];
        fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Creates one.
pub async fn create(args: CreateArgs, reach: &Reach) -> Done {
    let Some(words) = &args.job else {
        let advice = format!("`{} types` lists them", program());
        return Err(Failure::Usage(format!("say of which type its jobs are, behind all options; {advice}")));
    };
    let catalog = Catalog::fetch(reach).await?;
    let command = format!("{} schedules create NAME --cron LINE", program());
    let given = |_: &str| params(args.options.params.as_deref()).map(Option::unwrap_or_default);
    let job = match TypedJob::read(&catalog, &command, words, given) {
        Ok(job) => job,
        Err(Ok(error)) => return crate::cli::of_clap(&error),
        Err(Err(failure)) => return Err(failure),
    };
    let mut body = args.options.fields();
    body.insert("name".to_owned(), json!(args.name));
    body.insert("cron".to_owned(), json!(args.cron));
    body.insert("enabled".to_owned(), json!(!args.disabled));
    body.insert("type".to_owned(), json!(job.type_name));
    body.insert("params".to_owned(), json!(job.params));
    let ask = reach.ask(async |client| {
        let answer = client.post("api/schedules", &Value::Object(body)).await.map_err(|e| told(e, Some(&job)))?;
        written(&answer, args.options.json)
    });
    ask.await
}

/// Changes one.
pub async fn edit(args: EditArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let before = resolve::schedule(client, &args.schedule).await?;
        let mut body = args.options.fields();
        body.extend(args.rename.as_ref().map(|name| ("name".to_owned(), json!(name))));
        body.extend(args.cron.as_ref().map(|cron| ("cron".to_owned(), json!(cron))));
        if args.no_priority {
            body.insert("priority".to_owned(), Value::Null);
        }
        let job = match job(&args, &before, client).await {
            Ok(job) => job,
            Err(Ok(error)) => return crate::cli::of_clap(&error),
            Err(Err(failure)) => return Err(failure),
        };
        match &job {
            Some(job) => {
                body.insert("type".to_owned(), json!(job.type_name));
                body.insert("params".to_owned(), json!(job.params));
            }
            None => {
                let given = params(args.options.params.as_deref())?;
                body.extend(given.map(|params| ("params".to_owned(), Value::Object(params))));
            }
        }
        if body.keys().all(|field| field == "reason") {
            let advice = format!("`{} schedules edit --help` lists the options", program());
            return Err(Failure::Usage(format!("say what to change; {advice}")));
        }
        let changes = client.patch(&resolve::path(&before), &Value::Object(body)).await;
        written(&changes.map_err(|e| told(e, job.as_ref()))?, args.options.json)
    });
    ask.await
}

/// The type with its flags, if one was named. The flags go on top of `--params`, else of what the schedule has of this type.
async fn job(
    args: &EditArgs,
    before: &ScheduleView,
    client: &Client,
) -> Result<Option<TypedJob>, Result<clap::Error, Failure>> {
    let Some(words) = &args.job else { return Ok(None) };
    let catalog = Catalog::of(client).await.map_err(Err)?;
    let command = format!("{} schedules edit {}", program(), before.schedule.name);
    let given = |type_name: &str| {
        let kept = before.schedule.params.as_object().filter(|_| before.schedule.type_name == type_name);
        Ok(params(args.options.params.as_deref())?.or_else(|| kept.cloned()).unwrap_or_default())
    };
    TypedJob::read(&catalog, &command, words, given).map(Some)
}

fn told(error: CallError, job: Option<&TypedJob>) -> Failure {
    match error {
        CallError::Refused(problem) => tell(&problem, job),
        other => other.into(),
    }
}

fn written(answer: &Value, json: bool) -> Done {
    if json {
        print_json(answer)?;
    } else {
        show::summary(answer)?;
    }
    Ok(Exit::Completed)
}
