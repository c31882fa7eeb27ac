//! A refusal of the API as it is read and told.

use std::fmt::Write;

use serde::Deserialize;

use super::exit::Failure;
use crate::http::error::BadParameter;
use crate::job::FieldError;

/// A problem document (RFC 9457). Nothing in it is required: a proxy on the way may answer with something else.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem, for people.
    pub title: String,
    /// This problem, for people.
    pub detail: Option<String>,
    /// The kind of problem, for programs.
    pub code: String,
    /// One entry per bad field.
    pub errors: Vec<FieldError>,
    /// One entry per bad query parameter.
    pub parameters: Vec<BadParameter>,
    /// Names that may have been meant.
    pub near: Vec<String>,
}

impl Problem {
    /// Tells the problem, bad fields each on a line of its own under the name that `name` gives to a pointer.
    pub fn tell(&self, name: impl Fn(&str) -> String) -> Failure {
        let mut text = self.detail.clone().filter(|d| !d.is_empty()).unwrap_or_else(|| self.title.clone());
        if text.is_empty() {
            text = format!("the server answered with status {}", self.status);
        }
        let lines = self.errors.iter().map(|e| &e.message).chain(self.parameters.iter().map(|p| &p.message));
        if lines.clone().any(|message| text.contains(message)) {
            text.clone_from(&self.title); // the lines below say it better
        }
        if lines.count() > 0 {
            text.push(':');
        }
        for FieldError { pointer, message } in &self.errors {
            let name = name(pointer);
            // Writing to a String can't fail.
            let _ = if name.is_empty() { write!(text, "\n  {message}") } else { write!(text, "\n  {name}: {message}") };
        }
        for BadParameter { parameter, message } in &self.parameters {
            let _ = write!(text, "\n  {parameter}: {message}");
        }
        let unnamed: Vec<_> = self.near.iter().filter(|near| !text.contains(near.as_str())).collect();
        if let Some(near) = unnamed.first() {
            let _ = write!(text, "; did you mean `{near}`?");
        }
        // What is wrong with the request is the caller's; a conflict or a fault is not.
        match self.status {
            400 | 404 | 413 | 422 => Failure::Usage(text),
            _ => Failure::Failed(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Failure, Problem};

    #[test]
    fn bad_fields_stand_on_lines_of_their_own() {
        let problem: Problem = serde_json::from_value(json!({
            "status": 422, "title": "wrong fields", "detail": "/params/items: too small; /params: no", "type": "x",
            "errors": [{"pointer": "/params/items", "message": "too small"}, {"pointer": "/params", "message": "no"}]
        }))
        .unwrap();
        let told = problem.tell(|pointer| pointer.trim_start_matches("/params").replace('/', "--"));
        assert_eq!(told, Failure::Usage("wrong fields:\n  --items: too small\n  no".into()));
    }

    #[test]
    fn near_names_are_told_once_and_an_empty_answer_is_told_at_all() {
        let near = vec!["demo".to_owned()];
        let told = Problem { status: 404, title: "unknown type".into(), near, ..Problem::default() };
        assert_eq!(told.tell(str::to_owned), Failure::Usage("unknown type; did you mean `demo`?".into()));
        let empty = Problem { status: 502, ..Problem::default() };
        assert_eq!(empty.tell(str::to_owned), Failure::Failed("the server answered with status 502".into()));
    }
}
