//! Reading entities: a slice of a kind in the order of ids, some by their ids, one by its name.

use chrono::{DateTime, SecondsFormat, Utc};
use graphql_client::{GraphQLQuery, QueryBody};

use super::super::error::ServiceError;
use super::super::remote::Repeat::Safe;
use super::Stash;
use super::dialect::Dialect;
use super::facts::{Kind, Named, Page, Performer, Scene, Studio, Tag};
use super::operations::{
    FindPerformers, FindScenes, FindScenesBeforeGroups, FindStudios, FindTags, PerformerIds, SceneIds, StudioIds,
    SystemStatus, TagIds, Version, find_performers, find_scenes, find_scenes_before_groups, find_studios, find_tags,
    performer_ids, scene_ids, studio_ids, system_status, tag_ids, version,
};

/// Which entities of a kind, in the order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// How many; -1 for all.
    pub per_page: i64,
    /// Which page of them, from 1.
    pub page: i64,
    /// Changed after this, as a text that Stash compares with the ones that it keeps.
    pub updated_after: Option<String>,
    /// With a greater id than this. Of scenes only: Stash can't filter the other kinds by id.
    pub after_id: Option<i64>,
}

impl Slice {
    /// The first `per_page` of all.
    pub fn first(per_page: i64) -> Self {
        Self { per_page, page: 1, updated_after: None, after_id: None }
    }

    /// Only those changed after this, all of them and possibly more.
    ///
    /// Stash keeps times as RFC 3339 texts of whole seconds in its own time zone, and compares texts. The text of a zone that
    /// lies half a day behind is half a day less than the one of UTC: so that nothing is missed, whoever asks goes back by more
    /// than that.
    pub fn changed_after(mut self, time: Option<DateTime<Utc>>) -> Self {
        self.updated_after = time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true));
        self
    }
}

/// The filters of an operation, whose types are its own.
macro_rules! filter {
    ($of:ident, $slice:expr) => {
        Some($of::FindFilterType {
            q: None,
            page: Some($slice.page),
            per_page: Some($slice.per_page),
            sort: Some("id".to_owned()),
            direction: Some($of::SortDirectionEnum::ASC),
        })
    };
}

macro_rules! updated {
    ($of:ident, $slice:expr) => {
        $slice.updated_after.clone().map(|value| $of::TimestampCriterionInput {
            value,
            value2: None,
            modifier: $of::CriterionModifier::GREATER_THAN,
        })
    };
}

macro_rules! scene_filter {
    ($of:ident, $slice:expr) => {
        Some($of::SceneFilterType {
            id: $slice.after_id.map(|value| $of::IntCriterionInput {
                value,
                value2: None,
                modifier: $of::CriterionModifier::GREATER_THAN,
            }),
            updated_at: updated!($of, $slice),
        })
    };
}

macro_rules! other_filter {
    ($of:ident, $filter:ident, $slice:expr) => {
        Some($of::$filter { name: None, aliases: None, updated_at: updated!($of, $slice) })
    };
}

macro_rules! named {
    ($of:ident, $filter:ident, $name:expr) => {
        Some($of::$filter {
            name: Some($of::StringCriterionInput { value: $name.to_owned(), modifier: $of::CriterionModifier::EQUALS }),
            aliases: None,
            updated_at: None,
        })
    };
}

fn page<F, T: From<F>>(count: i64, found: Vec<F>) -> Page<T> {
    Page { count: count.unsigned_abs(), items: found.into_iter().map(T::from).collect() }
}

/// Stash takes a name for a pattern of SQL's `LIKE`, so that `foo_bar` finds `foo bar` too: only what is this name but for case
/// counts. Where several fit, the exact one is meant.
fn best(found: impl Iterator<Item = (String, String)>, name: &str) -> Option<Named> {
    let wanted = name.to_lowercase();
    let mut found: Vec<_> = found.map(|(id, name)| Named { id, name }).collect();
    found.retain(|found| found.name.to_lowercase() == wanted);
    let exact = found.iter().position(|found| found.name == name);
    (!found.is_empty()).then(|| found.swap_remove(exact.unwrap_or(0)))
}

/// Enough to find the exact one among names that fit the same pattern: few names have `_` or `%`, and most of those fit little.
const NAMESAKES: i64 = 1_000;

impl Stash {
    /// Its version, `v0.28.1`.
    pub async fn version(&self) -> Result<String, ServiceError> {
        let told = self.ask::<Version>(Safe, version::Variables).await?.version;
        Ok(told.version.filter(|version| !version.is_empty()).unwrap_or(told.hash))
    }

