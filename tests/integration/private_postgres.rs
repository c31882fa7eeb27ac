//! The private Postgres and its connections, against the real thing.
//!
//! Every test has its own data directory and cluster, and leaves no process behind: [`DataDir`] sees to that even when the
//! test fails. What needs a server that dies is done by a process of its own, which is this test binary again. As root
//! the tests run Postgres under another user, as anybody else under themselves; where a rule exists for root alone,
//! the test says what holds for the others instead of passing by.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, geteuid, getpgid, getpgrp};
use stashhog::store::connect::connect;
use stashhog::store::embedded::{PrivatePostgres, PrivatePostgresError};
use stashhog::store::pool;
use tempfile::TempDir;

/// How long anything may take on a machine that is busy with other builds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `look` finds something.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A data directory that takes its Postgres along when it goes.
struct DataDir(TempDir);

impl DataDir {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The user that runs Postgres under root has to pass.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o711)).unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn cluster(&self) -> PathBuf {
        self.path().join("postgres")
    }

    fn start(&self) -> PrivatePostgres {
        PrivatePostgres::start(self.path()).unwrap()
    }

    fn start_error(&self) -> String {
        PrivatePostgres::start(self.path()).unwrap_err().to_string()
    }

    /// The user and group that the cluster belongs to.
    fn owner(&self) -> (u32, u32) {
        let meta = fs::metadata(self.cluster()).unwrap();
        (meta.uid(), meta.gid())
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        let Ok(text) = fs::read_to_string(self.cluster().join("postmaster.pid")) else { return };
        let pid: i32 = text.lines().next().unwrap_or_default().trim().parse().unwrap_or_default();
        let works_here = || pid > 0 && works_in(pid, &self.cluster());
        if works_here() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
            eventually("the end of a postgres that was left", || (!works_here()).then_some(()));
        }
    }
}

fn works_in(pid: i32, dir: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| Some(cwd) == fs::canonicalize(dir).ok())
}

fn lives(pid: u32) -> bool {
    // A zombie has no executable.
    fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.try_into().unwrap()), signal).unwrap();
}

/// Runs something with a connection, on a runtime and a thread of its own: the test itself may be on a runtime's.
fn with_connection<T: Send>(url: &str, work: impl AsyncFnOnce(AsyncPgConnection) -> T + Send) -> T {
    let on_runtime = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { work(connect(url).await.unwrap()).await })
    };
    thread::scope(|scope| scope.spawn(on_runtime).join().unwrap())
}

async fn text(connection: &mut AsyncPgConnection, expression: &str) -> String {
    diesel::select(sql::<Text>(expression)).get_result(connection).await.unwrap()
}

fn ask(url: &str, expression: &str) -> String {
    with_connection(url, async |mut connection| text(&mut connection, expression).await)
}

fn run_sql(url: &str, statements: &str) {
    with_connection(url, async |mut connection| connection.batch_execute(statements).await.unwrap());
}

/// This test binary as a process of its own, which does one thing (see [`process_of_its_own`]) and then waits for its input to
/// end.
struct OwnProcess {
    child: Child,
    input: Option<ChildStdin>,
    /// Kept open: a test binary that cannot print fails.
    output: Option<BufReader<ChildStdout>>,
    /// What it reported.
    said: String,
}

impl OwnProcess {
    fn run(task: &str, subject: &str, change: impl FnOnce(&mut Command)) -> Self {
        let mut process = Self::launch(task, subject, change);
        let mut output = BufReader::new(process.child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("REPORT ") {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "the process ended without a report");
        }
        let (_, report) = line.trim_end().split_once("REPORT ").unwrap();
        process.said = report.replace('\u{1}', "\n");
        process.output = Some(output);
        process
    }

    fn launch(task: &str, subject: &str, change: impl FnOnce(&mut Command)) -> Self {
        let (_, module) = module_path!().split_once("::").unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        change(&mut command);
        command.args(["--exact", &format!("{module}::process_of_its_own"), "--ignored", "--nocapture"]);
        command.env("OWN_PROCESS_TASK", task).env("OWN_PROCESS_SUBJECT", subject);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Self { input: child.stdin.take(), child, output: None, said: String::new() }
    }

