//! Finished downloads on their way into the library, from the real qBittorrent and from one that misbehaves.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use stashhog::job::Setting;
use stashhog::services::qbittorrent::{PASSWORD as PASSWORD_SETTING, URL, USERNAME as USERNAME_SETTING};
use stashhog::store::pool;
use stashhog::testing::qbittorrent::{FakeQbittorrent, FakeTorrent, Rude};
use stashhog::testing::{self, JobTest, Run};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::support::qbittorrent::{Auth, PASSWORD, Qbittorrent, USERNAME};
use crate::support::server::{Options, Server};
use crate::support::{database, until};

const LIBRARY_FOLDER: Setting<PathBuf> = Setting::folder("downloads.library_folder", "");

/// A library, and downloads beside it that the job may read.
struct Place {
    folder: TempDir,
    /// On another filesystem than the library, for what has to be copied.
    elsewhere: TempDir,
    downloads: PathBuf,
    library: PathBuf,
    database_url: String,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = TempDir::new_in("/dev/shm").unwrap();
        let base = folder.path().canonicalize().unwrap();
        let (downloads, library) = (base.join("downloads"), base.join("library"));
        fs::create_dir(&downloads).unwrap();
        fs::create_dir(&library).unwrap();
        let devices = [&base, elsewhere.path()].map(|path| fs::metadata(path).unwrap().dev());
        assert_ne!(devices[0], devices[1], "/dev/shm is a filesystem of its own");
        Self { folder, elsewhere, downloads, library, database_url: database::create().await }
    }

    /// The job, as this place and that qBittorrent have it.
    fn job(&self, qbittorrent: &str) -> JobTest {
        testing::job_named("process_downloads", json!({}))
            .db(pool::build(&self.database_url, Handle::current()).unwrap())
            .media_root(self.folder.path())
            .media_root(self.elsewhere.path())
            .setting(&URL, qbittorrent)
            .setting(&LIBRARY_FOLDER, self.library.to_str().unwrap())
    }

    fn write(&self, path: &str, content: &[u8]) {
        write(&self.downloads.join(path), content);
    }

    /// All files of the library, by their paths in it.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        list(&self.library, &self.library, &mut files);
        files.sort();
        files
    }

    /// What was written down of each file.
    async fn handled(&self) -> Vec<Value> {
        let query = "SELECT torrent_name, file, path, how, size_bytes, partial FROM handled_downloads ORDER BY path";
        database::rows(&self.database_url, query).await
    }
}

fn write(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn list(base: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            list(base, &path, files);
        } else {
            files.push(path.strip_prefix(base).unwrap().to_str().unwrap().to_owned());
        }
    }
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    let (a, b) = (fs::metadata(a).unwrap(), fs::metadata(b).unwrap());
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// The counts of a result: torrents, linked, copied, skipped, excluded, errors.
#[track_caller]
fn counts(run: &Run) -> [u64; 6] {
    counts_of(run.result().unwrap_or_else(|| panic!("no result: {run}")))
}

fn counts_of(result: &Value) -> [u64; 6] {
    ["torrents", "linked", "copied", "skipped", "excluded", "errors"].map(|name| result[name].as_u64().unwrap())
}

/// What an item is called.
fn item(torrent: &FakeTorrent) -> String {
    format!("{} [{}]", torrent.name, torrent.hash)
}

/// The error of the only item that failed.
#[track_caller]
fn only_error(run: &Run) -> &str {
    assert_eq!(run.item_errors().len(), 1, "{run}");
    &run.item_errors()[0].error
}

