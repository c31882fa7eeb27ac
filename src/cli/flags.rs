//! The flags of a job type, made from the schema of its params when the command is run: `exclude_small_videos` becomes
//! `--exclude-small-videos`, described, with its default.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Map, Value};

use super::catalog::TypeEntry;
use super::exit::Failure;
use super::schema::{Field, Kind, fields, set};

/// A job type as a subcommand of `run`.
pub struct Flags {
    fields: Vec<(Field, String)>,
    command: Command,
}

impl Flags {
    /// The flags of a type. A field whose name `taken` says belongs to `run` itself is called `--param-NAME`.
    pub fn of(entry: &TypeEntry, taken: impl Fn(&str) -> bool) -> Self {
        let named = fields(&entry.params_schema).into_iter().map(|field| {
            let flag = field.name.replace('_', "-");
            let flag = if taken(&flag) { format!("param-{flag}") } else { flag };
            (field, flag)
        });
        let fields: Vec<_> = named.collect();
        let mut command = Command::new(entry.name.clone()).about(entry.description.clone());
        for (field, flag) in &fields {
            command = command.arg(arg(field, flag));
            // Unless a field has that name.
            if field.kind == Kind::Boolean && !fields.iter().any(|(_, other)| *other == format!("no-{flag}")) {
                command = command.arg(negated(field, flag));
            }
        }
        Self { fields, command }
    }

    /// The subcommand.
    pub fn command(&self) -> Command {
        self.command.clone()
    }

    /// The name of a field's flag, for errors: `/items` is `--items`.
    pub fn name(&self, pointer: &str) -> String {
        let field = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
        let flag = self.fields.iter().find(|(f, _)| f.name == field);
        flag.map_or_else(|| pointer.to_owned(), |(_, flag)| format!("--{flag}"))
    }

    /// Puts what was typed over `params`.
    pub fn fill(&self, matches: &ArgMatches, mut params: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
        for (field, _) in &self.fields {
            let typed = matches.get_many::<Value>(&id(field)).map(|values| values.cloned().collect());
            set(&mut params, field, typed.unwrap_or_default());
            if matches!(matches.try_get_one::<bool>(&no(field)), Ok(Some(true))) {
                params.insert(field.name.clone(), Value::Bool(false));
            }
        }
        let missing = |(field, flag): &(Field, String)| {
            (field.required && !params.contains_key(&field.name)).then(|| format!("--{flag}"))
        };
        let missing: Vec<_> = self.fields.iter().filter_map(missing).collect();
        if missing.is_empty() {
            return Ok(params);
        }
        Err(Failure::Usage(format!("{} missing; `--help` tells what is needed", missing.join(" and "))))
    }
}

/// By this clap knows the flag; with a blank, so that it is none of those that `run` has.
fn id(field: &Field) -> String {
    format!("param {}", field.name)
}

fn no(field: &Field) -> String {
    format!("no {}", field.name)
}

fn arg(field: &Field, flag: &str) -> Arg {
    let kind = field.kind.clone();
    let arg = Arg::new(id(field)).long(flag.to_owned()).help(help(field)).help_heading("Parameters");
    let typed_as_in_json = flag.replace('-', "_");
    let arg = if flag == typed_as_in_json { arg } else { arg.alias(typed_as_in_json) };
    let arg = match &field.kind {
        Kind::Choice(words) => {
            let words = PossibleValuesParser::new(words.clone());
            return arg.value_name("WORD").value_parser(clap::builder::TypedValueParser::map(words, Value::from));
        }
        Kind::Boolean => arg.num_args(0..=1).default_missing_value("true").value_name("true|false"),
        Kind::Integer => arg.value_name("N").allow_negative_numbers(true),
        Kind::Number => arg.value_name("NUMBER").allow_negative_numbers(true),
        Kind::Text => arg.value_name("TEXT"),
        Kind::List(_) => arg.value_name("A,B,…").action(ArgAction::Append).allow_negative_numbers(true),
        Kind::Json => arg.value_name("JSON"),
    };
    arg.value_parser(move |text: &str| kind.read(text))
}

