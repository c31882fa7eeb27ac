//! The settings as they stand at one moment: defaults, over them the environment, over both what was set through the API.
//!
//! What is set in the database wins over the environment, as in the old system: who changes a setting on the page need not
//! know how the server was started. A job reads them once, at its start; a change is in force for the next one.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::context::JobContext;
use super::setting::{Setting, SettingSpec, SettingValue};

/// Where a setting's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingSource {
    /// It has none.
    Unset,
    /// Its definition.
    Default,
    /// The environment of the server.
    Environment,
    /// Set through the API.
    Database,
}

/// Settings as text, by name: what the environment of the server says. Checked when it is made.
#[derive(Clone, Default)]
pub struct SettingsFromEnvironment(Arc<BTreeMap<&'static str, Value>>);

impl SettingsFromEnvironment {
    /// Reads the variables of all settings. An empty one sets nothing. `Err` names one whose value can't be.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let mut found = BTreeMap::new();
        for spec in inventory::iter::<SettingSpec> {
            let name = spec.variable();
            if let Some(text) = variable(&name).filter(|text| !text.is_empty()) {
                found.insert(spec.name, spec.parse(&text).map_err(|why| anyhow!("{name} {why}"))?);
            }
        }
        Ok(Self(Arc::new(found)))
    }
}

impl fmt::Debug for SettingsFromEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish() // some values are secret
    }
}

/// One setting as it stands.
#[derive(Clone)]
pub struct Resolved {
    /// Its definition.
    pub spec: &'static SettingSpec,
    /// Its value. None when it is unset, or unreadable.
    pub value: Option<Value>,
    /// Where that comes from.
    pub source: SettingSource,
    /// Why what was set can't be read: the key of the secrets is another by now.
    pub unreadable: Option<String>,
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_ref().filter(|_| !self.spec.secret);
        f.debug_struct("Resolved").field("name", &self.spec.name).field("value", &value).finish_non_exhaustive()
    }
}

/// All settings as they stand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settings(Arc<BTreeMap<&'static str, Resolved>>);

impl Default for Settings {
    fn default() -> Self {
        Self::resolve(&SettingsFromEnvironment::default(), HashMap::new())
    }
}

/// Who knows the settings.
pub trait SettingsSource: Send + Sync {
    /// The settings as they stand now.
    fn load(&self) -> BoxFuture<'static, anyhow::Result<Settings>>;
}

/// Settings that do not change, for a job that runs alone.
impl SettingsSource for Settings {
    fn load(&self) -> BoxFuture<'static, anyhow::Result<Settings>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

impl Settings {
    /// Lays what was set over the environment, and that over the defaults. What was set and can't be read is an error of its
    /// own: the environment is no substitute for it.
    pub fn resolve(environment: &SettingsFromEnvironment, mut set: HashMap<String, Result<Value, String>>) -> Self {
        let mut resolve = |spec: &'static SettingSpec| {
            let resolved = |value, source| Resolved { spec, value, source, unreadable: None };
            match (set.remove(spec.name), environment.0.get(spec.name)) {
                (Some(Ok(value)), _) => match spec.check(&value) {
                    Ok(()) => resolved(Some(value), SettingSource::Database),
                    Err(why) => Resolved { unreadable: Some(why), ..resolved(None, SettingSource::Database) },
                },
                (Some(Err(why)), _) => Resolved { unreadable: Some(why), ..resolved(None, SettingSource::Database) },
                (None, Some(value)) => resolved(Some(value.clone()), SettingSource::Environment),
                (None, None) => match spec.default_value() {
                    Some(value) => resolved(Some(value), SettingSource::Default),
                    None => resolved(None, SettingSource::Unset),
                },
            }
        };
        Self(Arc::new(inventory::iter::<SettingSpec>.into_iter().map(|spec| (spec.name, resolve(spec))).collect()))
    }

    /// The same with other values for some; `null` unsets one. For trying what is typed before it is saved, and for tests.
    pub fn with(&self, values: impl IntoIterator<Item = (String, Value)>) -> Self {
        let mut all = (*self.0).clone();
        for (name, value) in values {
            if let Some(setting) = all.get_mut(name.as_str()) {
                setting.value = Some(value).filter(|value| !value.is_null()).or_else(|| setting.spec.default_value());
                setting.unreadable = None;
            }
        }
        Self(Arc::new(all))
    }

    /// The value of a setting; none when it is unset.
    pub fn get<T: SettingValue>(&self, setting: &Setting<T>) -> Option<T> {
        T::read(self.0.get(setting.name())?.value.as_ref()?)
    }

