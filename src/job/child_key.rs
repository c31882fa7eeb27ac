//! What a parent knows its children by: the same in each of its runs, however its params are laid out.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The key of a child: its type, a fingerprint of its params, and which of the equal ones it is. `nth` counts these.
pub(super) fn key(type_name: &str, params: &Value, nth: impl FnOnce(String) -> u32) -> String {
    let mut digest = Sha256::new();
    canonical(params, &mut digest);
    let mut key = format!("{type_name}:");
    for byte in &digest.finalize()[..16] {
        let _ = write!(key, "{byte:02x}"); // a String takes it
    }
    let n = nth(key.clone());
    format!("{key}:{n}")
}

/// Feeds a value with the fields of objects in order: a hash map has a new one in every process.
fn canonical(value: &Value, digest: &mut Sha256) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            digest.update(b"{");
            for (name, value) in fields {
                digest.update(Value::from(name.as_str()).to_string());
                digest.update(b":");
                canonical(value, digest);
                digest.update(b",");
            }
            digest.update(b"}");
        }
        Value::Array(values) => {
            digest.update(b"[");
            for value in values {
                canonical(value, digest);
                digest.update(b",");
            }
            digest.update(b"]");
        }
        plain => digest.update(plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::key;

    #[test]
    fn the_order_of_fields_does_not_matter_and_everything_else_does() {
        let of = |params| key("t", &params, |_| 1);
        assert_eq!(of(json!({"a": 1, "b": {"c": [], "d": 2}})), of(json!({"b": {"d": 2, "c": []}, "a": 1})));
        for other in [json!({"a": "1"}), json!({"a": [1]}), json!({"a": 1, "b": null}), json!([["a", 1]])] {
            assert_ne!(of(json!({"a": 1})), of(other.clone()), "{other}");
        }
        assert_ne!(key("t", &json!({}), |_| 1), key("u", &json!({}), |_| 1));
        assert_ne!(key("t", &json!({}), |_| 1), key("t", &json!({}), |_| 2));
    }
}
