//! What the server says of itself: job types, figures, health, and the document that all answers keep to.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::api::{Api, id_of};
use crate::support::server::Server;
use crate::support::until;

#[tokio::test]
async fn every_job_type_is_described_for_forms_and_cards() {
    let server = Server::start().await;
    let all = server.api.get("/api/job-types").await.expect(200);
    let types = all["job_types"].as_array().expect("types");
    let names: Vec<_> = types.iter().map(|t| t["type"].as_str().expect("a name")).collect();
    assert!(
        names.is_sorted() && ["cleanup", "demo", "scan_library"].iter().all(|name| names.contains(name)),
        "{names:?}"
    );
    for described in types {
        let name = described["type"].as_str().expect("a name");
        assert_eq!(server.api.get(&format!("/api/job-types/{name}")).await.expect(200), *described);
        for field in ["label", "description", "category", "color", "icon"] {
            assert!(described[field].as_str().is_some_and(|text| !text.is_empty()), "{name} has a {field}");
        }
        let schema = &described["params_schema"];
        jsonschema::validator_for(schema).expect("a schema");
        for (param, about) in schema["properties"].as_object().expect("params") {
            assert!(about["description"].is_string(), "{name}: {param} says what it is for");
        }
        assert_eq!(described["runner"]["running"], 0);
    }
    let named = |name: &str| types.iter().find(|described| described["type"] == name).expect("a type");
    assert_eq!(named("cleanup")["admission"], "exclusive");
    assert_eq!((&named("demo")["admission"], &named("demo")["concurrency"]), (&json!("per_node"), &json!(4)));
    let id = server.api.submit("demo", json!({ "items": 1000, "item_ms": 50 })).await;
    server.api.until_status(id, "running").await;
    until("the runner shows it", async || {
        (server.api.get("/api/job-types/demo").await.body["runner"]["running"] == 1).then_some(())
    })
    .await;
    server.stop().await;
}

#[tokio::test]
async fn the_figures_count_what_happened() {
    let server = Server::start().await;
    let api = &server.api;
    let params = json!({ "items": 1, "item_ms": 0 });
    for id in api.submit_many("demo", &params, 5).await {
        api.until_status(id, "completed").await;
    }
    let failed = api.submit("demo", json!({ "items": 1, "item_ms": 0, "fail_at": 1 })).await;
    api.until_status(failed, "failed").await;
    let later = json!({ "type": "demo", "run_at": "2100-01-01T00:00:00Z" });
    let cancelled = id_of(&api.post("/api/jobs", later.clone()).await.expect(201));
    api.post(&format!("/api/jobs/{cancelled}/cancel"), json!({})).await.expect(202);
    api.post("/api/jobs", later).await.expect(201);
    let stats = api.get("/api/stats?minutes=5").await.expect(200);
    let totals = &stats["totals"];
    let figures = ["pending", "running", "cancelling", "completed", "failed", "cancelled"].map(|f| totals[f].clone());
    assert_eq!(figures, [1, 0, 0, 5, 1, 1], "{stats:#}");
    assert_eq!(stats["active"], json!([{ "type": "demo", "status": "pending", "count": 1 }]));
    let ended = stats["throughput"].as_array().expect("minutes");
    assert_eq!(ended.iter().filter_map(|minute| minute["completed"].as_i64()).sum::<i64>(), 5);
    assert_eq!(stats["durations"][0]["count"], 6, "the one that never started took no time: {stats:#}");
    assert!(stats["durations"][0]["p50"].as_f64() <= stats["durations"][0]["p95"].as_f64());
    server.stop().await;
}

#[tokio::test]
async fn probes_tell_that_it_is_up_and_ready() {
    let server = Server::start().await;
    assert_eq!(server.api.get("/health/live?from=balancer").await.expect(200)["live"], true);
    let ready = server.api.get("/health/ready").await.expect(200);
    assert_eq!((&ready["ready"], &ready["database"], &ready["claiming"]), (&json!(true), &json!(true), &json!(true)));
    assert_eq!((&ready["sessions"], &ready["unwritten"]), (&json!(0), &json!(0)));
    assert_eq!(ready["runners"]["demo"], json!({ "slots": 4, "running": 0, "restarts": 0, "last_panic": null }));
    server.stop().await;
}

