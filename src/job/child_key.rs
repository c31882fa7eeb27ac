//! What a parent knows its children by: the same in each of its runs, however its params are laid out.

use std::fmt::Write;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::attempt::Attempt;

/// A key that a spawn has reserved among the children of its parent. Dropping it gives the key back, so that the next equal
/// spawn uses it again: a refused child uses up no key, and a spawn that nobody waited for is found by the one that follows it.
pub(super) struct ChildKey {
    parent: Arc<Attempt>,
    fingerprint: String,
    number: u32,
    keeps: bool,
}

impl ChildKey {
    /// Reserves the lowest free key for a child of this type and these params.
    pub(super) fn reserve(parent: &Arc<Attempt>, type_name: &str, params: &Value) -> Self {
        let fingerprint = fingerprint(type_name, params);
        let number = parent.reserve_child(&fingerprint);
        Self { parent: Arc::clone(parent), fingerprint, number, keeps: false }
    }

    /// The key: the fingerprint of the child, and its number among the equal children of its parent.
    pub(super) fn text(&self) -> String {
        format!("{}:{}", self.fingerprint, self.number)
    }

    /// Keeps the key: its child is stored.
    pub(super) fn keep(mut self) {
        self.keeps = true;
    }
}

impl Drop for ChildKey {
    fn drop(&mut self) {
        if !self.keeps {
            self.parent.release_child(&self.fingerprint, self.number);
        }
    }
}

/// The type of a child and a digest of its params.
fn fingerprint(type_name: &str, params: &Value) -> String {
    let mut digest = Sha256::new();
    canonical(params, &mut digest);
    let mut fingerprint = format!("{type_name}:");
    for byte in &digest.finalize()[..16] {
        let _ = write!(fingerprint, "{byte:02x}"); // a String takes it
    }
    fingerprint
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

    use super::fingerprint;

    #[test]
    fn the_order_of_fields_does_not_matter_and_everything_else_does() {
        let of = |params| fingerprint("t", &params);
        assert_eq!(of(json!({"a": 1, "b": {"c": [], "d": 2}})), of(json!({"b": {"d": 2, "c": []}, "a": 1})));
        for other in [json!({"a": "1"}), json!({"a": [1]}), json!({"a": 1, "b": null}), json!([["a", 1]])] {
            assert_ne!(of(json!({"a": 1})), of(other.clone()), "{other}");
        }
        assert_ne!(fingerprint("t", &json!({})), fingerprint("u", &json!({})));
    }
}
