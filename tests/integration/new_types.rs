//! The one idea: adding a job type is one new file. In this crate, and in one that depends on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::server::{Options, Server};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A job that nobody has heard of.
const COUNT_SHEEP: &str = r#"//! Counts sheep.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::{Color, Job, JobContext, JobResult, JobSpec, JobType, Outcome};

/// Count sheep until you sleep.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CountSheep {
    /// How many.
    sheep: u64,
}

impl Job for CountSheep {
    const SPEC: JobSpec =
        JobSpec::new("count_sheep", "Count Sheep").category("Sleep").color(Color::Lime).unit("sheep", "sheep");

    async fn run(self, ctx: JobContext) -> JobResult {
        ctx.each(1..=self.sheep, async |_| Ok(())).await?;
        Ok(Outcome::completed().message("asleep").data(serde_json::json!({ "sheep": self.sheep })))
    }
}

inventory::submit!(JobType::of::<CountSheep>());
"#;

#[tokio::test]
async fn one_new_file_is_a_new_type_in_rest_cli_and_ui() {
    let copy = tempfile::tempdir().expect("a folder");
    for part in ["Cargo.toml", "Cargo.lock", "src", "migrations", "benches", "ui/dist"] {
        copy_tree(&Path::new(ROOT).join(part), &copy.path().join(part));
    }
    fs::write(copy.path().join("src/jobs/count_sheep.rs"), COUNT_SHEEP).expect("the one new file");
    let program = build(copy.path(), "stashhog");
    let params = json!({ "sheep": 7 });
    assert_type_works(program.clone(), "count_sheep", &params, &["--sheep", "7"], "Count Sheep", "sheep").await;

    let server = Server::start_with(Options { program: Some(program), ..Options::default() }).await;
    let card = dom(&server, "/run");
    assert!(card.contains("Count sheep until you sleep.") && card.contains("--ant-lime"), "{card}");
    let form = dom(&server, "/run/count_sheep");
    for part in ["Count Sheep", "ant-tag-lime", "How many.", "id=\"param.sheep\""] {
        assert!(form.contains(part), "no {part} in {form}");
    }
    let id = server.api.submit("count_sheep", params).await;
    server.api.until_status(id, "completed").await;
    let job = dom(&server, &format!("/jobs/{id}"));
    assert!(job.contains("Count Sheep") && job.contains("7 / 7 sheep"), "{job}");

    // Built without the page, the program says how to get it.
    fs::remove_dir_all(copy.path().join("ui/dist/page")).expect("the page");
    assert!(dom(&server, "/run").contains("make ui"));
    server.stop().await;
}

#[tokio::test]
async fn a_crate_of_its_own_brings_its_own_types() {
    let program = build(&Path::new(ROOT).join("examples/own_jobs"), "own_jobs");
    let params = json!({ "names": ["Ada", "Grace"] });
    assert_type_works(program, "greet", &params, &["--names", "Ada,Grace"], "Greet", "people").await;
}

/// What a browser makes of a page, some seconds after it was opened.
fn dom(server: &Server, path: &str) -> String {
    let profile = tempfile::tempdir().expect("a folder");
    let chromium = std::env::var_os("CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    let printed = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=8000", "--dump-dom"])
        .arg(format!("{}{path}", server.api.url))
        .stdin(Stdio::null())
        .output()
        .expect("chromium");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8_lossy(&printed.stdout).into_owned()
}

/// Builds a crate in a target folder that only these tests use: in the one they run from, cargo would take the copy of this
/// crate for this crate. The dependencies are built once for both.
fn build(dir: &Path, bin: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_BIN_EXE_stashhog"));
    let target = tests.ancestors().nth(2).expect("a target folder").join("new-types");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--bin", bin])
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", &target)
        .stdin(Stdio::null())
        .output()
        .expect("cargo");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join("debug").join(bin)
}

async fn assert_type_works(program: PathBuf, name: &str, params: &Value, flags: &[&str], label: &str, unit: &str) {
    let server = Server::start_with(Options { program: Some(program.clone()), ..Options::default() }).await;
    let described = server.api.get(&format!("/api/job-types/{name}")).await.expect(200);
    assert_eq!((&described["label"], &described["unit"]["plural"]), (&json!(label), &json!(unit)));
    let id = server.api.submit(name, params.clone()).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!(job["processed_items"], job["total_items"]);

    let ran = Command::new(&program)
        .args(["run", name])
        .args(flags)
        .args(["--json", "--server", &server.api.url])
        .stdin(Stdio::null())
        .output()
        .expect("the command line");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    let by_cli: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((&by_cli["status"], &by_cli["result"]), (&json!("completed"), &job["result"]));
    server.stop().await;
}

fn copy_tree(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let entry = entry.expect("an entry");
            copy_tree(&entry.path(), &to.join(entry.file_name()));
        }
    } else if from.is_file() {
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(from, to).expect("a copy");
    }
}
