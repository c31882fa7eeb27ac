//! What a fake Stash has: entities that a test added, and scenes that are made when they are asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, FixedOffset, Offset, SecondsFormat, TimeDelta, Utc};

use crate::services::stash::Kind;

/// How many performers, tags and studios the made scenes name.
const MADE_PERFORMERS: i64 = 1_000;
const MADE_TAGS: i64 = 200;
const MADE_STUDIOS: i64 = 50;

/// A scene of a fake Stash. Relations are ids.
#[derive(Clone, Debug, PartialEq)]
pub struct FakeScene {
    /// Its title.
    pub title: String,
    /// The studio's code for it.
    pub code: Option<String>,
    /// What it is about.
    pub details: Option<String>,
    /// Who directed it.
    pub director: Option<String>,
    /// Where it is on the web.
    pub urls: Vec<String>,
    /// When it came out.
    pub date: Option<String>,
    /// 1 to 100.
    pub rating100: Option<i64>,
    /// Whether it is in order.
    pub organized: bool,
    /// Its studio.
    pub studio: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Who is in it.
    pub performers: Vec<String>,
    /// Its groups: id, name, number in it.
    pub groups: Vec<(String, String, Option<i64>)>,
    /// Where its file is; it has none when none.
    pub path: Option<String>,
    /// In bytes.
    pub size: i64,
    /// In seconds.
    pub duration: f64,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl FakeScene {
    /// A scene with a title, a file, and nothing else. It changed now.
    pub fn titled(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            code: None,
            details: None,
            director: None,
            urls: Vec::new(),
            date: None,
            rating100: None,
            organized: false,
            studio: None,
            tags: Vec::new(),
            performers: Vec::new(),
            groups: Vec::new(),
            path: Some(format!("/media/{title}.mp4")),
            size: 1_000_000,
            duration: 60.5,
            updated_at: Utc::now(),
        }
    }
}

/// A performer, a tag or a studio.
#[derive(Clone)]
pub(super) struct Entity {
    pub(super) name: String,
    pub(super) updated_at: DateTime<Utc>,
}

/// All of it.
pub(super) struct Library {
    pub(super) zone: FixedOffset,
    pub(super) broken: HashMap<(Kind, i64), String>,
    scenes: BTreeMap<i64, FakeScene>,
    others: HashMap<Kind, BTreeMap<i64, Entity>>,
    /// When the made scenes last changed, as texts, by id from 1 on.
    made: Vec<String>,
    gone: BTreeSet<i64>,
    last_id: HashMap<Kind, i64>,
}

impl Default for Library {
    fn default() -> Self {
        Self {
            zone: Utc.fix(),
            broken: HashMap::new(),
            scenes: BTreeMap::new(),
            others: HashMap::new(),
            made: Vec::new(),
            gone: BTreeSet::new(),
            last_id: HashMap::new(),
        }
    }
}

/// When a made scene last changed.
fn made_at(id: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(19_723) + TimeDelta::minutes(id)
}

fn made_scene(id: i64) -> FakeScene {
    FakeScene {
        details: Some(format!("The tide comes in at pier {id}, and goes out again. Nobody is in a hurry.")),
        date: Some(format!("2023-{:02}-{:02}", id % 12 + 1, id % 28 + 1)),
        rating100: (id % 3 == 0).then_some(id % 100 + 1),
        studio: Some((id % MADE_STUDIOS + 1).to_string()),
        tags: (0..4).map(|n| ((id * 7 + n * 13) % MADE_TAGS + 1).to_string()).collect(),
        performers: (0..2).map(|n| ((id * 3 + n * 11) % MADE_PERFORMERS + 1).to_string()).collect(),
        path: Some(format!("/media/{}/Tide at pier {id}.mp4", id / 1_000)),
        updated_at: made_at(id),
        ..FakeScene::titled(&format!("Tide at pier {id}"))
    }
}

