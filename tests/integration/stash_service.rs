//! The client of Stash, against the fake and against servers that misbehave.

use std::cell::Cell;
use std::time::Duration;

use stashhog::job::{Settings, Stop, StopReason};
use stashhog::services::stash::{API_KEY, IdChange, Kind, SceneChange, SceneChanges, Slice, Stash, TaskStatus, URL};
use stashhog::services::{Service, ServiceError};
use stashhog::testing::rude::{Manner, RudeServer};
use stashhog::testing::stash::{FakeScene, FakeStash};

fn settings(url: &str) -> Settings {
    Settings::default().with([(URL.name().to_owned(), url.into())])
}

fn client(url: &str) -> Stash {
    Stash::new(&settings(url), Stop::default()).unwrap()
}

#[tokio::test]
async fn scenes_come_with_all_that_they_name_page_by_page() {
    let fake = FakeStash::start();
    let (tag, who, studio) = (fake.add_tag("Harbour"), fake.add_performer("Ada"), fake.add_studio("Pier 7"));
    let scene = FakeScene {
        tags: vec![tag.clone()],
        performers: vec![who.clone()],
        studio: Some(studio.clone()),
        groups: vec![("9".to_owned(), "Tides".to_owned(), Some(2))],
        ..FakeScene::titled("Harbour at Dawn")
    };
    let first = fake.add_scene(scene.clone());
    let second = fake.add_scene(FakeScene { path: None, ..FakeScene::titled("") });
    let stash = client(fake.url());
    let page = stash.scenes(&Slice::first(1)).await.unwrap();
    assert_eq!((page.count, page.items.len()), (2, 1));
    let found = &page.items[0];
    assert_eq!((found.id.as_str(), found.title.as_deref()), (first.as_str(), Some("Harbour at Dawn")));
    assert_eq!((found.tags[0].name.as_str(), found.performers[0].name.as_str()), ("Harbour", "Ada"));
    assert_eq!(found.studio.as_ref().unwrap().id, studio);
    assert_eq!((found.groups[0].group.name.as_str(), found.groups[0].scene_index), ("Tides", Some(2)));
    assert!(found.files[0].fingerprint("oshash").is_some());
    let rest = Slice { after_id: Some(first.parse().unwrap()), ..Slice::first(10) };
    let bare = stash.scenes(&rest).await.unwrap().items.remove(0);
    assert_eq!((bare.id.as_str(), bare.title, bare.files.len()), (second.as_str(), None, 0));
    assert_eq!(stash.scene(&second).await.unwrap().unwrap().id, second);
    assert_eq!(stash.scene("77").await.unwrap(), None);
    assert_eq!(stash.tag_named("harbour").await.unwrap().unwrap().id, tag);
    assert_eq!(stash.ids(Kind::Scenes, &Slice::first(-1)).await.unwrap().items, [first, second]);
}

#[tokio::test]
async fn a_server_of_before_groups_is_asked_in_its_own_words() {
    let fake = FakeStash::start();
    fake.be_before_groups();
    let groups = vec![("9".to_owned(), "Tides".to_owned(), None)];
    let id = fake.add_scene(FakeScene { groups, ..FakeScene::titled("Harbour at Dawn") });
    let stash = client(fake.url());
    let page = stash.scenes(&Slice::first(10)).await.unwrap();
    assert_eq!(page.items[0].groups[0].group.name, "Tides");
    assert_eq!(stash.scene(&id).await.unwrap().unwrap().id, id);
    assert_eq!(fake.calls_of("Dialect"), 1, "it finds out once");
    assert_eq!(fake.calls_of("FindScenes"), 0);
}

#[tokio::test]
async fn changes_arrive_and_what_is_not_named_stays() {
    let fake = FakeStash::start();
    let details = Some("Boats.".to_owned());
    let id = fake.add_scene(FakeScene { details: details.clone(), ..FakeScene::titled("Harbour") });
    let stash = client(fake.url());
    let tag = stash.create_tag("Dawn").await.unwrap();
    let studio = stash.create_studio("Pier 7").await.unwrap();
    let who = stash.create_performer("Ada").await.unwrap();
    let change = SceneChange {
        title: Some("Harbour at Dawn".to_owned()),
        studio_id: Some(studio.id.clone()),
        performer_ids: Some(vec![who.id]),
        ..SceneChange::default()
    };
    stash.update_scene(&id, change).await.unwrap();
    let tag_ids = Some(IdChange::Add(vec![tag.id.clone()]));
    stash.update_scenes(std::slice::from_ref(&id), SceneChanges { tag_ids, ..SceneChanges::default() }).await.unwrap();
    let scene = fake.scene(&id).unwrap();
    assert_eq!((scene.title.as_str(), scene.details), ("Harbour at Dawn", details));
    assert_eq!((scene.tags, scene.studio), (vec![tag.id], Some(studio.id)));
    let refused = stash.create_tag("Dawn").await.unwrap_err();
    assert!(refused.to_string().contains("already exists"), "{refused}");
    assert_eq!(fake.calls_of("TagCreate"), 2, "a refused one is not repeated");
}

