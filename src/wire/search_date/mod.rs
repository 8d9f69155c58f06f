//! Dates as search takes them (§search/dates): whatever .NET's en-US `ToString()` writes, and ISO
//! 8601. Without an offset a date is UTC.
//!
//! The text is read word by word, because the forms differ in what stands where: a day of the week
//! may begin it, a month may have a name, AM or PM may follow the time after any kind of blank.

mod words;

use crate::error::{Error, Result};
use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use words::Words;

/// A date, perhaps with a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    day: NaiveDate,
    time: Option<NaiveTime>,
    offset: FixedOffset,
}

/// From a moment to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) begin: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
}

impl Date {
    /// The span that the date means: a day, or a second if it has a time of day.
    pub(super) fn span(self) -> Span {
        match self.time {
            None => self.whole_day(),
            Some(time) => {
                let begin = self.moment(self.day, time);
                Span {
                    begin,
                    end: begin
                        .checked_add_signed(TimeDelta::seconds(1))
                        .unwrap_or(begin),
                }
            }
        }
    }

    /// The whole day in the date's own offset, without regard to a time of day.
    pub(super) fn whole_day(self) -> Span {
        let next = self.day.checked_add_days(Days::new(1)).unwrap_or(self.day);
        Span {
            begin: self.moment(self.day, NaiveTime::MIN),
            end: self.moment(next, NaiveTime::MIN),
        }
    }

    fn moment(self, day: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
        let local = self.offset.from_local_datetime(&day.and_time(time));
        // A fixed offset has each local time once; and years have four digits, so none is out of
        // range.
        local
            .single()
            .map_or(DateTime::UNIX_EPOCH, |moment| moment.to_utc())
    }
}

/// Reads a date.
///
/// # Errors
/// [`Error::Invalid`] if the text is no date; `name` is the member that contains it.
pub(super) fn parse(name: &str, text: &str) -> Result<Date> {
    Words::read(text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let shown = shown.escape_debug();
        let examples = "05/15/2012, 05/15/2012 +06:00, 05/15/2012 22:30:00 +06:00, 5/15/2012 10:30 PM or 2012-05-15T22:30:00Z";
        Error::invalid(format!(
            "`{name}` is `{shown}`, a date as {examples} is expected"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn spans(text: &str, begin: &str, end: &str) {
        let span = parse("OnDate", text).expect(text).span();
        assert_eq!(
            (span.begin, span.end),
            (begin.parse().expect(begin), end.parse().expect(end)),
            "{text}"
        );
    }

    #[test]
    fn the_references_examples() {
        for (text, begin, end) in [
            (
                "05/15/2012 22:30:00 +06:00",
                "2012-05-15T16:30:00Z",
                "2012-05-15T16:30:01Z",
            ),
            (
                "05/15/2012 +06:00",
                "2012-05-14T18:00:00Z",
                "2012-05-15T18:00:00Z",
            ),
            ("05/15/2012", "2012-05-15T00:00:00Z", "2012-05-16T00:00:00Z"),
            (
                " 5/5/2012  1:02:03 -00:30 ",
                "2012-05-05T01:32:03Z",
                "2012-05-05T01:32:04Z",
            ),
            ("02/29/2012", "2012-02-29T00:00:00Z", "2012-03-01T00:00:00Z"),
            (
                "12/31/9999 -14:00",
                "9999-12-31T14:00:00Z",
                "+10000-01-01T14:00:00Z",
            ),
        ] {
            spans(text, begin, end);
        }
    }

    #[test]
    fn whole_days_of_dotnet_and_iso_8601() {
        for text in [
            "11/28/2026",
            "11/28/26",
            "11-28-2026",
            "2026-11-28",
            "2026/11/28",
            "20261128",
            "2026-332",
            "2026-W48-6",
            "Saturday, November 28, 2026",
            "Sat, 28 Nov 2026",
            "28 November 2026",
            "Nov 28, 2026",
            "28-Nov-2026",
        ] {
            spans(text, "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z");
        }
        spans(
            "November 2026",
            "2026-11-01T00:00:00Z",
            "2026-11-02T00:00:00Z",
        );
    }

    #[test]
    fn moments_of_dotnet_and_iso_8601() {
        for text in [
            "11/28/2026 1:05:00 PM",
            "11/28/2026 1:05:00\u{202f}PM",
            "11/28/2026 1:05:00pm",
            "11/28/2026 1:05 PM",
            "11/28/2026 01:05 P",
            "11/28/2026 13:05",
            "11/28/2026 13:05:00",
            "11/28/2026 1:05:00 PM +00:00",
            "11/28/2026 4:05:00 PM +03:00",
            "Saturday, November 28, 2026 1:05 PM",
            "Saturday, November 28, 2026 1:05:00 PM",
            "Sat, 28 Nov 2026 13:05:00 GMT",
            "2026-11-28T13:05:00",
            "2026-11-28t13:05:00z",
            "2026-11-28 13:05:00Z",
            "2026-11-28T13:05",
            "2026-11-28T13:05Z",
            "2026-11-28T13:05:00.0000000Z",
            "2026-11-28T13:05:00.1234567+00:00",
            "2026-11-28T13:05:00,5",
            "2026-11-28T15:05:00+02:00",
            "2026-11-28T15:05:00+0200",
            "2026-11-28T11:05:00-02",
            "2026-11-28T11:05:00\u{2212}02:00",
            "20261128T130500Z",
            "20261128T1305",
            "20261128T130500+0000",
        ] {
            spans(text, "2026-11-28T13:05:00Z", "2026-11-28T13:05:01Z");
        }
        for (text, begin) in [
            ("11/28/2026 12:00:00 AM", "2026-11-28T00:00:00Z"),
            ("11/28/2026 12:00:00 PM", "2026-11-28T12:00:00Z"),
            ("11/28/2026 00:00", "2026-11-28T00:00:00Z"),
            ("2026-11-28T24:00:00Z", "2026-11-29T00:00:00Z"),
            ("1/2/2026 3 AM", "2026-01-02T03:00:00Z"),
        ] {
            let span = parse("OnDate", text).expect(text).span();
            assert_eq!(
                span.begin,
                begin.parse::<DateTime<Utc>>().expect(begin),
                "{text}"
            );
        }
    }

    #[test]
    fn no_dates() {
        for text in [
            "",
            "mm/dd/yyyy",
            "15/05/2012",
            "2012-15-05",
            "02/30/2012",
            "05/15/20120",
            "05/15/0000",
            "05/15",
            "05/15/2012/1",
            "05/15/2012 2012-05-15",
            "05/15/2012 25:00:00",
            "05/15/2012 13:00 AM",
            "05/15/2012 0:60",
            "05/15/2012 10:00:00:00",
            "05/15/2012 AM",
            "05/15/2012 10",
            "05/15/2012 22:30:00 06:00",
            "05/15/2012 +15:00",
            "05/15/2012 +06:00 22:30:00",
            "05/15/2012 +06:00 +06:00",
            "05/15/2012 +",
            "05/15/2012 22:30:00 +06:00 x",
            "05/15/2012 22:30:00 é",
            "٠٥/15/2012",
            "Sunday, November 28, 2026",
            "November",
            "28",
            "2026",
            "2026-11-28T",
            "T13:05",
            "13:05",
            "2026-367",
            "2026-W54-1",
            "20261328",
        ] {
            assert!(parse("OnDate", text).is_err(), "{text}");
        }
    }
}