    /// `up PID URL` as reported by the task `start`.
    fn up(&self) -> (u32, String) {
        let report = self.said.strip_prefix("up ").unwrap_or_else(|| panic!("{}", self.said));
        let (pid, url) = report.split_once(' ').unwrap();
        (pid.parse().unwrap(), url.to_owned())
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
#[ignore = "not a test: what other tests run as a process of its own"]
fn process_of_its_own() {
    let Ok(task) = std::env::var("OWN_PROCESS_TASK") else { return };
    let subject = std::env::var("OWN_PROCESS_SUBJECT").unwrap();
    let report = |text: String| {
        println!("REPORT {}", text.replace('\n', "\u{1}"));
        std::io::stdout().flush().unwrap();
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    };
    match task.as_str() {
        "start" => match PrivatePostgres::start(Path::new(&subject)) {
            Ok(postgres) => report(format!("up {} {}", postgres.pid().unwrap(), postgres.database_url())),
            Err(error) => report(error.to_string()),
        },
        "connect" => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            report(match runtime.block_on(connect(&subject)) {
                Ok(_) => "connected".to_owned(),
                Err(error) => error.to_string(),
            });
        }
        other => panic!("no such task: {other}"),
    }
}

#[test]
fn a_first_start_makes_a_cluster_and_the_second_keeps_what_is_in_it() {
    let dir = DataDir::new();
    let begun = Instant::now();
    let mut postgres = dir.start();
    println!("first start: {:?}", begun.elapsed());
    let pid = postgres.pid().unwrap();
    assert!(postgres.is_running());
    run_sql(&postgres.database_url(), "CREATE TABLE kept AS SELECT 'still here' AS word");

    let begun = Instant::now();
    postgres.stop().unwrap();
    println!("stop: {:?}", begun.elapsed());
    assert!(!postgres.is_running() && postgres.pid().is_none() && !lives(pid));
    assert!(!dir.cluster().join("postmaster.pid").exists());
    postgres.stop().unwrap();
    drop(postgres);

    let begun = Instant::now();
    let postgres = dir.start();
    println!("warm start: {:?}", begun.elapsed());
    assert_eq!(ask(&postgres.database_url(), "(SELECT word FROM kept)"), "still here");
    let pid = postgres.pid().unwrap();
    drop(postgres);
    assert!(!lives(pid), "dropping it stops it");
}

#[test]
fn it_is_durable_private_and_unicode() {
    let dir = DataDir::new();
    let postgres = dir.start();
    let url = postgres.database_url();
    let settings = [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("listen_addresses", ""),
        ("max_connections", "60"),
        ("TimeZone", "UTC"),
        ("server_encoding", "UTF8"),
    ];
    for (name, value) in settings {
        assert_eq!(ask(&url, &format!("current_setting('{name}')")), value, "{name}");
    }
    assert!(ask(&url, "current_setting('application_name')").starts_with("stashhog "), "it names its process");
    let collation = ask(&url, "(SELECT datcollate::text FROM pg_database WHERE datname = 'stashhog')");
    assert!(["C.UTF-8", "C"].contains(&collation.as_str()), "{collation}");

    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.cluster()), 0o700);
    assert_eq!(mode(&dir.cluster().join(".s.PGSQL.5432")), 0o600);
    assert_eq!(mode(&dir.path().join("postgres.log")), 0o600);
    let pid = Pid::from_raw(postgres.pid().unwrap().try_into().unwrap());
    assert_eq!(getpgid(Some(pid)).unwrap(), pid, "Ctrl-C would reach it");
    assert_ne!(getpgid(Some(pid)).unwrap(), getpgrp());
}

#[test]
fn the_server_of_a_killed_process_is_adopted() {
    let dir = DataDir::new();
    let process = OwnProcess::run("start", dir.path().to_str().unwrap(), |_| {});
    let (pid, url) = process.up();
    run_sql(&url, "CREATE TABLE kept AS SELECT 'still here' AS word");
    process.kill();
    assert!(lives(pid), "postgres outlives a killed server");

    let begun = Instant::now();
    let mut postgres = dir.start();
    println!("adopt: {:?}", begun.elapsed());
    assert_eq!(postgres.pid(), Some(pid));
    assert_eq!(ask(&postgres.database_url(), "(SELECT word FROM kept)"), "still here");
    let begun = Instant::now();
    postgres.stop().unwrap();
    println!("stop of an adopted one: {:?}", begun.elapsed());
    assert!(!lives(pid));
}

