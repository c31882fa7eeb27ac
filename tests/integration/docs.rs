//! The pages under `docs/`, held against what they show and name.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use stashhog::job::Registry;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every page for people, by its path in the repository.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        ["README.md", "CHANGELOG.md", "examples/own_jobs/README.md"].map(PathBuf::from).into();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).expect("a folder") {
            let path = folder.join(entry.expect("an entry").file_name());
            match path.extension() {
                None => folders.push(path),
                Some(kind) if kind == "md" => pages.push(path),
                Some(_) => {}
            }
        }
    }
    pages
}

fn read(path: &Path) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Without the indentation that its lines have in common with what is around it.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim_start).collect()
}

#[test]
fn code_that_a_page_shows_is_what_the_file_has() {
    let shown = Regex::new(r"(?s)<!-- from (\S+) -->\n```rust\n(.*?)\n```").expect("a pattern");
    let mut found = 0;
    for page in pages() {
        let text = read(&page);
        for block in shown.captures_iter(&text) {
            let (file, block) = (read(Path::new(&block[1])), lines(block.get(2).expect("a block").as_str()));
            let is_there = lines(&file).windows(block.len()).any(|part| part == block);
            assert!(is_there, "{} shows what is not in its file:\n{}", page.display(), block.join("\n"));
            found += 1;
        }
    }
    assert!(found >= 5, "{found} blocks: is the pattern right?");
}

#[test]
fn the_guide_shows_the_example_whole_and_nothing_that_is_not_compiled() {
    let (guide, example) =
        (read(Path::new("docs/adding-a-job.md")), read(Path::new("examples/own_jobs/src/jobs/fetch_ratings.rs")));
    assert!(
        guide.contains(&example),
        "docs/adding-a-job.md must show examples/own_jobs/src/jobs/fetch_ratings.rs as it is"
    );
    assert_eq!(
        guide.matches("```rust").count(),
        guide.matches("-->\n```rust\n").count(),
        "say where each block is from"
    );
}

#[test]
fn every_job_type_has_a_page_and_a_line_in_the_list() {
    let list = read(Path::new("docs/jobs/README.md"));
    for known in Registry::collect().expect("the types").iter() {
        let page = format!("{}.md", known.spec.name);
        assert!(list.contains(&format!("]({page}) | {} |", known.spec.category)), "docs/jobs/README.md: {page}");
        assert!(read(&Path::new("docs/jobs").join(&page)).starts_with(&format!("# {}\n", known.spec.name)), "{page}");
    }
}

#[test]
fn a_link_to_a_file_leads_to_one() {
    let link = Regex::new(r"\]\(([^)#\s]+)[^)]*\)").expect("a pattern");
    let mut dead = Vec::new();
    for page in pages() {
        let folder = Path::new(ROOT).join(page.parent().expect("a folder"));
        for target in link.captures_iter(&read(&page)).map(|found| found[1].to_owned()) {
            if !target.contains("://") && !folder.join(&target).exists() {
                dead.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(dead.is_empty(), "these links lead nowhere:\n{}", dead.join("\n"));
}
