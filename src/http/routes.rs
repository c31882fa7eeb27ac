//! Every path and its methods.

use actix_web::error::PathError;
use actix_web::guard::{Any, Get, Head};
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, PathConfig, ServiceConfig};
use actix_web::{Error, FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route};

use super::error::{ApiError, ErrorCode};
use super::limits::quoted;
use super::state::AppState;
use super::{
    bulk_cancel, bulk_retry, cancel, create, docs, explain, guard, headers, health, history, idempotency, job_types,
    library, list, logs, nodes, pause, plan_changes, plan_decide, plans, retry, schedule_history, schedule_preview,
    schedule_run, schedule_switch, schedule_write, schedules, settings, settings_test, show, stats, ui, unavailable,
    ws,
};

/// The table. The first path that fits is taken.
fn table() -> Vec<(&'static str, Vec<(Method, Route)>)> {
    vec![
        ("/health/live", vec![get(health::live)]),
        ("/health/ready", vec![get(health::ready)]),
        ("/api/docs", vec![get(docs::redirect)]),
        ("/api/docs/{file:.*}", vec![get(docs::file)]),
        ("/api/openapi.json", vec![get(docs::document)]),
        ("/api/stats", vec![get(stats::stats)]),
        ("/api/nodes", vec![get(nodes::list)]),
        ("/api/job-types", vec![get(job_types::list)]),
        ("/api/job-types/{type}", vec![get(job_types::show)]),
        ("/api/job-types/{type}/pause", vec![post(pause::pause)]),
        ("/api/job-types/{type}/resume", vec![post(pause::resume)]),
        ("/api/jobs", vec![get(list::list), post(create::create)]),
        ("/api/jobs/batch", vec![post(create::batch)]),
        ("/api/jobs/cancel", vec![post(bulk_cancel::cancel)]),
        ("/api/jobs/retry", vec![post(bulk_retry::retry)]),
        ("/api/jobs/run/{type}", vec![post(create::run)]),
        ("/api/jobs/ws", vec![get(ws::all)]),
        ("/api/jobs/{id}", vec![get(show::show)]),
        ("/api/jobs/{id}/explain", vec![get(explain::explain)]),
        ("/api/jobs/{id}/logs", vec![get(logs::logs)]),
        ("/api/jobs/{id}/events", vec![get(history::events)]),
        ("/api/jobs/{id}/attempts", vec![get(history::attempts)]),
        ("/api/jobs/{id}/item-errors", vec![get(history::item_errors)]),
        ("/api/jobs/{id}/cancel", vec![post(cancel::cancel)]),
        ("/api/jobs/{id}/retry", vec![post(retry::retry)]),
        ("/api/jobs/{id}/ws", vec![get(ws::one)]),
        ("/api/settings", vec![get(settings::list), patch(settings::change)]),
        ("/api/settings/test/{service}", vec![post(settings_test::test)]),
        ("/api/plans", vec![get(plans::list)]),
        ("/api/plans/{id}", vec![get(plans::show), delete(plans::delete)]),
        ("/api/plans/{id}/changes", vec![get(plan_changes::changes)]),
        ("/api/plans/{id}/approve", vec![post(plan_decide::approve)]),
        ("/api/plans/{id}/reject", vec![post(plan_decide::reject)]),
        ("/api/library", vec![get(library::overview)]),
        ("/api/library/scenes", vec![get(library::scenes)]),
        ("/api/library/scenes/{id}", vec![get(library::scene)]),
        ("/api/library/{kind}", vec![get(library::entities)]),
        ("/api/library/{kind}/{id}", vec![get(library::entity)]),
        ("/api/schedules", vec![get(schedules::list), post(schedule_write::create)]),
        ("/api/schedules/preview", vec![post(schedule_preview::preview)]),
        (
            "/api/schedules/{id}",
            vec![get(schedules::show), patch(schedule_write::edit), delete(schedule_write::delete)],
        ),
        ("/api/schedules/{id}/enable", vec![post(schedule_switch::enable)]),
        ("/api/schedules/{id}/disable", vec![post(schedule_switch::disable)]),
        ("/api/schedules/{id}/run", vec![post(schedule_run::run)]),
        ("/api/schedules/{id}/runs", vec![get(schedule_history::runs)]),
    ]
}

/// Mounts everything on an application.
pub fn configure(app: &mut ServiceConfig, state: AppState) {
    let mut all = web::scope("");
    for (path, methods) in table() {
        all = all.service(resource(path, methods));
    }
    app.app_data(Data::new(state));
    app.default_service(web::to(unknown_path)); // for what is no path at all, `OPTIONS *`
    app.app_data(PathConfig::default().error_handler(wrong_path));
    let all = all.default_service(web::to(unknown_path));
    // The last one comes first.
    app.service(
        all.wrap(from_fn(idempotency::once))
            .wrap(from_fn(unavailable::name_cause))
            .wrap(from_fn(guard::check))
            .wrap(from_fn(headers::add)),
    );
}

