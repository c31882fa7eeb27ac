//! One Postgres for the whole run of tests, and in it a database for each.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::sql_types::Jsonb;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use stashhog::store::embedded::PrivatePostgres;
use stashhog::store::migrations;
use tempfile::TempDir;

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Statics are not dropped: the keeper, a shell that waits for this process to end, stops the cluster then.
struct Cluster {
    url: String,
    _postgres: PrivatePostgres,
    _keeper: Child,
}

impl Cluster {
    fn start() -> Self {
        let dir = folder().keep();
        let postgres = PrivatePostgres::start(&dir).expect("the tests' postgres");
        let pid = postgres.pid().expect("it runs");
        let script = format!("read -r _; kill -INT {pid}; while kill -0 {pid}; do sleep 0.1; done; rm -rf \"$0\"");
        let keeper = Command::new("sh")
            .args(["-c", &script])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the keeper");
        let url = postgres.database_url();
        // On a thread of its own: a test's runtime may have one thread only, and migrations need more.
        let template = url.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let_roles_in(&template).await;
                execute(&template, "CREATE DATABASE migrated").await;
                migrations::run(&in_database(&template, "migrated")).await.expect("migrations");
            });
        })
        .join()
        .expect("the template");
        Self { url, _postgres: postgres, _keeper: keeper }
    }
}

/// A folder that the user which Postgres runs as can reach.
pub fn folder() -> TempDir {
    let dir = tempfile::Builder::new().prefix("stashhog-test-").tempdir().expect("a folder");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(dir.path(), open).expect("its mode");
    dir
}

/// A fresh, migrated database. Its connection string.
pub async fn create() -> String {
    let url = &CLUSTER.get_or_init(Cluster::start).url;
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    execute(url, &format!("CREATE DATABASE {name} TEMPLATE migrated")).await;
    in_database(url, &name)
}

/// Lets any role in over the socket, which only the user of the tests can reach.
async fn let_roles_in(url: &str) {
    let file =
        rows(url, "SELECT current_setting('hba_file') AS path").await[0]["path"].as_str().expect("a path").to_owned();
    let mut file = std::fs::File::options().append(true).open(file).expect("the access rules");
    file.write_all(b"local all all trust\n").expect("a rule");
    execute(url, "SELECT pg_reload_conf()").await;
}

/// An empty database of an ordinary role of its own, which may have so many connections. Its connection string names the role.
pub async fn create_for_role(connections: u32) -> String {
    let url = &CLUSTER.get_or_init(Cluster::start).url;
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    execute(url, &format!("CREATE ROLE {name} LOGIN CONNECTION LIMIT {connections}")).await;
    execute(url, &format!("CREATE DATABASE {name} OWNER {name}")).await;
    let (before, after) = url.split_once("user=stashhog").expect("a private cluster's url names its user");
    in_database(&format!("{before}user={name}{after}"), &name)
}

/// Runs SQL in a database of [`create_for_role`] as the superuser, who needs none of its connections.
pub async fn execute_as_superuser(url: &str, sql: &str) {
    execute(&as_superuser(url), sql).await;
}

/// The same database, for the superuser.
pub fn as_superuser(url: &str) -> String {
    url.replace(&format!("user={} ", name(url)), "user=stashhog ")
}

/// A connection of one's own.
pub async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.expect("a connection")
}

/// Runs SQL.
pub async fn execute(url: &str, sql: &str) {
    connect(url).await.batch_execute(sql).await.expect(sql);
}

/// What a restart of Postgres does to a server: cuts every connection to its database, and lets none in.
pub async fn cut_off(url: &str) {
    cut_off_some(url, "true").await;
}

/// Cuts those connections to a database of which `which` holds in `pg_stat_activity`, and lets none in.
pub async fn cut_off_some(url: &str, which: &str) {
    let name = name(url);
    let sql = format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS false;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND {which}"
    );
    execute(&in_database(&as_superuser(url), "stashhog"), &sql).await;
}

/// Lets connections in again.
pub async fn let_in(url: &str) {
    let sql = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", name(url));
    execute(&in_database(&as_superuser(url), "stashhog"), &sql).await;
}

fn name(url: &str) -> &str {
    url.split_once("dbname=").expect("a private cluster's url names a database last").1
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Jsonb)]
    row: Value,
}

/// The rows of a query, each an object.
pub async fn rows(url: &str, query: &str) -> Vec<Value> {
    let query = format!("SELECT to_jsonb(q) AS row FROM ({query}) q");
    let rows: Vec<Row> = sql_query(&query).load(&mut connect(url).await).await.expect(&query);
    rows.into_iter().map(|row| row.row).collect()
}

fn in_database(url: &str, name: &str) -> String {
    let (before, _) = url.split_once("dbname=").expect("a private cluster's url names a database last");
    format!("{before}dbname={name}")
}

/// Flushes what a test prints, so that it stands beside the server's log.
pub fn print(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