    /// `Err` unless it is set up and its database is the one of its version.
    pub async fn check_ready(&self) -> Result<(), ServiceError> {
        use system_status::SystemStatusEnum::{NEEDS_MIGRATION, SETUP};
        let status = self.ask::<SystemStatus>(Safe, system_status::Variables).await?.system_status.status;
        let why = match status {
            SETUP => "it is not set up yet; open it in a browser and follow what it says",
            NEEDS_MIGRATION => "its database is to be migrated; open it in a browser and follow what it says",
            _ => return Ok(()),
        };
        Err(ServiceError::said("Stash", &[why.to_owned()]))
    }

    /// Scenes.
    pub async fn scenes(&self, slice: &Slice) -> Result<Page<Scene>, ServiceError> {
        let found = match self.dialect().await? {
            Dialect::Groups => {
                let filter = filter!(find_scenes, slice);
                let scene_filter = scene_filter!(find_scenes, slice);
                self.ask::<FindScenes>(Safe, find_scenes::Variables { filter, scene_filter, ids: None }).await?
            }
            Dialect::Movies => {
                let filter = filter!(find_scenes_before_groups, slice);
                let scene_filter = scene_filter!(find_scenes_before_groups, slice);
                self.scenes_before_groups(find_scenes_before_groups::Variables {
                    filter,
                    scene_filter,
                    scene_ids: None,
                })
                .await?
            }
        };
        Ok(page(found.find_scenes.count, found.find_scenes.scenes))
    }

    /// These scenes, in this order. `Err` when there is one that does not exist.
    pub async fn scenes_by_id(&self, ids: &[String]) -> Result<Vec<Scene>, ServiceError> {
        if ids.is_empty() {
            return Ok(Vec::new()); // no ids are no filter
        }
        let found = match self.dialect().await? {
            Dialect::Groups => {
                let ids = Some(ids.to_vec());
                self.ask::<FindScenes>(Safe, find_scenes::Variables { filter: None, scene_filter: None, ids }).await?
            }
            Dialect::Movies => {
                let scene_ids = ids.iter().map(|id| id.parse().map_err(|_| missing(id))).collect::<Result<_, _>>()?;
                let scene_ids = Some(scene_ids);
                self.scenes_before_groups(find_scenes_before_groups::Variables {
                    filter: None,
                    scene_filter: None,
                    scene_ids,
                })
                .await?
            }
        };
        Ok(found.find_scenes.scenes.into_iter().map(Scene::from).collect())
    }

    /// The aliases of the older question give its answer the shape of the newer one's.
    async fn scenes_before_groups(
        &self,
        variables: find_scenes_before_groups::Variables,
    ) -> Result<find_scenes::ResponseData, ServiceError> {
        let QueryBody { variables, query, operation_name } = FindScenesBeforeGroups::build_query(variables);
        self.call(Safe, &QueryBody { variables, query, operation_name }).await
    }

    /// A scene, if there is one of that id.
    pub async fn scene(&self, id: &str) -> Result<Option<Scene>, ServiceError> {
        match self.scenes_by_id(&[id.to_owned()]).await {
            Ok(found) => Ok(found.into_iter().next()),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Performers.
    pub async fn performers(&self, slice: &Slice) -> Result<Page<Performer>, ServiceError> {
        let filter = filter!(find_performers, slice);
        let performer_filter = other_filter!(find_performers, PerformerFilterType, slice);
        let variables = find_performers::Variables { filter, performer_filter, ids: None };
        let found = self.ask::<FindPerformers>(Safe, variables).await?.find_performers;
        Ok(page(found.count, found.performers))
    }

    /// These performers, in this order. `Err` when there is one that does not exist.
    pub async fn performers_by_id(&self, ids: &[String]) -> Result<Vec<Performer>, ServiceError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = Some(ids.to_vec());
        let variables = find_performers::Variables { filter: None, performer_filter: None, ids };
        let found = self.ask::<FindPerformers>(Safe, variables).await?.find_performers.performers;
        Ok(found.into_iter().map(Performer::from).collect())
    }

    /// The performer of that name.
    pub async fn performer_named(&self, name: &str) -> Result<Option<Named>, ServiceError> {
        let filter = filter!(find_performers, Slice::first(NAMESAKES));
        let performer_filter = named!(find_performers, PerformerFilterType, name);
        let variables = find_performers::Variables { filter, performer_filter, ids: None };
        let found = self.ask::<FindPerformers>(Safe, variables).await?.find_performers.performers;
        Ok(best(found.into_iter().map(|found| (found.id, found.name)), name))
    }

    /// Tags.
    pub async fn tags(&self, slice: &Slice) -> Result<Page<Tag>, ServiceError> {
        let filter = filter!(find_tags, slice);
        let tag_filter = other_filter!(find_tags, TagFilterType, slice);
        let found = self.ask::<FindTags>(Safe, find_tags::Variables { filter, tag_filter, ids: None }).await?.find_tags;
        Ok(page(found.count, found.tags))
    }

    /// These tags, in this order. `Err` when there is one that does not exist.
    pub async fn tags_by_id(&self, ids: &[String]) -> Result<Vec<Tag>, ServiceError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = Some(ids.to_vec());
        let variables = find_tags::Variables { filter: None, tag_filter: None, ids };
        Ok(self.ask::<FindTags>(Safe, variables).await?.find_tags.tags.into_iter().map(Tag::from).collect())
    }

