//! What is wrong with a schedule, so that people can set it right before they miss its jobs.

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

fn sentence(errors: &[FieldError]) -> String {
    let each: Vec<_> = errors.iter().map(|e| format!("{} {}", e.pointer.trim_start_matches('/'), e.message)).collect();
    each.join("; ")
}
