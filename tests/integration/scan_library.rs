//! The index of the media library, against files that the tests make and the table that it is kept in.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::api::id_of;
use crate::support::server::{Options, Server};
use crate::support::{database, until};

/// First bytes of files of these kinds.
const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2";
const MKV: &[u8] = b"\x1A\x45\xDF\xA3\x93\x42\x82\x88matroska";
const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0\0\x10JFIF";

/// A library, and a server that may read it.
struct Library {
    server: Server,
    folder: TempDir,
    root: PathBuf,
}

impl Library {
    /// An empty one, on a machine without ffprobe.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The folder for temporary files may be a symlink; the index has resolved paths.
        let base = folder.path().canonicalize().unwrap();
        let (root, bin) = (base.join("library"), base.join("bin"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&bin).unwrap();
        let args = Options::args(&["--media-root", root.to_str().unwrap()]);
        let server = Server::start_with(Options { env: vec![("PATH", bin.into_os_string())], ..args }).await;
        Self { server, folder, root }
    }

    /// Installs a shell script as ffprobe. `-version` succeeds; its last argument is `$path`.
    fn install_ffprobe(&self, script: &str) {
        let path = self.base().join("bin/ffprobe");
        let script = format!(
            "#!/bin/sh\nPATH=/usr/bin:/bin\n[ \"$1\" = -version ] && exit 0\nfor path; do :; done\ncd {:?}\n{script}\n",
            self.base()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    /// A folder beside the library; the scripts run in it.
    fn base(&self) -> &Path {
        self.root.parent().unwrap()
    }

    /// Writes a file of the library, as if `seconds` after 1970. Its path.
    fn write(&self, name: &str, content: &[u8], seconds: u64) -> String {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        set_mtime(&path, UNIX_EPOCH + Duration::new(seconds, 123_456_789));
        path.to_str().unwrap().to_owned()
    }

    async fn submit(&self, params: Value) -> Uuid {
        self.server.api.submit("scan_library", params).await
    }

    /// Scans, successfully. The job.
    async fn scan(&self, params: Value) -> Value {
        let id = self.submit(params).await;
        self.server.api.until_status(id, "completed").await
    }

    /// Retries the failed items of a job. The new job, completed.
    async fn retry_failed_items(&self, job: &Value) -> Value {
        let path = format!("/api/jobs/{}/retry", id_of(job));
        let retry = self.server.api.post(&path, json!({ "only_failed_items": true })).await.expect(201);
        self.server.api.until_status(id_of(&retry), "completed").await
    }

    /// The index, in the order of paths.
    async fn index(&self) -> Vec<Value> {
        let columns = "*, (extract(epoch FROM mtime) * 1000000)::bigint AS micros";
        database::rows(&self.server.database_url, &format!("SELECT {columns} FROM media_files ORDER BY path")).await
    }

    /// The row of a file.
    async fn row(&self, path: &str) -> Value {
        let mut index = self.index().await;
        index.retain(|row| row["path"] == path);
        assert_eq!(index.len(), 1, "{path}");
        index.remove(0)
    }

    async fn item_errors(&self, job: &Value) -> Vec<Value> {
        let path = format!("/api/jobs/{}/item-errors", id_of(job));
        self.server.api.get(&path).await.expect(200)["item_errors"].as_array().unwrap().clone()
    }

    async fn log(&self, job: &Value) -> String {
        self.server.api.get(&format!("/api/jobs/{}/logs?format=text", id_of(job))).await.body.to_string()
    }

    async fn stop(self) {
        self.server.stop().await;
        self.folder.close().unwrap();
    }
}

fn set_mtime(path: &Path, at: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

/// Bytes that are not all the same.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect()
}

fn file(head: &[u8], length: usize) -> Vec<u8> {
    [head, &pattern(length)].concat()
}

/// The counts of a result.
fn counts(job: &Value, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| job["result"][name].as_u64().unwrap_or_else(|| panic!("{name}: {job:#}"))).collect()
}

/// Whether a process runs; one that nobody has waited for yet does not.
fn lives(pid: &str) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

#[tokio::test]
async fn a_first_scan_adds_every_file_with_its_facts() {
    let library = Library::new().await;
    // The hashes were computed by other means.
    let expected = [
        (library.write("a/hello", b"hello world", 1_500_000_000), 11, Value::Null, json!("d3e392dee38cd4df")),
        (library.write("a.mp4", &file(MP4, 200_000), 1), 200_024, json!("mp4"), json!("58d1fa18566791b3")),
        (library.write("clip", &file(MKV, 1_000), 1_700_000_000), 1_016, json!("mkv"), json!("d5ea7c2154d086c4")),
        (
            library.write("ü/p.jpg", &file(JPEG, 65_536), 4_102_444_800),
            65_546,
            json!("jpeg"),
            json!("133d11271b5a7995"),
        ),
        (library.write("eight", b"12345678", 1_600_000_000), 8, Value::Null, Value::Null),
        (library.write("empty", b"", 1_600_000_000), 0, Value::Null, Value::Null),
    ];
    let job = library.scan(json!({})).await;
    assert_eq!(counts(&job, &["seen", "added", "unchanged", "vanished", "errors"]), [6, 6, 0, 0, 0]);
    assert_eq!((&job["outcome"], &job["processed_items"]), (&json!("completed"), &json!(6)));
    assert_eq!(library.index().await.len(), expected.len());
    for (path, size, container, oshash) in expected {
        let row = library.row(&path).await;
        let mtime = fs::metadata(&path).unwrap().modified().unwrap().duration_since(UNIX_EPOCH).unwrap();
        assert_eq!(row["size"], json!(size), "{path}");
        assert_eq!(row["micros"].as_u64(), u64::try_from(mtime.as_micros()).ok(), "{path}");
        assert_eq!((&row["container"], &row["oshash"]), (&container, &oshash), "{path}");
        for unknown in ["sha256", "duration", "codec", "missing_at"] {
            assert!(row[unknown].is_null(), "{path}: {unknown}");
        }
    }
    library.stop().await;
}

#[tokio::test]
async fn a_second_scan_writes_only_what_changed_vanished_or_returned() {
    const COUNTED: &[&str] = &["seen", "added", "changed", "unchanged", "vanished", "returned"];
    let library = Library::new().await;
    let changed = library.write("changed", &pattern(100), 1_000);
    let touched = library.write("folder/touched", &pattern(100), 1_000);
    let gone = library.write("folder/gone", &pattern(300), 1_000);
    library.write("same", &pattern(50), 1_000);
    library.scan(json!({})).await;
    let before = library.index().await;

    let again = library.scan(json!({})).await;
    assert_eq!(counts(&again, COUNTED), [4, 0, 0, 4, 0, 0]);
    assert_eq!(counts(&again, &["bytes_read"]), [0], "nothing was opened");
    assert_eq!(library.index().await, before);

    library.write("changed", &pattern(200), 1_000);
    library.write("folder/touched", &pattern(100), 1_001);
    fs::remove_file(&gone).unwrap();
    assert_eq!(counts(&library.scan(json!({})).await, COUNTED), [3, 0, 2, 1, 1, 0]);
    assert_eq!(library.row(&changed).await["size"], 200);
    assert!(library.row(&touched).await["missing_at"].is_null());
    let missing = library.row(&gone).await;
    assert!(missing["missing_at"].is_string() && missing["oshash"].is_string(), "{missing:#}");
    // What is missing is not told again.
    assert_eq!(counts(&library.scan(json!({})).await, COUNTED), [3, 0, 0, 3, 0, 0]);
    assert_eq!(library.row(&gone).await, missing);

    library.write("folder/gone", &pattern(300), 1_000);
    assert_eq!(counts(&library.scan(json!({})).await, COUNTED), [4, 0, 0, 3, 0, 1]);
    let returned = library.row(&gone).await;
    assert!(returned["missing_at"].is_null() && returned["first_seen"] == missing["first_seen"], "{returned:#}");
    library.stop().await;
}

#[tokio::test]
async fn a_scan_of_one_folder_leaves_the_rest_of_the_index_alone() {
    let library = Library::new().await;
    let inside = library.write("a/x", &pattern(10), 1_000);
    let neighbours = [library.write("a-b", &pattern(10), 1_000), library.write("b/x", &pattern(10), 1_000)];
    library.scan(json!({})).await;
    for path in neighbours.iter().chain([&inside]) {
        fs::remove_file(path).unwrap();
    }
    let job = library.scan(json!({ "path": library.root.join("a") })).await;
    assert_eq!(counts(&job, &["seen", "vanished"]), [0, 1]);
    assert!(library.row(&inside).await["missing_at"].is_string());
    for path in &neighbours {
        assert!(library.row(path).await["missing_at"].is_null(), "{path}");
    }
    library.stop().await;
}

#[tokio::test]
async fn sha256_is_taken_on_request_also_of_files_that_have_not_changed() {
    let library = Library::new().await;
    let contents = [0, 9, 65_536, 65_537, (3 << 20) + 1].map(pattern);
    let paths: Vec<_> = (0..).zip(&contents).map(|(n, c)| library.write(&format!("{n}"), c, 1_000)).collect();
    library.scan(json!({})).await;
    let job = library.scan(json!({ "sha256": true })).await;
    assert_eq!(counts(&job, &["added", "changed", "unchanged"]), [0, 0, 5]);
    for (path, content) in paths.iter().zip(&contents) {
        let sha256: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(library.row(path).await["sha256"], sha256, "{path}");
    }
    // A scan that does not ask for it does not forget it, unless the file is another.
    library.write("1", &pattern(10), 2_000);
    library.scan(json!({})).await;
    assert!(library.row(&paths[1]).await["sha256"].is_null());
    assert!(library.row(&paths[2]).await["sha256"].is_string());
    library.stop().await;
}

#[tokio::test]
async fn a_name_that_is_not_utf_8_is_an_item_error_until_it_is_renamed() {
    let library = Library::new().await;
    library.write("good", b"text", 1_000);
    let bad = library.root.join(OsStr::from_bytes(b"b\xFFd.mkv"));
    fs::write(&bad, file(MKV, 100)).unwrap();
    let folder = library.root.join(OsStr::from_bytes(b"f\xFF"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("inside"), "text").unwrap();

    let job = library.scan(json!({})).await;
    assert_eq!((&job["status"], &job["outcome"]), (&json!("completed"), &json!("completed_with_errors")));
    assert_eq!(job["error_count"], 2, "{job:#}");
    assert!(job["message"].as_str().is_some_and(|m| m.contains("2 errors")), "{job:#}");
    let errors = library.item_errors(&job).await;
    let shown = library.root.join("b\u{FFFD}d.mkv");
    assert_eq!(errors[0]["item"], json!(shown), "{errors:#?}");
    assert!(errors.iter().all(|e| e["error"].as_str().is_some_and(|e| e.contains("rename it"))), "{errors:#?}");
    assert_eq!(library.index().await.len(), 1);

    let still = library.retry_failed_items(&job).await;
    assert_eq!((&still["outcome"], &still["error_count"]), (&json!("completed_with_errors"), &json!(2)), "{still:#}");
    fs::rename(&bad, library.root.join("bad.mkv")).unwrap();
    fs::rename(&folder, library.root.join("folder")).unwrap();
    assert_eq!(library.retry_failed_items(&still).await["outcome"], "completed");
    let job = library.scan(json!({})).await;
    assert_eq!((&job["outcome"], counts(&job, &["added"])), (&json!("completed"), vec![2]));
    library.stop().await;
}

#[tokio::test]
async fn a_retry_of_failed_items_looks_at_those_alone() {
    let library = Library::new().await;
    library.install_ffprobe("case $path in *broken*) echo 'moov atom not found' >&2; exit 1;; esac; echo '{}'");
    let broken = library.write("broken.mp4", &file(MP4, 1_000), 1_000);
    library.write("good.mp4", &file(MP4, 1_000), 1_000);
    let job = library.scan(json!({})).await;
    assert_eq!((&job["outcome"], &job["error_count"]), (&json!("completed_with_errors"), &json!(1)), "{job:#}");
    let errors = library.item_errors(&job).await;
    assert_eq!(errors[0]["item"], json!(broken));
    assert!(errors[0]["error"].as_str().is_some_and(|e| e.contains("moov atom not found")), "{errors:#?}");
    // Its other facts are kept.
    assert_eq!(library.row(&broken).await["size"], 1_024);

    library.install_ffprobe(
        r#"echo '{"streams": [{"codec_type": "video", "codec_name": "av1", "width": 64, "height": 48}]}'"#,
    );
    library.write("new.mp4", &file(MP4, 1_000), 1_000);
    let retry = library.retry_failed_items(&job).await;
    assert_eq!((&retry["outcome"], &retry["retry_of"]), (&json!("completed"), &job["id"]));
    assert_eq!(counts(&retry, &["seen"]), [1]);
    assert_eq!(library.row(&broken).await["codec"], "av1");
    assert_eq!(library.index().await.len(), 2, "the new file is the next scan's");
    library.stop().await;
}

#[tokio::test]
async fn what_lies_outside_the_media_folders_is_out_of_reach() {
    let library = Library::new().await;
    let outside = library.base().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret.mkv"), file(MKV, 100)).unwrap();
    symlink(&outside, library.root.join("link")).unwrap();
    symlink(outside.join("secret.mkv"), library.root.join("link.mkv")).unwrap();
    let inside = library.write("inside", b"text", 1_000);
    library.scan(json!({})).await;
    let index = library.index().await;
    assert_eq!(index.iter().map(|row| &row["path"]).collect::<Vec<_>>(), [&json!(inside)]);
    for path in ["../outside", "link", "link/secret.mkv", "link.mkv"] {
        let id = library.submit(json!({ "path": library.root.join(path) })).await;
        let job = library.server.api.until_status(id, "failed").await;
        assert!(job["error"].as_str().is_some_and(|e| e.contains("--media-root")), "{path}: {job:#}");
    }
    assert_eq!(library.index().await, index);
    library.stop().await;
}

#[tokio::test]
async fn a_fifo_is_passed_by() {
    let library = Library::new().await;
    mkfifo(&library.root.join("fifo.mkv"), Mode::S_IRWXU).unwrap();
    library.write("z", b"text", 1_000);
    let job = library.scan(json!({ "sha256": true, "force": true })).await;
    assert_eq!(counts(&job, &["seen", "added", "errors"]), [1, 1, 0]);
    let job = library.scan(json!({ "path": library.root.join("fifo.mkv") })).await;
    assert_eq!(counts(&job, &["seen", "errors"]), [0, 0]);
    library.stop().await;
}

#[tokio::test]
async fn a_scan_is_cancelled_in_the_middle_of_a_huge_file() {
    let library = Library::new().await;
    let path = library.root.join("huge");
    File::create(&path).unwrap().set_len(50 << 30).unwrap();
    let id = library.submit(json!({ "sha256": true })).await;
    let open = format!("/proc/{}/fd", library.server.pid());
    until("the file is being read", async || {
        let mut files = fs::read_dir(&open).unwrap().filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
        files.any(|file| file == path).then_some(())
    })
    .await;
    library.server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    let job = library.server.api.until_status(id, "cancelled").await;
    assert!(job["cancel"]["stopped_at"].is_string() && job["cancel"]["aborted_at"].is_null(), "{job:#}");
    assert_eq!(library.index().await, Vec::<Value>::new());
    library.stop().await;
}

#[tokio::test]
async fn ffprobe_tells_length_codec_and_resolution_of_videos_once() {
    let library = Library::new().await;
    library.install_ffprobe(
        r#"echo "$path" >> asked
        echo '{"streams": [{"codec_type": "audio", "codec_name": "aac"},
                           {"codec_type": "video", "codec_name": "hevc", "width": 3840, "height": 2160}],
               "format": {"duration": "61.5"}}'"#,
    );
    let video = library.write("a b'.mp4", &file(MP4, 1_000), 1_000);
    let image = library.write("p.jpg", &file(JPEG, 1_000), 1_000);
    let job = library.scan(json!({})).await;
    assert_eq!(counts(&job, &["added", "errors"]), [2, 0]);
    let row = library.row(&video).await;
    assert_eq!((&row["duration"], &row["codec"]), (&json!(61.5), &json!("hevc")));
    assert_eq!((&row["width"], &row["height"]), (&json!(3840), &json!(2160)));
    assert!(library.row(&image).await["codec"].is_null());
    assert_eq!(counts(&library.scan(json!({})).await, &["unchanged"]), [2]);
    let asked = || fs::read_to_string(library.base().join("asked")).unwrap();
    assert_eq!(asked(), format!("{video}\n"));
    library.scan(json!({ "probe": false, "force": true })).await;
    assert_eq!(asked(), format!("{video}\n"), "nobody asked for it");
    assert_eq!(library.row(&video).await["codec"], "hevc", "and what was known stays");
    library.stop().await;
}