#[tokio::test]
async fn completed_torrents_are_linked_and_tagged_and_left_alone_by_the_next_run() {
    let place = Place::new().await;
    let server = Qbittorrent::start(Auth::Password).await;
    let one = server.write("one.mp4", &[1; 50_000]);
    let sun = server.write("Harbour at Dawn/sun.mp4", &[2; 70_000]);
    let gulls = server.write("Harbour at Dawn/extras/gulls & boats.srt", b"gulls");
    server.write("other.mp4", b"not meant for the library");
    let several = server.add("Harbour at Dawn", "stash").await;
    let single = server.add("one.mp4", "stash").await;
    server.add("other.mp4", "films").await;
    let form = format!("hashes={single}&tags=error_syncing,seen");
    server.post("torrents/addTags", &form).await;
    let job = || {
        let job = place.job(&server.url).media_root(&server.downloads);
        job.setting(&USERNAME_SETTING, USERNAME).setting(&PASSWORD_SETTING, PASSWORD)
    };

    let run = job().await;
    run.assert_completed().assert_items(2, 2);
    assert_eq!(counts(&run), [2, 3, 0, 0, 0, 0]);
    let places =
        [(&one, "one.mp4"), (&sun, "Harbour at Dawn/sun.mp4"), (&gulls, "Harbour at Dawn/extras/gulls & boats.srt")];
    assert_eq!(place.files().len(), 3, "{:?}", place.files());
    for (source, path) in places {
        assert!(is_same_file(source, &place.library.join(path)), "{path}");
    }
    assert_eq!(server.tags(&several).await, "synced");
    assert_eq!(server.tags(&single).await, "seen, synced");
    let handled = place.handled().await;
    assert_eq!(handled.len(), 3);
    assert_eq!(
        handled[2],
        json!({
            "torrent_name": "one.mp4", "file": "one.mp4", "path": place.library.join("one.mp4"), "how": "linked",
            "size_bytes": 50_000, "partial": null,
        })
    );

    let again = job().await;
    again.assert_completed();
    assert_eq!(counts(&again), [0; 6]);
}

#[tokio::test]
async fn a_torrent_that_failed_is_tagged_so_and_done_when_it_is_tried_again() {
    let place = Place::new().await;
    let server = Qbittorrent::start(Auth::Nobody).await;
    let source = server.write("dawn.mp4", &[1; 50_000]);
    let hash = server.add("dawn.mp4", "stash").await;
    let in_the_way = place.library.join("dawn.mp4");
    fs::write(&in_the_way, "another film").unwrap();
    let job = || place.job(&server.url).media_root(&server.downloads);

    let run = job().await;
    run.assert_completed_with_errors(&[&format!("dawn.mp4 [{hash}]")]);
    assert!(only_error(&run).contains("is another file"), "{run}");
    assert_eq!(server.tags(&hash).await, "error_syncing");
    assert_eq!(fs::read(&in_the_way).unwrap(), b"another film");

    fs::remove_file(&in_the_way).unwrap();
    job().await.assert_completed();
    assert!(is_same_file(&source, &in_the_way));
    assert_eq!(server.tags(&hash).await, "synced");
}

#[tokio::test]
async fn files_are_copied_to_another_filesystem_with_their_time() {
    let place = Place::new().await;
    let content: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let source = place.elsewhere.path().join("long/dawn.mp4");
    write(&source, &content);
    write(&place.elsewhere.path().join("long/empty"), b"");
    let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options().write(true).open(&source).unwrap().set_modified(time).unwrap();
    let qbittorrent = FakeQbittorrent::start();
    let torrent = FakeTorrent::new("Dawn", place.elsewhere.path()).file_there("long/dawn.mp4").file_there("long/empty");
    qbittorrent.add(torrent.clone());

    let run = place.job(qbittorrent.url()).await;
    run.assert_completed();
    assert_eq!(counts(&run), [1, 0, 2, 0, 0, 0]);
    assert_eq!(place.files(), ["Dawn/dawn.mp4", "Dawn/empty"]);
    let copy = place.library.join("Dawn/dawn.mp4");
    assert!(fs::read(&copy).unwrap() == content);
    assert_eq!(fs::metadata(&copy).unwrap().modified().unwrap(), time);
    let hows: Vec<_> = place.handled().await.iter().map(|row| row["how"].clone()).collect();
    assert_eq!(hows, ["copied", "copied"]);

    // The tag was taken away: what is there is compared, and skipped.
    qbittorrent.add(torrent.clone());
    let again = place.job(qbittorrent.url()).await;
    assert_eq!(counts(&again), [1, 0, 0, 2, 0, 0]);
    assert_eq!(qbittorrent.tags(&torrent), ["synced"]);
    // A file of the same size is not the same file.
    let mut other = content;
    *other.last_mut().unwrap() ^= 1;
    fs::write(&source, other).unwrap();
    qbittorrent.add(torrent.clone());
    let run = place.job(qbittorrent.url()).await;
    assert!(only_error(&run).starts_with("1 of 2 files failed") && only_error(&run).contains("another file"), "{run}");
    assert_eq!(qbittorrent.tags(&torrent), ["error_syncing"]);
}