fn resource(path: &'static str, methods: Vec<(Method, Route)>) -> Resource {
    let words = methods.iter().map(|(method, _)| if method == Method::GET { "GET, HEAD" } else { method.as_str() });
    let allowed = words.collect::<Vec<_>>().join(", ");
    let refuse = move |request: HttpRequest| {
        let detail = format!("{} takes {allowed}, not {}", quoted(request.path()), request.method());
        let known = allowed.split(", ").map(str::to_owned).collect();
        let error = ApiError::new(ErrorCode::MethodNotAllowed, detail).names(Vec::new(), known);
        async move { Err::<String, _>(error) }
    };
    methods
        .into_iter()
        .fold(web::resource(path), |resource, (_, route)| resource.route(route))
        .default_service(web::to(refuse))
}

/// Whoever may read may ask whether there is something to read.
fn get<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    (Method::GET, Route::new().guard(Any(Get()).or(Head())).to(handler))
}

fn post<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    (Method::POST, web::post().to(handler))
}

fn patch<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    (Method::PATCH, web::patch().to(handler))
}

fn delete<F, Args>(handler: F) -> (Method, Route)
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    (Method::DELETE, web::delete().to(handler))
}

/// What is no path of the table: a file or a page of the UI, or nothing.
async fn unknown_path(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    if let Some(page) = ui::answer(&request) {
        return Ok(page);
    }
    let detail = format!("there is no {}; see /api/docs for what there is", quoted(request.path()));
    Err(ApiError::new(ErrorCode::UnknownPath, detail))
}

