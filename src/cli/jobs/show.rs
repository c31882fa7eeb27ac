//! `stashhog jobs show`: everything about one job.

use chrono::Utc;
use clap::Args;
use console::{measure_text_width, style};
use serde_json::Value;
use uuid::Uuid;

use crate::cli::catalog::Catalog;
use crate::cli::client::{Client, read};
use crate::cli::exit::{Done, Exit, Failure};
use crate::cli::reach::Reach;
use crate::cli::terminal::{print, print_json, width};
use crate::cli::{ladder, words};
use crate::http::history::{EventPage, ItemErrorPage};
use crate::http::show::JobDetail;
use crate::store::row::JobSummary;

/// Show one job: its params, its history, its result
#[derive(Args, Clone, Debug)]
pub struct ShowArgs {
    /// The job
    id: String,
    /// Wait until the job has ended, however long that takes
    #[arg(long)]
    wait: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: ShowArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let id = super::resolve::id(client, &args.id).await?;
        let answer = if args.wait { ended(client, id).await? } else { client.job(id).await? };
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        let detail: JobDetail = read(&answer)?;
        let catalog = Catalog::of(client).await?;
        for (name, value) in facts(&detail, &catalog) {
            for (n, line) in fold(&value, width()).iter().enumerate() {
                let name = if n == 0 { name } else { "" };
                print(format!("{} {line}", style(format!("{name:<10}")).dim()))?;
            }
        }
        print_children(client, &detail, &catalog)?;
        print_item_errors(client, &detail).await?;
        print_history(client, &detail).await?;
        Ok(Exit::Completed)
    });
    ask.await
}

/// How long a request waits: less than an answer may take.
const WAIT: &str = "20s";

/// The job once it has ended.
async fn ended(client: &Client, id: Uuid) -> Result<Value, Failure> {
    loop {
        let answer = client.get(&format!("api/jobs/{id}"), &[("wait", WAIT.to_owned())]).await?;
        if read::<JobSummary>(&answer)?.status.is_terminal() {
            return Ok(answer);
        }
    }
}

/// What stands before every line.
const MARGIN: usize = 11;

/// The lines of a value, those that are too long broken between words.
fn fold(value: &str, width: Option<usize>) -> Vec<String> {
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(MARGIN).max(20));
    let mut lines = Vec::new();
    for line in value.lines() {
        let mut folded = String::new();
        for word in line.split_inclusive(' ') {
            if measure_text_width(&folded) + measure_text_width(word.trim_end()) > room && !folded.is_empty() {
                lines.push(std::mem::take(&mut folded));
            }
            folded.push_str(word);
        }
        lines.push(folded);
    }
    lines
}

/// An object as one line per entry.
fn entries(value: &Value) -> String {
    let Some(entries) = value.as_object() else { return value.to_string() };
    let entry = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    };
    entries.iter().map(entry).collect::<Vec<_>>().join("\n")
}

fn facts(detail: &JobDetail, catalog: &Catalog) -> Vec<(&'static str, String)> {
    let (job, now) = (&detail.job, Utc::now());
    let (label, plural) = catalog.names_of(&job.type_name);
    let time = |at| format!("{} ({})", words::local(at), words::relative(at, now));
    let by = |actor: &str| job.reason.as_ref().map_or_else(|| actor.to_owned(), |why| format!("{actor}: {why}"));
    let known = |value: &Value| !value.is_null() && value.as_object().is_none_or(|o| !o.is_empty());
    let amount = words::amount(job, plural);
    let ids = detail.retried_as.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut facts = vec![
        ("id", job.id.to_string()),
        ("type", format!("{label} ({})", job.type_name)),
        ("status", words::coloured(job, words::status(job)).to_string()),
    ];
    let more = [
        ("progress", (!amount.is_empty()).then_some(amount)),
        ("message", job.message.as_deref().map(words::one_line)),
        ("error", job.error.clone()),
        ("params", Some(&detail.body.params).filter(|p| known(p)).map(entries)),
        ("result", detail.body.result.as_ref().filter(|r| known(r)).map(entries)),
        ("state", detail.state.as_ref().map(|state| entries(&state.value))),
        ("only items", detail.body.only_items.as_ref().filter(|r| known(r)).map(entries)),
        ("metadata", Some(&detail.body.metadata).filter(|r| known(r)).map(entries)),
        ("created", Some(format!("{} by {}", time(job.created_at), by(&job.created_by)))),
        ("due", (job.completed_at.is_none() && job.run_at > now).then(|| time(job.run_at))),
        ("started", job.started_at.map(time)),
        ("ended", job.completed_at.map(time)),
        ("took", words::took(job, now).map(words::duration)),
        ("attempt", attempt(job)),
        ("priority", (job.priority != 0).then(|| job.priority.to_string())),
        ("parent", job.parent_id.map(|id| id.to_string())),
        ("retry of", job.retry_of.map(|id| id.to_string())),
        ("retried as", (!ids.is_empty()).then_some(ids)),
    ];
    facts.extend(more.into_iter().filter_map(|(name, value)| Some((name, value?))));
    let rungs = ladder::rungs(&ladder::of(job));
    facts.extend(rungs.into_iter().map(|(at, what)| ("cancel", format!("{} {what}", words::local(at)))));
    facts
}