#[tokio::test]
async fn a_copy_that_is_cancelled_leaves_no_half_file_and_the_next_run_does_it() {
    let place = Place::new().await;
    let source = File::create(place.elsewhere.path().join("long.mp4")).unwrap();
    source.set_len(64 << 20).unwrap();
    let qbittorrent = FakeQbittorrent::start();
    let torrent = FakeTorrent::new("Long", place.elsewhere.path()).file_there("long.mp4");
    qbittorrent.add(torrent.clone());

    let copying = |text: &str| text.starts_with("Copying long.mp4: 8 of 64");
    let job = place.job(qbittorrent.url());
    let run = job.cancel_when(move |progress| progress.message.as_deref().is_some_and(copying)).await;
    run.assert_cancelled();
    assert_eq!(place.files(), Vec::<String>::new());
    assert!(place.handled().await.is_empty() && qbittorrent.tags(&torrent).is_empty());

    place.job(qbittorrent.url()).await.assert_completed();
    assert_eq!(fs::metadata(place.library.join("long.mp4")).unwrap().len(), 64 << 20);
}

#[tokio::test]
async fn a_run_that_is_cut_short_is_gone_on_with() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    for n in 0..5 {
        place.write(&format!("{n}.mp4"), b"film");
        qbittorrent.add(FakeTorrent::new(&format!("{n}"), &place.downloads).file_there(&format!("{n}.mp4")));
    }
    place.job(qbittorrent.url()).cancel_at_item(2).await.assert_cancelled().assert_items(2, 5);
    let run = place.job(qbittorrent.url()).crash_at_item(1).await;
    run.assert_crashed();
    let run = run.resume().await;
    run.assert_completed();
    assert_eq!(place.files().len(), 5);
    assert!(counts(&run)[0] < 5, "what was tagged is not looked at again: {run}");
}

