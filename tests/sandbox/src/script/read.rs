//! Reading a scenario's file. What is wrong is told in one sentence, with the place.

use std::path::Path;

use super::{
    Script,
    check::check,
    locate::locate,
    words::{nearest, unknown},
};

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {sentence}", place(*.at))]
pub struct WrongScript {
    /// The file.
    pub file: String,
    /// Line and column, from 1; None when it could not even be read.
    pub at: Option<(usize, usize)>,
    /// What is wrong, in a sentence.
    pub sentence: String,
}

fn place(at: Option<(usize, usize)>) -> String {
    at.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"))
}

/// The scenario in a file.
///
/// # Errors
/// What is wrong with it.
pub fn read_file(path: &Path) -> Result<Script, WrongScript> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| WrongScript {
        file: file.clone(),
        at: None,
        sentence: format!("it cannot be read: {error}"),
    })?;
    read(&file, &text)
}

/// The scenario in a text; `file` is what a complaint calls it.
///
/// # Errors
/// What is wrong with it.
pub fn read(file: &str, text: &str) -> Result<Script, WrongScript> {
    let wrong = |at, sentence| WrongScript {
        file: file.to_owned(),
        at: Some(at),
        sentence,
    };
    let script: Script = serde_json::from_str(text)
        .map_err(|error| wrong((error.line(), error.column()), sentence(&error)))?;
    match check(&script) {
        Some((pointer, sentence)) => Err(wrong(locate(text, &pointer), sentence)),
        None => Ok(script),
    }
}

/// What serde says, as a person would.
fn sentence(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let said = said
        .split_once(" at line ")
        .map_or(said.as_str(), |(said, _)| said);
    if error.is_syntax() || error.is_eof() {
        return format!("this is no JSON: {said}");
    }
    for (begins, what) in [("unknown field `", "member"), ("unknown variant `", "word")] {
        if let Some((word, expected)) = said
            .strip_prefix(begins)
            .and_then(|rest| rest.split_once('`'))
        {
            let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
            return unknown(what, word, &known);
        }
    }
    if let Some(member) = said.strip_prefix("missing field `") {
        return format!(
            "the member \"{}\" is missing here",
            member.trim_end_matches('`')
        );
    }
    said.to_owned()
}

/// Whether what a person wrote on the command line means a file.
#[must_use]
pub fn is_path(name: &str) -> bool {
    name.ends_with(".json") || name.contains(['/', '\\'])
}

/// What to say of a name that no scenario has.
#[must_use]
pub fn no_scenario<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let meant = nearest(name, known).map_or(String::new(), |one| format!(" did you mean {one:?}?"));
    format!("there is no scenario {name:?};{meant} `cargo run -- scenarios` lists them")
}
