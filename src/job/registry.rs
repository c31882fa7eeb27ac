//! Every job type of this program, found where it is defined.
//!
//! A job file ends with `inventory::submit!(JobType::of::<TheJob>())`; the linker gathers these, from this crate and from any
//! crate that depends on it. Nobody keeps a list.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::params::{self, InvalidParams};
use super::{FieldError, Job, JobContext, JobResult, JobSpec, ProgressParser};

/// A job type with its parameters' type erased.
#[derive(Clone, Copy)]
pub struct JobType {
    spec: JobSpec,
    rust_name: fn() -> &'static str,
    schema: fn() -> schemars::Schema,
    prepare: fn(&Value) -> Result<Value, Vec<FieldError>>,
    needs: fn(&Value) -> &'static [&'static str],
    run: fn(&Value, JobContext) -> BoxFuture<'static, JobResult>,
}

inventory::collect!(JobType);

impl JobType {
    /// The job type of `J`. The one place where its Rust type is forgotten.
    pub const fn of<J: Job>() -> Self {
        Self {
            spec: J::SPEC,
            rust_name: std::any::type_name::<J>,
            schema: || schemars::schema_for!(J),
            prepare: params::prepare::<J>,
            needs: |params| params::read::<J>(params).map_or(&[], |job| job.needs()),
            run: |params, ctx| match params::read::<J>(params) {
                Ok(job) => job.run(ctx).boxed(),
                Err(e) => {
                    std::future::ready(Err(anyhow::anyhow!("stored params: {}: {}", e.pointer, e.message))).boxed()
                }
            },
        }
    }
}

impl JobType {
    /// Checks params as [`Registered::prepare`] does. Works the schema out each time.
    pub fn prepare(&self, params: Value) -> Result<Value, InvalidParams> {
        let type_name = self.spec.name;
        let bad = |error: RegistryError| InvalidParams {
            type_name,
            errors: vec![FieldError { pointer: String::new(), message: error.to_string() }],
        };
        Registered::new(self).map_err(bad)?.prepare(Some(params))
    }
}

/// A type of the registry, with all that is worked out once.
pub struct Registered {
    /// Its description.
    pub spec: JobSpec,
    /// What its doc comment says.
    pub description: String,
    /// The JSON Schema of its params.
    pub schema: Value,
    /// The path of its Rust type.
    pub rust_name: &'static str,
    /// Reads counts out of its progress messages.
    pub progress: Arc<ProgressParser>,
    validator: jsonschema::Validator,
    job_type: JobType,
}

impl Registered {
    fn new(job_type: &JobType) -> Result<Self, RegistryError> {
        let bad = |reason: String| RegistryError::Bad { name: job_type.spec.name, reason };
        let mut schema: Value = (job_type.schema)().to_value();
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(object) = schema.as_object_mut() {
            object.remove("$schema");
        }
        Ok(Self {
            spec: job_type.spec,
            description,
            rust_name: (job_type.rust_name)(),
            progress: Arc::new(ProgressParser::new(job_type.spec.progress_patterns).map_err(bad)?),
            validator: jsonschema::validator_for(&schema).map_err(|e| bad(format!("its schema: {e}")))?,
            schema,
            job_type: *job_type,
        })
    }

    /// Checks params and fills in their defaults. No params at all mean an empty object.
    pub fn prepare(&self, params: Option<Value>) -> Result<Value, InvalidParams> {
        let params = params.filter(|p| !p.is_null()).unwrap_or_else(|| Value::Object(Map::new()));
        let found = params::check_schema(&self.validator, &params);
        let prepared = if found.is_empty() { (self.job_type.prepare)(&params) } else { Err(found) };
        prepared.map_err(|errors| InvalidParams { type_name: self.spec.name, errors })
    }

    /// The settings that must be set for a job with these params.
    pub fn needs(&self, params: &Value) -> impl Iterator<Item = &'static str> + use<> {
        self.spec.needs.iter().chain((self.job_type.needs)(params)).copied()
    }

    /// Starts the handler. Nothing happens until the future is polled.
    pub fn run(&self, params: &Value, ctx: JobContext) -> BoxFuture<'static, JobResult> {
        (self.job_type.run)(params, ctx)
    }
}