/// The document's schemas, each as a validator.
pub struct Document(Value);

impl Document {
    /// The document of a server.
    pub async fn of(api: &Api) -> Self {
        Self(api.get("/api/openapi.json").await.expect(200))
    }

    /// The schema of what a path answers with this status.
    pub fn answer(&self, method: &str, path: &str, status: u16) -> Validator {
        let content = &self.0["paths"][path][method]["responses"][status.to_string()]["content"];
        let of_json = content.as_object().and_then(|types| types.iter().find(|(media, _)| media.contains("json")));
        let (_, described) = of_json.unwrap_or_else(|| panic!("{method} {path} {status} is not documented"));
        let mut schema = described["schema"].clone();
        schema["components"] = self.0["components"].clone();
        jsonschema::validator_for(&schema).expect("a schema")
    }
}

#[tokio::test]
async fn answers_keep_to_the_document() {
    let server = Server::start().await;
    let api = &server.api;
    let document = Document::of(api).await;
    let id = api.submit("demo", json!({ "items": 4, "item_ms": 0, "log_lines": 1, "error_every": 2 })).await;
    api.until_status(id, "completed").await;
    let running = api.submit("demo", json!({ "items": 1000, "item_ms": 50 })).await;
    api.until_status(running, "running").await;
    let demo = json!({ "type": "demo", "params": { "items": 0 } });
    let one = json!({ "id": id });
    for (method, path, status, body) in [
        ("get", "/api/jobs", 200, Value::Null),
        ("get", "/api/jobs/{id}", 200, Value::Null),
        ("get", "/api/jobs/{id}/explain", 200, Value::Null),
        ("get", "/api/jobs/{id}/logs", 200, Value::Null),
        ("get", "/api/jobs/{id}/events", 200, Value::Null),
        ("get", "/api/jobs/{id}/item-errors", 200, Value::Null),
        ("get", "/api/job-types", 200, Value::Null),
        ("get", "/api/job-types/{type}", 200, Value::Null),
        ("get", "/api/stats", 200, Value::Null),
        ("get", "/health/live", 200, Value::Null),
        ("get", "/health/ready", 200, Value::Null),
        ("get", "/api/openapi.json", 200, Value::Null),
        ("get", "/api/jobs/ws", 426, Value::Null),
        ("post", "/api/jobs", 201, demo.clone()),
        ("post", "/api/jobs", 422, one),
        ("post", "/api/jobs", 404, json!({ "type": "dmeo" })),
        ("post", "/api/jobs/batch", 201, json!({ "jobs": [demo] })),
        ("post", "/api/jobs/run/{type}", 201, json!({ "items": 0 })),
        ("post", "/api/jobs/{id}/cancel", 409, json!({})),
        ("post", "/api/jobs/{id}/retry", 201, json!({ "only_failed_items": true })),
        ("post", "/api/jobs/cancel", 200, json!({ "ids": [running] })),
        ("post", "/api/jobs/retry", 200, json!({ "all": true, "dry_run": true })),
        ("post", "/api/job-types/{type}/pause", 200, json!({ "reason": "backup" })),
        ("post", "/api/job-types/{type}/pause", 422, json!({ "reason": 7 })),
        ("get", "/api/job-types", 200, Value::Null),
        ("post", "/api/job-types/{type}/resume", 200, json!({})),
    ] {
        let real = path.replace("{id}", &id.to_string()).replace("{type}", "demo");
        let answer = if method == "get" { api.get(&real).await } else { api.post(&real, body).await }.expect(status);
        let validator = document.answer(method, path, status);
        let wrong: Vec<_> = validator.iter_errors(&answer).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(wrong, [""; 0], "{method} {path} {status}: {answer:#}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_document_is_openapi_and_every_path_of_it_is_answered() {
    let server = Server::start().await;
    let document = server.api.get("/api/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, about) in item.as_object().expect("methods") {
            let name = about["operationId"].as_str().expect("a name");
            assert!(names.insert(name.to_owned()), "{name} twice");
            assert!(about["summary"].is_string() || about["description"].is_string(), "{name} says what it does");
            for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let parameters = about["parameters"].as_array().expect("parameters");
                let declared =
                    parameters.iter().any(|p| p["name"] == part && p["in"] == "path" && p["required"] == true);
                assert!(declared, "{name} declares {part}");
            }
            let real = path.replace("{id}", "x").replace("{type}", "x");
            let body = (method == "post").then(|| json!([]));
            let answer = server.api.request(method.to_uppercase().parse().expect("a method"), &real, body).await;
            assert_ne!(answer.status, 405, "{name}");
            assert_ne!(answer.body["code"], "unknown_path", "{name}");
        }
    }
    assert!(names.contains("create_job") && names.contains("watch_jobs"), "{names:?}");
    server.stop().await;
}

