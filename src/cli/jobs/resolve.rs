//! Ids as people type them: whole, or a part of one that names a single job.

use uuid::Uuid;

use crate::cli::client::{Client, read};
use crate::cli::exit::Failure;
use crate::http::list::JobPage;

/// How far back abbreviations reach. Older jobs are named by their whole id.
const NEWEST: usize = 1_000;
/// Jobs per request.
const PAGE: usize = 500;

/// The job that is meant by `typed`: a whole id, or the end or the beginning of one among the newest jobs.
pub async fn id(client: &Client, typed: &str) -> Result<Uuid, Failure> {
    if let Ok(id) = Uuid::parse_str(typed) {
        return Ok(id);
    }
    let part = typed.to_lowercase();
    if part.is_empty() || !part.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return Err(Failure::Usage(format!("`{typed}` is neither a job's id nor the end of one")));
    }
    let mut found = Vec::new();
    let (mut cursor, mut seen) = (None::<String>, 0);
    while seen < NEWEST {
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page: JobPage = read(&client.get("api/jobs", &query).await?)?;
        seen += page.jobs.len();
        found.extend(page.jobs.into_iter().map(|job| job.id).filter(|id| matches(*id, &part)));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            Err(Failure::Usage(format!("none of the newest {NEWEST} jobs has an id that begins or ends with {typed}")))
        }
        several => {
            let ids: Vec<_> = several.iter().take(10).map(|id| format!("\n  {id}")).collect();
            Err(Failure::Usage(format!("{typed} may be any of {} jobs:{}", several.len(), ids.concat())))
        }
    }
}

fn matches(id: Uuid, part: &str) -> bool {
    let text = id.to_string();
    text.ends_with(part) || text.starts_with(part)
}

#[cfg(test)]
mod tests {
    use uuid::uuid;

    use super::matches;

    #[test]
    fn an_id_is_known_by_its_end_or_its_beginning() {
        let id = uuid!("019aa111-2222-7333-8444-5566778899aa");
        assert!(matches(id, "99aa") && matches(id, "019aa111-2") && matches(id, "8444-5566778899aa"));
        assert!(!matches(id, "2222") && !matches(id, "99ab"));
    }
}