/// The types of this program can't work together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two types have one name.
    #[error("two job types are called `{name}`: {first} and {second}; rename one")]
    Duplicate {
        /// The name.
        name: &'static str,
        /// The Rust type seen first.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A spec or a schema is wrong.
    #[error("job type `{name}`: {reason}")]
    Bad {
        /// The type.
        name: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// The types of this program by name. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<BTreeMap<&'static str, Registered>>);

impl Registry {
    /// Gathers every type that was submitted.
    pub fn collect() -> Result<Self, RegistryError> {
        Self::of(inventory::iter::<JobType>)
    }

    /// Gathers the types of other crates only: "instead of the built-in ones".
    pub fn without_built_in() -> Result<Self, RegistryError> {
        let built_in = concat!(env!("CARGO_CRATE_NAME"), "::");
        Self::of(inventory::iter::<JobType>.into_iter().filter(|t| !(t.rust_name)().starts_with(built_in)))
    }

    /// These types and another, which is not submitted: one that only a part of the program has.
    pub fn with(&self, job_type: JobType) -> Result<Self, RegistryError> {
        Self::of(self.0.values().map(|known| &known.job_type).chain([&job_type]))
    }

    fn of<'t>(types: impl IntoIterator<Item = &'t JobType>) -> Result<Self, RegistryError> {
        let mut found: BTreeMap<&'static str, Registered> = BTreeMap::new();
        for job_type in types {
            let new = Registered::new(job_type)?;
            if let Some(old) = found.get(new.spec.name) {
                return Err(RegistryError::Duplicate {
                    name: new.spec.name,
                    first: old.rust_name,
                    second: new.rust_name,
                });
            }
            found.insert(new.spec.name, new);
        }
        Ok(Self(Arc::new(found)))
    }

    /// The type of that name.
    pub fn get(&self, name: &str) -> Option<&Registered> {
        self.0.get(name)
    }

    /// Every type, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Registered> {
        self.0.values()
    }

    /// Names that someone may have meant, nearest first.
    pub fn near(&self, name: &str) -> Vec<&'static str> {
        const ALIKE: f64 = 0.7; // of 1.0; finds `scan_libary` and `clenup`, not every name with a common letter
        let mut near: Vec<_> = self
            .0
            .keys()
            .map(|known| (strsim::jaro_winkler(name, known), *known))
            .filter(|(s, _)| *s >= ALIKE)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.into_iter().map(|(_, known)| known).collect()
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::{JobType, Registered, Registry, RegistryError};
    use crate::job::{FieldError, Job, JobContext, JobResult, JobSpec, Outcome};

    /// Copies things.
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct CopyThings {
        /// Where from.
        from: String,
        #[serde(default)]
        #[schemars(range(min = 1, max = 9))]
        times: Option<u8>,
    }

    impl Job for CopyThings {
        const SPEC: JobSpec = JobSpec::new("copy_things", "Copy Things");

        fn validate(&self) -> Result<(), Vec<FieldError>> {
            if self.from.is_empty() { Err(vec![FieldError::at("from", "must not be empty")]) } else { Ok(()) }
        }

        async fn run(self, _: JobContext) -> JobResult {
            Ok(Outcome::completed())
        }
    }

    static COPY: JobType = JobType::of::<CopyThings>();

    #[test]
    fn every_bad_field_is_named_at_once() {
        let copy = Registered::new(&COPY).unwrap();
        let refused = copy.prepare(Some(json!({"from": 3, "times": 0, "x": true}))).unwrap_err();
        let mut pointers: Vec<_> = refused.errors.iter().map(|e| e.pointer.as_str()).collect();
        pointers.sort_unstable();
        assert_eq!(pointers, ["", "/from", "/times"], "{refused}");
        assert!(refused.to_string().contains('x'), "{refused}");
    }

    #[test]
    fn the_type_has_the_last_word_and_defaults_are_filled_in() {
        let copy = Registered::new(&COPY).unwrap();
        assert_eq!(
            copy.prepare(Some(json!({"from": ""}))).unwrap_err().errors,
            [FieldError::at("from", "must not be empty")]
        );
        assert_eq!(copy.prepare(Some(json!({"from": "a"}))).unwrap(), json!({"from": "a", "times": null}));
        assert!(copy.prepare(None).unwrap_err().to_string().contains("from"));
        assert_eq!(copy.description, "Copies things.");
    }

    #[test]
    fn two_types_with_one_name_are_an_error_that_names_both() {
        let error = Registry::of([&COPY, &COPY]).err().unwrap();
        assert!(matches!(error, RegistryError::Duplicate { name: "copy_things", .. }));
        assert!(error.to_string().contains("CopyThings"), "{error}");
    }

    #[test]
    fn a_type_that_is_not_submitted_can_be_added_once() {
        let registry = Registry::collect().unwrap();
        let with = registry.with(COPY).unwrap();
        assert!(registry.get("copy_things").is_none() && with.get("copy_things").is_some());
        assert_eq!(with.iter().count(), registry.iter().count() + 1);
        assert!(matches!(with.with(COPY).err(), Some(RegistryError::Duplicate { name: "copy_things", .. })));
    }

    #[test]
    fn a_file_of_src_jobs_holds_the_type_of_its_name() {
        let registry = Registry::collect().unwrap();
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/jobs")).unwrap() {
            let path = file.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if stem == "mod" || path.is_dir() {
                continue;
            }
            let found = registry.get(&stem).unwrap_or_else(|| panic!("src/jobs/{stem}.rs submits no type `{stem}`"));
            let rust_name = found.rust_name.rsplit("::").next().unwrap().to_lowercase();
            assert_eq!(rust_name, stem.replace('_', ""), "{} is not the camel case of {stem}", found.rust_name);
        }
    }
}