    /// The same with none of these.
    pub fn without(mut self, names: &[&str]) -> Self {
        for setting in Arc::make_mut(&mut self.0).values_mut().filter(|setting| names.contains(&setting.spec.name)) {
            setting.value = None;
        }
        self
    }

    /// The value of a setting that may be unset. `Err` when it is set and can't be read: that is another thing than unset.
    pub fn optional<T: SettingValue>(&self, setting: &Setting<T>) -> anyhow::Result<Option<T>> {
        if self.named(setting.name()).is_some_and(|own| own.unreadable.is_some()) {
            self.check_set(setting.name())?;
        }
        Ok(self.get(setting))
    }

    /// The value of a setting that must be set. `Err` says how to set it.
    pub fn need<T: SettingValue>(&self, setting: &Setting<T>) -> anyhow::Result<T> {
        self.check_set(setting.name())?;
        self.get(setting).with_context(|| format!("the setting `{}` is not known to this program", setting.name()))
    }

    /// `Err` unless the setting of that name has a value: what a job type needs is looked at before its handler runs.
    pub fn check_set(&self, name: &str) -> anyhow::Result<()> {
        let setting = self.0.get(name).with_context(|| format!("there is no setting `{name}`"))?;
        if let Some(why) = &setting.unreadable {
            anyhow::bail!("the setting `{name}` can't be read: {why}");
        }
        ensure!(
            setting.value.is_some(),
            "the setting `{name}` ({}, {}) is not set; set it on the page Settings, or as {} in the server's environment",
            setting.spec.group,
            setting.spec.label,
            setting.spec.variable()
        );
        Ok(())
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Resolved> {
        self.0.values()
    }

    /// The one of that name.
    pub fn named(&self, name: &str) -> Option<&Resolved> {
        self.0.get(name)
    }
}

impl JobContext {
    /// The settings as they stand now. Read them once, at the start: a change is meant for the next job.
    ///
    /// A database that is away is waited for, until the job is asked to stop.
    pub async fn settings(&self) -> anyhow::Result<Settings> {
        match &self.environment.settings {
            Some(source) => {
                self.stop_signal().unless_requested(source.load()).await?.context("the settings can't be read")
            }
            None => Ok(Settings::default()),
        }
    }
}

/// The folder of a setting, for those that must be there.
pub fn folder(settings: &Settings, setting: &Setting<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = settings.need(setting)?;
    path.canonicalize()
        .with_context(|| format!("the folder {} of the setting `{}` can't be opened", path.display(), setting.name()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::json;

    use super::{SettingSource, Settings, SettingsFromEnvironment};
    use crate::job::Setting;

    const LIMIT: Setting<i64> = Setting::integer("resolve_test.limit", "Limit", 1, 9).default("3");
    inventory::submit!(LIMIT.spec);
    const PLACE: Setting<String> = Setting::url("resolve_test.place", "Place");
    inventory::submit!(PLACE.spec);

    fn environment(limit: &'static str) -> anyhow::Result<SettingsFromEnvironment> {
        SettingsFromEnvironment::read(|name| (name == "STASHHOG_RESOLVE_TEST_LIMIT").then(|| limit.to_owned()))
    }

    #[test]
    fn what_is_set_wins_over_the_environment_and_that_over_the_default() {
        let none = SettingsFromEnvironment::default();
        let five = environment("5").unwrap();
        let set = || HashMap::from([(LIMIT.name().to_owned(), Ok(json!(7)))]);
        for (environment, set, value, source) in [
            (&none, HashMap::new(), 3, SettingSource::Default),
            (&five, HashMap::new(), 5, SettingSource::Environment),
            (&five, set(), 7, SettingSource::Database),
            (&none, set(), 7, SettingSource::Database),
        ] {
            let settings = Settings::resolve(environment, set);
            assert_eq!(settings.get(&LIMIT), Some(value));
            assert_eq!(settings.named(LIMIT.name()).unwrap().source, source);
        }
        assert!(environment("10").unwrap_err().to_string().contains("STASHHOG_RESOLVE_TEST_LIMIT must be"));
    }

    #[test]
    fn what_is_unset_or_unreadable_is_named() {
        let error = Settings::default().need(&PLACE).unwrap_err().to_string();
        assert!(error.contains("`resolve_test.place`") && error.contains("STASHHOG_RESOLVE_TEST_PLACE"), "{error}");
        let lost = HashMap::from([(LIMIT.name().to_owned(), Err("the key is another".to_owned()))]);
        let settings = Settings::resolve(&environment("5").unwrap(), lost);
        assert!(settings.need(&LIMIT).unwrap_err().to_string().contains("the key is another"));
    }
}
