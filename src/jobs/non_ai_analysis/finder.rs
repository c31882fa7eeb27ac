//! Finds known names in the words of a path. A name is found where its words stand one after the other, never inside of a word; what
//! a longer name is made of is not taken for a shorter one.

use std::collections::HashMap;

use crate::planning::{Catalog, Names, Suggestion};
use crate::store::plans::ChangeField;

/// Words of the longest name that is looked for.
const MOST_WORDS: usize = 6;
/// Letters of the shortest name of one word: shorter ones are found by accident.
const LEAST_LETTERS: usize = 3;

/// Known names by their words.
pub struct Finder {
    known: HashMap<String, Vec<Known>>,
}

#[derive(Clone)]
struct Known {
    field: ChangeField,
    name: String,
    confidence: f64,
}

impl Finder {
    /// Takes in every name of the library.
    pub fn new(catalog: &Catalog) -> Self {
        let mut finder = Self { known: HashMap::new() };
        finder.take(ChangeField::Studio, &catalog.studios);
        finder.take(ChangeField::Performers, &catalog.performers);
        finder.take(ChangeField::Tags, &catalog.tags);
        finder
    }

    fn take(&mut self, field: ChangeField, names: &Names) {
        for known in names.iter() {
            for (text, is_alias) in
                std::iter::once((&known.name, false)).chain(known.aliases.iter().map(|alias| (alias, true)))
            {
                let words = words(text);
                let too_short = words.len() == 1 && words[0].chars().count() < LEAST_LETTERS;
                // An alias that stands for several is nobody's.
                let is_theirs = names.find(text).is_some_and(|found| found.id.as_ref() == Some(&known.id));
                if words.is_empty() || words.len() > MOST_WORDS || too_short || !is_theirs {
                    continue;
                }
                let sure = if words.len() > 1 { 0.9 } else { 0.6 };
                let confidence = if is_alias { sure - 0.1 } else { sure };
                let entry = Known { field, name: known.name.clone(), confidence };
                self.known.entry(words.join(" ")).or_default().push(entry);
            }
        }
    }

    /// What is found in a path and a title.
    pub fn look(&self, path: &str, title: &str) -> Vec<Suggestion> {
        let mut found: Vec<Suggestion> = Vec::new();
        let parts = path.split('/').map(|part| (part, "the path"));
        for (part, place) in parts.chain([(title, "the title")]) {
            self.look_in(part, place, &mut found);
        }
        found
    }

    fn look_in(&self, part: &str, place: &str, found: &mut Vec<Suggestion>) {
        let words = words(part);
        let mut taken = vec![false; words.len()];
        for length in (1..=MOST_WORDS.min(words.len())).rev() {
            for at in 0..=words.len() - length {
                if taken[at..at + length].contains(&true) {
                    continue;
                }
                let Some(known) = self.known.get(&words[at..at + length].join(" ")) else { continue };
                taken[at..at + length].fill(true);
                // A folder, or a title, that is nothing but the name was named after it.
                let whole = length == words.len();
                found.extend(known.iter().map(|known| Suggestion {
                    field: known.field,
                    value: known.name.clone(),
                    confidence: if whole { 0.95_f64.max(known.confidence) } else { known.confidence },
                    reason: Some(format!("`{}` stands in {place}", words[at..at + length].join(" "))),
                }));
            }
        }
    }
}

/// The words of a text, lower case.
fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::Finder;
    use crate::planning::{Catalog, Names};
    use crate::store::plans::ChangeField;
    use crate::store::plans::build::KnownName;

    fn names(all: &[(&str, &[&str])]) -> Names {
        let known = |(at, (name, aliases)): (usize, &(&str, &[&str]))| KnownName {
            id: at.to_string(),
            name: (*name).to_owned(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        };
        Names::of(all.iter().enumerate().map(known).collect())
    }

    fn found(path: &str, title: &str) -> Vec<(ChangeField, String)> {
        let catalog = Catalog {
            tags: names(&[("Harbour", &["Port"]), ("Sea", &[]), ("Up", &[])]),
            performers: names(&[("Ada Byron", &["Countess A"]), ("Grace", &["Amazing"]), ("Mary", &["Amazing"])]),
            studios: names(&[("Harbour Films", &[])]),
        };
        Finder::new(&catalog).look(path, title).into_iter().map(|s| (s.field, s.value)).collect()
    }

    #[test]
    fn names_and_aliases_are_found_between_any_marks_but_not_inside_of_words() {
        let (performers, tags) = (ChangeField::Performers, ChangeField::Tags);
        assert_eq!(found("/v/ada_byron.at-PORT.mp4", ""), [(performers, "Ada Byron".into()), (tags, "Harbour".into())]);
        assert_eq!(found("/v/countess-a.mp4", ""), [(performers, "Ada Byron".into())]);
        assert_eq!(found("/v/portal seaside disgrace.mp4", "Ada"), []);
        assert_eq!(found("", "Grace"), [(performers, "Grace".into())]);
    }

    #[test]
    fn a_longer_name_hides_the_shorter_ones_that_it_is_made_of() {
        assert_eq!(found("/Harbour Films/a.mp4", ""), [(ChangeField::Studio, "Harbour Films".into())]);
    }

    #[test]
    fn what_is_too_short_or_stands_for_several_is_not_found() {
        assert_eq!(found("/v/up amazing.mp4", ""), []);
    }
}
