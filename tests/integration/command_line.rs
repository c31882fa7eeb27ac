//! The command line, as people and scripts use it: the real program, beside a server and without one.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::api::{Api, id_of};
use crate::support::program::{Ended, Program};
use crate::support::server::{Options, Server, binary};
use crate::support::{database, until};

/// A demo that runs until it is stopped.
const ENDLESS: &str = "run demo --items 1000000 --item-ms 20";

/// A command line for a server. Words are separated by blanks.
fn ask(server: &Server, line: &str) -> Program {
    Program::new(line.split(' ')).arg("--server").arg(&server.api.url)
}

/// A command line for whatever lives, or does not live, in a data directory.
fn beside(data_dir: &Path, line: &str) -> Program {
    Program::new(line.split(' ')).arg("--data-dir").arg(data_dir)
}

/// The one job that there is, once it has this status.
async fn only_job(api: &Api, status: &str) -> Uuid {
    let id = until("there is a job", async || {
        let page = api.get("/api/jobs").await.expect(200);
        page["jobs"].as_array().unwrap().first().map(id_of)
    });
    let id = id.await;
    api.until_status(id, status).await;
    id
}

#[track_caller]
fn assert_says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "`{word}` is missing:\n{said}");
    }
}

#[tokio::test]
async fn the_exit_status_tells_how_a_job_ended() {
    let server = Server::start().await;
    let endings = [
        (0, "--items 3", "completed"),
        (1, "--items 3 --fail-at 2", "failed"),
        (1, "--items 3 --panic-at 2", "failed"),
        (3, "--items 3 --error-every 2", "completed with errors"),
    ];
    for (status, flags, word) in endings {
        let ended = ask(&server, &format!("run demo --item-ms 1 {flags}")).run().await;
        assert_eq!(ended.status, Some(status), "{flags}: {}{}", ended.out, ended.err);
        assert_says(&ended.out, &["Demo", word]);
    }
    let failed = ask(&server, "run demo --items 3 --item-ms 1 --fail-at 2").run().await.expect(1);
    assert_says(&failed.out, &["item 2 was told to fail the job", "jobs show"]);
    server.stop_after_panics().await;
}

#[tokio::test]
async fn ctrl_c_cancels_the_job_and_waits_for_its_end() {
    let server = Server::start().await;
    let run = ask(&server, ENDLESS).start();
    let id = only_job(&server.api, "running").await;
    until("it follows the job", async || run.err().contains("1,000,000").then_some(())).await;
    run.signal(Signal::SIGINT);
    let ended = run.ended().await.expect(130);
    assert_says(&ended.out, &["cancelled"]);
    let job = server.api.job(id).await;
    assert_eq!(job["status"], "cancelled");
    assert_eq!((&job["created_by"], &job["cancel"]["requested_by"]), (&json!("cli"), &json!("cli")), "{job:#}");
    server.stop().await;
}

#[tokio::test]
async fn a_second_ctrl_c_leaves_at_once() {
    let server = Server::start().await;
    let run = ask(&server, &format!("{ENDLESS} --ignore-cancel")).start();
    let id = only_job(&server.api, "running").await;
    until("it follows the job", async || run.err().contains("1,000,000").then_some(())).await;
    run.signal(Signal::SIGINT);
    until("the job is told", async || (server.api.job(id).await["status"] == "cancelling").then_some(())).await;
    until("a second one is offered", async || run.err().contains("Ctrl-C again").then_some(())).await;
    run.signal(Signal::SIGINT);
    let ended = run.ended().await.expect(130);
    assert_says(&ended.err, &["leaving before job", &id.to_string()]);
    server.api.until_status(id, "cancelled").await;
    server.stop().await;
}

#[tokio::test]
async fn a_job_that_somebody_else_cancels_is_cancelled_here_too() {
    let server = Server::start().await;
    let run = ask(&server, ENDLESS).start();
    let id = only_job(&server.api, "running").await;
    let cancel = format!("jobs cancel {id} --reason enough");
    ask(&server, &cancel).run().await.expect(0);
    run.ended().await.expect(130);
    assert_eq!(server.api.job(id).await["cancel"]["reason"], "enough");
    server.stop().await;
}