#[test]
fn a_postgres_that_died_with_its_server_is_started_anew() {
    let dir = DataDir::new();
    let process = OwnProcess::run("start", dir.path().to_str().unwrap(), |_| {});
    let (pid, url) = process.up();
    run_sql(&url, "CREATE TABLE kept AS SELECT 'still here' AS word");
    process.kill();
    signal(pid, Signal::SIGKILL);
    eventually("the death of postgres", || (!lives(pid)).then_some(()));
    assert!(dir.cluster().join("postmaster.pid").exists(), "it leaves its pid file");

    let begun = Instant::now();
    let postgres = dir.start();
    println!("start after kill -9: {:?}", begun.elapsed());
    assert_ne!(postgres.pid(), Some(pid));
    assert_eq!(ask(&postgres.database_url(), "(SELECT word FROM kept)"), "still here");
}

#[test]
fn a_pid_file_that_names_a_stranger_is_no_obstacle_and_the_stranger_lives() {
    let dir = DataDir::new();
    let mut postgres = dir.start();
    let pid_file = dir.cluster().join("postmaster.pid");
    let (_, rest) =
        fs::read_to_string(&pid_file).unwrap().split_once('\n').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    postgres.stop().unwrap();
    drop(postgres);

    let (uid, gid) = dir.owner();
    let mut stranger = Command::new("sleep");
    stranger.arg("600");
    if geteuid().is_root() {
        stranger.uid(uid).gid(gid);
    }
    let mut stranger = stranger.spawn().unwrap();
    for (file, rest) in [("postmaster.pid", rest.as_str()), (".s.PGSQL.5432.lock", rest.as_str())] {
        let path = dir.cluster().join(file);
        fs::write(&path, format!("{}\n{rest}", stranger.id())).unwrap();
        chown(&path, Some(uid), Some(gid)).unwrap();
    }

    let postgres = PrivatePostgres::start(dir.path());
    let alive = stranger.try_wait().unwrap().is_none();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert!(alive, "the stranger was hurt");
    let postgres = postgres.unwrap();
    assert_ne!(postgres.pid(), Some(stranger.id()));
    assert_eq!(ask(&postgres.database_url(), "'yes'"), "yes");
}

#[test]
fn a_postgres_that_dies_under_the_server_is_brought_back() {
    let dir = DataDir::new();
    let mut postgres = dir.start();
    let url = postgres.database_url();
    run_sql(&url, "CREATE TABLE kept AS SELECT 'still here' AS word");
    // Killed for memory; stopped by somebody; killed by somebody in haste.
    for (reason, how) in [Signal::SIGKILL, Signal::SIGINT, Signal::SIGQUIT].into_iter().enumerate() {
        let before = postgres.pid().unwrap();
        let begun = Instant::now();
        signal(before, how);
        let after = eventually("another postmaster", || postgres.pid().filter(|pid| *pid != before));
        let kept = eventually("an answer", || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { Some(text(&mut connect(&url).await.ok()?, "(SELECT word FROM kept)").await) })
        });
        println!("back after {how}: {:?}", begun.elapsed());
        assert_eq!(kept, "still here", "{reason}");
        assert!(lives(after));
    }
    let last = postgres.pid().unwrap();
    postgres.stop().unwrap();
    assert!(!lives(last) && !dir.cluster().join("postmaster.pid").exists());
}

#[test]
fn a_shutdown_that_somebody_else_began_is_finished_and_undone() {
    let dir = DataDir::new();
    let postgres = dir.start();
    let (url, before) = (postgres.database_url(), postgres.pid().unwrap());
    run_sql(&url, "CREATE TABLE kept AS SELECT 'still here' AS word");
    // A smart shutdown waits for this client, and lets nobody in meanwhile.
    with_connection(&url, async |mut connection| {
        signal(before, Signal::SIGTERM);
        eventually("another postmaster", || postgres.pid().filter(|pid| *pid != before));
        connection.batch_execute("SELECT 1").await.expect_err("its connection was cut");
    });
    let kept = eventually("an answer", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { Some(text(&mut connect(&url).await.ok()?, "(SELECT word FROM kept)").await) })
    });
    assert_eq!(kept, "still here");
    assert!(!lives(before));
}

