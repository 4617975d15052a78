//! A metric that nobody counts is a line in a dashboard that stays flat while everything burns: each name must occur in some function's code.

use std::{fs, path::Path};

use lambda_kit::Metric;

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("readable"));
        }
    }
}

#[test]
fn every_metric_is_counted_by_some_function() {
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
    let mut text = String::new();
    for function in fs::read_dir(functions).expect("the folder is there") {
        sources(&function.expect("readable").path().join("src"), &mut text);
    }
    for metric in Metric::ALL {
        assert!(
            text.contains(&format!("Metric::{metric:?}")),
            "no function counts {metric:?}"
        );
    }
}
