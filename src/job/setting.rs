//! A setting: one definition, from which the API, the form and the docs follow.
//!
//! ```
//! use stashhog::job::Setting;
//!
//! /// Where the weather service is.
//! pub const URL: Setting<String> = Setting::url("weather.url", "Address").group("Weather").describe("Where it is reached");
//! inventory::submit!(URL.spec);
//! ```
//!
//! A setting that was submitted is known: `ctx.settings().await?.get(&URL)` reads it, `GET /api/settings` shows it, and the page
//! has a field for it. Its environment variable follows from its name: `STASHHOG_WEATHER_URL`.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use url::Url;

/// What a setting's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SettingKind {
    /// Any text that is not empty.
    Text,
    /// An http or https address.
    Url,
    /// The absolute path of a folder.
    Folder,
    /// Yes or no.
    Boolean,
    /// A whole number within bounds.
    Integer {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// A number within bounds.
    Number {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
}

/// All there is to know of a setting, its Rust type aside.
#[derive(Clone, Copy, Debug)]
pub struct SettingSpec {
    /// Stable: the group in snake_case, a dot, what it is: `stash.url`.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// The part of the page that it stands in.
    pub group: &'static str,
    /// What it does, for people.
    pub description: &'static str,
    /// What its value may be.
    pub kind: SettingKind,
    /// Its value where nobody set one, written as in the environment; none means that it is unset then.
    pub default: Option<&'static str>,
    /// Kept encrypted, never shown.
    pub secret: bool,
}

inventory::collect!(SettingSpec);

/// A setting with the Rust type of its value. Make one as a `const`, and submit its [`spec`](Self::spec).
#[derive(Debug)]
pub struct Setting<T> {
    /// Its definition.
    pub spec: SettingSpec,
    value: PhantomData<fn() -> T>,
}

/// A Rust type that settings may have.
pub trait SettingValue: Sized {
    /// Reads a value that its kind has checked.
    fn read(value: &Value) -> Option<Self>;
}

impl SettingValue for String {
    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl SettingValue for PathBuf {
    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(Self::from)
    }
}

impl SettingValue for bool {
    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl SettingValue for i64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_i64()
    }
}

impl SettingValue for f64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_f64()
    }
}

impl<T> Setting<T> {
    const fn new(name: &'static str, label: &'static str, kind: SettingKind) -> Self {
        let spec = SettingSpec { name, label, group: "General", description: "", kind, default: None, secret: false };
        Self { spec, value: PhantomData }
    }

    /// Sets the part of the page that it stands in.
    pub const fn group(mut self, group: &'static str) -> Self {
        self.spec.group = group;
        self
    }

    /// Says what it does.
    pub const fn describe(mut self, description: &'static str) -> Self {
        self.spec.description = description;
        self
    }

    /// Sets its value where nobody set one, written as in the environment.
    pub const fn default(mut self, default: &'static str) -> Self {
        self.spec.default = Some(default);
        self
    }

    /// Keeps it encrypted, and never shows it.
    pub const fn secret(mut self) -> Self {
        self.spec.secret = true;
        self
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.spec.name
    }
}

impl Setting<String> {
    /// Any text that is not empty.
    pub const fn text(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, SettingKind::Text)
    }

    /// An http or https address.
    pub const fn url(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, SettingKind::Url)
    }
}

impl Setting<PathBuf> {
    /// The absolute path of a folder.
    pub const fn folder(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, SettingKind::Folder)
    }
}

impl Setting<bool> {
    /// Yes or no.
    pub const fn boolean(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, SettingKind::Boolean)
    }
}

impl Setting<i64> {
    /// A whole number within bounds.
    pub const fn integer(name: &'static str, label: &'static str, min: i64, max: i64) -> Self {
        Self::new(name, label, SettingKind::Integer { min, max })
    }
}

impl Setting<f64> {
    /// A number within bounds.
    pub const fn number(name: &'static str, label: &'static str, min: f64, max: f64) -> Self {
        Self::new(name, label, SettingKind::Number { min, max })
    }
}

impl SettingSpec {
    /// The environment variable that sets it: `STASHHOG_STASH_URL` for `stash.url`.
    pub fn variable(&self) -> String {
        format!("STASHHOG_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The service that it belongs to: the first part of its name.
    pub fn service(&self) -> &'static str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// Its value where nobody set one.
    pub fn default_value(&self) -> Option<Value> {
        self.default.and_then(|text| self.parse(text).ok())
    }

    /// Reads a value that is written as text. `Err` says what it must be.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let value = match self.kind {
            SettingKind::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Value::Bool(true),
                "false" | "no" | "off" | "0" => Value::Bool(false),
                _ => Value::Null,
            },
            SettingKind::Integer { .. } => text.parse::<i64>().map_or(Value::Null, Value::from),
            SettingKind::Number { .. } => text.parse::<f64>().map_or(Value::Null, Value::from),
            SettingKind::Text | SettingKind::Url | SettingKind::Folder => Value::from(text),
        };
        self.check(&value).map(|()| value)
    }

    /// Whether this may be its value. `Err` says what it must be, and never repeats it: it may be a secret.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        const LONGEST: usize = 10_000;
        let text = value.as_str().filter(|text| !text.is_empty() && !text.contains('\0') && text.len() <= LONGEST);
        let fits = match self.kind {
            SettingKind::Text => text.is_some(),
            SettingKind::Url => text.is_some_and(is_address),
            SettingKind::Folder => text.is_some_and(|text| Path::new(text).is_absolute()),
            SettingKind::Boolean => value.is_boolean(),
            SettingKind::Integer { min, max } => value.as_i64().is_some_and(|n| (min..=max).contains(&n)),
            SettingKind::Number { min, max } => value.as_f64().is_some_and(|n| (min..=max).contains(&n)),
        };
        if fits { Ok(()) } else { Err(format!("must be {}", self.kind.wanted())) }
    }
}

/// An address without a name and password in it: those would be shown.
fn is_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    })
}

impl SettingKind {
    fn wanted(self) -> String {
        match self {
            Self::Text => "a text of 1 to 10,000 bytes".to_owned(),
            Self::Url => "an address like http://127.0.0.1:9999, without a password in it".to_owned(),
            Self::Folder => "the absolute path of a folder, one that begins with /".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Setting;

    #[test]
    fn a_value_is_read_by_its_kind_or_refused_with_what_it_must_be() {
        let url = Setting::url("a.url", "").spec;
        assert_eq!(url.parse("http://h:1"), Ok(json!("http://h:1")));
        for bad in ["", "h:1", "ftp://h", "http://u:p@h", "http://"] {
            assert!(url.parse(bad).unwrap_err().contains("http://127.0.0.1"), "{bad}");
        }
        let count = Setting::integer("a.n", "", 1, 9).spec;
        assert_eq!(count.parse("9"), Ok(json!(9)));
        assert_eq!(count.parse("10").unwrap_err(), "must be a whole number from 1 to 9");
        assert!(count.check(&json!("9")).is_err() && count.check(&json!(1.5)).is_err());
        assert_eq!(Setting::boolean("a.b", "").spec.parse("Yes"), Ok(json!(true)));
        assert!(Setting::folder("a.f", "").spec.parse("relative").is_err());
        assert!(Setting::text("a.t", "").spec.parse("a\0b").is_err());
        assert_eq!(url.variable(), "STASHHOG_A_URL");
    }
}
