//! Reading what a model said: the JSON in it, checked against the schema.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::job::cut;

/// What is wrong with an answer, as the model is told: more would cost more than it helps.
const TOLD_BYTES: usize = 2_000;
/// Mistakes that are listed.
const TOLD: usize = 10;

/// What a model said as a `T`. `Err` says what is wrong with it.
pub(super) fn read<T: DeserializeOwned>(said: &str, schema: &jsonschema::Validator) -> Result<T, String> {
    let value = json_in(said).ok_or_else(|| "it is not JSON".to_owned())?;
    let wrong: Vec<String> = schema
        .iter_errors(&value)
        .take(TOLD)
        .map(|error| format!("{}: {error}", at(error.instance_path().as_str())))
        .collect();
    if !wrong.is_empty() {
        return Err(cut(wrong.join("; "), TOLD_BYTES));
    }
    serde_path_to_error::deserialize(&value).map_err(|error| cut(error.to_string(), TOLD_BYTES))
}

fn at(pointer: &str) -> &str {
    if pointer.is_empty() { "the whole" } else { pointer }
}

/// The JSON in a text: models like to think aloud before it, to fence it, and to say goodbye behind it.
fn json_in(said: &str) -> Option<Value> {
    let said = said.rsplit_once("</think>").map_or(said, |(_, after)| after).trim();
    let fenced = said.split_once("```").and_then(|(_, after)| after.split_once("```")).map(|(inside, _)| {
        let language = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(0);
        &inside[language..]
    });
    let braced = said.find('{').zip(said.rfind('}')).and_then(|(from, to)| said.get(from..=to));
    [Some(said), fenced, braced].into_iter().flatten().find_map(|text| serde_json::from_str(text.trim()).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{json_in, read};

    #[test]
    fn json_is_found_in_what_models_put_around_it() {
        for said in [
            r#"{"a":1}"#,
            "```json\n{\"a\":1}\n```",
            "Here you are:\n```\n{\"a\":1}\n```\nAnything else?",
            "<think>maybe {\"a\":2}?</think>\n{\"a\":1}",
            "Sure! {\"a\":1} Bye.",
        ] {
            assert_eq!(json_in(said), Some(json!({ "a": 1 })), "{said}");
        }
        for said in ["", "no", "```json\n```", "}{", "{\"a\":"] {
            assert_eq!(json_in(said), None, "{said}");
        }
    }

    #[test]
    fn what_does_not_fit_the_schema_is_told_with_its_place() {
        let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "required": ["a"] });
        let schema = jsonschema::validator_for(&schema).unwrap();
        let wrong = read::<serde_json::Value>(r#"{"a":"x"}"#, &schema).unwrap_err();
        assert!(wrong.starts_with("/a: "), "{wrong}");
        assert!(read::<serde_json::Value>("{}", &schema).unwrap_err().starts_with("the whole: "));
        assert_eq!(read::<serde_json::Value>("nothing", &schema).unwrap_err(), "it is not JSON");
    }
}
