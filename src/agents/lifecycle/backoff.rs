//! How long a pause is after a failure.

use crate::backend::{BackendError, BackendErrorKind};
use std::time::Duration;

/// The longest pause between two tries, unless the login was refused.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// The pauses after a refused login; the last one holds from then on. Directories lock an account
/// after a few wrong passwords within half an hour.
const REFUSED: [Duration; 3] = [
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
    Duration::from_secs(30 * 60),
];

/// A random pause (full jitter) of at most 1 s, 2 s, 4 s … 60 s. `attempt` counts failures from 1,
/// `dice` is random.
pub(in super::super) fn backoff(attempt: u32, dice: u64) -> Duration {
    let ceiling = PAUSE_MAX.min(Duration::from_secs(1 << attempt.saturating_sub(1).min(6)));
    let millis = ceiling.as_millis() as u64;
    Duration::from_millis(dice % (millis + 1))
}

/// The pause after a sign-in or a dial that failed. A refused login is retried for ever too, after
/// 5, 15, then every 30 minutes; `attempt` counts failures from 1.
pub(in super::super) fn pause_after(error: &BackendError, attempt: u32, dice: u64) -> Duration {
    match error.kind {
        BackendErrorKind::RetryAfter(pause) => pause.min(PAUSE_MAX * 10),
        BackendErrorKind::Unreachable
        | BackendErrorKind::Protocol
        | BackendErrorKind::OutcomeUnknown => backoff(attempt, dice),
        BackendErrorKind::Refused => {
            let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
            REFUSED[index.min(REFUSED.len() - 1)]
        }
        _ => PAUSE_MAX,
    }
}

/// The pause after a join that failed: back-off for a passing reason, none for a refusal, which
/// waits for an administrator.
pub(in super::super) fn after_join(
    error: &BackendError,
    attempt: u32,
    dice: u64,
) -> Option<Duration> {
    error
        .is_passing()
        .then(|| pause_after(error, attempt, dice))
}

/// Eight random bytes; zero if the system has none, which only makes retries immediate.
pub(in super::super) fn dice() -> u64 {
    getrandom::u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_to_a_minute() {
        let ceilings: Vec<u64> = (1..=8)
            .map(|attempt| backoff(attempt, u64::MAX).as_millis() as u64)
            .collect();
        for (got, most) in ceilings
            .iter()
            .zip([1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000])
        {
            assert!(*got <= most, "{got} > {most}");
        }
        assert_eq!(backoff(7, 60_000), Duration::from_secs(60));
        assert_eq!(backoff(1, 1_000), Duration::from_secs(1));
        assert_eq!(backoff(3, 0), Duration::ZERO);
    }

    #[test]
    fn a_refused_login_waits_for_minutes_and_a_refused_join_for_an_administrator() {
        let refused = BackendError::refused("no");
        for (attempt, minutes) in [(0, 5), (1, 5), (2, 15), (3, 30), (4, 30), (u32::MAX, 30)] {
            let pause = Duration::from_secs(minutes * 60);
            assert_eq!(pause_after(&refused, attempt, 5), pause);
        }
        let other = BackendError::new(BackendErrorKind::Unsupported, "no");
        assert_eq!(pause_after(&other, 1, 5), Duration::from_secs(60));
        assert_eq!(after_join(&refused, 1, 5), None);
        let down = BackendError::unreachable("down");
        assert_eq!(after_join(&down, 1, 7), Some(Duration::from_millis(7)));
        let asked = BackendError::new(
            BackendErrorKind::RetryAfter(Duration::from_secs(9)),
            "slow down",
        );
        assert_eq!(pause_after(&asked, 1, 0), Duration::from_secs(9));
    }
}
