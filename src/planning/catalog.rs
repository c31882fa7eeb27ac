//! The names that the library has, to tell what exists from what would be new.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::Context;

use crate::job::JobContext;
use crate::store::plans::Named;
use crate::store::plans::build::{self, KnownName, NameKind};

/// All tags, performers and studios.
#[derive(Debug, Default)]
pub struct Catalog {
    /// The tags, the most used first.
    pub tags: Names,
    /// The performers.
    pub performers: Names,
    /// The studios.
    pub studios: Names,
}

/// The names of one kind.
#[derive(Debug, Default)]
pub struct Names {
    all: Vec<KnownName>,
    by_id: HashMap<String, usize>,
    /// By name and alias, lower case. None where an alias stands for several.
    by_name: HashMap<String, Option<usize>>,
}

impl Catalog {
    /// Reads all of them.
    pub async fn read(ctx: &JobContext) -> anyhow::Result<Self> {
        let mut db = ctx.db().await?;
        let mut names = async |kind| {
            let all = build::names(&mut db, kind).await.context("the names of the library could not be read")?;
            anyhow::Ok(Names::of(all))
        };
        Ok(Self {
            tags: names(NameKind::Tags).await?,
            performers: names(NameKind::Performers).await?,
            studios: names(NameKind::Studios).await?,
        })
    }
}

impl Names {
    /// Takes names in; a name goes before an alias, and an alias of several is nobody's.
    pub fn of(all: Vec<KnownName>) -> Self {
        let by_id = all.iter().enumerate().map(|(at, known)| (known.id.clone(), at)).collect();
        let mut by_name = HashMap::new();
        for (at, known) in all.iter().enumerate() {
            by_name.entry(folded(&known.name)).or_insert(Some(at));
        }
        let mut by_alias = HashMap::new();
        for (at, known) in all.iter().enumerate() {
            for alias in &known.aliases {
                match by_alias.entry(folded(alias)) {
                    Entry::Vacant(free) => drop(free.insert(Some(at))),
                    Entry::Occupied(mut taken) if *taken.get() != Some(at) => drop(taken.insert(None)),
                    Entry::Occupied(_) => {}
                }
            }
        }
        for (alias, at) in by_alias {
            by_name.entry(alias).or_insert(at);
        }
        Self { all, by_id, by_name }
    }

    /// What is called so.
    pub fn find(&self, name: &str) -> Option<Named> {
        let at = (*self.by_name.get(&folded(name))?)?;
        self.all.get(at).map(|known| Named { id: Some(known.id.clone()), name: known.name.clone() })
    }

    /// The name of an id.
    pub fn name_of(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).and_then(|at| self.all.get(*at)).map(|known| known.name.as_str())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &KnownName> {
        self.all.iter()
    }
}

/// Names that differ in case and spaces only are one.
pub fn folded(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
pub(super) mod tests {
    use super::{KnownName, Names};

    /// Names with their aliases; their ids count from 1.
    pub fn names(all: &[(&str, &[&str])]) -> Names {
        let known = |(at, (name, aliases)): (usize, &(&str, &[&str]))| KnownName {
            id: (at + 1).to_string(),
            name: (*name).to_owned(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        };
        Names::of(all.iter().enumerate().map(known).collect())
    }

    #[test]
    fn a_name_goes_before_an_alias_and_an_alias_of_two_is_nobodys() {
        let names = names(&[("Ada", &["Countess", "Grace"]), ("Grace", &[]), ("Augusta", &["Countess"])]);
        let id = |name: &str| names.find(name).and_then(|found| found.id);
        assert_eq!(id(" GRACE "), Some("2".to_owned()));
        assert_eq!(id("countess"), None);
        assert_eq!(id("Mary"), None);
    }
}