/// `--no-NAME`, shown where the field is true unless it is switched off.
fn negated(field: &Field, flag: &str) -> Arg {
    let on = field.default == Some(Value::Bool(true));
    let arg = Arg::new(no(field)).long(format!("no-{flag}")).action(ArgAction::SetTrue).hide(!on);
    arg.help(format!("The same as --{flag}=false")).help_heading("Parameters").overrides_with(id(field))
}

fn help(field: &Field) -> String {
    let description = field.description.trim_end_matches('.');
    let after = match &field.default {
        _ if field.required => " [required]".to_owned(),
        Some(Value::String(text)) => format!(" [default: {text}]"),
        Some(Value::Array(list)) if list.is_empty() => String::new(),
        Some(default) => format!(" [default: {default}]"),
        None => String::new(),
    };
    format!("{description}{after}").trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Command;
    use serde_json::{Map, Value, json};

    use super::{Failure, Flags};
    use crate::cli::catalog::TypeEntry;

    fn flags() -> Flags {
        let entry: TypeEntry = serde_json::from_value(json!({
            "type": "copy", "label": "Copy", "description": "Copies.", "admission": "per_node", "concurrency": 1,
            "unit": {"singular": "file", "plural": "files"},
            "params_schema": {"type": "object", "required": ["from"], "properties": {
                "from": {"type": "string"},
                "dry_run": {"type": "boolean", "default": false, "description": "Only look."},
                "verify": {"type": "boolean", "default": true},
                "limit": {"type": ["integer", "null"]},
                "mode": {"enum": ["fast", "safe"], "default": "safe"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "reason": {"type": "string"}
            }}
        }))
        .unwrap();
        Flags::of(&entry, |flag| flag == "reason")
    }

    fn parse(line: &str) -> Result<Value, Failure> {
        let flags = flags();
        let matches = Command::new("run")
            .subcommand(flags.command())
            .try_get_matches_from(format!("run copy {line}").split_whitespace())
            .map_err(|e| Failure::Usage(e.to_string()))?;
        let params = Map::from_iter([("limit".to_owned(), json!(7))]);
        flags.fill(matches.subcommand().unwrap().1, params).map(Value::Object)
    }

    #[test]
    fn flags_become_params_over_those_given_as_json() {
        let params = parse("--from=a --dry-run --no-verify --mode fast --tags x,y --tags z --param-reason r").unwrap();
        let expected = json!({"from": "a", "dry_run": true, "verify": false, "mode": "fast", "tags": ["x", "y", "z"],
                              "reason": "r", "limit": 7});
        assert_eq!(params, expected);
        assert_eq!(parse("--from a --dry_run false --limit -3").unwrap()["limit"], json!(-3));
        assert_eq!(parse("--from a --dry-run false").unwrap()["dry_run"], json!(false));
        assert_eq!(parse("--from a").unwrap(), json!({"from": "a", "limit": 7}));
    }

    #[test]
    fn mistakes_are_usage_errors_that_say_what_is_known() {
        let told = |line| parse(line).unwrap_err().text().unwrap().to_owned();
        assert!(told("").contains("--from missing"));
        assert!(told("--from a --limit x").contains("whole number"));
        assert!(told("--from a --mode fsat").contains("safe"));
        assert!(told("--from a --dry-rum").contains("--dry-run"));
    }

    #[test]
    fn help_describes_the_flags_and_errors_name_them() {
        let help = flags().command().render_help().to_string();
        assert!(help.contains("--dry-run") && help.contains("Only look [default: false]"), "{help}");
        assert!(help.contains("--no-verify") && !help.contains("--no-dry-run"), "{help}");
        assert_eq!(flags().name("/dry_run"), "--dry-run");
        assert_eq!(flags().name("/tags/0"), "--tags");
        assert_eq!(flags().name("/other"), "/other");
    }
}
