//! `stashhog jobs list`.

use chrono::Utc;
use clap::Args;

use super::select::Select;
use crate::cli::client::read;
use crate::cli::exit::{Done, Exit};
use crate::cli::reach::Reach;
use crate::cli::table::Table;
use crate::cli::terminal::{note, print, print_json, width};
use crate::cli::words;
use crate::http::list::JobPage;
use crate::store::row::JobSummary;

/// From this width on there is room for whole ids.
const WIDE: usize = 110;

/// List jobs, newest first
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    select: Select,
    /// Started by this job
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    parent: Option<String>,
    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    /// Go on where an earlier list ended (its `next_cursor`)
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(args: ListArgs, reach: &Reach) -> Done {
    let ask = reach.ask(async |client| {
        let mut query = args.select.query();
        if let Some(parent) = &args.parent {
            query.push(("parent", super::resolve::id(client, parent).await?.to_string()));
        }
        query.push(("limit", args.limit.to_string()));
        query.extend(args.cursor.clone().map(|cursor| ("cursor", cursor)));
        let answer = client.get("api/jobs", &query).await?;
        if args.json {
            print_json(&answer)?;
            return Ok(Exit::Completed);
        }
        let JobPage { jobs, next_cursor, searched_until } = read(&answer)?;
        if jobs.is_empty() && searched_until.is_none() {
            note(if args.select.is_empty() { "no jobs yet" } else { "no job matches" });
            return Ok(Exit::Completed);
        }
        if !jobs.is_empty() {
            for line in table(&jobs, width().is_none_or(|w| w >= WIDE)).lines(width()) {
                print(line)?;
            }
        }
        match (next_cursor, searched_until) {
            (Some(cursor), Some(until)) => {
                let until = words::relative(until, Utc::now());
                note(format!("searched the jobs created since {until}; to search older ones: --cursor {cursor}"));
            }
            (Some(cursor), None) => note(format!("for more: --cursor {cursor}, or a greater --limit")),
            (None, _) => {}
        }
        Ok(Exit::Completed)
    });
    ask.await
}

fn table(jobs: &[JobSummary], whole_ids: bool) -> Table {
    let now = Utc::now();
    let mut table = Table::new(["ID", "TYPE", "STATUS", "PROGRESS", "CREATED", "MESSAGE"]);
    for job in jobs {
        let id = if whole_ids { job.id.to_string() } else { words::short(job.id) };
        let message = job.error.as_deref().or(job.message.as_deref()).unwrap_or_default();
        table.row(vec![
            id,
            job.type_name.clone(),
            words::coloured(job, &words::short_status(job)).to_string(),
            words::amount(job, ""),
            words::relative(job.created_at, now),
            words::one_line(message),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::cli::words::tests::job;
    use crate::job::{OutcomeKind, Status};

    #[test]
    fn a_list_fits_80_columns() {
        console::set_colors_enabled(false);
        let mut job = job();
        (job.status, job.outcome, job.error_count) = (Status::Completed, Some(OutcomeKind::CompletedWithErrors), 2);
        (job.processed_items, job.total_items) = (Some(1_200), Some(30_000));
        job.message = Some("Processed a\nlong message that does not fit into what is left".into());
        let lines = table(&[job], false).lines(Some(80));
        assert!(lines[1].starts_with("5566778899aa  demo  2 errors  1,200 / 30,000  0s ago"), "{}", lines[1]);
        assert!(lines[1].chars().count() <= 80 && lines[1].ends_with('…'), "{}", lines[1]);
    }
}
