//! The front page says what is so: its story and its mail are printed by `cargo run`, its links lead somewhere, and it stays short.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sandbox::{
    scenario::{self, Played},
    story::{self, Paint},
};

use super::{PACKAGES, repository, virtually};

/// Words that a newcomer reads in a few minutes, code and mail included.
const MOST_WORDS: usize = 1_000;
const MOST_STORY_LINES: usize = 12;

fn front_page() -> String {
    fs::read_to_string(repository("README.md")).unwrap()
}

/// The one code block of the front page with these words after its fence.
fn block(info: &str) -> String {
    let page = front_page();
    let fence = format!("```{info}\n");
    let (_, rest) = page
        .split_once(&fence)
        .unwrap_or_else(|| panic!("README.md has no block {info:?}"));
    let (block, rest) = rest.split_once("```").unwrap();
    assert!(!rest.contains(&fence), "README.md has two blocks {info:?}");
    block.to_owned()
}

/// What `cargo run` plays.
fn default_rehearsal() -> Played {
    let scenario = scenario::by_name("bad-deployment").unwrap();
    virtually(scenario::play(scenario, 1)).unwrap()
}

#[test]
fn the_story_is_what_cargo_run_tells() {
    let played = default_rehearsal();
    let told: Vec<String> = played
        .region
        .journal()
        .entries()
        .iter()
        .map(|entry| story::line(entry, played.region.opened(), Paint::Plain))
        .collect();
    let shown = block("text story");
    assert_eq!(shown.lines().count(), MOST_STORY_LINES);
    let mut ahead = told.iter();
    for line in shown.lines() {
        assert!(
            ahead.any(|told| told == line),
            "README.md tells {line:?}, and `cargo run` tells, in this order:\n{}",
            told.join("\n")
        );
    }
}

#[test]
fn the_mail_is_what_cargo_run_prints() {
    let mails = default_rehearsal().rehearsal.mails;
    assert_eq!(mails.len(), 1, "{mails:?}");
    let (shown, sent) = (block("text mail"), mails[0].shown());
    assert!(
        shown == sent,
        "the mail in README.md differs; write there:\n{sent}"
    );
}

#[test]
fn a_served_region_shows_the_mails_that_people_got() {
    let asked = || {
        http::Request::get("/mails")
            .body(bytes::Bytes::new())
            .unwrap()
    };
    virtually(async {
        let none = super::region().router().send(asked()).await;
        assert_eq!(none.status(), 404, "a shell can wait for the first");
        let scenario = scenario::by_name("bad-deployment").unwrap();
        let played = scenario::play(scenario, 1).await.unwrap();
        let some = played.region.router().send(asked()).await;
        let text = String::from_utf8_lossy(some.body()).into_owned();
        assert_eq!(
            (some.status().as_u16(), text),
            (200, played.rehearsal.mails[0].shown())
        );
    });
}

#[test]
fn a_newcomer_reads_it_in_a_few_minutes() {
    let page = front_page();
    let (before, _) = page.split_once("\n## Promises").unwrap();
    let words = before.split_whitespace().count();
    assert!(
        words <= MOST_WORDS,
        "{words} words stand before the promises"
    );
}

/// Every Markdown document of the repository.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            // What is built or fetched, and what git keeps.
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                documents(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// A document without its code, where brackets are no links.
fn prose(text: &str) -> String {
    let blocks = regex_lite::Regex::new(r"(?ms)^```.*?^```").unwrap();
    let spans = regex_lite::Regex::new(r"`[^`\n]*`").unwrap();
    spans
        .replace_all(&blocks.replace_all(text, ""), "")
        .into_owned()
}

/// The anchors that a page of GitHub gives a document's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let blocks = regex_lite::Regex::new(r"(?ms)^```.*?^```").unwrap();
    let kept = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    blocks
        .replace_all(text, "")
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .replace(' ', "-")
                .chars()
                .filter(|c| kept(*c))
                .collect()
        })
        .collect()
}

/// The links of a document that lead nowhere.
fn broken(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(document).unwrap();
    let link = regex_lite::Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let leads = |target: &str| {
        if target.contains("://") || target.starts_with("mailto:") {
            return true;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let file = if path.is_empty() {
            document.to_owned()
        } else {
            document.parent().unwrap().join(path)
        };
        if anchor.is_empty() {
            return file.exists();
        }
        fs::read_to_string(&file).is_ok_and(|text| anchors(&text).contains(anchor))
    };
    link.captures_iter(&prose(&text))
        .map(|found| found[1].to_owned())
        .filter(|target| !leads(target))
        .collect()
}

#[test]
fn every_link_of_every_document_leads_somewhere() {
    let mut all = Vec::new();
    documents(&repository("."), &mut all);
    assert!(all.len() >= 8, "{all:?}");
    let broken: Vec<(PathBuf, Vec<String>)> = all
        .into_iter()
        .map(|document| {
            let links = broken(&document);
            (document, links)
        })
        .filter(|(_, links)| !links.is_empty())
        .collect();
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn a_link_that_leads_nowhere_is_seen() {
    let folder = std::env::temp_dir().join(format!("lifeguard-links-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let document = folder.join("a.md");
    fs::write(
        &document,
        "# Why, and how\n[a](#why-and-how) [b](#why) [c](a.md#why-and-how) [d](none.md) [e](https://example.com) `[f](none)`\n```\n[g](none)\n```\n",
    )
    .unwrap();
    let found = broken(&document);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(found, ["#why", "none.md"]);
}

#[test]
fn picture_and_table_name_every_function() {
    let picture = fs::read_to_string(repository("infra/docs/overview.svg")).unwrap();
    for package in PACKAGES {
        assert!(
            picture.contains(&format!(">{package}<")),
            "the picture: {package}"
        );
        assert!(
            front_page().contains(&format!("`{package}`")),
            "the table: {package}"
        );
    }
}

#[test]
fn every_tag_of_the_table_is_one_that_is_read() {
    let page = front_page();
    let (_, tags) = page.split_once("\n## Tags\n").unwrap();
    let (tags, _) = tags.split_once("\n## ").unwrap();
    let row = regex_lite::Regex::new(r"(?m)^\| `(lifeguard:[a-z-]+)` \| `([^`]+)`").unwrap();
    let rows: Vec<(String, String)> = row
        .captures_iter(tags)
        .map(|found| (found[1].to_owned(), found[2].to_owned()))
        .collect();
    assert!(rows.len() >= 7, "{rows:?}");
    for (tag, value) in rows {
        let read = |tag: &str| {
            let tags = [("lifeguard:managed", "true"), (tag, value.as_str())]
                .map(|(tag, value)| (tag.to_owned(), value.to_owned()));
            lifecycle::Policy::default()
                .under(Some(&tags.into_iter().collect()))
                .findings
        };
        assert!(read(&tag).is_empty(), "{tag}: {:?}", read(&tag));
        assert!(
            !read(&format!("{tag}s")).is_empty(),
            "the check can fail: {tag}s"
        );
    }
}

#[test]
fn the_glossary_explains_each_word_once() {
    let page = front_page();
    let (_, glossary) = page.split_once("\n## Glossary\n").unwrap();
    let (glossary, _) = glossary.split_once("\n## ").unwrap();
    for word in [
        "look",
        "soak",
        "proven",
        "book of versions",
        "episode",
        "step",
        "rescue",
        "lease",
    ] {
        assert_eq!(
            glossary.matches(&format!("\n| {word} | ")).count(),
            1,
            "{word}"
        );
    }
}