#[test]
fn one_that_is_half_shut_is_replaced_at_the_next_start() {
    let dir = DataDir::new();
    let process = OwnProcess::run("start", dir.path().to_str().unwrap(), |_| {});
    let (pid, url) = process.up();
    process.kill();
    with_connection(&url, async |_connection| {
        signal(pid, Signal::SIGTERM);
        let file = dir.cluster().join("postmaster.pid");
        eventually("the shutdown begins", || fs::read_to_string(&file).unwrap().contains("stopping").then_some(()));
        let postgres = dir.start();
        assert_ne!(postgres.pid(), Some(pid));
        assert_eq!(ask(&postgres.database_url(), "'yes'"), "yes");
    });
    assert!(!lives(pid));
}

#[test]
fn a_killed_backend_costs_its_connections_and_not_the_postmaster() {
    let dir = DataDir::new();
    let postgres = dir.start();
    let (url, before) = (postgres.database_url(), postgres.pid());
    with_connection(&url, async |mut connection| {
        let backend = text(&mut connection, "pg_backend_pid()::text").await.parse().unwrap();
        signal(backend, Signal::SIGKILL);
        connection.batch_execute("SELECT 1").await.expect_err("its backend is dead");
    });
    eventually("an answer", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { connect(&url).await.ok().map(drop) })
    });
    assert_eq!(postgres.pid(), before);
}

#[test]
fn it_is_tuned_for_a_queue_and_alter_system_wins() {
    let dir = DataDir::new();
    let mut postgres = dir.start();
    let url = postgres.database_url();
    assert_eq!(ask(&url, "current_setting('jit')"), "off");
    assert_eq!(ask(&url, "current_setting('random_page_cost')"), "1.1");
    assert_eq!(ask(&url, "current_setting('autovacuum_naptime')"), "10s");
    assert_eq!(ask(&url, "current_setting('max_wal_size')"), "1GB", "postgresql.conf is read as well");
    // As a cluster of an earlier version is found: without the file, and with what `initdb` wrote.
    postgres.stop().unwrap();
    drop(postgres);
    fs::remove_file(dir.cluster().join("stashhog.conf")).unwrap();
    let mut postgres = dir.start();
    assert_eq!(ask(&url, "current_setting('jit')"), "off");
    run_sql(&url, "ALTER SYSTEM SET random_page_cost = 2");
    run_sql(&url, "ALTER SYSTEM SET fsync = off");
    postgres.stop().unwrap();
    drop(postgres);
    let _postgres = dir.start();
    assert_eq!(ask(&url, "current_setting('random_page_cost')"), "2");
    assert_eq!(ask(&url, "current_setting('fsync')"), "on");
}

#[test]
fn one_that_dies_again_as_soon_as_it_comes_up_is_brought_back_all_the_same() {
    let dir = DataDir::new();
    let postgres = dir.start();
    let mut last = postgres.pid().unwrap();
    // From the first breath to the first answer: each time it is hit a little later.
    for delay in [0, 20, 40, 60] {
        // One that comes up may lose a signal, and live on: it is sent again.
        last = eventually("another postmaster", || {
            let _ = kill(Pid::from_raw(last.try_into().unwrap()), Signal::SIGQUIT);
            postgres.pid().filter(|pid| *pid != last)
        });
        let seen = Instant::now();
        while seen.elapsed() < Duration::from_millis(delay) {
            thread::yield_now();
        }
    }
    let _ = kill(Pid::from_raw(last.try_into().unwrap()), Signal::SIGQUIT);
    eventually("an answer", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { connect(&postgres.database_url()).await.ok().map(drop) })
    });
}

#[test]
fn a_child_of_a_killed_postmaster_does_not_hold_the_next_one_up() {
    let dir = DataDir::new();
    let postgres = dir.start();
    let (url, before) = (postgres.database_url(), postgres.pid().unwrap());
    thread::scope(|scope| {
        // Busy for an hour, and blind to the death of the postmaster.
        let endless = "SELECT FROM generate_series(1, 200000) a, generate_series(1, 200000) b WHERE a * b::bigint < 0";
        let busy = scope
            .spawn(|| with_connection(&url, async |mut connection| connection.batch_execute(endless).await.is_err()));
        let running =
            "(SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid())";
        eventually("a busy child", || (ask(&url, running) == "1").then_some(()));
        signal(before, Signal::SIGKILL);
        eventually("an answer of another postmaster", || {
            postgres.pid().filter(|pid| *pid != before)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { connect(&url).await.ok().map(drop) })
        });
        assert!(busy.join().unwrap(), "the statement was cut");
    });
}

