//! What a JSON Schema says about the fields of a job's params, as far as a command line can use it.

use serde_json::{Map, Value};

/// One field of the params.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in the params.
    pub name: String,
    /// What it takes.
    pub kind: Kind,
    /// Whether it has to be given.
    pub required: bool,
    /// What it is, on one line.
    pub description: String,
    /// What it is when it is not given.
    pub default: Option<Value>,
}

/// What a field takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A text.
    Text,
    /// One of these words.
    Choice(Vec<String>),
    /// Any number of these.
    List(Box<Kind>),
    /// Whatever a command line has no form for, as JSON.
    Json,
}

/// The fields of a schema, in its order. None for params that are no object with known fields.
pub fn fields(schema: &Value) -> Vec<Field> {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(properties) = resolve(schema, schema)["properties"].as_object() else { return Vec::new() };
    let field = |(name, property): (&String, &Value)| Field {
        name: name.clone(),
        kind: kind(schema, property),
        required: required.contains(&name.as_str()),
        description: described(schema, property),
        default: property.get("default").filter(|d| !d.is_null()).cloned(),
    };
    properties.iter().map(field).collect()
}

fn described(root: &Value, property: &Value) -> String {
    let own = property["description"].as_str();
    let text = own.or_else(|| resolve(root, property)["description"].as_str()).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn kind(root: &Value, property: &Value) -> Kind {
    let property = resolve(root, property);
    if let Some(words) = words(property) {
        return Kind::Choice(words);
    }
    match type_of(property) {
        Some("boolean") => Kind::Boolean,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("string") => Kind::Text,
        Some("array") => match property.get("items").map(|items| kind(root, items)) {
            Some(item @ (Kind::Integer | Kind::Number | Kind::Text | Kind::Choice(_))) => Kind::List(Box::new(item)),
            _ => Kind::Json,
        },
        _ => Kind::Json,
    }
}

/// Looks through references, and through the ways to say "or null".
fn resolve<'a>(root: &'a Value, mut property: &'a Value) -> &'a Value {
    const DEEPEST: usize = 16; // a schema may refer to itself
    for _ in 0..DEEPEST {
        let next = if let Some(reference) = property["$ref"].as_str() {
            reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
        } else {
            let branches = ["anyOf", "oneOf", "allOf"].iter().find_map(|key| property[*key].as_array());
            let mut real = branches.into_iter().flatten().filter(|branch| branch["type"] != "null");
            real.next().filter(|_| real.next().is_none())
        };
        match next {
            Some(next) => property = next,
            None => break,
        }
    }
    property
}

/// The words of an enum: a list of them, or one documented constant per branch. Null is no word.
fn words(property: &Value) -> Option<Vec<String>> {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    if let Some(listed) = property["enum"].as_array() {
        return listed.iter().filter(|v| !v.is_null()).map(text).collect();
    }
    let branches = property["oneOf"].as_array()?;
    let words = branches.iter().map(|branch| match branch["enum"].as_array() {
        Some(listed) => listed.iter().map(text).collect::<Option<Vec<_>>>(),
        None => text(&branch["const"]).map(|word| vec![word]),
    });
    words.collect::<Option<Vec<_>>>().map(|words| words.concat())
}

fn type_of(property: &Value) -> Option<&str> {
    match &property["type"] {
        Value::String(one) => Some(one),
        Value::Array(several) => {
            let mut real = several.iter().filter_map(Value::as_str).filter(|t| *t != "null");
            real.next().filter(|_| real.next().is_none())
        }
        _ => None,
    }
}

impl Kind {
    /// Reads what was typed.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        match self {
            Self::Boolean => text.parse().map(Value::Bool).map_err(|_| "give true or false".to_owned()),
            Self::Integer => {
                let number = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from));
                number.map_err(|_| "give a whole number".to_owned())
            }
            Self::Number => {
                let whole = text.parse::<i64>().map(Value::from).ok();
                let number = || text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number);
                whole.or_else(number).ok_or_else(|| "give a number".to_owned())
            }
            Self::Text => Ok(Value::from(text)),
            Self::Choice(words) => {
                let word = words.iter().find(|word| *word == text);
                word.map(|word| Value::from(word.as_str())).ok_or_else(|| format!("give one of {}", words.join(", ")))
            }
            Self::List(item) => match serde_json::from_str(text) {
                Ok(list @ Value::Array(_)) => Ok(list),
                _ => text.split(',').map(|part| item.read(part.trim())).collect::<Result<Vec<_>, _>>().map(Value::from),
            },
            Self::Json => serde_json::from_str(text).map_err(|e| format!("give JSON ({e})")),
        }
    }
}

