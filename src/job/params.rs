//! The check of a job's parameters: the schema finds every bad field, then the type itself has the last word.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Job;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer into the params, `/items`; empty for the whole.
    pub pointer: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

impl FieldError {
    /// An error at a top-level field.
    pub fn at(field: &str, message: impl Into<String>) -> Self {
        Self { pointer: format!("/{field}"), message: message.into() }
    }
}

/// The params of a job were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the params of `{type_name}` are invalid: {}", sentence(.errors))]
pub struct InvalidParams {
    /// The type that refused them.
    pub type_name: &'static str,
    /// One entry per bad field.
    pub errors: Vec<FieldError>,
}

fn sentence(errors: &[FieldError]) -> String {
    let each = errors.iter().map(|e| match e.pointer.as_str() {
        "" => e.message.clone(),
        pointer => format!("{pointer}: {}", e.message),
    });
    each.collect::<Vec<_>>().join("; ")
}

/// Lets the schema look for bad fields. `Null` stands for "no params".
pub(super) fn check_schema(validator: &jsonschema::Validator, params: &Value) -> Vec<FieldError> {
    let errors = validator
        .iter_errors(params)
        .map(|error| FieldError { pointer: error.instance_path().to_string(), message: short(&error.to_string()) });
    errors.collect()
}

/// A message that quotes a huge value helps nobody.
fn short(message: &str) -> String {
    const LIMIT: usize = 300;
    match message.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// Reads the params as `J`, asks it, and gives them back with every default filled in.
pub(super) fn prepare<J: Job>(params: &Value) -> Result<Value, Vec<FieldError>> {
    let job: J = read(params).map_err(|error| vec![error])?;
    job.validate()?;
    serde_json::to_value(&job).map_err(|error| vec![FieldError { pointer: String::new(), message: error.to_string() }])
}

/// Reads the params as `J`.
pub(super) fn read<J: Job>(params: &Value) -> Result<J, FieldError> {
    serde_path_to_error::deserialize(params)
        .map_err(|error| FieldError { pointer: pointer(error.path()), message: error.inner().to_string() })
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segments = path.iter().filter_map(|segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
        Segment::Enum { variant } => Some(format!("/{variant}")),
        Segment::Unknown => None,
    });
    segments.collect()
}