#[test]
fn stopping_is_safe_while_the_guard_restarts() {
    let dir = DataDir::new();
    let mut postgres = dir.start();
    let pid = postgres.pid().unwrap();
    signal(pid, Signal::SIGKILL);
    eventually("the death of postgres", || (!postgres.is_running()).then_some(()));
    postgres.stop().unwrap();
    assert!(!postgres.is_running());
    let file = fs::read_to_string(dir.cluster().join("postmaster.pid")).unwrap_or_default();
    let left: i32 = file.lines().next().unwrap_or_default().parse().unwrap_or_default();
    assert!(left == 0 || !works_in(left, &dir.cluster()), "the guard left process {left}");
}

#[test]
fn a_second_server_on_the_data_directory_is_refused() {
    let dir = DataDir::new();
    let postgres = dir.start();
    let error = PrivatePostgres::start(dir.path()).unwrap_err();
    assert!(
        matches!(error, PrivatePostgresError::InUse { pid: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    assert!(postgres.is_running());
}

#[test]
fn a_start_that_was_killed_in_the_middle_of_initdb_is_made_good() {
    let dir = DataDir::new();
    let process = OwnProcess::launch("start", dir.path().to_str().unwrap(), |_| {});
    let unfinished = || {
        let entries = fs::read_dir(dir.path()).unwrap().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("postgres.new-")).count()
    };
    eventually("an unfinished cluster", || (unfinished() > 0).then_some(()));
    process.kill();
    assert!(!dir.cluster().exists());

    let mut postgres = dir.start();
    assert_eq!(ask(&postgres.database_url(), "'yes'"), "yes");
    postgres.stop().unwrap();
    drop(postgres);
    // The initdb whose server was killed may write a little longer; a later start removes what it left.
    eventually("a swept directory", || {
        drop(dir.start());
        (unfinished() == 0).then_some(())
    });
}

#[test]
fn a_cluster_of_another_major_version_is_refused_with_both_versions() {
    let dir = DataDir::new();
    drop(dir.start());
    fs::write(dir.cluster().join("PG_VERSION"), "13\n").unwrap();
    let error = dir.start_error();
    assert!(error.contains("was made by PostgreSQL 13, but only version"), "{error}");
}

#[test]
fn a_start_that_fails_shows_the_end_of_the_log() {
    let dir = DataDir::new();
    drop(dir.start());
    let conf = dir.cluster().join("postgresql.conf");
    let good = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, format!("{good}\nnonsense = 1\n")).unwrap();
    let error = dir.start_error();
    assert!(error.contains("unrecognized configuration parameter \"nonsense\""), "{error}");
    assert!(error.contains("postgres.log") && error.contains("exit status: 1"), "{error}");
    fs::write(&conf, good).unwrap();
    drop(dir.start());
}

#[test]
fn missing_binaries_are_explained() {
    let dir = DataDir::new();
    let empty = tempfile::tempdir().unwrap();
    let process = OwnProcess::run("start", dir.path().to_str().unwrap(), |command| {
        command.env("STASHHOG_POSTGRES_BIN", empty.path());
    });
    let said = process.said.clone();
    process.end();
    assert!(said.contains("no PostgreSQL server of version 14 or newer was found in"), "{said}");
    assert!(said.contains(&*empty.path().to_string_lossy()), "{said}");
    assert!(said.contains("install it:") && said.contains("--database-url"), "{said}");
}

#[test]
fn binaries_that_are_too_old_are_named() {
    let dir = DataDir::new();
    let old = DataDir::new();
    for program in ["postgres", "initdb"] {
        let path = old.path().join(program);
        fs::write(&path, "#!/bin/sh\necho 'postgres (PostgreSQL) 9.6.24'\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    let process = OwnProcess::run("start", dir.path().to_str().unwrap(), |command| {
        command.env("STASHHOG_POSTGRES_BIN", old.path());
    });
    let said = process.said.clone();
    process.end();
    assert!(said.contains("only version 9 in"), "{said}");
}

#[test]
fn a_deep_data_directory_gets_a_short_socket() {
    let dir = DataDir::new();
    let deep = dir.path().join("d".repeat(90)).join("it's, odd");
    let mut postgres = PrivatePostgres::start(&deep).unwrap();
    let url = postgres.database_url();
    assert_eq!(ask(&url, "'yes'"), "yes");
    let socket_dir = PathBuf::from(url.split_whitespace().next().unwrap().strip_prefix("host=").unwrap());
    assert!(!socket_dir.starts_with(dir.path()), "{url}");
    let meta = fs::symlink_metadata(&socket_dir).unwrap();
    let cluster = fs::metadata(deep.join("postgres")).unwrap();
    assert_eq!((meta.uid(), meta.mode() & 0o777), (cluster.uid(), 0o700));
    postgres.stop().unwrap();
    drop(postgres);
    drop(PrivatePostgres::start(&deep).unwrap());
    fs::remove_dir(&socket_dir).unwrap();
}

#[test]
fn an_odd_path_reaches_its_socket() {
    let dir = DataDir::new();
    let odd = dir.path().join("it's a \\ \"dir\"=1 ä");
    let postgres = PrivatePostgres::start(&odd).unwrap();
    assert_eq!(ask(&postgres.database_url(), "'yes'"), "yes");
}

#[test]
fn a_directory_that_shuts_postgres_out_is_refused_with_advice() {
    let closed = DataDir::new();
    let inner = closed.path().join("inner");
    fs::create_dir(&inner).unwrap();
    if geteuid().is_root() {
        fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
        let error = PrivatePostgres::start(&inner).unwrap_err().to_string();
        assert!(error.contains("may not enter") && error.contains("/var/lib/stashhog"), "{error}");
        assert!(error.contains(&*fs::canonicalize(closed.path()).unwrap().to_string_lossy()), "{error}");
    } else {
        fs::set_permissions(closed.path(), Permissions::from_mode(0o000)).unwrap();
        let error = PrivatePostgres::start(&inner).unwrap_err().to_string();
        assert!(error.contains("Permission denied"), "{error}");
        fs::set_permissions(closed.path(), Permissions::from_mode(0o700)).unwrap();
    }
}

/// A copy of this binary that any user may run, wherever the build directory is.
fn binary_for_others(dir: &DataDir) -> PathBuf {
    let copy = dir.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
    copy
}

fn as_user(command: &mut Command, binary: &Path, user: &User) {
    let mut other = Command::new(binary);
    other.uid(user.uid.as_raw()).gid(user.gid.as_raw()).current_dir("/").env_remove("XDG_RUNTIME_DIR");
    *command = other;
}

#[test]
fn an_ordinary_user_runs_it_and_root_can_carry_on_and_hand_it_back() {
    let dir = DataDir::new();
    if !geteuid().is_root() {
        // Every other test does this part then; that root's cluster is refused to others needs root to be tried.
        assert_eq!(dir.start().pid().map(lives), Some(true));
        return;
    }
    let nobody = User::from_name("nobody").unwrap().unwrap();
    let tools = DataDir::new();
    let binary = binary_for_others(&tools);
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
    let start = || OwnProcess::run("start", home.to_str().unwrap(), |command| as_user(command, &binary, &nobody));

    let process = start();
    let (pid, url) = process.up();
    let runs_as = fs::metadata(format!("/proc/{pid}")).unwrap();
    assert_eq!(runs_as.uid(), nobody.uid.as_raw());
    assert_eq!(ask(&url, "'root may connect'"), "root may connect");
    process.kill();

    fs::remove_file(home.join("postgres.lock")).unwrap();
    let postgres = PrivatePostgres::start(&home).unwrap();
    assert_eq!(
        fs::metadata(home.join("postgres.lock")).unwrap().uid(),
        nobody.uid.as_raw(),
        "root leaves no file behind"
    );
    assert_eq!(postgres.pid(), Some(pid), "root adopts what the user started");
    drop(postgres);
    let postgres = PrivatePostgres::start(&home).unwrap();
    let runs_as = fs::metadata(format!("/proc/{}", postgres.pid().unwrap())).unwrap();
    assert_eq!(runs_as.uid(), nobody.uid.as_raw(), "root runs it as its owner");
    drop(postgres);

    let process = start();
    assert_eq!(ask(&process.up().1, "'the user carries on'"), "the user carries on");
    process.end();
}

#[test]
fn other_local_users_cannot_connect() {
    let dir = DataDir::new();
    let postgres = dir.start();
    let url = postgres.database_url();
    let only_ours = fs::read_to_string(dir.cluster().join("pg_hba.conf")).unwrap();
    assert_eq!(
        only_ours.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>(),
        ["local all stashhog peer map=stashhog"]
    );
    if !geteuid().is_root() {
        return; // only root can become somebody else; the modes are looked at in another test
    }
    let daemon = User::from_name("daemon").unwrap().unwrap();
    let tools = DataDir::new();
    let binary = binary_for_others(&tools);
    let try_it = || {
        let process = OwnProcess::run("connect", &url, |command| as_user(command, &binary, &daemon));
        let said = process.said.clone();
        process.end();
        said
    };
    let said = try_it();
    assert!(said.contains("Permission denied"), "{said}");
    // Even with both doors open the operating system vouches for the wrong user.
    fs::set_permissions(dir.cluster(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(dir.cluster().join(".s.PGSQL.5432"), Permissions::from_mode(0o777)).unwrap();
    let said = try_it();
    assert!(said.contains("Peer authentication failed"), "{said}");
}

#[tokio::test]
async fn it_starts_on_the_thread_of_a_runtime_and_serves_a_pool() {
    let dir = DataDir::new();
    let postgres = dir.start();
    let pool = pool::build(&postgres.database_url(), tokio::runtime::Handle::current()).unwrap();
    let mut connection = pool.get().await.unwrap();
    let name = text(&mut connection, "current_setting('application_name')").await;
    assert!(name.starts_with("stashhog "), "{name}");
}

/// A Postgres on a port of the loopback, with a password, made from a cluster of the private one.
struct OverTcp {
    child: Child,
    port: u16,
    dir: DataDir,
}

/// With every sign that needs an escape somewhere.
const PASSWORD: &str = "hunter2 @/:?'\\";
const PASSWORD_IN_URL: &str = "hunter2%20%40%2F%3A%3F%27%5C";

impl OverTcp {
    fn start(ssl: Option<&Authority>) -> Self {
        let dir = DataDir::new();
        let postgres = dir.start();
        let quoted = PASSWORD.replace('\'', "''");
        run_sql(&postgres.database_url(), &format!("ALTER ROLE stashhog PASSWORD '{quoted}'"));
        let program = fs::read_link(format!("/proc/{}/exe", postgres.pid().unwrap())).unwrap();
        drop(postgres);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Self::command(&dir, &program, port, ssl).spawn().unwrap();
        let mut server = Self { child, port, dir };
        let pid_file = server.dir.cluster().join("postmaster.pid");
        eventually("postgres over TCP", || {
            assert!(server.child.try_wait().unwrap().is_none(), "postgres ended");
            fs::read_to_string(&pid_file).ok().filter(|text| text.contains("ready"))
        });
        server
    }

    fn command(dir: &DataDir, program: &Path, port: u16, ssl: Option<&Authority>) -> Command {
        let (uid, gid) = dir.owner();
        let hba = dir.cluster().join("hba_for_tcp");
        let kind = if ssl.is_some() { "hostssl" } else { "host" };
        fs::write(&hba, format!("{kind} all all 127.0.0.1/32 scram-sha-256\n")).unwrap();
        chown(&hba, Some(uid), Some(gid)).unwrap();
        let mut command = Command::new(program);
        command.arg("-D").arg(dir.cluster()).current_dir("/");
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("listen_addresses", "127.0.0.1");
        set("port", &port.to_string());
        set("unix_socket_directories", "");
        set("hba_file", hba.to_str().unwrap());
        if let Some(authority) = ssl {
            let (cert, key) = authority.sign(&dir.cluster(), "stash.example");
            chown(&key, Some(uid), Some(gid)).unwrap();
            chown(&cert, Some(uid), Some(gid)).unwrap();
            set("ssl", "on");
            set("ssl_cert_file", cert.to_str().unwrap());
            set("ssl_key_file", key.to_str().unwrap());
        }
        if geteuid().is_root() {
            command.uid(uid).gid(gid);
        }
        command.stderr(fs::File::create(dir.path().join("tcp.log")).unwrap());
        command
    }

    fn url(&self, host: &str, more: &str) -> String {
        format!("postgres://stashhog:{PASSWORD_IN_URL}@{host}:{}/stashhog?hostaddr=127.0.0.1{more}", self.port)
    }
}

impl Drop for OverTcp {
    fn drop(&mut self) {
        signal(self.child.id(), Signal::SIGINT);
        self.child.wait().unwrap();
    }
}

/// A certificate authority of the test's own.
struct Authority(TempDir);

impl Authority {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        openssl(
            dir.path(),
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-authority \
             -keyout ca.key -out ca.pem",
        );
        Self(dir)
    }

    fn certificate(&self) -> String {
        self.0.path().join("ca.pem").to_str().unwrap().to_owned()
    }

    /// A certificate and its key for a host, put into `place`.
    fn sign(&self, place: &Path, host: &str) -> (PathBuf, PathBuf) {
        let dir = self.0.path();
        fs::write(dir.join("ext"), format!("subjectAltName=DNS:{host}\nbasicConstraints=CA:FALSE\n")).unwrap();
        openssl(
            dir,
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=server -keyout server.key -out server.csr",
        );
        openssl(
            dir,
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out server.pem",
        );
        let (cert, key) = (place.join("server.pem"), place.join("server.key"));
        fs::copy(dir.join("server.pem"), &cert).unwrap();
        fs::copy(dir.join("server.key"), &key).unwrap();
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        (cert, key)
    }
}

fn openssl(dir: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn refusal(url: &str) -> String {
    let Err(error) = connect(url).await else { panic!("connected: {url}") };
    let error = error.to_string();
    assert!(!error.contains("hunter"), "the password is in: {error}");
    error
}

async fn is_encrypted(url: &str) -> bool {
    let mut connection = connect(url).await.unwrap();
    text(&mut connection, "(SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid())").await == "true"
}

#[tokio::test]
async fn certificates_are_verified_against_the_given_authority() {
    let (right, wrong) = (Authority::new(), Authority::new());
    let server = OverTcp::start(Some(&right));
    let url = |host: &str, mode: &str, authority: &Authority| {
        server.url(host, &format!("&sslmode={mode}&sslrootcert={}", authority.certificate()))
    };
    for mode in ["verify-full", "verify-ca", "require", "prefer"] {
        assert!(is_encrypted(&url("stash.example", mode, &right)).await, "{mode}");
        let error = refusal(&url("stash.example", mode, &wrong)).await;
        assert!(error.contains("invalid peer certificate") && error.contains("sslrootcert=FILE"), "{mode}: {error}");
    }
    assert!(is_encrypted(&url("other.example", "verify-ca", &right)).await);
    let error = refusal(&url("other.example", "verify-full", &right)).await;
    assert!(error.contains("not valid for name"), "{error}");

    let words = format!(
        "host=stash.example hostaddr=127.0.0.1 port={} user=stashhog password='hunter2 @/:?\\'\\\\' dbname=stashhog \
         sslmode=verify-full sslrootcert='{}'",
        server.port,
        right.certificate()
    );
    assert!(is_encrypted(&words).await);

    let by_system = refusal(&server.url("stash.example", "&sslmode=verify-full")).await;
    assert!(by_system.contains("UnknownIssuer"), "{by_system}");
    let plain = refusal(&server.url("stash.example", "&sslmode=disable")).await;
    assert!(plain.contains("no pg_hba.conf entry"), "{plain}");
    let missing = refusal(&server.url("stash.example", "&sslrootcert=/nonexistent.pem")).await;
    assert!(missing.contains("/nonexistent.pem"), "{missing}");
    let stranger = url("stash.example", "require", &right).replace(PASSWORD_IN_URL, "hunter3");
    assert!(refusal(&stranger).await.contains("password authentication failed"));
}

#[tokio::test]
async fn a_server_without_tls_is_used_plainly_unless_tls_is_required() {
    let server = OverTcp::start(None);
    assert!(!is_encrypted(&server.url("stash.example", "")).await);
    assert!(!is_encrypted(&server.url("stash.example", "&sslmode=disable")).await);
    for mode in ["require", "verify-ca", "verify-full"] {
        let error = refusal(&server.url("stash.example", &format!("&sslmode={mode}"))).await;
        assert!(error.contains("server does not support TLS"), "{mode}: {error}");
    }
}
