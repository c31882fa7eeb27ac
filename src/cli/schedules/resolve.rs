//! Schedules as people call them: by name, or by an end of their id.

use crate::cli::client::{Client, read};
use crate::cli::exit::Failure;
use crate::cli::words;
use crate::http::schedules::{ScheduleView, Schedules};

/// The schedule that is meant. A name that is also the end of an id is the name.
pub async fn schedule(client: &Client, typed: &str) -> Result<ScheduleView, Failure> {
    let Schedules { schedules } = read(&client.get("api/schedules", &[]).await?)?;
    if let Some(named) = schedules.iter().find(|view| view.schedule.name == typed) {
        return Ok(named.clone());
    }
    let part = typed.to_lowercase();
    let is_it = |view: &&ScheduleView| !part.is_empty() && view.schedule.id.to_string().ends_with(&part);
    let by_id: Vec<_> = schedules.iter().filter(is_it).collect();
    match by_id.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let names = schedules.iter().map(|view| view.schedule.name.as_str());
            let near = match words::near(typed, names).first() {
                Some(near) => format!("; did you mean `{near}`?"),
                None => String::new(),
            };
            let list = format!("`{} schedules list` shows them", words::program());
            Err(Failure::Usage(format!("there is no schedule `{typed}`{near}\n{list}")))
        }
        several => Err(Failure::Usage(format!("{typed} may be any of {} schedules", several.len()))),
    }
}

/// Its path.
pub fn path(view: &ScheduleView) -> String {
    format!("api/schedules/{}", view.schedule.id)
}
