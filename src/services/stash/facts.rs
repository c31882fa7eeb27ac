//! What Stash tells of its entities, as this program uses it. Ids are Stash's own, as text.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::operations::{find_performers, find_scenes, find_studios, find_tags};

/// The kinds of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// People.
    Performers,
    /// Labels.
    Tags,
    /// Who made them.
    Studios,
    /// Videos.
    Scenes,
}

impl Kind {
    /// All, in the order in which they are synced: scenes name the others.
    pub const ALL: [Self; 4] = [Self::Performers, Self::Tags, Self::Studios, Self::Scenes];

    /// Its word; also the name of its table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Performers => "performers",
            Self::Tags => "tags",
            Self::Studios => "studios",
            Self::Scenes => "scenes",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = || "is no kind; there are performers, tags, studios, scenes".to_owned();
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(known)
    }
}

/// Some entities of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// How many fit the question in all, on every page.
    pub count: u64,
    /// Those of this page, by id.
    pub items: Vec<T>,
}

/// An entity by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Its id.
    pub id: String,
    /// Its title; many have none, and are known by their file's name.
    pub title: Option<String>,
    /// The studio's code for it.
    pub code: Option<String>,
    /// What it is about.
    pub details: Option<String>,
    /// Who directed it.
    pub director: Option<String>,
    /// Where it is on the web.
    pub urls: Vec<String>,
    /// When it came out: `2024-01-31`, or less of it.
    pub date: Option<String>,
    /// 1 to 100.
    pub rating100: Option<i64>,
    /// Whether somebody said that it is in order.
    pub organized: bool,
    /// When it came into Stash.
    pub created_at: DateTime<Utc>,
    /// When it last changed there.
    pub updated_at: DateTime<Utc>,
    /// Its files, the main one first. There may be none.
    pub files: Vec<VideoFile>,
    /// Its studio.
    pub studio: Option<Named>,
    /// Its groups; movies, on a server of before v0.27.
    pub groups: Vec<SceneGroup>,
    /// Its tags.
    pub tags: Vec<Named>,
    /// Who is in it.
    pub performers: Vec<Named>,
}

/// A file of a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoFile {
    /// Where it is, as Stash sees it.
    pub path: String,
    /// Its size in bytes.
    pub size: i64,
    /// Its length in seconds.
    pub duration: f64,
    /// In pixels.
    pub width: i64,
    /// In pixels.
    pub height: i64,
    /// Its video codec.
    pub codec: String,
    /// Its fingerprints: `oshash`, `phash`, `md5`.
    pub fingerprints: Vec<(String, String)>,
}

impl VideoFile {
    /// A fingerprint.
    pub fn fingerprint(&self, kind: &str) -> Option<&str> {
        self.fingerprints.iter().find(|(of, _)| of == kind).map(|(_, value)| value.as_str())
    }
}

/// The place of a scene in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneGroup {
    /// The group.
    pub group: Named,
    /// Its number in it.
    pub scene_index: Option<i64>,
}

/// A performer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What tells it from others of that name.
    pub disambiguation: Option<String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// Stash's word, `FEMALE`.
    pub gender: Option<String>,
    /// Whether somebody marked it.
    pub favorite: bool,
    /// About it.
    pub details: Option<String>,
    /// When it came into Stash.
    pub created_at: DateTime<Utc>,
    /// When it last changed there.
    pub updated_at: DateTime<Utc>,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its id.
    pub id: String,
    /// Its name; no other tag has it.
    pub name: String,
    /// What it means.
    pub description: Option<String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// When it came into Stash.
    pub created_at: DateTime<Utc>,
    /// When it last changed there.
    pub updated_at: DateTime<Utc>,
}

/// A studio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Studio {
    /// Its id.
    pub id: String,
    /// Its name; no other studio has it.
    pub name: String,
    /// Where it is on the web.
    pub url: Option<String>,
    /// About it.
    pub details: Option<String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// The studio above it.
    pub parent: Option<Named>,
    /// When it came into Stash.
    pub created_at: DateTime<Utc>,
    /// When it last changed there.
    pub updated_at: DateTime<Utc>,
}

/// Stash has empty texts where it means none.
fn some(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl From<find_scenes::FindScenesFindScenesScenes> for Scene {
    fn from(scene: find_scenes::FindScenesFindScenesScenes) -> Self {
        let core = scene.scene_core;
        Self {
            id: core.id,
            title: some(core.title),
            code: some(core.code),
            details: some(core.details),
            director: some(core.director),
            urls: core.urls,
            date: some(core.date),
            rating100: core.rating100,
            organized: core.organized,
            created_at: core.created_at,
            updated_at: core.updated_at,
            files: core.files.into_iter().map(VideoFile::from).collect(),
            studio: core.studio.map(|studio| Named { id: studio.id, name: studio.name }),
            groups: scene.groups.into_iter().map(SceneGroup::from).collect(),
            tags: core.tags.into_iter().map(|tag| Named { id: tag.id, name: tag.name }).collect(),
            performers: core.performers.into_iter().map(|who| Named { id: who.id, name: who.name }).collect(),
        }
    }
}

impl From<find_scenes::SceneCoreFiles> for VideoFile {
    fn from(file: find_scenes::SceneCoreFiles) -> Self {
        Self {
            path: file.path,
            size: file.size,
            duration: file.duration,
            width: file.width,
            height: file.height,
            codec: file.video_codec,
            fingerprints: file.fingerprints.into_iter().map(|print| (print.type_, print.value)).collect(),
        }
    }
}

impl From<find_scenes::FindScenesFindScenesScenesGroups> for SceneGroup {
    fn from(place: find_scenes::FindScenesFindScenesScenesGroups) -> Self {
        Self { group: Named { id: place.group.id, name: place.group.name }, scene_index: place.scene_index }
    }
}

impl From<find_performers::FindPerformersFindPerformersPerformers> for Performer {
    fn from(found: find_performers::FindPerformersFindPerformersPerformers) -> Self {
        let word = |gender| serde_json::to_value(gender).ok().and_then(|word| word.as_str().map(str::to_owned));
        Self {
            id: found.id,
            name: found.name,
            disambiguation: some(found.disambiguation),
            aliases: found.alias_list,
            gender: found.gender.and_then(word),
            favorite: found.favorite,
            details: some(found.details),
            created_at: found.created_at,
            updated_at: found.updated_at,
        }
    }
}

impl From<find_tags::FindTagsFindTagsTags> for Tag {
    fn from(found: find_tags::FindTagsFindTagsTags) -> Self {
        Self {
            id: found.id,
            name: found.name,
            description: some(found.description),
            aliases: found.aliases,
            created_at: found.created_at,
            updated_at: found.updated_at,
        }
    }
}

impl From<find_studios::FindStudiosFindStudiosStudios> for Studio {
    fn from(found: find_studios::FindStudiosFindStudiosStudios) -> Self {
        Self {
            id: found.id,
            name: found.name,
            url: some(found.url),
            details: some(found.details),
            aliases: found.aliases,
            parent: found.parent_studio.map(|parent| Named { id: parent.id, name: parent.name }),
            created_at: found.created_at,
            updated_at: found.updated_at,
        }
    }
}
