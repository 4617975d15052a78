//! The presigned URL, a bearer secret, and the hosts it may lead to.

use std::{fmt, sync::Arc};

use http::{Uri, uri::Scheme};
use lambda_kit::{Env, SettingError};

use super::error::RestProblem;

/// Hosts that AWS serves dashboards from.
const AWS_SUFFIXES: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];

/// A presigned URL. It has no `Display` and no `Serialize`, and its `Debug` does not show it: whoever has it has the job.
#[derive(Clone)]
pub struct PresignedUrl(String);

impl PresignedUrl {
    /// Wraps the URL as the service gave it.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Its parts. The query stays exactly as received: whether the token is percent-encoded is not documented.
    pub(super) fn parts(&self, rule: HostRule) -> Result<Place, RestProblem> {
        let uri: Uri = self.0.parse().map_err(|_| RestProblem::Unparsable)?;
        Place::of(&uri, rule)
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresignedUrl(…)")
    }
}

/// Which hosts may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HostRule {
    /// AWS's, over TLS.
    #[default]
    Aws,
    /// Also this machine itself, over plain HTTP: the sandbox.
    AwsOrLoopback,
}

impl HostRule {
    /// From the setting `FLINK_REST_LOOPBACK` (`true` or `false`, `false` when unset).
    ///
    /// # Errors
    /// When the setting is neither.
    pub fn of(env: &Env) -> Result<Self, SettingError> {
        Ok(if env.or("FLINK_REST_LOOPBACK", false)? {
            Self::AwsOrLoopback
        } else {
            Self::Aws
        })
    }

    fn allows(self, uri: &Uri) -> bool {
        let (Some(scheme), Some(authority), Some(host)) =
            (uri.scheme(), uri.authority(), uri.host())
        else {
            return false;
        };
        if authority.as_str().contains('@') {
            return false;
        }
        let host = host.to_ascii_lowercase();
        let is_aws =
            *scheme == Scheme::HTTPS && AWS_SUFFIXES.iter().any(|suffix| host.ends_with(suffix));
        let is_loopback =
            *scheme == Scheme::HTTP && matches!(host.as_str(), "127.0.0.1" | "localhost" | "[::1]");
        is_aws || (self == Self::AwsOrLoopback && is_loopback)
    }
}

/// Where to call: scheme and host, path without a trailing slash, query.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// `https://host`.
    pub(super) origin: Arc<str>,
    /// `/flinkdashboard`.
    pub(super) path: String,
    /// `authToken=…`, exactly as received.
    pub(super) query: Option<String>,
}

impl Place {
    fn of(uri: &Uri, rule: HostRule) -> Result<Self, RestProblem> {
        if !rule.allows(uri) {
            return Err(RestProblem::WrongHost);
        }
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(RestProblem::Unparsable);
        };
        Ok(Self {
            origin: format!("{scheme}://{}", authority.as_str().to_ascii_lowercase()).into(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
        })
    }

    /// The place itself.
    pub(super) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}{}?{query}", self.origin, self.path),
            None => format!("{}{}", self.origin, self.path),
        }
    }

    /// Where a redirect from here leads. Another host is refused: the token and the cookies are for this one.
    pub(super) fn redirected(&self, location: &str, rule: HostRule) -> Result<Self, RestProblem> {
        let absolute = if location.contains("://") {
            location.to_owned()
        } else if location.starts_with("//") {
            return Err(RestProblem::WrongHost);
        } else if location.starts_with('/') {
            format!("{}{location}", self.origin)
        } else {
            let directory = self
                .path
                .rsplit_once('/')
                .map_or("", |(directory, _)| directory);
            format!("{}{directory}/{location}", self.origin)
        };
        let uri: Uri = absolute.parse().map_err(|_| RestProblem::Unparsable)?;
        let next = Self::of(&uri, rule)?;
        if next.origin == self.origin {
            Ok(next)
        } else {
            Err(RestProblem::WrongHost)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(url: &str, rule: HostRule) -> bool {
        PresignedUrl::new(url).parts(rule).is_ok()
    }

    #[test]
    fn only_aws_over_tls_is_allowed_and_this_machine_where_configured() {
        for (url, aws, loopback) in [
            (
                "https://abc.flink.us-east-1.amazonaws.com/flinkdashboard?authToken=x",
                true,
                true,
            ),
            (
                "https://abc.cn-north-1.amazonaws.com.cn/flinkdashboard?authToken=x",
                true,
                true,
            ),
            (
                "http://abc.us-east-1.amazonaws.com/flinkdashboard?authToken=x",
                false,
                false,
            ),
            (
                "https://amazonaws.com.evil.example/flinkdashboard",
                false,
                false,
            ),
            ("https://evilamazonaws.com/flinkdashboard", false, false),
            ("https://a.amazonaws.com@evil.example/", false, false),
            ("https://me:pw@a.amazonaws.com/", false, false),
            (
                "http://127.0.0.1:8081/flinkdashboard?authToken=x",
                false,
                true,
            ),
            ("http://localhost:8081/flinkdashboard", false, true),
            ("http://[::1]:8081/flinkdashboard", false, true),
            ("http://127.0.0.1.evil.example/", false, false),
            ("/flinkdashboard", false, false),
        ] {
            assert_eq!(
                (
                    allowed(url, HostRule::Aws),
                    allowed(url, HostRule::AwsOrLoopback)
                ),
                (aws, loopback),
                "{url}"
            );
        }
    }

    #[test]
    fn the_token_stays_exactly_as_received() {
        let place =
            PresignedUrl::new("https://a.amazonaws.com/flinkdashboard?authToken=a%2Bb+c/d==&x=1")
                .parts(HostRule::Aws)
                .unwrap();
        assert_eq!(place.query.as_deref(), Some("authToken=a%2Bb+c/d==&x=1"));
    }

    #[test]
    fn a_redirect_stays_on_the_host() {
        let place = PresignedUrl::new("https://a.amazonaws.com/flinkdashboard?authToken=t")
            .parts(HostRule::Aws)
            .unwrap();
        for (location, expected) in [
            (
                "/flinkdashboard/",
                Ok("https://a.amazonaws.com/flinkdashboard/"),
            ),
            (
                "flinkdashboard/",
                Ok("https://a.amazonaws.com/flinkdashboard/"),
            ),
            (
                "https://A.amazonaws.com/x?y=1",
                Ok("https://a.amazonaws.com/x?y=1"),
            ),
            ("https://b.amazonaws.com/x", Err(RestProblem::WrongHost)),
            ("//evil.example/x", Err(RestProblem::WrongHost)),
            ("http://a.amazonaws.com/x", Err(RestProblem::WrongHost)),
        ] {
            assert_eq!(
                place
                    .redirected(location, HostRule::Aws)
                    .map(|next| next.target()),
                expected.map(str::to_owned),
                "{location}"
            );
        }
    }

    #[test]
    fn debug_does_not_show_the_url() {
        assert!(
            !format!(
                "{:?}",
                PresignedUrl::new("https://a.amazonaws.com/f?authToken=marker")
            )
            .contains("marker")
        );
    }
}