#[tokio::test]
async fn every_command_that_prints_data_prints_json_on_request() {
    let server = Server::start().await;
    let get = async |path: &str| server.api.get(path).await.expect(200);
    let json = async |line: &str| ask(&server, line).run().await.expect(0).json();

    assert_eq!(json("types --json").await, get("/api/job-types").await);
    assert_eq!(json("types demo --json").await, get("/api/job-types/demo").await);
    assert_eq!(json("openapi --json").await, get("/api/openapi.json").await);
    let listed = json("run --json").await;
    assert_eq!(listed["job_types"], get("/api/job-types").await["job_types"]);

    let ran = json("run demo --items 4 --item-ms 1 --log-lines 2 --json").await;
    let id = id_of(&ran);
    assert_eq!(ran, get(&format!("/api/jobs/{id}")).await);
    let detached = json("run demo --items 0 --detach --json").await;
    server.api.until_status(id_of(&detached), "completed").await;

    assert_eq!(json("jobs list --json").await, get("/api/jobs?limit=20").await);
    assert_eq!(json(&format!("jobs show {id} --json")).await, get(&format!("/api/jobs/{id}")).await);
    let lines = |ended: Ended| ended.expect(0).json_lines();
    let watched = lines(ask(&server, &format!("jobs watch {id} --json")).run().await);
    assert_eq!(watched.last().map(|job| &job["status"]), Some(&json!("completed")));
    for follow in ["", " --follow", " --level info --tail 100"] {
        let logs = lines(ask(&server, &format!("jobs logs {id} --json{follow}")).run().await);
        assert_eq!(json!(logs), get(&format!("/api/jobs/{id}/logs")).await["lines"]);
        assert_eq!(logs.len(), 8);
    }
    let retried = json(&format!("jobs retry {id} --json")).await;
    assert_eq!(retried["retry_of"], json!(id));
    server.api.until_status(id_of(&retried), "completed").await;

    let would = json("jobs retry --type demo --status completed --dry-run --json").await;
    assert_eq!(would["matched"], 2, "one of the three was retried before: {would:#}");
    let endless = server.api.submit("demo", json!({ "items": 100_000, "item_ms": 50 })).await;
    let cancelled = json("jobs cancel --type demo --yes --json").await;
    assert_eq!(cancelled["cancelled"], 1, "{cancelled:#}");
    server.api.until_status(endless, "cancelled").await;
    let future = json!({ "type": "demo", "params": {}, "run_at": "2100-01-01T00:00:00Z" });
    let future = id_of(&server.api.post("/api/jobs", future).await.expect(201));
    assert_eq!(json(&format!("jobs cancel {future} --json")).await["status"], "cancelled");
    server.stop().await;
}

#[tokio::test]
async fn the_same_commands_print_text_for_people() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 3, "item_ms": 1, "error_every": 3, "log_lines": 1 })).await;
    server.api.until_status(id, "completed").await;
    let whole = id.to_string();
    let part = whole.rsplit_once('-').unwrap().1;
    let expected: [(&str, &[&str]); 7] = [
        ("types", &["demo", "scan_library", "cleanup"]),
        ("types scan-library", &["Scan Library", "--path", "--sha256"]),
        ("jobs list", &[part, "demo", "3 / 3"]),
        ("jobs list --status failed", &[]),
        (&format!("jobs show {part}"), &["Demo", &whole, "item 3", "was told to fail", "created", "items: 3"]),
        (&format!("jobs logs {part}"), &["item 1, line 1 of 1", "item 3, line 1 of 1"]),
        (&format!("jobs logs {part} --level warn"), &["was told to fail"]),
    ];
    for (line, words) in expected {
        assert_says(&ask(&server, line).run().await.expect(0).out, words);
    }
    // What a job's end tells, it tells to whoever watches too.
    let watched = ask(&server, &format!("jobs watch {part}")).run().await.expect(3);
    assert_says(&watched.out, &["completed with errors", "item 3"]);
    server.stop().await;
}