/// Cancels a scan while this ffprobe runs, which writes process ids into the file `pids`. All of them die.
async fn assert_ffprobe_dies_with_the_job(script: &str) {
    let library = Library::new().await;
    library.install_ffprobe(script);
    library.write("video.mp4", &file(MP4, 1_000), 1_000);
    let id = library.submit(json!({})).await;
    let pids = library.base().join("pids");
    let pids = until("ffprobe runs", async || fs::read_to_string(&pids).ok()).await;
    library.server.api.post(&format!("/api/jobs/{id}/cancel"), json!({})).await.expect(202);
    let job = library.server.api.until_status(id, "cancelled").await;
    assert!(job["cancel"]["aborted_at"].is_null(), "{job:#}");
    for pid in pids.split_whitespace() {
        until("ffprobe and its children are dead", async || (!lives(pid)).then_some(())).await;
    }
    library.stop().await;
}

#[tokio::test]
async fn an_ffprobe_that_hangs_dies_with_its_job_and_its_child_too() {
    assert_ffprobe_dies_with_the_job("sleep 1000 & echo $$ $! > pids.new; mv pids.new pids; wait").await;
}

#[tokio::test]
async fn a_child_that_ffprobe_left_behind_dies_with_the_job() {
    assert_ffprobe_dies_with_the_job("sleep 1000 & echo $! > pids.new; mv pids.new pids").await;
}

