//! Acting on many jobs at once: seen before it is done, and confirmed.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use serde_json::{Map, Value};

use super::select::Select;
use crate::cli::client::Client;
use crate::cli::exit::{Done, Exit, Failure};
use crate::cli::terminal::{print, print_json};
use crate::cli::words::count;

/// Which jobs an act is for.
#[derive(Args, Clone, Debug)]
pub struct Targets {
    /// The jobs; instead of them, filters
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    select: Select,
    /// All jobs that this is possible for
    #[arg(long, help_heading = "Filters")]
    all: bool,
    /// With filters: only say how many jobs match
    #[arg(long)]
    dry_run: bool,
    /// With filters: do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Targets {
    /// Checks that either ids or filters are given. True for filters.
    pub fn are_many(&self, verb: &str) -> Result<bool, Failure> {
        let filtered = self.all || !self.select.is_empty();
        match (self.ids.is_empty(), filtered) {
            (true, true) if self.all && !self.select.is_empty() => {
                Err(Failure::Usage("--all contradicts the filters; leave out one of them".to_owned()))
            }
            (true, true) => Ok(true),
            (false, false) => Ok(false),
            (true, false) => {
                Err(Failure::Usage(format!("say what to {verb}: ids, or filters such as --type, or --all")))
            }
            (false, true) => Err(Failure::Usage("give either ids or filters, not both".to_owned())),
        }
    }
}

/// Does `verb` (the last part of the path) with all jobs that match. `more` goes with the request.
pub async fn run(client: &Client, verb: &str, targets: &Targets, more: Map<String, Value>, json: bool) -> Done {
    let mut body = targets.select.body();
    body.extend(more);
    if targets.all {
        body.insert("all".to_owned(), true.into());
    }
    let path = format!("api/jobs/{verb}");
    let call = async |dry_run: bool| {
        let mut body = body.clone();
        body.insert("dry_run".to_owned(), dry_run.into());
        all_of(client, &path, body).await
    };
    if targets.dry_run || !targets.yes {
        let found = call(true).await?;
        let matched = found["matched"].as_i64().unwrap_or(0);
        if targets.dry_run {
            match json {
                true => print_json(&found)?,
                false => print(format!("would {verb} {}", jobs(matched)))?,
            }
            return Ok(Exit::Completed);
        }
        if matched == 0 && !json {
            print(format!("no job matches that it is possible to {verb}"))?;
            return Ok(Exit::Completed);
        }
        if matched > 0 && !confirmed(&format!("{verb} {}? [y/N] ", jobs(matched)))? {
            return Ok(Exit::Completed);
        }
    }
    let answer = call(false).await?;
    if json {
        print_json(&answer)?;
        return Ok(Exit::Completed);
    }
    let (past, done) = if verb == "cancel" { ("cancelled", "asked to stop:") } else { ("retried", "retried") };
    let skipped = answer["skipped"].as_i64().filter(|n| *n > 0).map(|n| format!(", {} skipped", count(n)));
    print(format!("{done} {}{}", jobs(answer[past].as_i64().unwrap_or(0)), skipped.unwrap_or_default()))?;
    Ok(Exit::Completed)
}

/// Asks again until nothing is left that one request could not do. The answers, added up.
async fn all_of(client: &Client, path: &str, mut body: Map<String, Value>) -> Result<Value, Failure> {
    let mut sum = client.post(path, &Value::Object(body.clone())).await?;
    while let Value::String(cursor) = sum["next_cursor"].take() {
        body.insert("cursor".to_owned(), cursor.into());
        let next = client.post(path, &Value::Object(body.clone())).await?;
        add(&mut sum, next);
    }
    Ok(sum)
}

/// Adds numbers, joins lists, and takes everything else from the newer answer.
fn add(sum: &mut Value, more: Value) {
    match (sum, more) {
        (Value::Object(sum), Value::Object(more)) => {
            for (name, value) in more {
                add(sum.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(sum), Value::Array(more)) => sum.extend(more),
        (sum, more) => {
            *sum = match (sum.as_i64(), more.as_i64()) {
                (Some(a), Some(b)) => (a + b).into(),
                _ => more,
            };
        }
    }
}

fn jobs(n: i64) -> String {
    if n == 1 { "1 job".to_owned() } else { format!("{} jobs", count(n)) }
}

fn confirmed(question: &str) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::Usage("nobody is there to confirm; say --yes, or look first with --dry-run".to_owned()));
    }
    let mut err = std::io::stderr();
    let _ = write!(err, "{question}").and_then(|()| err.flush());
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(|e| Failure::Failed(format!("no answer can be read: {e}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
