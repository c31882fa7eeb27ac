//! The job of a schedule on the command line: a type, and behind it the type's own flags.
//!
//! Unlike `run`, whose options may stand on both sides of the type, what stands behind it here belongs to the type alone.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Command, Subcommand};
use serde_json::{Map, Value};

use crate::cli::catalog::Catalog;
use crate::cli::exit::Failure;
use crate::cli::flags::Flags;
use crate::cli::problem::Problem;
use crate::cli::run::given_params;

/// What goes where.
const BEHIND: &str = "what stands behind the type belongs to it; the options of the command stand before it";

/// A type with its flags.
#[derive(Clone, Debug, Subcommand)]
pub enum JobWords {
    #[command(external_subcommand)]
    Type(Vec<OsString>),
}

/// A job that was read.
pub struct TypedJob {
    /// Its type.
    pub type_name: String,
    /// Its params.
    pub params: Map<String, Value>,
    flags: Flags,
}

impl TypedJob {
    /// Reads the words; `given` are the params that the flags go on top of, by the type. `Err(Ok(_))` is clap's to tell: help, or a
    /// mistake.
    pub fn read(
        catalog: &Catalog,
        command: &str,
        JobWords::Type(words): &JobWords,
        given: impl FnOnce(&str) -> Result<Map<String, Value>, Failure>,
    ) -> Result<Self, Result<clap::Error, Failure>> {
        let typed = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        let entry = catalog.get(&typed).map_err(Err)?;
        let flags = Flags::of(entry, |flag| flag == "help");
        let command: Command = flags.command().bin_name(format!("{command} {}", entry.name)).after_help(BEHIND);
        let matches = command.try_get_matches_from(words).map_err(|error| misplaced(error).map_or_else(Err, Ok))?;
        let params = given(&entry.name).and_then(|given| flags.fill(&matches, given)).map_err(Err)?;
        Ok(Self { type_name: entry.name.clone(), params, flags })
    }

    /// The name of what a pointer of an error leads to, as it was typed.
    pub fn name(&self, pointer: &str) -> String {
        match pointer.strip_prefix("/params") {
            Some(below) => self.flags.name(below),
            None => option(pointer),
        }
    }
}

/// An option behind the type is a mistake that clap can't explain: it knows the type's flags only.
fn misplaced(error: clap::Error) -> Result<clap::Error, Failure> {
    if error.kind() != ErrorKind::UnknownArgument {
        return Ok(error);
    }
    let _ = error.print();
    Err(Failure::Usage(BEHIND.to_owned()))
}

/// The option that a field of a schedule is given by.
pub fn option(pointer: &str) -> String {
    match pointer.trim_start_matches('/') {
        "" => String::new(),
        "name" => "the name".to_owned(),
        "type" => "the type".to_owned(),
        field => format!("--{}", field.replace('_', "-")),
    }
}

/// Tells a refusal in the words that were typed.
pub fn tell(problem: &Problem, job: Option<&TypedJob>) -> Failure {
    problem.tell(|pointer| job.map_or_else(|| option(pointer), |job| job.name(pointer)))
}

/// The params of `--params`; none when it was not given.
pub fn params(given: Option<&str>) -> Result<Option<Map<String, Value>>, Failure> {
    given.map(given_params).transpose()
}