#[tokio::test]
async fn that_ffprobe_is_not_installed_is_said_once() {
    let library = Library::new().await;
    for n in 0..3 {
        library.write(&format!("{n}.mp4"), &file(MP4, 100), 1_000);
    }
    let job = library.scan(json!({})).await;
    assert_eq!((&job["outcome"], counts(&job, &["added"])), (&json!("completed"), vec![3]));
    let log = library.log(&job).await;
    assert_eq!(log.matches("ffprobe is not installed").count(), 1, "{log}");
    let job = library.scan(json!({ "probe": false })).await;
    assert!(!library.log(&job).await.contains("ffprobe"), "nobody asked for it");
    library.stop().await;
}

#[tokio::test]
async fn a_server_without_media_folders_says_how_to_name_one() {
    let server =
        Server::start_with(Options { env: vec![("STASHHOG_MEDIA_ROOTS", OsString::new())], ..Options::default() });
    let server = server.await;
    let id = server.api.submit("scan_library", json!({})).await;
    let job = server.api.until_status(id, "failed").await;
    assert!(job["error"].as_str().is_some_and(|e| e.contains("--media-root")), "{job:#}");
    let refused = server.api.post("/api/jobs", json!({ "type": "scan_library", "params": { "path": "a/b" } })).await;
    let refused = refused.expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/params/path", "{refused:#}");
    server.stop().await;
}