fn wrong_path(error: PathError, request: &HttpRequest) -> Error {
    let reason = match error {
        PathError::Deserialize(reason) => reason.to_string(),
        other => other.to_string(),
    };
    ApiError::new(ErrorCode::InvalidPath, format!("{}: {reason}", quoted(request.path()))).into()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};
    use std::sync::Arc;

    use actix::Actor;
    use actix_web::App;
    use actix_web::http::{Method, StatusCode};
    use actix_web::test::{TestRequest, call_service, init_service, read_body_json};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{configure, table};
    use crate::actors::bus::NoBus;
    use crate::actors::health::Health;
    use crate::actors::identity::NodeIdentity;
    use crate::actors::scheduler::{JobScheduler, SchedulerParts};
    use crate::actors::supervisor::{JobSupervisor, SupervisorParts};
    use crate::actors::tracker::{JobTracker, TrackerParts};
    use crate::http::openapi;
    use crate::http::state::AppState;
    use crate::http::wait::Waits;
    use crate::job::{Environment, Registry, SettingsFromEnvironment};
    use crate::store::link::Link;
    use crate::store::pool;
    use crate::store::settings::StoredSettings;
    use crate::store::vault::Vault;

    /// The page and its files describe themselves.
    const NOT_DOCUMENTED: [&str; 2] = ["/api/docs", "/api/docs/{file:.*}"];

    #[test]
    fn the_table_and_the_openapi_document_say_the_same() {
        let routes: BTreeSet<_> = table()
            .into_iter()
            .filter(|(path, _)| !NOT_DOCUMENTED.contains(path))
            .flat_map(|(path, methods)| methods.into_iter().map(move |(method, _)| format!("{method} {path}")))
            .collect();
        let document = serde_json::to_value(openapi()).unwrap();
        let documented: BTreeSet<_> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, item)| {
                item.as_object().unwrap().keys().map(move |m| format!("{} {path}", m.to_uppercase()))
            })
            .collect();
        assert_eq!(routes, documented);
    }

    /// A server without a database.
    fn state() -> AppState {
        let registry = Registry::collect().unwrap();
        let nowhere = "host=/nowhere";
        let health = Arc::new(Health::new(&registry));
        let tracker = JobTracker::new(TrackerParts {
            node: NodeIdentity::new(Uuid::nil()),
            link: Link::new(nowhere.into(), "tracker"),
            bus: Arc::new(NoBus),
            children: Arc::default(),
            health: Arc::clone(&health),
        })
        .start();
        let supervisor = JobSupervisor::start(SupervisorParts {
            node: NodeIdentity::new(Uuid::nil()),
            registry: registry.clone(),
            slots: HashMap::new(),
            link: Link::new(nowhere.into(), "supervisor"),
            bus: Arc::new(NoBus),
            tracker: tracker.clone(),
            runtime: tokio::runtime::Handle::current(),
            environment: Environment::default(),
            health: Arc::clone(&health),
        });
        let scheduler = JobScheduler::new(SchedulerParts {
            registry: registry.clone(),
            link: Link::new(nowhere.into(), "scheduler"),
            supervisor: supervisor.clone(),
            tracker: tracker.clone(),
            health: Arc::clone(&health),
            fires: false,
        });
        let db = pool::build(nowhere, tokio::runtime::Handle::current()).unwrap();
        let vault = Vault::open(None, tempfile::tempdir().unwrap().path()).unwrap();
        AppState {
            node: NodeIdentity::new(Uuid::nil()),
            scheduler: scheduler.start(),
            health,
            registry,
            supervisor,
            tracker,
            relay: None,
            waits: Arc::new(Waits::new(Arc::default())),
            settings: Arc::new(StoredSettings::new(db.clone(), SettingsFromEnvironment::default(), vault)),
            db,
            allowed_hosts: Arc::default(),
        }
    }

    async fn ask(request: TestRequest) -> (StatusCode, Value) {
        let app = init_service(App::new().configure(|app| configure(app, state()))).await;
        let response = call_service(&app, request.to_request()).await;
        let status = response.status();
        assert_eq!(response.headers().get("x-content-type-options").unwrap(), "nosniff");
        if status.is_client_error() || status.is_server_error() {
            assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
        }
        (status, read_body_json(response).await)
    }

    fn local(method: Method, path: &str) -> TestRequest {
        TestRequest::with_uri(path).method(method).insert_header(("host", "localhost"))
    }

    fn sends(path: &str, body: impl Into<String>) -> TestRequest {
        local(Method::POST, path).insert_header(("content-type", "application/json")).set_payload(body.into())
    }

    #[actix_web::test]
    async fn whatever_is_wrong_gets_a_problem_with_its_code() {
        let job = "/api/jobs/01890000-0000-7000-8000-000000000000";
        let plan = "/api/plans/01890000-0000-7000-8000-000000000000";
        let get = |path: &str| local(Method::GET, path);
        for (request, status, code) in [
            (get("/nothing"), 404, "unknown_path"),
            (get("/api/jobs/x/y/z"), 404, "unknown_path"),
            (get("/api/docs/nothing"), 404, "unknown_path"),
            (local(Method::DELETE, "/api/jobs"), 405, "method_not_allowed"),
            (get("/api/jobs/batch"), 405, "method_not_allowed"),
            (get("/api/jobs/no-uuid"), 400, "invalid_path"),
            (get("/api/jobs?stauts=failed"), 400, "invalid_query"),
            (get("/api/jobs?cursor=01890000-0000-7000-8000-000000000000"), 400, "invalid_query"),
            (get("/api/jobs?limit=99999999999999999999&q=%00&since=x&status=done"), 400, "invalid_query"),
            (get("/api/jobs?q=%FF"), 400, "invalid_query"),
            (get("/api/stats?minutes=0"), 400, "invalid_query"),
            (get("/api/job-types/none"), 404, "unknown_job_type"),
            (TestRequest::get().uri("/api/jobs").insert_header(("host", "evil.example")), 403, "foreign_host"),
            (sends("/api/jobs", "{}").insert_header(("origin", "http://evil.example")), 403, "foreign_origin"),
            (sends("/api/jobs", "{"), 400, "invalid_json"),
            (sends("/api/jobs", ""), 400, "invalid_json"),
            (sends("/api/jobs", format!(r#"{{"type":"a","params":{}"#, "[".repeat(1000))), 400, "invalid_json"),
            (sends("/api/jobs", r#"["none"]"#), 422, "invalid_fields"),
            (sends("/api/jobs", r#"{"type":3}"#), 422, "invalid_fields"),
            (sends("/api/jobs", r#"{"type":"none","x":1}"#), 422, "invalid_fields"),
            (sends("/api/jobs", r#"{"type":"no\u0000ne"}"#), 404, "unknown_job_type"),
            (sends("/api/jobs?dry_run=true", r#"{"type":"none"}"#), 400, "invalid_query"),
            (sends("/api/jobs", format!("\"{}\"", "x".repeat(1 << 20))), 413, "body_too_large"),
            (local(Method::POST, "/api/jobs").set_payload("{}"), 415, "unsupported_media_type"),
            (sends("/api/jobs/batch", r#"{"jobs":[]}"#), 422, "invalid_fields"),
            (sends("/api/jobs/batch", r#"{"jobs":[{"type":"none"}]}"#), 422, "invalid_fields"),
            (sends("/api/jobs/run/none", ""), 404, "unknown_job_type"),
            (sends("/api/jobs/cancel", "{}"), 422, "invalid_fields"),
            (sends("/api/jobs/retry", r#"{"ids":["x"]}"#), 422, "invalid_fields"),
            (sends(&format!("{job}/cancel"), r#"{"reason":"\u0000"}"#), 422, "invalid_fields"),
            (sends(&format!("{job}/cancel"), ""), 503, "unavailable"),
            (sends(&format!("{job}/retry"), r#"{"params":{},"only_failed_items":true}"#), 422, "invalid_fields"),
            (get(&format!("{job}/logs?level=loud")), 400, "invalid_query"),
            (sends("/api/job-types/none/pause", ""), 404, "unknown_job_type"),
            (sends("/api/job-types/demo/pause", "[]"), 422, "invalid_fields"),
            (sends("/api/job-types/demo/resume", ""), 503, "unavailable"),
            (get("/api/settings"), 503, "unavailable"),
            (sends("/api/settings/test/none", r#"{"values":{}}"#), 404, "unknown_service"),
            (get("/api/plans?status=done"), 400, "invalid_query"),
            (get("/api/plans?cursor=ajEAAAAAAAAAAAAAAAAAAAAA"), 400, "invalid_query"),
            (get("/api/plans"), 503, "unavailable"),
            (get("/api/plans/none"), 400, "invalid_path"),
            (local(Method::PUT, plan), 405, "method_not_allowed"),
            (get(&format!("{plan}/changes?min_confidence=1.5&field=name&status=open")), 400, "invalid_query"),
            (get(&format!("{plan}/changes?min_confidence=NaN")), 400, "invalid_query"),
            (get(&format!("{plan}/changes?scene=%00")), 400, "invalid_query"),
            (get(&format!("{plan}/approve")), 405, "method_not_allowed"),
            (sends(&format!("{plan}/approve"), ""), 400, "invalid_json"),
            (sends(&format!("{plan}/approve"), "{}"), 422, "invalid_fields"),
            (sends(&format!("{plan}/approve"), r#"{"all":true,"changes":[]}"#), 422, "invalid_fields"),
            (sends(&format!("{plan}/approve"), r#"{"changes":["x"]}"#), 422, "invalid_fields"),
            (sends(&format!("{plan}/approve"), r#"{"min_confidence":-0.1}"#), 422, "invalid_fields"),
            (sends(&format!("{plan}/reject"), r#"{"min_confidence":"high"}"#), 422, "invalid_fields"),
            (sends(&format!("{plan}/reject"), r#"{"all":true,"field":["name"]}"#), 422, "invalid_fields"),
            (sends(&format!("{plan}/reject"), r#"{"all":true,"reason":"\u0000"}"#), 422, "invalid_fields"),
            (sends(&format!("{plan}/reject"), r#"{"all":true}"#), 503, "unavailable"),
            (get("/api/schedules/none"), 400, "invalid_path"),
            (get("/api/schedules?limit=1"), 400, "invalid_query"),
            (get("/api/schedules"), 503, "unavailable"),
            (get("/api/schedules/preview"), 405, "method_not_allowed"),
            (sends("/api/schedules", "{}"), 422, "invalid_fields"),
            (sends("/api/schedules/preview", r#"{"cron":"61 * * * *"}"#), 422, "invalid_fields"),
            (sends("/api/schedules", r#"{"name":"a","type":"demo","cron":"@daily"}"#), 503, "unavailable"),
        ] {
            let (answered, problem) = ask(request).await;
            assert_eq!((answered.as_u16(), &problem["code"]), (status, &json!(code)), "{problem}");
            assert_eq!(problem["status"], status);
        }
    }

    #[actix_web::test]
    async fn a_wrong_method_is_told_the_right_ones() {
        let app = init_service(App::new().configure(|app| configure(app, state()))).await;
        let response = call_service(&app, local(Method::PUT, "/api/jobs").to_request()).await;
        assert_eq!(response.headers().get("allow").unwrap(), "GET, HEAD, POST");
    }

    #[actix_web::test]
    async fn probes_answer_under_any_name() {
        let probe = TestRequest::get().uri("/health/live").insert_header(("host", "10.0.0.7"));
        assert_eq!(ask(probe).await.1["live"], true);
    }

    #[actix_web::test]
    async fn the_page_of_the_api_is_complete() {
        let app = init_service(App::new().configure(|app| configure(app, state()))).await;
        for path in ["/api/docs/", "/api/docs/swagger-ui.css", "/api/openapi.json"] {
            let response = call_service(&app, local(Method::GET, path).to_request()).await;
            assert_eq!(response.status(), 200, "{path}");
            assert!(response.headers().contains_key("content-security-policy"));
        }
        let response = call_service(&app, local(Method::GET, "/api/docs").to_request()).await;
        assert_eq!(response.headers().get("location").unwrap(), "/api/docs/");
    }
}