#[tokio::test]
async fn the_flags_of_a_type_come_from_its_schema() {
    let folder = database::folder();
    let data_dir = folder.path().join("data");
    let help = beside(&data_dir, "run demo --help").run().await.expect(0).out;
    for flag in ["--items", "--item-ms", "--error-every", "--fail-at", "--panic-at", "--ignore-cancel", "--block"] {
        assert_says(&help, &[flag]);
    }
    assert_says(&help, &["How many items to work through", "[default: 30]"]);
    assert!(!data_dir.exists(), "to ask for help starts nothing");

    let server = Server::start().await;
    let run = async |line: &str| ask(&server, line).run().await.expect(0).json();
    let job = run("run --json demo --items=2 --item_ms 1 --ignore-cancel=false --log-lines 0 --block false").await;
    let expected = json!({ "items": 2, "item_ms": 1, "error_every": null, "fail_at": null, "panic_at": null,
                           "ignore_cancel": false, "block": false, "log_lines": 0, "children": 0, "levels": 1,
                           "side_by_side": false, "keep_going": false });
    assert_eq!(job["params"], expected);
    let job = run("run demo --items 0 --reason why --json").await;
    assert_eq!(job["reason"], "why");
    server.stop().await;
}

#[tokio::test]
async fn params_come_as_json_from_a_file_or_from_stdin_and_flags_go_on_top() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("params.json");
    fs::write(&file, r#"{"items": 1000000, "item_ms": 0, "log_lines": 0}"#).unwrap();
    let from_file = format!("run demo --params @{} --items 2 --json", file.display());
    let job = ask(&server, &from_file).run().await.expect(0).json();
    assert_eq!((&job["params"]["items"], &job["params"]["item_ms"]), (&json!(2), &json!(0)));
    let from_stdin = ask(&server, "run demo --params - --json").stdin(r#"{"items": 5, "item_ms": 0}"#);
    assert_eq!(from_stdin.run().await.expect(0).json()["params"]["items"], 5);
    let job = ask(&server, r#"run demo --params {"items":4,"item_ms":0} --json"#).run().await.expect(0).json();
    assert_eq!(job["params"]["items"], 4);
    for (given, why) in [("{", "JSON"), ("[1]", "object"), ("@/no/such/file", "/no/such/file")] {
        let ended = ask(&server, &format!("run demo --params {given}")).run().await.expect(2);
        assert_says(&ended.err, &["--params", why]);
    }
    server.stop().await;
}

#[tokio::test]
async fn bad_params_are_told_field_by_field_with_the_names_of_their_flags() {
    let server = Server::start().await;
    let ended = ask(&server, "run demo --fail-at 0 --panic-at 0 --item-ms 3600001").run().await.expect(2);
    let lines: Vec<_> = ended.err.lines().collect();
    for flag in ["--fail-at: ", "--panic-at: ", "--item-ms: "] {
        assert_eq!(lines.iter().filter(|line| line.trim_start().starts_with(flag)).count(), 1, "{flag}: {lines:#?}");
    }
    let ended = ask(&server, r#"run demo --params {"items":-1,"nonsense":1}"#).run().await.expect(2);
    assert_says(&ended.err, &["--items", "nonsense"]);
    let ended = ask(&server, "run scan-library --path not/absolute").run().await.expect(2);
    assert_says(&ended.err, &["--path", "absolute"]);
    for line in ["run demo --items many", "run demo --nonsense 1", "run demo --block=perhaps", "jobs", "nonsense"] {
        ask(&server, line).run().await.expect(2);
    }
    let page = server.api.get("/api/jobs").await.expect(200);
    assert_eq!(page["jobs"], json!([]), "no job was made of it");
    server.stop().await;
}

#[tokio::test]
async fn an_unknown_name_is_answered_with_one_that_is_near() {
    let server = Server::start().await;
    let folder = database::folder();
    for program in [ask(&server, "run dmeo --items 3"), beside(&folder.path().join("data"), "run dmeo --items 3")] {
        let ended = program.run().await.expect(2);
        assert_says(&ended.err, &["dmeo", "did you mean `demo`?"]);
    }
    ask(&server, "types dmeo").run().await.expect(2);
    let unknown = Uuid::now_v7();
    for line in [format!("jobs show {unknown}"), format!("jobs cancel {unknown}"), "jobs show xyz".to_owned()] {
        ask(&server, &line).run().await.expect(2);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_detached_job_goes_on_without_its_command_line() {
    let server = Server::start().await;
    let ended = ask(&server, &format!("{ENDLESS} --detach")).run().await.expect(0);
    let id: Uuid = ended.out.trim().parse().unwrap();
    server.api.until_status(id, "running").await;
    ask(&server, &format!("jobs cancel {id}")).run().await.expect(0);
    server.api.until_status(id, "cancelled").await;
    let ended = ask(&server, &format!("jobs cancel {id}")).run().await.expect(1);
    assert_says(&ended.err, &["cancelled"]);
    server.stop().await;

    let folder = database::folder();
    let data_dir = folder.path().join("data");
    let ended = beside(&data_dir, "run demo --detach").run().await.expect(2);
    assert_says(&ended.err, &["serve", "--detach"]);
    assert!(!data_dir.join("postgres").exists(), "nothing was started for it");
}

#[tokio::test]
async fn watching_does_not_hold_a_job_back_and_leaving_does_not_stop_it() {
    let server = Server::start().await;
    let id = server.api.submit("demo", json!({ "items": 1_000_000, "item_ms": 20 })).await;
    let one = ask(&server, &format!("jobs watch {id} --json")).start();
    let all = ask(&server, "jobs watch").start();
    until("the job is shown", async || one.out().contains("running").then_some(())).await;
    until("all jobs are shown", async || all.out().contains("running").then_some(())).await;
    // That jobs are deleted is no end of watching.
    for (type_name, params) in [("demo", json!({ "items": 0 })), ("cleanup", json!({ "retention_days": 0 }))] {
        let ended = server.api.submit(type_name, params).await;
        server.api.until_status(ended, "completed").await;
    }
    until("the cleanup is shown", async || all.out().contains("Deleted 1 jobs").then_some(())).await;
    for watch in [one, all] {
        watch.signal(Signal::SIGINT);
        watch.ended().await.expect(0);
    }
    assert_eq!(server.api.job(id).await["status"], "running");
    server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    ask(&server, &format!("jobs watch {id}")).run().await.expect(130);
    server.stop().await;
}

#[tokio::test]
async fn a_log_is_followed_to_its_last_line() {
    let server = Server::with(&["--concurrency", "demo=1"]).await;
    let other = server.api.submit("demo", json!({ "items": 1_000_000, "item_ms": 20 })).await;
    server.api.until_status(other, "running").await;
    let id = server.api.submit("demo", json!({ "items": 50, "item_ms": 5, "log_lines": 20 })).await;
    let follow = ask(&server, &format!("jobs logs {id} --follow --json")).start();
    // Only now can it begin.
    server.api.post(&format!("/api/jobs/{other}/cancel"), json!({})).await.expect(202);
    let lines = follow.ended().await.expect(0).json_lines();
    let stored = server.api.get(&format!("/api/jobs/{id}/logs?limit=10000")).await.expect(200);
    assert_eq!(json!(lines), stored["lines"]);
    assert_eq!(lines.len(), 1_000);
    server.stop().await;
}

#[tokio::test]
async fn failed_items_alone_are_retried() {
    let server = Server::start().await;
    let failed = ask(&server, "run demo --items 9 --item-ms 1 --error-every 3 --json").run().await.expect(3).json();
    let line = format!("jobs retry {} --only-failed-items", id_of(&failed));
    let id: Uuid = ask(&server, &line).run().await.expect(0).out.trim().parse().unwrap();
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["retry_of"], &job["total_items"]), (&failed["id"], &json!(3)), "{job:#}");
    // Without a filter nothing is done to all jobs, and without anyone to ask nothing to many.
    ask(&server, "jobs retry").run().await.expect(2);
    let ended = ask(&server, "jobs retry --all").run().await.expect(2);
    assert_says(&ended.err, &["--yes"]);
    server.stop().await;
}

#[tokio::test]
async fn a_server_is_found_by_its_data_directory_or_named_by_variable_or_flag() {
    let (server, other) = (Server::start().await, Server::start().await);
    let id = server.api.submit("demo", json!({ "items": 0 })).await.to_string();
    let line = "jobs list --json";
    let found = beside(&server.data_dir, line).run().await.expect(0);
    let by_env = beside(&other.data_dir, line).env("STASHHOG_SERVER", &server.api.url).run().await.expect(0);
    let by_dir_env = Program::new(line.split(' ')).env("STASHHOG_DATA_DIR", &server.data_dir).run().await.expect(0);
    let by_flag = ask(&server, line).env("STASHHOG_SERVER", &other.api.url).run().await.expect(0);
    for ended in [found, by_env, by_dir_env, by_flag] {
        assert!(ended.out.contains(&id), "{}", ended.out);
    }
    let dead = "http://127.0.0.1:1";
    let ended = beside(&server.data_dir, line).env("STASHHOG_SERVER", dead).run().await.expect(1);
    assert_says(&ended.err, &[dead, "does not answer"]);
    ask(&server, line).arg("--nonsense").run().await.expect(2);
    Program::new(["jobs", "list", "--server", "ftp://nowhere"]).run().await.expect(2);
    server.stop().await;
    other.stop().await;
}

/// A data directory on which no server runs.
struct Alone {
    folder: TempDir,
}

impl Alone {
    fn new() -> Self {
        Self { folder: database::folder() }
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The processes that work in the data directory, as Postgres does.
    fn processes(&self) -> Vec<String> {
        let dir = self.data_dir();
        let works_there = |process: &Path| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&dir));
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
        processes.filter(|process| works_there(process)).map(|process| process.display().to_string()).collect()
    }

    #[track_caller]
    fn assert_nothing_runs(&self) {
        assert!(!self.data_dir().join("server.json").exists(), "a run file is left");
        assert!(!self.data_dir().join("postgres/postmaster.pid").exists(), "postgres is left");
        assert_eq!(self.processes(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn without_a_server_a_job_runs_in_the_process_itself() {
    let alone = Alone::new();
    let dir = alone.data_dir();
    let first = beside(&dir, "run demo --items 3 --item-ms 1 --json").run().await.expect(0).json();
    assert_eq!((&first["status"], &first["processed_items"]), (&json!("completed"), &json!(3)));
    alone.assert_nothing_runs();
    beside(&dir, "run demo --items 3 --item-ms 1 --fail-at 2").run().await.expect(1);
    alone.assert_nothing_runs();
    let listed = beside(&dir, "jobs list --json").run().await.expect(0).json();
    let statuses: Vec<_> = listed["jobs"].as_array().unwrap().iter().map(|job| job["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "completed"]);
    let openapi = beside(&dir, "openapi").run().await.expect(0).json();
    assert!(openapi["paths"].is_object());
    alone.assert_nothing_runs();
}

#[tokio::test]
async fn ctrl_c_without_a_server_cancels_and_leaves_nothing_running() {
    let alone = Alone::new();
    let run = beside(&alone.data_dir(), ENDLESS).start();
    until("it runs", async || run.err().contains("1,000,000").then_some(())).await;
    run.signal(Signal::SIGINT);
    run.ended().await.expect(130);
    alone.assert_nothing_runs();
    let listed = beside(&alone.data_dir(), "jobs list --json").run().await.expect(0).json();
    assert_eq!(listed["jobs"][0]["status"], "cancelled", "{listed:#}");
    alone.assert_nothing_runs();
}

#[tokio::test]
async fn a_second_run_finds_what_the_first_one_started() {
    let alone = Alone::new();
    let first = beside(&alone.data_dir(), ENDLESS).start();
    until("it runs", async || first.err().contains("1,000,000").then_some(())).await;
    let second = beside(&alone.data_dir(), "run demo --items 5 --item-ms 1 --json").run().await.expect(0).json();
    assert_eq!((&second["status"], &second["attempt"]), (&json!("completed"), &json!(1)));
    first.signal(Signal::SIGINT);
    first.ended().await.expect(130);
    alone.assert_nothing_runs();
}

#[tokio::test]
async fn a_run_whose_server_was_another_runs_goes_on_without_it() {
    let alone = Alone::new();
    let first = beside(&alone.data_dir(), ENDLESS).start();
    until("it runs", async || first.err().contains("1,000,000").then_some(())).await;
    let second = beside(&alone.data_dir(), "run demo --items 100 --item-ms 100 --json").start();
    until("the second runs too", async || second.err().contains(" / 100 ").then_some(())).await;
    first.signal(Signal::SIGINT);
    first.ended().await.expect(130);
    let second = second.ended().await.expect(0).json();
    assert_eq!((&second["status"], &second["attempt"]), (&json!("completed"), &json!(2)));
    alone.assert_nothing_runs();
}

/// Follows a job by a command line while its server is killed and started again. What the command line said.
async fn follow_through_a_crash(server: Server, run: Program, flag: &str) -> (Server, Ended) {
    let run = run.arg(flag).start();
    let id = only_job(&server.api, "running").await;
    until("it follows the job", async || run.err().contains("Demo").then_some(())).await;
    let server = server.crash_and_restart().await;
    let ended = run.ended().await;
    let job = server.api.job(id).await;
    assert_eq!(job["attempt"], 2, "{job:#}");
    (server, ended)
}

/// A server that comes back where it was. At an address that nobody else connects from, so that its port stays free meanwhile.
async fn at_a_fixed_port() -> Server {
    let free = TcpListener::bind("127.0.4.4:0").unwrap().local_addr().unwrap();
    Server::start_with(Options { listen: Some(free.to_string()), ..Options::default() }).await
}

#[tokio::test]
async fn the_end_of_a_job_is_told_although_its_server_was_killed_meanwhile() {
    let server = Server::start().await;
    // The server comes back at another port: its run file tells where.
    let run = beside(&server.data_dir, "run demo --items 30 --item-ms 100");
    let (server, ended) = follow_through_a_crash(server, run, "--json").await;
    let told = ended.expect(0).json();
    assert_eq!((&told["status"], &told["attempt"]), (&json!("completed"), &json!(2)));
    server.stop().await;
}

#[tokio::test]
async fn a_named_server_that_was_killed_is_waited_for_at_its_address() {
    let server = at_a_fixed_port().await;
    let run = ask(&server, "run demo --items 30 --item-ms 100 --fail-at 30");
    let (server, ended) = follow_through_a_crash(server, run, "--json").await;
    assert_eq!(ended.expect(1).json()["status"], "failed");
    server.stop().await;
}

#[tokio::test]
async fn a_log_is_followed_although_its_server_was_killed_meanwhile() {
    let server = at_a_fixed_port().await;
    let id = server.api.submit("demo", json!({ "items": 30, "item_ms": 100, "log_lines": 1 })).await;
    let follow = beside(&server.data_dir, &format!("jobs logs {id} --follow --json")).start();
    until("lines come", async || follow.out().contains("item 2").then_some(())).await;
    let server = server.crash_and_restart().await;
    let lines = follow.ended().await.expect(0).json_lines();
    let last = lines.last().map(|line| line["message"].clone());
    assert_eq!(last, Some(Value::from("item 30, line 1 of 1")));
    server.api.until_status(id, "completed").await;
    server.stop().await;
}

#[tokio::test]
async fn who_reads_only_the_beginning_gets_no_error() {
    let server = Server::start().await;
    let ended = Command::new("sh")
        .args(["-c", "\"$0\" openapi --server \"$1\" | head -c 1; \"$0\" types --server \"$1\" >&- 2>&1; true"])
        .args([binary(), &server.api.url])
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!((ended.stdout.as_slice(), err.as_str()), (b"{".as_slice(), ""));
    server.stop().await;
}

#[tokio::test]
async fn two_runs_at_once_share_what_the_first_one_starts() {
    let alone = Alone::new();
    let line = "run demo --items 5 --item-ms 50 --json";
    let both = [beside(&alone.data_dir(), line).start(), beside(&alone.data_dir(), line).start()];
    for run in both {
        assert_eq!(run.ended().await.expect(0).json()["status"], "completed");
    }
    alone.assert_nothing_runs();
    let listed = beside(&alone.data_dir(), "jobs list --json").run().await.expect(0).json();
    assert_eq!(listed["jobs"].as_array().map(Vec::len), Some(2), "{listed:#}");
    alone.assert_nothing_runs();
}