#[tokio::test]
async fn what_a_killed_server_left_of_a_copy_is_removed_by_the_next_run() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    // It takes for ever, and costs nothing.
    let source = File::create(place.elsewhere.path().join("endless.mp4")).unwrap();
    source.set_len(1 << 40).unwrap();
    let torrent = FakeTorrent::new("Endless", place.elsewhere.path()).file_there("endless.mp4");
    qbittorrent.add(torrent.clone());
    let roots = [place.library.to_str().unwrap(), place.elsewhere.path().to_str().unwrap()];
    let args = Options::args(&["--media-root", roots[0], "--media-root", roots[1]]);
    let env = vec![
        ("STASHHOG_QBITTORRENT_URL", OsString::from(qbittorrent.url())),
        ("STASHHOG_DOWNLOADS_LIBRARY_FOLDER", place.library.clone().into_os_string()),
    ];
    let server = Server::start_with(Options { env, ..args }).await;
    let id = server.api.submit("process_downloads", json!({})).await;
    until("the copy has begun", async || {
        place.files().first().map(|name| assert!(name.starts_with(".stashhog-"), "{name}"))
    })
    .await;
    // From now on qBittorrent says another size: the job can't come to a good end.
    qbittorrent.add(FakeTorrent::new("Endless", place.elsewhere.path()).file("endless.mp4", 7));
    let server = server.crash_and_restart().await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!((&job["outcome"], &job["attempt"]), (&json!("completed_with_errors"), &json!(2)), "{job:#}");
    assert_eq!(place.files(), Vec::<String>::new());
    let left = database::rows(&server.database_url, "SELECT * FROM handled_downloads").await;
    assert!(left.is_empty(), "{left:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_torrent_whose_names_lead_out_of_the_library_is_refused_and_the_others_are_done() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    place.write("film.mp4", b"film");
    let torrent = |name: &str| FakeTorrent::new(name, &place.downloads);
    let bad = [
        torrent("../outside").file_there("film.mp4"),
        torrent("/outside").file_there("film.mp4").file_there("film.mp4"),
        torrent("nul\0").file_there("film.mp4"),
        torrent("path").file("../outside.mp4", 4),
        torrent("absolute").file("/etc/hostname", 4),
        torrent("partial").file(".stashhog-1.part", 4),
    ];
    for torrent in &bad {
        qbittorrent.add(torrent.clone());
    }
    let good = torrent("good").file_there("film.mp4");
    qbittorrent.add(good.clone());

    let run = place.job(qbittorrent.url()).await;
    let mut items: Vec<_> = bad.iter().map(|torrent| item(torrent).replace('\0', "\u{FFFD}")).collect();
    items.sort();
    let mut failed: Vec<_> = run.item_errors().iter().map(|error| error.item.clone()).collect();
    failed.sort();
    assert_eq!(failed, items, "{run}");
    assert_eq!(place.files(), ["film.mp4"]);
    assert!(!place.folder.path().join("outside").exists());
    assert!(bad.iter().all(|torrent| qbittorrent.tags(torrent) == ["error_syncing"]));
    assert_eq!(qbittorrent.tags(&good), ["synced"]);
}

#[tokio::test]
async fn no_symlink_leads_out_of_the_library_or_of_the_media_roots() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "secret").unwrap();
    symlink(outside.path().join("secret"), place.downloads.join("secret.mp4")).unwrap();
    place.write("Album/a.mp4", b"a");
    place.write("Album/b.mp4", b"b");
    place.write("c.mp4", b"c");
    symlink(outside.path(), place.library.join("Album")).unwrap();
    symlink(outside.path().join("new"), place.library.join("c.mp4")).unwrap();
    let torrent = |name: &str| FakeTorrent::new(name, &place.downloads);
    qbittorrent.add(torrent("secret").file_there("secret.mp4"));
    qbittorrent.add(torrent("Album").file_there("Album/a.mp4").file_there("Album/b.mp4"));
    qbittorrent.add(torrent("c").file_there("c.mp4"));

    let run = place.job(qbittorrent.url()).await;
    assert_eq!(run.item_errors().len(), 3, "{run}");
    assert!(run.item_errors()[0].error.contains("--media-root"), "{run}");
    assert!(run.item_errors()[1].error.contains("in its way"), "{run}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn the_library_folder_must_be_there_and_under_a_media_root() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    let outside = tempfile::tempdir().unwrap();
    let job = place.job(qbittorrent.url()).setting(&LIBRARY_FOLDER, outside.path().to_str().unwrap());
    job.await.assert_failed("--media-root");
    let missing = place.library.join("missing");
    let job = place.job(qbittorrent.url()).setting(&LIBRARY_FOLDER, missing.to_str().unwrap());
    job.await.assert_failed("`downloads.library_folder`");
    assert!(qbittorrent.calls().is_empty(), "{:?}", qbittorrent.calls());
}

#[tokio::test]
async fn a_retry_of_what_failed_finds_a_torrent_that_was_renamed() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    place.write("a", b"a");
    place.write("b", b"b");
    let mut torrent = FakeTorrent::new("Sun/Moon", &place.downloads).file_there("a").file_there("b");
    qbittorrent.add(torrent.clone());
    let run = place.job(qbittorrent.url()).await;
    let failed = item(&torrent);
    run.assert_completed_with_errors(&[&failed]);
    assert!(only_error(&run).contains("rename it"), "{run}");

    "Sun and Moon".clone_into(&mut torrent.name);
    qbittorrent.add(torrent.clone());
    place.write("new", b"new");
    let new = FakeTorrent::new("new", &place.downloads).file_there("new");
    qbittorrent.add(new.clone());
    let retry = place.job(qbittorrent.url()).only_items([failed]).await;
    retry.assert_completed().assert_items(1, 1);
    assert_eq!(place.files(), ["Sun and Moon/a", "Sun and Moon/b"]);
    assert!(qbittorrent.tags(&new).is_empty(), "it is the next run's");
}