/// The params of several occurrences of a flag: lists grow, of anything else the last one counts.
pub fn set(params: &mut Map<String, Value>, field: &Field, values: Vec<Value>) {
    if values.is_empty() {
        return;
    }
    let value = match field.kind {
        Kind::List(_) => Some(values.into_iter().flat_map(|v| v.as_array().cloned().unwrap_or_default()).collect()),
        _ => values.into_iter().next_back(),
    };
    if let Some(value) = value {
        params.insert(field.name.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::{Value, json};

    use super::{Field, Kind, fields};

    /// How thorough.
    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[allow(dead_code)]
    enum Depth {
        /// A look.
        Quick,
        /// All of it.
        Full,
    }

    #[derive(JsonSchema)]
    #[serde(rename_all = "lowercase")]
    #[allow(dead_code)]
    enum Plain {
        One,
        Two,
    }

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Params {
        /// Where
        /// from.
        from: std::path::PathBuf,
        #[serde(default)]
        dry_run: bool,
        #[serde(default)]
        limit: Option<u32>,
        #[serde(default)]
        ratio: f32,
        #[serde(default)]
        depth: Option<Depth>,
        #[serde(default)]
        plain: Option<Plain>,
        tags: Vec<String>,
        sizes: Option<Vec<i64>>,
        nested: Vec<Vec<u8>>,
        other: Option<Box<Params>>,
    }

    fn field(name: &str) -> Field {
        let schema = schemars::schema_for!(Params).to_value();
        fields(&schema).into_iter().find(|f| f.name == name).unwrap_or_else(|| panic!("no {name} in {schema:#}"))
    }

    #[test]
    fn every_kind_of_field_is_recognised() {
        let choice = |words: &[&str]| Kind::Choice(words.iter().map(|w| (*w).to_owned()).collect());
        let expected = [
            ("from", Kind::Text),
            ("dry_run", Kind::Boolean),
            ("limit", Kind::Integer),
            ("ratio", Kind::Number),
            ("depth", choice(&["quick", "full"])),
            ("plain", choice(&["one", "two"])),
            ("tags", Kind::List(Box::new(Kind::Text))),
            ("sizes", Kind::List(Box::new(Kind::Integer))),
            ("nested", Kind::Json),
            ("other", Kind::Json),
        ];
        for (name, kind) in expected {
            assert_eq!(field(name).kind, kind, "{name}");
        }
        assert!(field("from").required && !field("limit").required);
        assert_eq!(field("from").description, "Where from.");
        assert_eq!(field("dry_run").default, Some(json!(false)));
        assert_eq!(field("limit").default, None);
    }

    #[test]
    fn what_was_typed_becomes_json() {
        let read = |name: &str, text: &str| field(name).kind.read(text);
        assert_eq!(read("limit", "18446744073709551615"), Ok(json!(u64::MAX)));
        assert_eq!(read("limit", "-3"), Ok(json!(-3)));
        assert_eq!(read("ratio", "0.5"), Ok(json!(0.5)));
        assert_eq!(read("tags", "a, b"), Ok(json!(["a", "b"])));
        assert_eq!(read("tags", r#"["a,b"]"#), Ok(json!(["a,b"])));
        assert_eq!(read("other", r#"{"from": "x"}"#), Ok(json!({"from": "x"})));
        for (name, bad) in [("limit", "1.5"), ("ratio", "NaN"), ("depth", "fulll"), ("sizes", "1,x"), ("other", "{")] {
            assert!(read(name, bad).is_err(), "{name} {bad}");
        }
    }

    #[test]
    fn a_schema_without_fields_or_with_a_circle_has_none() {
        assert!(fields(&json!(true)).is_empty());
        assert!(fields(&json!({"$ref": "#"})).is_empty());
        assert!(fields(&Value::Null).is_empty());
    }
}