impl Library {
    pub(super) fn text(&self, time: DateTime<Utc>) -> String {
        time.with_timezone(&self.zone).to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    fn next_id(&mut self, kind: Kind) -> i64 {
        let last = self.last_id.entry(kind).or_default();
        *last += 1;
        *last
    }

    pub(super) fn add(&mut self, kind: Kind, name: &str) -> i64 {
        self.add_at(kind, name, Utc::now())
    }

    fn add_at(&mut self, kind: Kind, name: &str, updated_at: DateTime<Utc>) -> i64 {
        let id = self.next_id(kind);
        self.others.entry(kind).or_default().insert(id, Entity { name: name.to_owned(), updated_at });
        id
    }

    pub(super) fn add_scene(&mut self, scene: FakeScene) -> i64 {
        let id = self.next_id(Kind::Scenes);
        self.scenes.insert(id, scene);
        id
    }

    pub(super) fn have_scenes(&mut self, count: usize) {
        for (kind, word, count) in [
            (Kind::Performers, "Sailor", MADE_PERFORMERS),
            (Kind::Tags, "Weather", MADE_TAGS),
            (Kind::Studios, "Harbour", MADE_STUDIOS),
        ] {
            for n in 1..=count {
                self.add_at(kind, &format!("{word} {n}"), made_at(n));
            }
        }
        self.made = (1..).take(count).map(|id| self.text(made_at(id))).collect();
        self.last_id.insert(Kind::Scenes, (1..).take(count).last().unwrap_or(0));
    }

    pub(super) fn scene(&self, id: i64) -> Option<FakeScene> {
        if let Some(scene) = self.scenes.get(&id) {
            return Some(scene.clone());
        }
        let is_made = usize::try_from(id).is_ok_and(|id| (1..=self.made.len()).contains(&id));
        (is_made && !self.gone.contains(&id)).then(|| made_scene(id))
    }

    pub(super) fn other(&self, kind: Kind, id: i64) -> Option<&Entity> {
        self.others.get(&kind)?.get(&id)
    }

    pub(super) fn name(&self, kind: Kind, id: i64) -> Option<String> {
        self.other(kind, id).map(|entity| entity.name.clone())
    }

    pub(super) fn named(&self, kind: Kind, name: &str) -> Option<i64> {
        let all = self.others.get(&kind)?;
        all.iter().find(|(_, entity)| entity.name.eq_ignore_ascii_case(name)).map(|(id, _)| *id)
    }

    pub(super) fn change_scene(&mut self, id: i64, change: impl FnOnce(&mut FakeScene)) {
        let Some(mut scene) = self.scene(id) else { panic!("there is no scene {id}") };
        scene.updated_at = Utc::now();
        change(&mut scene);
        self.scenes.insert(id, scene);
    }

    pub(super) fn rename(&mut self, kind: Kind, id: i64, name: &str) {
        if let Some(entity) = self.others.entry(kind).or_default().get_mut(&id) {
            *entity = Entity { name: name.to_owned(), updated_at: Utc::now() };
        }
    }

    pub(super) fn set_updated_at(&mut self, kind: Kind, id: i64, time: DateTime<Utc>) {
        if kind == Kind::Scenes {
            self.change_scene(id, |scene| scene.updated_at = time);
        } else if let Some(entity) = self.others.entry(kind).or_default().get_mut(&id) {
            entity.updated_at = time;
        }
    }

    pub(super) fn delete(&mut self, kind: Kind, id: i64) {
        if kind == Kind::Scenes {
            self.scenes.remove(&id);
            self.gone.insert(id);
            return;
        }
        self.others.entry(kind).or_default().remove(&id);
        let text = id.to_string();
        for scene in self.scenes.values_mut() {
            match kind {
                Kind::Performers => scene.performers.retain(|id| *id != text),
                Kind::Tags => scene.tags.retain(|id| *id != text),
                Kind::Studios | Kind::Scenes => drop(scene.studio.take_if(|id| *id == text)),
            }
        }
    }

    /// All ids of a kind, in their order, of those with a greater id that changed after a time, compared as texts.
    pub(super) fn ids(&self, kind: Kind, after: i64, updated_after: Option<&str>) -> Vec<i64> {
        let newer = |time: &str| updated_after.is_none_or(|after| time > after);
        if kind != Kind::Scenes {
            let all = self.others.get(&kind).into_iter().flatten();
            return all.filter(|(_, entity)| newer(&self.text(entity.updated_at))).map(|(id, _)| *id).collect();
        }
        let skipped = usize::try_from(after).unwrap_or(0);
        let made = (1..).zip(&self.made).skip(skipped);
        let made = made.filter(|(id, time)| newer(time) && !self.gone.contains(id) && !self.scenes.contains_key(id));
        let mut ids: Vec<i64> = made.map(|(id, _)| id).collect();
        let added = self.scenes.range(after + 1..).filter(|(_, scene)| newer(&self.text(scene.updated_at)));
        ids.extend(added.map(|(id, _)| *id));
        ids.sort_unstable();
        ids
    }
}