#[tokio::test]
async fn only_completed_torrents_of_the_category_that_are_not_synced_are_looked_at() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    place.write("f", b"f");
    let torrent = |name: &str| FakeTorrent::new(name, &place.downloads).file_there("f");
    qbittorrent.add(torrent("done").tag("synced"));
    qbittorrent.add(torrent("films").category("films"));
    qbittorrent.add(torrent("half").incomplete());
    let run = place.job(qbittorrent.url()).await;
    run.assert_completed();
    assert_eq!((counts(&run), qbittorrent.calls()), ([0; 6], vec!["torrents/info".to_owned()]));
}

#[tokio::test]
async fn a_session_that_ends_in_the_middle_of_a_run_is_renewed() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start().with_login(USERNAME, PASSWORD);
    qbittorrent.end_sessions_after(2);
    place.write("f", b"f");
    let torrents = ["one", "two", "three"].map(|name| FakeTorrent::new(name, &place.downloads).file_there("f"));
    for torrent in &torrents {
        qbittorrent.add(torrent.clone());
    }
    let job = || place.job(qbittorrent.url()).setting(&USERNAME_SETTING, USERNAME);
    job().setting(&PASSWORD_SETTING, "wrong").await.assert_failed("`qbittorrent.password`");
    job().setting(&PASSWORD_SETTING, PASSWORD).await.assert_completed();
    assert!(torrents.iter().all(|torrent| qbittorrent.tags(torrent) == ["synced"]));
    let logins = qbittorrent.calls().iter().filter(|call| *call == "auth/login").count();
    assert!((3..=8).contains(&logins), "{:?}", qbittorrent.calls());
}

#[tokio::test]
async fn a_qbittorrent_that_is_down_or_answers_nonsense_fails_the_job_with_words() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    for (rude, words) in [
        (Rude::Status(500), "answered 500: a bear sits on the disk"),
        (Rude::Html, "it is a web page; is the address right?"),
        (Rude::Junk, "makes no sense"),
        (Rude::Status(302), "makes no sense"),
    ] {
        qbittorrent.be_rude("torrents/info", rude);
        place.job(qbittorrent.url()).await.assert_failed(words);
    }
    let url = qbittorrent.url().to_owned();
    drop(qbittorrent);
    until("nobody listens there", async || {
        std::net::TcpStream::connect(url.trim_start_matches("http://")).is_err().then_some(())
    })
    .await;
    place.job(&url).await.assert_failed("can't be reached at http://127.0.0.1");
}

#[tokio::test]
async fn a_qbittorrent_that_hangs_holds_up_no_cancellation() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    place.write("f", b"f");
    qbittorrent.add(FakeTorrent::new("f", &place.downloads).file_there("f"));
    qbittorrent.be_rude("torrents/files", Rude::Hang);
    let run = place.job(qbittorrent.url()).cancel_at_item(0).await;
    run.assert_cancelled();
    assert!(run.took() < Duration::from_secs(10), "{run}");
}

#[tokio::test]
async fn a_tag_that_can_not_be_set_is_an_item_error_and_the_next_run_sets_it() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    place.write("f", b"f");
    let torrent = FakeTorrent::new("f", &place.downloads).file_there("f");
    qbittorrent.add(torrent.clone());
    qbittorrent.be_rude("torrents/addTags", Rude::Status(409));
    let run = place.job(qbittorrent.url()).await;
    run.assert_completed_with_errors(&[&item(&torrent)]);
    assert!(only_error(&run).contains("409"), "{run}");
    qbittorrent.be_polite();
    let run = place.job(qbittorrent.url()).await;
    assert_eq!(counts(&run), [1, 0, 0, 1, 0, 0]);
    assert_eq!(qbittorrent.tags(&torrent), ["synced"]);
}

