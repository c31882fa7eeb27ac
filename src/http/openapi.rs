//! The document that describes the API, made from the handlers. Clients' types are generated from it.

use utoipa::OpenApi;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, Required, Type};

use super::error::Problem;
use super::logs::LogFormat;
use super::{
    bulk_cancel, bulk_retry, cancel, create, docs, explain, health, history, job_types, library, list, logs, nodes,
    pause, plan_changes, plan_decide, plans, retry, schedule_history, schedule_preview, schedule_run, schedule_switch,
    schedule_write, schedules, settings, settings_test, show, stats, ws,
};
use crate::actors::protocol::{ClientMessage, ServerMessage};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "StashHog",
        description = "Runs long jobs, shows their progress live, stops them when told to, and loses none of them.\n\n\
                       Errors are problem documents (RFC 9457); programs look at their `code`. A query parameter that a path \
                       does not know is an error. Times are RFC 3339, ids are UUIDs that sort by creation."
    ),
    tags(
        (name = "jobs", description = "Requests to do work, from trigger to end"),
        (name = "job types", description = "What can be done"),
        (name = "schedules", description = "Which jobs are made when"),
        (name = "settings", description = "What jobs have to be told, and whether services answer"),
        (name = "plans", description = "Changes to scenes that jobs propose and people decide on"),
        (name = "library", description = "What was synced from Stash"),
        (name = "server", description = "How this node is"),
    ),
    paths(
        list::list, create::create, create::batch, create::run, bulk_cancel::cancel, bulk_retry::retry,
        show::show, explain::explain, logs::logs, history::events, history::item_errors, history::attempts, cancel::cancel, retry::retry,
        job_types::list, job_types::show, pause::pause, pause::resume,
        settings::list, settings::change, settings_test::test,
        schedules::list, schedules::show, schedule_write::create, schedule_write::edit, schedule_write::delete,
        schedule_switch::enable, schedule_switch::disable, schedule_run::run, schedule_history::runs, schedule_preview::preview,
        plans::list, plans::show, plans::delete, plan_changes::changes, plan_decide::approve, plan_decide::reject,
        library::overview, library::scenes, library::scene, library::entities, library::entity,
        ws::all, ws::one, stats::stats, nodes::list, health::live, health::ready, docs::document,
    ),
    // No path shows the messages of the live socket, nor `LogFormat`, whose parameter is only a reference to it.
    components(schemas(Problem, LogFormat, ClientMessage, ServerMessage)),
)]
struct Document;

/// The document. Needs no server.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    for path in document.paths.paths.values_mut() {
        for write in [&mut path.post, &mut path.put, &mut path.patch, &mut path.delete].into_iter().flatten() {
            write.parameters.get_or_insert_default().push(idempotency_key().into());
        }
    }
    document
}

/// The header that every write takes.
fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Executes this request once, however often it is repeated within a day: a repetition gets the answer of the first, with \
             the header `Idempotency-Replayed: true`. `invalid_idempotency_key` (400): it is not 1 to 255 visible ASCII characters. \
             `idempotency_key_in_use` (409): the first request is being executed. `idempotency_key_reused` (422): the key belongs to \
             another request",
        ))
        .schema(Some(schema))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use utoipa::IntoParams;
    use utoipa::openapi::path::ParameterIn;

    use super::openapi;
    use crate::http::history::{AttemptQuery, EventQuery, ItemErrorQuery};
    use crate::http::library::{EntityQuery, SceneQuery};
    use crate::http::list::ListQuery;
    use crate::http::logs::LogQuery;
    use crate::http::plan_changes::ChangeQuery;
    use crate::http::plans::PlanQuery;
    use crate::http::query::{FromQuery, parse};
    use crate::http::schedule_history::RunQuery;
    use crate::http::show::ShowQuery;
    use crate::http::stats::StatsQuery;
    use crate::http::ws::Begin;

    fn every(name: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get(name).and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|below| every(name, below, found));
            }
            Value::Array(items) => items.iter().for_each(|below| every(name, below, found)),
            _ => {}
        }
    }

    #[test]
    fn the_document_has_all_that_it_refers_to_and_names_each_operation_once() {
        let document = serde_json::to_value(openapi()).unwrap();
        let (mut refs, mut names) = (Vec::new(), Vec::new());
        every("$ref", &document, &mut refs);
        for target in refs {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
        }
        every("operationId", &document, &mut names);
        assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "{names:?}");
    }

    /// The parameters that a query says it knows, as its error lists them.
    fn known<T: FromQuery + std::fmt::Debug>() -> String {
        let error = parse::<T>("?=1").unwrap_err().to_string();
        error.rsplit(" are ").next().unwrap().to_owned()
    }

    fn documented<T: IntoParams>() -> String {
        let parameters = T::into_params(|| Some(ParameterIn::Query));
        parameters.into_iter().map(|p| p.name).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn every_query_parameter_is_documented_and_no_other() {
        assert_eq!(known::<ListQuery>(), documented::<ListQuery>());
        assert_eq!(known::<ShowQuery>(), documented::<ShowQuery>());
        assert_eq!(known::<LogQuery>(), documented::<LogQuery>());
        assert_eq!(known::<EventQuery>(), documented::<EventQuery>());
        assert_eq!(known::<AttemptQuery>(), documented::<AttemptQuery>());
        assert_eq!(known::<ItemErrorQuery>(), documented::<ItemErrorQuery>());
        assert_eq!(known::<StatsQuery>(), documented::<StatsQuery>());
        assert_eq!(known::<RunQuery>(), documented::<RunQuery>());
        assert_eq!(known::<PlanQuery>(), documented::<PlanQuery>());
        assert_eq!(known::<ChangeQuery>(), documented::<ChangeQuery>());
        assert_eq!(known::<SceneQuery>(), documented::<SceneQuery>());
        assert_eq!(known::<EntityQuery>(), documented::<EntityQuery>());
        assert_eq!(known::<Begin>(), documented::<Begin>());
    }
}
