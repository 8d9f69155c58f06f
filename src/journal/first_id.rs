//! The first event id of a new instance.
//!
//! Many clients keep only the largest id that they saw, and no instance. If the ids of a new
//! instance began at 1, such a client would ask above the newest id after every change of the
//! instance: it was given the same message 105,562 times. So the ids rise over instances too, and
//! over new databases and a move from the vendor's server, because they begin with a time: servers
//! give far less than one event a second over the years. Rejected: milliseconds (their ids leave
//! the 31 bits that clients read) and a file beside the database (a new database has none).

/// Ids that are shown stay below this, because clients read them with `getInt`; there is room for
/// one batch above it.
pub(super) const SHOWN_MAX: i64 = (1 << 31) - 4096;

/// 2020-01-01 UTC in milliseconds since 1970.
const BEGINNING: i64 = 1_577_836_800_000;

/// Returns the first id of an instance that begins at `now` (milliseconds since 1970), where
/// `shown` is the newest id that the database ever showed and `most` the largest that may be shown.
///
/// Above `most` the seconds begin again, whatever was shown. They take half of the ids at most,
/// which they need from 2054 on, so that a new instance has room.
pub(super) fn first_id(shown: i64, now: i64, most: i64) -> i64 {
    let seconds = (now.saturating_sub(BEGINNING) / 1000).clamp(1, (most / 2).max(1));
    if shown < most {
        seconds.max(shown + 1)
    } else {
        seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_begin_above_all_that_were_shown_and_with_the_seconds_at_least() {
        let (most, year) = ((1 << 31) - 4096, 31_536_000_000);
        for (shown, now, first) in [
            (0, BEGINNING + 5_999, 5),
            (4, BEGINNING + 5_999, 5),
            (5, BEGINNING + 5_999, 6),
            (most - 1, BEGINNING + 5_999, most),
            (most, BEGINNING + 5_999, 5),
            (i64::MAX, BEGINNING + 5_999, 5),
            (0, BEGINNING, 1),
            (0, 0, 1),
            (0, i64::MIN, 1),
            (0, BEGINNING + 100 * year, most / 2),
            (0, i64::MAX, most / 2),
        ] {
            assert_eq!(first_id(shown, now, most), first, "{shown} {now}");
        }
    }
}
