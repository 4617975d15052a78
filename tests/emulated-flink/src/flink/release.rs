//! The release of Flink behind a runtime: which members its answers have.

/// A release of Flink, `1.20`; later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release(pub(super) u8, pub(super) u8);

impl Release {
    /// The first in which the exponential delay merges failures that come close together.
    pub(super) const MERGING: Self = Self(1, 19);
    /// The first that says whether a job is a batch job.
    pub(super) const WITH_JOB_TYPE: Self = Self(1, 20);
    /// The first that names the slot-sharing group of a vertex and the endpoint of a subtask.
    pub(super) const WITH_ENDPOINT: Self = Self(1, 19);
    /// The first of Flink 2.
    pub(super) const TWO: Self = Self(2, 0);
    /// The first that names the scheduler of a job.
    pub(super) const WITH_SCHEDULER: Self = Self(2, 3);

    /// The release of a runtime, `FLINK-1_20`; what cannot be read is 1.20.
    pub(super) fn of(runtime: &str) -> Self {
        let numbers = runtime
            .strip_prefix("FLINK-")
            .and_then(|release| release.split_once('_'));
        numbers
            .and_then(|(major, minor)| Some(Self(major.parse().ok()?, minor.parse().ok()?)))
            .unwrap_or(Self(1, 20))
    }

    /// How Flink names itself, and the commit that it was built from.
    pub(super) fn version(self) -> (String, &'static str) {
        let Self(major, minor) = self;
        let commit = if self >= Self::TWO {
            "450c63e"
        } else {
            "0980485"
        };
        (format!("{major}.{minor}.0"), commit)
    }
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn a_runtime_names_its_release() {
        assert_eq!(
            ["FLINK-1_18", "FLINK-2_3", "SQL-1_0"].map(Release::of),
            [Release(1, 18), Release(2, 3), Release(1, 20)]
        );
        assert!(Release::of("FLINK-1_20") < Release::TWO);
    }
}
