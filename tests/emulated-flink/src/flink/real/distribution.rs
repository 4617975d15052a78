//! Where real Flink is found: a folder of jars that a script has prepared, and this machine's Java.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Versions of Flink that are prepared, by the service's runtime.
const VERSIONS: [(&str, &str, &str); 3] = [
    ("FLINK-1_20", "1.20", "1.20.5"),
    ("FLINK-2_2", "2.2", "2.2.1"),
    ("FLINK-2_3", "2.3", "2.3.0"),
];
/// Versions of Java that run all of them.
const JAVA: std::ops::RangeInclusive<u32> = 17..=21;
/// Makes the folders.
const SCRIPT: &str = "tests/engines/flink/prepare";

/// Why real Flink cannot be had; each says what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPrepared {
    /// No such runtime.
    #[error("{0} cannot be had as real Flink; FLINK-1_20, FLINK-2_2 and FLINK-2_3 can")]
    Runtime(String),
    /// The jars or the job are not there.
    #[error(
        "Flink {version} is not prepared under {folder}; this does it, once, from PyPI: {SCRIPT} {minor}"
    )]
    Distribution {
        /// `1.20.5`.
        version: String,
        /// `1.20`.
        minor: String,
        /// Where it was looked for.
        folder: String,
    },
    /// Java is not there or not the right one.
    #[error("real Flink needs Java 17: {0}")]
    Java(String),
}

/// A prepared version of Flink.
#[derive(Clone, Debug)]
pub(super) struct Distribution {
    folder: PathBuf,
    java: PathBuf,
}

impl Distribution {
    /// The distribution for a runtime, complete, with a Java that runs it.
    pub(super) fn find(runtime: &str) -> Result<Self, NotPrepared> {
        let found = VERSIONS.iter().find(|(name, ..)| *name == runtime);
        let (_, minor, version) = found.ok_or_else(|| NotPrepared::Runtime(runtime.to_owned()))?;
        let folder = engines().join(format!("flink-{version}"));
        if !["lib", "job.jar", "tether.jar", "built"]
            .iter()
            .all(|part| folder.join(part).exists())
        {
            let folder = folder.display().to_string();
            return Err(NotPrepared::Distribution {
                version: (*version).to_owned(),
                minor: (*minor).to_owned(),
                folder,
            });
        }
        let java = java()?;
        Ok(Self { folder, java })
    }

    #[cfg(test)]
    pub(super) fn with(folder: PathBuf, java: PathBuf) -> Self {
        Self { folder, java }
    }

    pub(super) fn java(&self) -> &Path {
        &self.java
    }

    pub(super) fn job(&self) -> PathBuf {
        self.folder.join("job.jar")
    }

    /// Flink's own jars and the tether; not the job, which each cluster is given by its API.
    pub(super) fn class_path(&self) -> String {
        format!(
            "{}/*:{}",
            self.folder.join("lib").display(),
            self.folder.join("tether.jar").display()
        )
    }
}

/// Where what is prepared and what is run lies.
pub(super) fn engines() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap_or(root).join("target/engines")
}

/// `$JAVA_HOME/bin/java`, else the one in the path.
fn java() -> Result<PathBuf, NotPrepared> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a convention of Java's tools, not a setting of this project"
    )]
    let home = std::env::var("JAVA_HOME")
        .ok()
        .filter(|home| !home.is_empty());
    let java = home.map_or_else(
        || PathBuf::from("java"),
        |home| Path::new(&home).join("bin/java"),
    );
    let told = Command::new(&java).arg("-version").output();
    let told = told.map_err(|error| {
        NotPrepared::Java(format!("{} cannot be started: {error}", java.display()))
    })?;
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    match version(&text) {
        Some(version) if JAVA.contains(&version) => Ok(java),
        _ => Err(NotPrepared::Java(format!(
            "{} is {}",
            java.display(),
            text.lines().next().unwrap_or("silent about its version")
        ))),
    }
}

/// The major version in what `java -version` says: `openjdk version "17.0.15" 2025-04-15`; of Java 8 it is `1`, which is as wrong.
fn version(text: &str) -> Option<u32> {
    let quoted = text.split('"').nth(1)?;
    quoted
        .split(|letter: char| !letter.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_java_says() {
        for (text, major) in [
            (
                "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment",
                Some(17),
            ),
            ("java version \"1.8.0_401\"", Some(1)),
            ("openjdk version \"21-ea\" 2023-09-19", Some(21)),
            ("command not found", None),
            ("", None),
        ] {
            assert_eq!(version(text), major, "{text}");
        }
    }

    #[test]
    fn an_error_says_what_to_run() {
        let missing = NotPrepared::Distribution {
            version: "2.2.1".into(),
            minor: "2.2".into(),
            folder: "target/engines/flink-2.2.1".into(),
        };
        assert!(
            missing
                .to_string()
                .ends_with("tests/engines/flink/prepare 2.2"),
            "{missing}"
        );
        assert_eq!(
            Distribution::find("FLINK-1_15").unwrap_err(),
            NotPrepared::Runtime("FLINK-1_15".into())
        );
    }
}
