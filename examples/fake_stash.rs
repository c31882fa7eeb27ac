//! A Stash that is none, with a few scenes, to try StashHog with: `cargo run --example fake_stash`.
//!
//! It says where it is, and stays until its input ends. A line `edit 1` changes the scene 1, as somebody does in the browser.

use std::io::{BufRead, stdin};

use stashhog::testing::stash::{FakeScene, FakeStash};

fn main() {
    let stash = FakeStash::start();
    fill(&stash);
    println!("{}", stash.url());
    for line in stdin().lock().lines().map_while(Result::ok) {
        if let Some(id) = line.strip_prefix("edit ") {
            stash.change_scene(id, |scene| scene.title = format!("Edited: {}", scene.title));
            println!("edited {id}");
        }
    }
}

/// Scenes of which some say in their paths what they lack.
fn fill(stash: &FakeStash) {
    let studio = stash.add_studio("Northern Light Pictures");
    let performer = stash.add_performer("Ada Sailor");
    let harbour = stash.add_tag("Harbour");
    stash.add_tag("Rain");
    let named = |title: &str, path: &str| FakeScene { path: Some(path.to_owned()), ..FakeScene::titled(title) };
    stash.add_scene(FakeScene {
        studio: Some(studio),
        performers: vec![performer],
        tags: vec![harbour],
        details: Some("A fisherman mends his nets while the harbour wakes.".to_owned()),
        date: Some("2024-05-01".to_owned()),
        groups: vec![("1".to_owned(), "Coasts".to_owned(), Some(3))],
        ..named("Harbour at Dawn", "/media/Harbour at Dawn.mp4")
    });
    for day in 2..=9 {
        let path = format!("/media/Northern Light Pictures/Ada Sailor - Harbour {day} (2024-06-0{day}).mp4");
        stash.add_scene(named("", &path));
    }
}