#[tokio::test]
async fn the_pages_are_served_whole_from_the_binary() {
    let server = Server::start().await;
    for (path, media_type, part) in [
        ("/", "text/html", "/assets/index-"),
        ("/favicon.svg", "image/svg+xml", "<svg"),
        ("/api/docs", "text/html", "swagger-ui"),
        ("/api/docs/", "text/html", "swagger-ui"),
    ] {
        let response = open(&server, path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.headers()["content-type"].to_str().expect("a type").starts_with(media_type), "{path}");
        let policy = response.headers()["content-security-policy"].to_str().expect("a policy").to_owned();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        let text = response.text().await.expect("a text");
        assert!(text.contains(part), "{path}");
        let elsewhere = ["src=\"http", "href=\"http", "url(http"].iter().any(|from| text.contains(from));
        assert!(!elsewhere, "{path} loads something from elsewhere");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_files_of_the_ui_are_cached_by_their_names_and_sent_compressed() {
    let server = Server::start().await;
    let page = open(&server, "/").await;
    assert_eq!(page.headers()["cache-control"], "no-cache");
    let tag = page.headers()["etag"].clone();
    let page = page.text().await.expect("a text");
    for path in ["/jobs", "/jobs/01890000-0000-7000-8000-000000000000?tab=logs", "/run/demo"] {
        assert_eq!(open(&server, path).await.text().await.expect("a text"), page, "{path} is a page of the UI");
    }
    let script = page.split('"').find(|part| part.starts_with("/assets/") && part.ends_with(".js")).expect("a script");
    let whole = open(&server, script).await;
    assert!(whole.headers()["cache-control"].to_str().expect("a text").contains("immutable"));
    assert!(!whole.headers().contains_key("content-encoding"));
    let whole = whole.bytes().await.expect("a body").len();

    let ask = |path: &str, name: &str, value: &str| {
        server.api.client().get(format!("{}{path}", server.api.url)).header(name, value).send()
    };
    let smaller = ask(script, "accept-encoding", "br, gzip;q=0.8").await.expect("an answer");
    assert_eq!(smaller.headers()["content-encoding"], "gzip");
    assert_eq!(smaller.headers()["vary"], "accept-encoding");
    assert!(smaller.bytes().await.expect("a body").len() < whole / 2);
    for (tag, status) in [(tag.to_str().expect("a text"), 304), ("\"another\"", 200)] {
        assert_eq!(ask("/", "if-none-match", tag).await.expect("an answer").status(), status);
    }
    for path in ["/assets/none.js", "/../Cargo.toml", "/assets/%2e%2e/%2e%2e/.gitignore", "/api/none", "/health/none"] {
        let answer = server.api.get(path).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (404, &json!("unknown_path")), "{path}");
    }
    server.stop().await;
}

/// As a browser opens an address.
async fn open(server: &Server, path: &str) -> reqwest::Response {
    let request = server.api.client().get(format!("{}{path}", server.api.url)).header("accept", "text/html,*/*;q=0.8");
    request.send().await.expect("an answer")
}