    /// The tag of that name.
    pub async fn tag_named(&self, name: &str) -> Result<Option<Named>, ServiceError> {
        let filter = filter!(find_tags, Slice::first(NAMESAKES));
        let tag_filter = named!(find_tags, TagFilterType, name);
        let variables = find_tags::Variables { filter, tag_filter, ids: None };
        let found = self.ask::<FindTags>(Safe, variables).await?.find_tags.tags;
        Ok(best(found.into_iter().map(|found| (found.id, found.name)), name))
    }

    /// Studios.
    pub async fn studios(&self, slice: &Slice) -> Result<Page<Studio>, ServiceError> {
        let filter = filter!(find_studios, slice);
        let studio_filter = other_filter!(find_studios, StudioFilterType, slice);
        let variables = find_studios::Variables { filter, studio_filter, ids: None };
        let found = self.ask::<FindStudios>(Safe, variables).await?.find_studios;
        Ok(page(found.count, found.studios))
    }

    /// These studios, in this order. `Err` when there is one that does not exist.
    pub async fn studios_by_id(&self, ids: &[String]) -> Result<Vec<Studio>, ServiceError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = Some(ids.to_vec());
        let variables = find_studios::Variables { filter: None, studio_filter: None, ids };
        Ok(self.ask::<FindStudios>(Safe, variables).await?.find_studios.studios.into_iter().map(Studio::from).collect())
    }

    /// The studio of that name.
    pub async fn studio_named(&self, name: &str) -> Result<Option<Named>, ServiceError> {
        let filter = filter!(find_studios, Slice::first(NAMESAKES));
        let studio_filter = named!(find_studios, StudioFilterType, name);
        let variables = find_studios::Variables { filter, studio_filter, ids: None };
        let found = self.ask::<FindStudios>(Safe, variables).await?.find_studios.studios;
        Ok(best(found.into_iter().map(|found| (found.id, found.name)), name))
    }

    /// How many there are of a kind; of those changed after a time.
    pub async fn count(&self, kind: Kind, changed_after: Option<DateTime<Utc>>) -> Result<u64, ServiceError> {
        Ok(self.ids(kind, &Slice::first(1).changed_after(changed_after)).await?.count)
    }

    /// The ids alone.
    pub async fn ids(&self, kind: Kind, slice: &Slice) -> Result<Page<String>, ServiceError> {
        let (count, items): (i64, Vec<String>) = match kind {
            Kind::Performers => {
                let filter = filter!(performer_ids, slice);
                let performer_filter = other_filter!(performer_ids, PerformerFilterType, slice);
                let variables = performer_ids::Variables { filter, performer_filter };
                let found = self.ask::<PerformerIds>(Safe, variables).await?.find_performers;
                (found.count, found.performers.into_iter().map(|found| found.id).collect())
            }
            Kind::Tags => {
                let filter = filter!(tag_ids, slice);
                let tag_filter = other_filter!(tag_ids, TagFilterType, slice);
                let found = self.ask::<TagIds>(Safe, tag_ids::Variables { filter, tag_filter }).await?.find_tags;
                (found.count, found.tags.into_iter().map(|found| found.id).collect())
            }
            Kind::Studios => {
                let filter = filter!(studio_ids, slice);
                let studio_filter = other_filter!(studio_ids, StudioFilterType, slice);
                let variables = studio_ids::Variables { filter, studio_filter };
                let found = self.ask::<StudioIds>(Safe, variables).await?.find_studios;
                (found.count, found.studios.into_iter().map(|found| found.id).collect())
            }
            Kind::Scenes => {
                let filter = filter!(scene_ids, slice);
                let scene_filter = scene_filter!(scene_ids, slice);
                let found =
                    self.ask::<SceneIds>(Safe, scene_ids::Variables { filter, scene_filter }).await?.find_scenes;
                (found.count, found.scenes.into_iter().map(|found| found.id).collect())
            }
        };
        Ok(page(count, items))
    }
}

fn missing(id: &str) -> ServiceError {
    ServiceError::said("Stash", &[format!("scene with id {id} not found")])
}
