//! Postgres can't store the character U+0000, in text or in JSON. Clients are told; what a handler says is stored without it.

use serde_json::Value;

/// The JSON pointer of the first string with a NUL in it.
pub fn find_nul(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(i, item)| find_nul(item).map(|rest| format!("/{i}{rest}")))
        }
        Value::Object(fields) => fields.iter().find_map(|(key, item)| {
            let below = if key.contains('\0') { Some(String::new()) } else { find_nul(item) };
            below.map(|rest| format!("/{}{rest}", key.replace('\0', "�")))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// The text without NULs.
pub(super) fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "�") } else { text }
}

/// The value without NULs.
pub(super) fn value_without_nul(value: Value) -> Value {
    if find_nul(&value).is_none() {
        return value;
    }
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(items) => items.into_iter().map(value_without_nul).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, item)| (without_nul(key), value_without_nul(item))).collect()
        }
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{find_nul, value_without_nul};

    #[test]
    fn a_nul_is_found_wherever_it_hides_and_removed() {
        let bad = json!({"a": [1, {"b\0": 2}], "c": "x\0y"});
        assert_eq!(find_nul(&bad).as_deref(), Some("/a/1/b�"));
        let clean = value_without_nul(bad);
        assert_eq!(find_nul(&clean), None);
        assert_eq!(clean["c"], "x�y");
    }
}