/// First bytes of a video.
const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2";

/// A server whose `PATH` has this ffprobe alone, if any: a script that sees the file as `$path`.
async fn server_with_ffprobe(place: &Place, qbittorrent: &FakeQbittorrent, script: Option<&str>) -> Server {
    let bin = place.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    if let Some(script) = script {
        let path = bin.join("ffprobe");
        let script = format!("#!/bin/sh\n[ \"$1\" = -version ] && exit 0\nfor path; do :; done\n{script}\n");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    let env = vec![
        ("PATH", bin.into_os_string()),
        ("STASHHOG_QBITTORRENT_URL", OsString::from(qbittorrent.url())),
        ("STASHHOG_DOWNLOADS_LIBRARY_FOLDER", place.library.clone().into_os_string()),
    ];
    let args = Options::args(&["--media-root", place.folder.path().to_str().unwrap()]);
    Server::start_with(Options { env, ..args }).await
}

#[tokio::test]
async fn small_videos_are_excluded_on_request_and_other_small_files_are_not() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    for name in ["short.mp4", "long.mp4", "unknown.mp4"] {
        place.write(&format!("Dawn/{name}"), &[MP4, name.as_bytes()].concat());
    }
    place.write("Dawn/short.txt", b"text");
    let torrent = ["short.mp4", "long.mp4", "unknown.mp4", "short.txt"]
        .iter()
        .fold(FakeTorrent::new("Dawn", &place.downloads), |torrent, name| torrent.file_there(&format!("Dawn/{name}")));
    qbittorrent.add(torrent.clone());
    place.write("broken.mp4", MP4);
    let broken = FakeTorrent::new("broken", &place.downloads).file_there("broken.mp4");
    qbittorrent.add(broken.clone());
    let script = r#"case $path in
        *short*) echo '{"format": {"duration": "29.9"}}';;
        *long*) echo '{"format": {"duration": "30.0"}}';;
        *broken*) echo 'moov atom not found' >&2; exit 1;;
        *) echo '{}';;
    esac"#;
    let server = server_with_ffprobe(&place, &qbittorrent, Some(script)).await;
    let id = server.api.submit("process_downloads", json!({ "exclude_small_videos": true })).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!(counts_of(&job["result"]), [2, 3, 0, 0, 1, 1], "{job:#}");
    assert_eq!(place.files(), ["Dawn/long.mp4", "Dawn/short.txt", "Dawn/unknown.mp4"]);
    assert_eq!(
        (qbittorrent.tags(&torrent), qbittorrent.tags(&broken)),
        (vec!["synced".to_owned()], vec!["error_syncing".to_owned()])
    );
    let errors = server.api.get(&format!("/api/jobs/{id}/item-errors")).await.expect(200);
    assert!(errors.to_string().contains("moov atom not found"), "{errors:#}");

    qbittorrent.add(torrent);
    let id = server.api.submit("process_downloads", json!({})).await;
    let job = server.api.until_status(id, "completed").await;
    assert_eq!(counts_of(&job["result"]), [2, 2, 0, 3, 0, 0], "all are wanted now: {job:#}");
    server.stop().await;
}

#[tokio::test]
async fn to_exclude_small_videos_ffprobe_must_be_there() {
    let place = Place::new().await;
    let qbittorrent = FakeQbittorrent::start();
    let server = server_with_ffprobe(&place, &qbittorrent, None).await;
    let id = server.api.submit("process_downloads", json!({ "exclude_small_videos": true })).await;
    let job = server.api.until_status(id, "failed").await;
    assert!(
        job["error"].as_str().is_some_and(|error| error.contains("ffprobe") && error.contains("install")),
        "{job:#}"
    );
    server.stop().await;
}
