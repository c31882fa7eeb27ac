//! The client of qBittorrent, against the real one.

use serde_json::json;
use stashhog::job::{Settings, Stop};
use stashhog::services::qbittorrent::{
    PASSWORD as PASSWORD_SETTING, Qbittorrent as Client, URL, USERNAME as USERNAME_SETTING,
};
use stashhog::services::{Service, ServiceError};

use crate::support::qbittorrent::{Auth, MOST_FAILURES, PASSWORD, Qbittorrent, USERNAME};

fn settings(url: &str, login: Option<(&str, &str)>) -> Settings {
    let mut values = vec![(URL.name().to_owned(), json!(url))];
    if let Some((username, password)) = login {
        values.push((USERNAME_SETTING.name().to_owned(), json!(username)));
        values.push((PASSWORD_SETTING.name().to_owned(), json!(password)));
    }
    Settings::default().with(values)
}

fn client(url: &str, login: Option<(&str, &str)>) -> Client {
    Client::of(&settings(url, login), Stop::default()).unwrap()
}

async fn test_connection(url: &str, login: Option<(&str, &str)>) -> Result<String, ServiceError> {
    let service = Service::all().find(|service| service.name == "qbittorrent").expect("the service");
    (service.test)(settings(url, login), Stop::default()).await
}

#[tokio::test]
async fn who_knows_the_password_is_let_in_and_told_the_version() {
    let server = Qbittorrent::start(Auth::Password).await;
    let version = test_connection(&server.url, Some((USERNAME, PASSWORD))).await.unwrap();
    assert!(version.starts_with("qBittorrent v"), "{version}");
    let error = test_connection(&server.url, None).await.unwrap_err();
    assert!(error.to_string().contains("`qbittorrent.username`"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_so_is_the_ban_that_follows() {
    let server = Qbittorrent::start(Auth::Password).await;
    let mut login = Some((USERNAME, "harbour at dusk"));
    for _ in 0..MOST_FAILURES {
        let error = test_connection(&server.url, login).await.unwrap_err();
        assert!(matches!(error, ServiceError::WrongKey { setting: "qbittorrent.password", .. }), "{error}");
    }
    login = Some((USERNAME, PASSWORD));
    let error = test_connection(&server.url, login).await.unwrap_err().to_string();
    assert!(error.contains("banned") && error.contains("restart") && !error.contains(PASSWORD), "{error}");
}

#[tokio::test]
async fn a_session_that_has_run_out_is_renewed_in_the_middle() {
    let mut server = Qbittorrent::start(Auth::Password).await;
    server.write("dawn.mp4", b"the sun rises over the harbour");
    let hash = server.add("dawn.mp4", "stash").await;
    let client = client(&server.url, Some((USERNAME, PASSWORD)));
    client.add_tag(&hash, "one").await.unwrap();
    server.restart().await;
    client.add_tag(&hash, "two").await.unwrap();
    assert_eq!(server.tags(&hash).await, "one, two");
}

#[tokio::test]
async fn a_server_that_lets_this_machine_in_needs_no_password() {
    let server = Qbittorrent::start(Auth::Nobody).await;
    for login in [None, Some((USERNAME, PASSWORD))] {
        assert!(test_connection(&server.url, login).await.unwrap().starts_with("qBittorrent v"));
    }
}

#[tokio::test]
async fn torrents_are_told_by_category_with_their_files_and_tags() {
    let server = Qbittorrent::start(Auth::Nobody).await;
    server.write("Harbour at Dawn/sun.mp4", &[1; 40_000]);
    server.write("Harbour at Dawn/extras/gulls & boats.srt", b"gulls");
    server.write("elsewhere.mp4", b"x");
    let hash = server.add("Harbour at Dawn", "films & more").await;
    server.add("elsewhere.mp4", "other").await;
    let client = client(&server.url, None);

    let torrents = client.completed("films & more").await.unwrap();
    assert_eq!(torrents.len(), 1);
    assert_eq!((torrents[0].hash.as_str(), torrents[0].name.as_str()), (hash.as_str(), "Harbour at Dawn"));
    assert_eq!(torrents[0].save_path, server.downloads.to_str().unwrap());
    assert!(torrents[0].tags.is_empty());
    assert!(client.completed("none").await.unwrap().is_empty());
    let mut files = client.files(&hash).await.unwrap();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let told: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.size, file.is_whole())).collect();
    let expected = [("Harbour at Dawn/extras/gulls & boats.srt", 5, true), ("Harbour at Dawn/sun.mp4", 40_000, true)];
    assert_eq!(told, expected);

    client.add_tag(&hash, "synced").await.unwrap();
    client.add_tag(&hash, "synced").await.unwrap();
    client.add_tag(&hash, "seen").await.unwrap();
    assert_eq!(client.completed("films & more").await.unwrap()[0].tags, ["seen", "synced"]);
    client.remove_tag(&hash, "seen").await.unwrap();
    client.remove_tag(&hash, "never was there").await.unwrap();
    assert_eq!(server.tags(&hash).await, "synced");
}

#[tokio::test]
async fn a_host_that_it_does_not_answer_to_is_told_with_what_to_do() {
    let server = Qbittorrent::start(Auth::Nobody).await;
    let url = server.url.replace("127.0.0.1", "localhost");
    let error = test_connection(&url, None).await.unwrap_err().to_string();
    assert!(error.contains("server domains") && error.contains("localhost"), "{error}");
}

#[tokio::test]
async fn a_torrent_that_is_gone_is_refused_at_once() {
    let server = Qbittorrent::start(Auth::Nobody).await;
    let error = client(&server.url, None).files(&"0".repeat(40)).await.unwrap_err();
    assert!(matches!(error, ServiceError::Refused { status: 404, .. }), "{error}");
}
