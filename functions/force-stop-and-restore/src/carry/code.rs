//! The code: where it lies, or its text. Code that was uploaded with a request is not given out again.

use managed_flink::sdk::{
    ApplicationCodeConfigurationDescription, ApplicationCodeConfigurationUpdate, CodeContentUpdate,
    S3ContentLocationUpdate,
};

use super::{Described, Part, obstacle};

const PART: &str = "code";

/// The update of the code.
pub(super) fn update(
    current: Described<'_>,
    target: Described<'_>,
) -> Part<ApplicationCodeConfigurationUpdate> {
    let (before, after) = match (Code::in_version(current), Code::in_version(target)) {
        (None, None) => return Ok(None),
        (before, Some(after)) => (before.unwrap_or_default(), after),
        (Some(_), None) => return obstacle(PART, "the good version does not describe it"),
    };
    if before.place() == after.place() {
        return if before.is_other_content(&after) {
            obstacle(PART, after.why_lost())
        } else {
            Ok(None)
        };
    }
    let content = match (after.text, after.s3) {
        (Some(text), _) => CodeContentUpdate::builder()
            .text_content_update(text)
            .build(),
        (None, Some(s3)) => {
            // An update that leaves the object version out keeps it, or does not: that is not documented.
            if s3.object_version.is_none()
                && before.s3.is_some_and(|s3| s3.object_version.is_some())
            {
                return obstacle(
                    PART,
                    "the good version names no S3 object version, and an update cannot take the present one away",
                );
            }
            let location = S3ContentLocationUpdate::builder()
                .bucket_arn_update(s3.bucket)
                .file_key_update(s3.key)
                .set_object_version_update(s3.object_version.map(str::to_owned));
            CodeContentUpdate::builder()
                .s3_content_location_update(location.build())
                .build()
        }
        (None, None) => {
            return obstacle(
                PART,
                "it was uploaded with a request, and the service does not give it out again",
            );
        }
    };
    let content_type = after.content_type.map(|it| it.as_str().into());
    Ok(Some(
        ApplicationCodeConfigurationUpdate::builder()
            .set_code_content_type_update(content_type)
            .code_content_update(content)
            .build(),
    ))
}

/// The code as a version describes it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Code<'a> {
    content_type: Option<&'a managed_flink::sdk::CodeContentType>,
    text: Option<&'a str>,
    s3: Option<Location<'a>>,
    md5: Option<&'a str>,
    size: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Location<'a> {
    bucket: &'a str,
    key: &'a str,
    object_version: Option<&'a str>,
}

impl<'a> Code<'a> {
    fn in_version(configuration: Described<'a>) -> Option<Self> {
        configuration?
            .application_code_configuration_description()
            .map(Self::of)
    }

    fn of(described: &'a ApplicationCodeConfigurationDescription) -> Self {
        let content = described.code_content_description();
        let s3 = content.and_then(|it| it.s3_application_code_location_description());
        Self {
            content_type: Some(described.code_content_type()),
            text: content.and_then(|it| it.text_content()),
            s3: s3.map(|it| Location {
                bucket: it.bucket_arn(),
                key: it.file_key(),
                object_version: it.object_version(),
            }),
            md5: content.and_then(|it| it.code_md5()),
            size: content.and_then(|it| it.code_size()),
        }
    }

    /// What an update can say; checksum and size follow from it.
    fn place(&self) -> Self {
        Self {
            md5: None,
            size: None,
            ..*self
        }
    }

    /// Whether checksum or size show that the same place holds something else. What is not described does not.
    fn is_other_content(&self, other: &Self) -> bool {
        fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
            matches!((one, other), (Some(one), Some(other)) if one != other)
        }
        differ(self.md5, other.md5) || differ(self.size, other.size)
    }

    fn why_lost(&self) -> &'static str {
        match self.s3 {
            Some(_) => {
                "the object at the same place in S3 has another checksum or size now, so the good version's code is not there any more"
            }
            None => "it was uploaded with a request, and the service does not give it out again",
        }
    }
}
