//! The check of what somebody wants a schedule to be. All that is wrong is told at once.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::fields::Fields;
use super::limits::{self, quoted};
use super::submit;
use crate::job::{FieldError, Registry, Timetable};

/// A type with the params of a schedule. Errors point to `/type` and into `/params`.
pub fn job_type(registry: &Registry, name: &str, params: Option<Value>) -> Result<Value, Vec<FieldError>> {
    match registry.get(name) {
        Some(known) => {
            let params = submit::params(known, params, "/params")?;
            if params.to_string().len() > limits::SCHEDULE_PARAMS_BYTES {
                let message = format!("must be at most {} bytes of JSON", limits::SCHEDULE_PARAMS_BYTES);
                return Err(vec![FieldError::at("params", message)]);
            }
            Ok(params)
        }
        None => {
            let message = format!("there is no job type {}; {}", quoted(name), submit::meant(registry, name));
            Err(vec![FieldError::at("type", message)])
        }
    }
}

/// A cron line in a time zone. Errors point to `/cron` and `/time_zone`; a line that is never due is one.
pub fn timetable(cron: &str, zone: &str, now: DateTime<Utc>) -> Result<Timetable, Vec<FieldError>> {
    let table = Timetable::parse(cron, zone)?;
    match table.next(now) {
        Some(_) => Ok(table),
        None => {
            let message = "is never due: there is no such day (31 February, for example)";
            Err(vec![FieldError::at("cron", message)])
        }
    }
}

/// The checked words about a schedule that any write may have.
#[derive(Debug, Default)]
pub struct Words {
    /// Its name.
    pub name: Option<String>,
    /// The priority of its jobs.
    pub priority: Option<i32>,
    /// Why it is written.
    pub reason: Option<String>,
}

/// Checks the words about a schedule, and notes what is wrong with them.
pub fn words(fields: &mut Fields, name: Option<&str>, priority: Option<i64>, reason: Option<&str>) -> Words {
    Words {
        name: fields.take("name", name.map(limits::schedule_name)),
        priority: fields.take("priority", priority.map(limits::priority)),
        reason: fields.take("reason", reason.map(|text| limits::text(text, limits::REASON_CHARS))),
    }
}