#[tokio::test]
async fn a_task_is_watched_and_stopped() {
    let fake = FakeStash::start();
    let stash = client(fake.url());
    let id = stash.start_scan(&Default::default()).await.unwrap();
    assert_eq!(stash.task(&id).await.unwrap().unwrap().status, TaskStatus::Running);
    assert_eq!(stash.queued_tasks().await.unwrap().len(), 1);
    stash.stop_task(&id).await.unwrap();
    assert_eq!(stash.task(&id).await.unwrap().unwrap().status, TaskStatus::Cancelled);
    fake.forget_tasks();
    assert_eq!(stash.task(&id).await.unwrap(), None);
}

#[tokio::test]
async fn the_key_is_sent_and_a_wrong_one_is_named_by_its_setting() {
    let fake = FakeStash::start();
    fake.require_key("secret");
    fake.add_scene(FakeScene::titled("Harbour at Dawn"));
    let service = Service::all().find(|service| service.name == "stash").unwrap();
    let with_key = |key: &str| settings(fake.url()).with([(API_KEY.name().to_owned(), key.into())]);
    let said = (service.test)(with_key("secret"), Stop::default()).await;
    assert_eq!(said.unwrap(), "Stash v0.28.1, 1 scenes");
    let refused = (service.test)(with_key("wrong"), Stop::default()).await.unwrap_err();
    assert!(
        matches!(refused, ServiceError::WrongKey { .. }) && refused.to_string().contains("`stash.api_key`"),
        "{refused}"
    );
    assert!(!refused.to_string().contains("wrong;") && fake.calls_of("Version") == 1);
}

#[tokio::test]
async fn whatever_a_server_does_wrong_is_told_so_that_a_person_can_act() {
    for (manner, told) in [
        (Manner::Refuses, "can't be reached at"),
        (Manner::HangsUp, "can't be reached at"),
        (Manner::Fails, "answered 500: out of paper"),
        (Manner::WebPage, "it is a web page; is the address right?"),
        (Manner::HalfABody, "can't be reached at"),
        (Manner::RedirectsTo("http://elsewhere.example/".to_owned()), "set `stash.url` to where it really is"),
        (Manner::RedirectsTo("/login?returnURL=%2Fgraphql".to_owned()), "check the setting `stash.api_key`"),
        (Manner::Junk, "gave an answer that makes no sense"),
        (Manner::GraphQlError("database is locked".to_owned()), "Stash says: database is locked"),
        (Manner::WrongKey, "check the setting `stash.api_key`"),
    ] {
        let server = RudeServer::start(manner.clone());
        let error = client(&server.url()).version().await.unwrap_err();
        assert!(error.to_string().contains(told), "{manner:?}: {error}");
    }
}

#[tokio::test]
async fn waiting_for_a_server_that_hangs_ends_at_once_when_the_job_is_stopped() {
    let server = RudeServer::start(Manner::Hangs);
    let stop = Stop::default();
    let stash = Stash::new(&settings(&server.url()), stop.clone()).unwrap();
    let (answer, ()) = tokio::join!(stash.version(), async {
        while server.requests() == 0 {
            tokio::task::yield_now().await;
        }
        stop.request(StopReason::Cancelled);
    });
    assert!(answer.unwrap_err().is_stop());
}

#[tokio::test]
async fn entities_are_not_asked_for_one_by_one_while_stash_itself_fails() {
    let stash = client("http://127.0.0.1:9");
    let ids: Vec<String> = (1..=1_000).map(|n| n.to_string()).collect();
    let refused = ServiceError::Refused { service: "Stash", status: 502, said: String::new(), retry_after: None };
    let late = ServiceError::TimedOut { service: "Stash", address: String::new(), after: Duration::from_secs(60) };
    for (error, most) in [(refused, 20), (late, 5)] {
        let asked = Cell::new(0);
        let isolated = stash.isolate(ids.clone(), async |_, _| {
            asked.set(asked.get() + 1);
            Err::<Vec<()>, _>(error.clone())
        });
        assert!(isolated.await.is_err());
        assert!(asked.get() <= most, "{} questions", asked.get());
    }
    // Smaller parts may be in time.
    let isolated = stash.isolate(ids.clone(), async |_, ids| {
        let late = ServiceError::TimedOut { service: "Stash", address: String::new(), after: Duration::from_secs(60) };
        if ids.len() > 100 { Err(late) } else { Ok(ids.to_vec()) }
    });
    assert_eq!(isolated.await.unwrap().found, ids);
}

#[test]
fn a_key_that_no_request_can_have_is_refused_and_no_log_shows_one() {
    for key in ["a key\nand more", "kéy"] {
        let settings = settings("http://127.0.0.1:9").with([(API_KEY.name().to_owned(), key.into())]);
        let refused = Stash::new(&settings, Stop::default()).unwrap_err().to_string();
        assert!(refused.contains("stash.api_key") && !refused.contains(key), "{refused}");
    }
    let settings = settings("http://127.0.0.1:9").with([(API_KEY.name().to_owned(), "abracadabra".into())]);
    let stash = Stash::new(&settings, Stop::default()).unwrap();
    assert!(!format!("{stash:?}").contains("abracadabra"));
}