/// `4 (1 interruption, 2 of 5 retries)`
fn attempt(job: &JobSummary) -> Option<String> {
    let interruptions = match job.interruptions {
        0 => None,
        1 => Some("1 interruption".to_owned()),
        n => Some(format!("{n} interruptions")),
    };
    let retries = (job.failures > 0).then(|| format!("{} of {} retries", job.failures, job.max_retries));
    let why: Vec<_> = interruptions.into_iter().chain(retries).collect();
    let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
    (job.attempt > 1 || job.failures > 0).then(|| format!("{}{why}", job.attempt))
}

fn print_children(client: &Client, detail: &JobDetail, catalog: &Catalog) -> Result<(), Failure> {
    if detail.children.is_empty() {
        return Ok(());
    }
    print("\nchildren")?;
    for child in &detail.children {
        let (label, plural) = catalog.names_of(&child.type_name);
        let amount = Some(words::amount(child, plural)).filter(|amount| !amount.is_empty());
        let amount = amount.map(|amount| format!(", {amount}")).unwrap_or_default();
        print(format!("  {}  {label}: {}{amount}", child.id, words::coloured(child, words::status(child))))?;
    }
    if detail.more_children {
        let parent = [("parent", detail.job.id.to_string())];
        print(format!("  … all of them: {}", client.at("api/jobs", &parent)))?;
    }
    Ok(())
}

async fn print_item_errors(client: &Client, detail: &JobDetail) -> Result<(), Failure> {
    const SHOWN: usize = 20;
    let job = &detail.job;
    if job.error_count == 0 {
        return Ok(());
    }
    let path = format!("api/jobs/{}/item-errors", job.id);
    let answer = client.get(&path, &[("limit", SHOWN.to_string())]).await?;
    let rows = read::<ItemErrorPage>(&answer)?.item_errors;
    print(format!("\n{} failed", words::count(job.error_count)))?;
    for row in &rows {
        print(format!("  {}: {}", row.item, words::one_line(&row.error)))?;
    }
    if job.error_count > i64::try_from(rows.len()).unwrap_or(0) {
        print(format!("  … all of them: {}", client.at(&path, &[])))?;
    }
    Ok(())
}

async fn print_history(client: &Client, detail: &JobDetail) -> Result<(), Failure> {
    let path = format!("api/jobs/{}/events", detail.job.id);
    let page: EventPage = read(&client.get(&path, &[("limit", "500".to_owned())]).await?)?;
    print("\nhistory")?;
    for event in page.events {
        let actor = event.actor.map(|actor| format!(" by {actor}")).unwrap_or_default();
        let error = event.data.as_ref().and_then(|data| data["error"].as_str().map(str::to_owned));
        let reason = event.reason.or(error).map(|why| format!(": {}", words::one_line(&why))).unwrap_or_default();
        let attempt = if event.attempt > 1 { format!(" (attempt {})", event.attempt) } else { String::new() };
        let kind = event.kind.replace('_', " ");
        print(format!("  {}  {kind}{attempt}{actor}{reason}", words::local(event.at)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{entries, fold};

    #[test]
    fn values_are_folded_between_words() {
        assert_eq!(fold("one two three four five six", Some(31)), ["one two three four ", "five six"]);
        assert_eq!(fold("a\nb", None), ["a", "b"]);
        assert_eq!(fold("a_word_that_is_longer_than_the_room", Some(31)), ["a_word_that_is_longer_than_the_room"]);
    }

    #[test]
    fn params_are_told_one_per_line() {
        assert_eq!(entries(&json!({"a": "x", "b": null})), "a: x\nb: null");
        assert_eq!(entries(&json!([1])), "[1]");
    }
}
