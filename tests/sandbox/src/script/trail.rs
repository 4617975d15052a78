//! What CloudTrail and CloudFormation tell of deployments, as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Span, is_default};

/// What CloudTrail is like. Each call that changes something becomes an event, later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Trail {
    /// From a call to its event, at the least; 15 s when absent. The real one takes 2 min.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<Span>,
    /// Up to so much more, by the seed: later events overtake earlier ones. The real one takes up to 6 min.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Span>,
    /// One event in so many is lost; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_one_in: Option<u32>,
    /// One event in so many comes twice; none when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub twice_one_in: Option<u32>,
    /// Refused calls become events too, as with the real one.
    #[serde(skip_serializing_if = "is_default")]
    pub refused: bool,
}

/// By what somebody deploys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Through {
    /// The console, or any tool that calls the service itself.
    #[default]
    Console,
    /// A stack of CloudFormation, which makes the call and tells of it.
    Stack,
    /// Terraform, where a VPC and a logging option are new too: three calls, each a version, each once the one before has ended.
    Terraform,
}

impl From<&Trail> for crate::region::Trail {
    fn from(trail: &Trail) -> Self {
        let usual = Self::default();
        let secs = |span: Option<Span>, usual: u32| {
            span.map_or(usual, |span| {
                u32::try_from(span.0.as_secs()).unwrap_or(u32::MAX)
            })
        };
        Self {
            delay_secs: secs(trail.delay, usual.delay_secs),
            spread_secs: secs(trail.spread, usual.spread_secs),
            lost_one_in: trail.lost_one_in.unwrap_or(usual.lost_one_in),
            twice_one_in: trail.twice_one_in.unwrap_or(usual.twice_one_in),
            refused: trail.refused,
        }
    }
}
