//! Gathers what is wrong with the fields of a body, so that all of it is told at once.

use crate::job::FieldError;

/// What is wrong so far.
#[derive(Debug, Default)]
pub struct Fields {
    /// Where the fields stand in the body; empty at its top.
    at: String,
    errors: Vec<FieldError>,
}

impl Fields {
    /// Fields of the object that a pointer leads to.
    pub fn at(pointer: &str) -> Self {
        Self { at: pointer.to_owned(), errors: Vec::new() }
    }

    /// The value of a field that may be left out, when it is right.
    pub fn take<T>(&mut self, field: &str, checked: Option<Result<T, String>>) -> Option<T> {
        checked.transpose().unwrap_or_else(|message| {
            self.refuse(field, message);
            None
        })
    }

    /// Notes that a field is wrong.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError { pointer: format!("{}/{field}", self.at), message: message.into() });
    }

    /// Adds what was found elsewhere; its pointers lead from the top of the body.
    pub fn extend(&mut self, more: Vec<FieldError>) {
        self.errors.extend(more);
    }

    /// Everything that is wrong, or nothing.
    pub fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }
}
