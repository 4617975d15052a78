//! The files of this repository, and what wrong ones are told.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn all() -> impl Iterator<Item = (&'static str, &'static Script)> {
    let own = CATALOGUE
        .iter()
        .chain(FLINK.iter())
        .chain(SNAPSHOTS.iter())
        .chain(SWEEPS.iter());
    own.map(|script| ("", script))
        .chain(INPUTS.iter().map(|script| ("inputs/", script)))
        .chain(TROUBLES.iter().map(|script| ("troubles/", script)))
        .chain(VERDICTS.iter().map(|script| ("verdicts/", script)))
        .chain(DYING.iter().map(|script| ("dying/", script)))
        .chain(EXAMPLES.iter().map(|script| ("examples/", script)))
}

#[test]
fn every_file_of_the_folder_is_in_a_list_under_its_own_name() {
    let listed: BTreeSet<String> = all()
        .map(|(folder, script)| format!("{folder}{}.json", script.name))
        .collect();
    let mut there = BTreeSet::new();
    for sub in [
        "",
        "inputs/",
        "troubles/",
        "verdicts/",
        "dying/",
        "examples/",
    ] {
        for entry in fs::read_dir(folder().join(sub)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".json") && name != "scenario.schema.json" {
                there.insert(format!("{sub}{name}"));
            }
        }
    }
    assert_eq!(listed, there);
}

#[test]
fn the_schema_is_that_of_the_types() {
    let file = folder().join("scenario.schema.json");
    let is = fs::read_to_string(&file).unwrap_or_default();
    if is != schema() {
        let told = std::env::temp_dir().join("scenario.schema.json");
        fs::write(&told, schema()).unwrap();
        panic!(
            "the types have changed: look at {}, and copy it to {}",
            told.display(),
            file.display()
        );
    }
}

#[test]
fn what_is_read_is_written_and_read_again_as_the_same() {
    for (_, script) in all() {
        assert_eq!(&read(&script.name, &script.json()).unwrap(), script);
    }
}

#[test]
fn times_are_read_as_people_write_them_and_written_back() {
    for (text, written) in [
        ("2 min", "2 min"),
        ("6 h 30 min", "6 h 30 min"),
        ("150 s", "2 min 30 s"),
        ("5 days", "5 d"),
        ("480ms", "480 ms"),
        ("330 min", "5 h 30 min"),
        ("0 s", "0 s"),
    ] {
        let span: Span = text.parse().unwrap();
        assert_eq!(span.to_string(), written);
        assert_eq!(written.parse(), Ok(span), "{written}");
    }
    for wrong in ["", "5", "five minutes", "-5 s", "2 months", "PT5S"] {
        assert!(wrong.parse::<Span>().is_err(), "{wrong}");
    }
}

#[test]
fn every_play_beside_the_catalogue_ends_as_written() {
    let inputs_and_troubles = INPUTS.iter().chain(TROUBLES.iter());
    for play in inputs_and_troubles
        .chain(DYING.iter())
        .chain(EXAMPLES.iter())
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let played = runtime.block_on(crate::scenario::play(play, 1)).unwrap();
        assert!(
            played.rehearsal.is_as_it_should_be(),
            "{}: {:#?}",
            play.name,
            played.rehearsal.complaints
        );
    }
}

/// The fenced blocks of the documentation: the language, the text.
fn blocks() -> Vec<(String, String)> {
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut blocks = Vec::new();
    for block in page.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap();
        blocks.push((language.to_owned(), text.to_owned()));
    }
    blocks
}

#[test]
fn the_documentation_shows_the_example_that_is_played() {
    let example = fs::read_to_string(folder().join("examples/orders-twice-a-day.json")).unwrap();
    assert!(blocks().iter().any(|(_, text)| *text == example));
}

#[test]
fn wrong_files_are_told_what_the_documentation_says() {
    let mut wrong = 0;
    for pair in blocks().windows(2) {
        let [(_, file), (language, told)] = pair else {
            continue;
        };
        if language == "text" {
            let error = read("mine.json", file).unwrap_err();
            assert_eq!(error.to_string(), told.trim_end());
            wrong += 1;
        }
    }
    assert_eq!(wrong, 3);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let step = |step: &str| format!("{{ \"name\": \"mine\", \"happens\": [\n  {step}\n] }}");
    let world = |world: &str| format!("{{ \"name\": \"mine\",\n  \"world\": {world} }}");
    for (file, place, words) in [
        ("{".to_owned(), "1:1", "this is no JSON"),
        ("{}".to_owned(), "1:1", "a scenario needs a name"),
        (
            world("{ \"aplications\": [] }"),
            "2:26",
            "did you mean \"applications\"?",
        ),
        (
            world("{ \"applications\": [{}] }"),
            "2:31",
            "\"like\": \"orders\"",
        ),
        (
            world(
                "{ \"applications\": [{ \"versions\": [{ \"code\": \"x.jar\", \"age\": \"1 d\" }] }] }",
            ),
            "2:56",
            "there is no code \"x.jar\"",
        ),
        (
            step("{ \"application\": \"oders\", \"do\": \"rollback\" }"),
            "2:20",
            "did you mean \"orders\"?",
        ),
        (
            world("{ \"trail\": { \"lostOneIn\": 0 } }"),
            "2:38",
            "0 never comes",
        ),
        (
            step("{ \"when\": { \"once\": {} } }"),
            "2:23",
            "waits for exactly one thing",
        ),
        (
            step("{ \"when\": { \"once\": { \"status\": \"READDY\" } } }"),
            "2:35",
            "did you mean \"READY\"?",
        ),
        (
            step("{ \"when\": { \"task\": { \"state\": \"Rollback\" } } }"),
            "2:34",
            "did you mean \"RollBack\"?",
        ),
        (
            step("{ \"when\": { \"state\": { \"name\": \"Look\", \"nth\": 0 } } }"),
            "2:49",
            "0 never comes",
        ),
        (
            step("{ \"do\": { \"dependency\": { \"name\": \"broker\", \"up\": false } } }"),
            "2:37",
            "no code of this world has \"needs\"",
        ),
        (
            step(
                "{ \"do\": { \"inject\": { \"fault\": \"throttle\", \"which\": { \"nth\": 0 } } } }",
            ),
            "2:55",
            "0 never comes",
        ),
        (
            step("{ \"do\": { \"tellOfStack\": { \"status\": \"UPDATE_COMPLETED\" } } }"),
            "2:40",
            "did you mean \"UPDATE_COMPLETE\"?",
        ),
        (
            step("{ \"when\": { \"then\": 5 } }"),
            "2:23",
            "5 is no time",
        ),
    ] {
        let error = read("mine.json", &file).unwrap_err();
        assert!(error.sentence.contains(words), "{file}: {error}");
        let (line, column) = error.at.unwrap();
        assert_eq!(format!("{line}:{column}"), place, "{file}: {error}");
    }
}
