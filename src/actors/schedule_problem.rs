//! What is wrong with a schedule, so that people can set it right before they miss its jobs.

use chrono::{DateTime, Utc};

use super::health::{HealthProblem, ProblemCode};
use crate::job::{FieldError, Registry, Timetable};
use crate::store::schedules::ScheduleRow;

/// What keeps a schedule from making jobs. `live_types` are those that some live node knows.
pub fn problem(schedule: &ScheduleRow, registry: &Registry, live_types: &[String]) -> Option<HealthProblem> {
    let name = &schedule.name;
    let told = |code, message| Some(HealthProblem { code, message, schedule: Some(name.clone()) });
    if let Err(errors) = Timetable::parse(&schedule.cron, &schedule.time_zone) {
        let message = format!("schedule `{name}` is never due until it is edited: {}", sentence(&errors));
        return told(ProblemCode::ScheduleCronInvalid, message);
    }
    let type_name = &schedule.type_name;
    let Some(job_type) = registry.get(type_name) else {
        if live_types.contains(type_name) {
            return None; // that node sees to it
        }
        let message = format!(
            "schedule `{name}` is not fired: no server knows the type `{type_name}`; start one that does, edit the schedule or \
             disable it"
        );
        return told(ProblemCode::ScheduleTypeUnknown, message);
    };
    let refused = job_type.prepare(Some(schedule.params.clone())).err()?;
    let message = format!("schedule `{name}` makes no jobs until its params are edited: {refused}");
    told(ProblemCode::ScheduleParamsRefused, message)
}

/// That a schedule waited for a time which a clock that was ahead had given it.
pub fn moved_back(schedule: &ScheduleRow, next: DateTime<Utc>) -> HealthProblem {
    let (name, waited_for) = (&schedule.name, schedule.next_run_at.unwrap_or(next));
    HealthProblem {
        code: ProblemCode::ClockWasAhead,
        message: format!(
            "schedule `{name}` waited until {waited_for}, as the database's clock had been ahead; it is due again at {next}"
        ),
        schedule: Some(name.clone()),
    }
}

fn sentence(errors: &[FieldError]) -> String {
    let each: Vec<_> = errors.iter().map(|e| format!("{} {}", e.pointer.trim_start_matches('/'), e.message)).collect();
    each.join("; ")
}
