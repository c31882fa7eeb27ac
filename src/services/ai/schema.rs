//! The JSON Schema of an answer, in two forms: the one that an answer is checked against, and the one that is sent.
//!
//! What is sent keeps to the part of JSON Schema that strict servers take: every field is required, no other is allowed, nothing
//! is referred to, and bounds are left to our own check.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// Words that strict servers refuse or that mean nothing to a model.
const LEFT_OUT: [&str; 12] = [
    "$schema",
    "title",
    "format",
    "default",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "pattern",
    "uniqueItems",
];

/// The schema that answers are checked against.
pub(super) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// The same for a strict server.
pub(super) fn strict(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let is_object = fields.get("properties").is_some_and(Value::is_object);
            let mut strict: serde_json::Map<_, _> = fields
                .iter()
                .filter(|(word, _)| !LEFT_OUT.contains(&word.as_str()))
                .map(|(word, value)| (word.clone(), if word == "properties" { each(value) } else { strict_of(value) }))
                .collect();
            if is_object {
                let names = fields["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str());
                strict.insert("required".to_owned(), names.collect::<Vec<_>>().into());
                strict.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            Value::Object(strict)
        }
        other => strict_of(other),
    }
}

/// The names below `properties` are fields, not words: a field may be called `title`.
fn each(properties: &Value) -> Value {
    let fields = properties.as_object().into_iter().flatten();
    Value::Object(fields.map(|(name, schema)| (name.clone(), strict(schema))).collect())
}

fn strict_of(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(strict).collect(),
        Value::Object(_) => strict(value),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::{of, strict};

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Guess {
        /// A title.
        title: Option<String>,
        #[schemars(range(min = 0.0, max = 1.0))]
        confidence: f64,
    }

    #[test]
    fn what_is_sent_requires_every_field_and_has_no_bounds() {
        let sent = strict(&of::<Guess>());
        assert_eq!(sent["required"], json!(["title", "confidence"]));
        assert_eq!(sent["additionalProperties"], false);
        assert_eq!(sent["properties"]["title"]["type"], json!(["string", "null"]));
        assert_eq!(sent["properties"]["confidence"], json!({ "type": "number" }));
        assert_eq!(of::<Guess>()["properties"]["confidence"]["maximum"], 1.0);
    }
}
