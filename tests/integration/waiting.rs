//! `GET /api/jobs/{id}?wait=`: an answer when the job has ended.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::api::{Answer, Api, id_of};
use crate::support::program::Program;
use crate::support::server::{Database, Options, Server};
use crate::support::{database, until};

/// A job that stays pending.
async fn for_later(api: &Api) -> Uuid {
    id_of(&api.post("/api/jobs", json!({ "type": "demo", "run_at": "2100-01-01T00:00:00Z" })).await.expect(201))
}

/// Begins to wait, and returns when the server has the request.
async fn begin(api: &Api, id: Uuid, wait: &str) -> tokio::task::JoinHandle<Answer> {
    let (api, path) = (api.clone(), format!("/api/jobs/{id}?wait={wait}"));
    tokio::spawn(async move { api.get(&path).await })
}

#[tokio::test]
async fn the_answer_comes_when_the_job_has_ended_whichever_server_is_asked() {
    let one = Server::start().await;
    let database = Database::At(one.database_url.clone());
    let other = Server::start_with(Options { database, ..Options::default() }).await;
    let id = one.api.submit("demo", json!({ "items": 20, "item_ms": 50 })).await;
    let begun = Instant::now();
    let waits = [begin(&one.api, id, "60s").await, begin(&other.api, id, "1m").await];
    for wait in waits {
        let job = wait.await.expect("an answer").expect(200);
        assert_eq!((&job["status"], &job["result"]), (&json!("completed"), &json!({ "items": 20 })));
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "long before the time was over");
    assert_eq!(one.api.get(&format!("/api/jobs/{id}?wait=60s")).await.expect(200)["status"], "completed", "at once");
    other.stop().await;
    one.stop().await;
}

#[tokio::test]
async fn many_requests_wait_for_one_job() {
    let server = Server::start().await;
    let id = for_later(&server.api).await;
    let mut waits = Vec::new();
    for _ in 0..100 {
        waits.push(begin(&server.api, id, "60s").await);
    }
    server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    for wait in waits {
        assert_eq!(wait.await.expect("an answer").expect(200)["status"], "cancelled");
    }
    server.stop().await;
}

#[tokio::test]
async fn when_the_time_is_over_the_job_is_told_as_it_is() {
    let server = Server::start().await;
    let id = for_later(&server.api).await;
    let begun = Instant::now();
    let job = server.api.get(&format!("/api/jobs/{id}?wait=300ms")).await.expect(200);
    assert_eq!(job["status"], "pending");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(server.api.get(&format!("/api/jobs/{id}?wait=0s")).await.expect(200)["status"], "pending");
    server.stop().await;
}

#[tokio::test]
async fn a_wait_that_makes_no_sense_is_refused_with_what_is_allowed() {
    let server = Server::start().await;
    let id = for_later(&server.api).await;
    for bad in ["30", "61s", "-1s", "1h", "soon", "%00", "99999999999999999999999s"] {
        let problem = server.api.get(&format!("/api/jobs/{id}?wait={bad}")).await.expect(400);
        assert_eq!(
            (&problem["code"], &problem["parameters"][0]["parameter"]),
            (&json!("invalid_query"), &json!("wait"))
        );
        assert!(
            problem["detail"].as_str().is_some_and(|detail| detail.contains("at most 60 s, like 30s")),
            "{problem:#}"
        );
    }
    server.api.get(&format!("/api/jobs/{}?wait=30s", Uuid::now_v7())).await.expect(404);
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_is_deleted_meanwhile_is_not_found() {
    let server = Server::start().await;
    let id = for_later(&server.api).await;
    let wait = begin(&server.api, id, "60s").await;
    database::execute(&server.database_url, &format!("DELETE FROM jobs WHERE id = '{id}'")).await;
    assert_eq!(wait.await.expect("an answer").expect(404)["code"], "unknown_job");
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_goes_down_answers_those_who_wait() {
    let server = Server::start().await;
    let id = for_later(&server.api).await;
    // Pipelined: once the first is answered, the server has the second.
    let mut socket = ask(&server.api, &["/health/live".to_owned(), format!("/api/jobs/{id}?wait=60s")]).await;
    socket.read_exact(&mut [0; 15]).await.expect("the first answer");
    server.stop().await;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("the second answer");
    let (_, answer) = answer.rsplit_once("HTTP/1.1 ").expect("the second answer");
    assert!(answer.starts_with("200") && answer.contains("\"status\":\"pending\""), "{answer}");
}

#[tokio::test]
async fn waits_are_bounded_and_a_client_that_goes_away_makes_room() {
    let server = Server::start().await;
    let id = for_later(&server.api).await;
    let path = [format!("/api/jobs/{id}?wait=60s")];
    // Those that the database was too busy for do not wait: more come until the bound is reached.
    let mut sockets = Vec::new();
    until("no more may wait", async || {
        for _ in 0..50 {
            sockets.push(ask(&server.api, &path).await);
        }
        let answer = server.api.get(&format!("/api/jobs/{id}?wait=1ms")).await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        (answer.status == 503 && detail.contains("1000 requests wait")).then_some(())
    })
    .await;
    server.api.get(&format!("/api/jobs/{id}")).await.expect(200);
    drop(sockets);
    let begun = Instant::now();
    until("there is room", async || {
        (server.api.get(&format!("/api/jobs/{id}?wait=1ms")).await.status == 200).then_some(())
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(45), "long before their time is over");
    server.stop().await;
}

#[tokio::test]
async fn the_command_line_waits_for_the_end_of_a_job() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 10, "item_ms": 50 })).await;
    let shown = Program::new(["jobs", "show", &id.to_string(), "--wait", "--json", "--server", &server.api.url]);
    let job: Value = serde_json::from_str(&shown.run().await.expect(0).out).expect("JSON");
    assert_eq!(job["status"], "completed");
    server.stop().await;
}

/// Sends requests on one connection, and leaves the answers where they are.
async fn ask(api: &Api, paths: &[String]) -> TcpStream {
    let host = api.url.trim_start_matches("http://");
    let mut socket = TcpStream::connect(host).await.expect("a connection");
    let requests: String = paths.iter().map(|path| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).collect();
    socket.write_all(requests.as_bytes()).await.expect("to send");
    socket
}
