//! A function's clock: the machine's; for a function that the sandbox runs in a process of its own, the region's.
//!
//! A region does not live in the machine's time: it opens at a fixed date and an hour of it may take a second. Its Runtime API names each invocation's deadline in the
//! region's time, and the deadline less the time limit is the invocation's start. So the clock is set anew by each invocation and goes on from there with the machine's.
//!
//! Invariant: the variable that asks for this is refused unless the region's endpoint is on loopback, where nothing of AWS can be reached. Were it followed in AWS all the
//! same, deadline less time limit is the start of the invocation there too.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource, TimeSource};

use crate::{Env, SettingError};

/// The function's time limit in milliseconds. Set by the sandbox only.
const TIME_LIMIT: &str = "CLOCK_LOOPBACK_TIME_LIMIT_MS";

/// Which clock.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    Machine,
    Region(RegionClock),
}

impl Clock {
    /// From the environment.
    pub(crate) fn of(env: &Env) -> Result<Self, SettingError> {
        match env.required::<i64>(TIME_LIMIT) {
            Err(SettingError::Missing(_)) => Ok(Self::Machine),
            Ok(_) if !on_loopback(env) => Err(SettingError::Unusable {
                name: TIME_LIMIT,
                value: env.get(TIME_LIMIT).unwrap_or_default().to_owned(),
                why:
                    "only a function whose AWS_ENDPOINT_URL is on loopback may live in another time"
                        .to_owned(),
            }),
            read => read.map(|time_limit_ms| {
                Self::Region(RegionClock {
                    time_limit_ms,
                    ahead_ms: Arc::default(),
                })
            }),
        }
    }

    pub(crate) fn source(&self) -> SharedTimeSource {
        match self {
            Self::Machine => SharedTimeSource::new(SystemTimeSource::new()),
            Self::Region(clock) => SharedTimeSource::new(clock.clone()),
        }
    }

    /// An invocation began that must end at `deadline_ms`.
    pub(crate) fn meet(&self, deadline_ms: u64) {
        if let Self::Region(clock) = self {
            let start = i64::try_from(deadline_ms)
                .unwrap_or(i64::MAX)
                .saturating_sub(clock.time_limit_ms);
            clock
                .ahead_ms
                .store(start.saturating_sub(machine_ms()), Ordering::Relaxed);
        }
    }
}

/// The region's clock, as far ahead of the machine's as the last invocation told; behind when negative.
#[derive(Clone, Debug)]
pub(crate) struct RegionClock {
    time_limit_ms: i64,
    ahead_ms: Arc<AtomicI64>,
}

impl TimeSource for RegionClock {
    fn now(&self) -> SystemTime {
        let now = machine_ms().saturating_add(self.ahead_ms.load(Ordering::Relaxed));
        UNIX_EPOCH + Duration::from_millis(now.max(0).unsigned_abs())
    }
}

fn machine_ms() -> i64 {
    let since = SystemTimeSource::new()
        .now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn on_loopback(env: &Env) -> bool {
    let host = env
        .get("AWS_ENDPOINT_URL")
        .and_then(|url| url.strip_prefix("http://"))
        .and_then(|rest| rest.split(['/', ':']).next());
    host.is_some_and(|host| {
        host == "localhost"
            || host
                .parse()
                .is_ok_and(|address: IpAddr| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-04T02:47:00Z.
    const REGION_MS: u64 = 1_772_592_420_000;

    fn env(limit: &str, endpoint: &str) -> Env {
        [(TIME_LIMIT, limit), ("AWS_ENDPOINT_URL", endpoint)]
            .into_iter()
            .collect()
    }

    fn ms(clock: &Clock) -> u128 {
        clock
            .source()
            .now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis()
    }

    #[test]
    fn an_invocation_begins_its_time_limit_before_its_deadline() {
        let clock = Clock::of(&env("60000", "http://127.0.0.1:4566")).unwrap();
        clock.meet(REGION_MS + 60_000);
        // The machine's clock goes on between the two lines, and not for a minute.
        assert!(
            (u128::from(REGION_MS)..u128::from(REGION_MS) + 60_000).contains(&ms(&clock)),
            "{}",
            ms(&clock)
        );
        clock.meet(REGION_MS + 3_660_000);
        assert!(
            ms(&clock) >= u128::from(REGION_MS) + 3_600_000,
            "an hour later the clock is set anew"
        );
    }

    #[test]
    fn without_the_variable_time_is_the_machines_whatever_the_deadline() {
        let clock = Clock::of(&env("", "http://127.0.0.1:4566")).unwrap();
        clock.meet(60_000);
        assert!(matches!(clock, Clock::Machine) && ms(&clock) > 60_000);
    }

    #[test]
    fn elsewhere_than_on_loopback_the_variable_fails_the_init() {
        for endpoint in [
            "",
            "https://127.0.0.1:1",
            "http://10.0.0.1:4566",
            "https://kinesisanalytics.us-east-1.amazonaws.com",
            "http://127.0.0.1.example.com",
        ] {
            let refused = Clock::of(&env("60000", endpoint)).map(|_| ()).unwrap_err();
            assert!(
                refused.to_string().contains(TIME_LIMIT),
                "{endpoint}: {refused}"
            );
        }
        assert!(Clock::of(&env("soon", "http://127.0.0.1:4566")).is_err());
    }
}
