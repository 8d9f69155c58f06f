//! Dates as search takes them (§search/dates): whatever .NET's en-US `ToString()` writes, and ISO
//! 8601. Without an offset a date is UTC.
//!
//! chrono reads each form; the tables here say which there are. Rejected: crates that guess a date
//! from any words (`dateparser`, `dtparse`), because a wrong guess finds the wrong messages.

use crate::error::{Error, Result};
use chrono::format::{Parsed, StrftimeItems, parse_and_remainder};
use chrono::{
    DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
};

/// Bytes of the longest text that is read: no form is half as long.
const LENGTH_MAX: usize = 80;

/// The forms of a date, in the order in which they are tried: the first that the text follows to
/// its end is meant. A year of two digits stands before one of four, which would take it as the
/// year 26.
const DATES: [&str; 17] = [
    "%m/%d/%y",
    "%m/%d/%Y",
    "%m-%d-%Y",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y%m%d",
    ORDINAL,
    "%Y-%m",
    "%G-W%V-%u",
    "%A, %B %d, %Y",
    "%A, %d %B %Y",
    "%B %d, %Y",
    "%B %d %Y",
    "%d %B %Y",
    "%d-%B-%Y",
    "%B %Y",
    "%B, %Y",
];

/// A year and the number of a day in it, of three digits: `2026-11` is a month.
const ORDINAL: &str = "%Y-%j";

/// The forms of a month, which means its first day as in .NET.
const MONTHS: [&str; 3] = ["%B %Y", "%B, %Y", "%Y-%m"];

/// The forms of a time after a blank, and those after ISO 8601's `T`.
const TIMES: [&str; 5] = [
    "%I:%M:%S%.f %p",
    "%I:%M %p",
    "%I %p",
    "%H:%M:%S%.f",
    "%H:%M",
];
const ISO_TIMES: [&str; 5] = ["%H:%M:%S%.f", "%H:%M", "%H%M%S", "%H%M", "%H"];

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
    read(text).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let shown = shown.escape_debug();
        let examples = "05/15/2012, 05/15/2012 +06:00, 05/15/2012 22:30:00 +06:00, 5/15/2012 10:30 PM or 2012-05-15T22:30:00Z";
        Error::invalid(format!(
            "`{name}` is `{shown}`, a date as {examples} is expected"
        ))
    })
}

fn read(text: &str) -> Option<Date> {
    if text.len() > LENGTH_MAX {
        return None;
    }
    let mut text = text.trim().to_uppercase();
    if let Some(utc) = text.strip_suffix("GMT").or(text.strip_suffix("UTC")) {
        text = format!("{utc}Z");
    }
    DATES.iter().find_map(|form| {
        let (mut parsed, rest) = part(&text, form)?;
        if *form == ORDINAL && text.len() - rest.len() != "2026-001".len() {
            return None;
        }
        if MONTHS.contains(form) {
            let has_offset = !rest.is_empty() && !rest.starts_with(char::is_whitespace);
            if has_offset {
                return None;
            }
            parsed.set_day(1).ok()?;
        }
        let mut day = parsed.to_naive_date().ok()?;
        // chrono takes fewer digits for a year too: `November 28` is not in the year 28.
        if form.contains("%Y") && !text.contains(&format!("{:04}", day.year())) {
            return None;
        }
        if form.ends_with("%y") && day.year() >= 2050 {
            // chrono reads two digits as 1970 to 2069, .NET as 1950 to 2049.
            day = day.with_year(day.year() - 100)?;
        }
        after_date(day, rest).filter(|date| (1..=9999).contains(&date.day.year()))
    })
}

/// Reads what stands behind the date: perhaps a time, perhaps an offset.
fn after_date(day: NaiveDate, rest: &str) -> Option<Date> {
    let (rest, times) = match rest.strip_prefix('T') {
        Some(time) => (time, ISO_TIMES),
        // XML's dates have their offset at once.
        None if rest.starts_with(['Z', '+', '-']) => {
            return Some(Date {
                day,
                time: None,
                offset: offset(rest)?,
            });
        }
        None if rest.is_empty() || rest.starts_with(char::is_whitespace) => {
            (rest.trim_start(), TIMES)
        }
        None => return None,
    };
    let is_iso = times == ISO_TIMES;
    // ISO 8601 has midnight at both ends of a day, and a comma before a fraction.
    let ends_day = rest.starts_with("24");
    let rest = if ends_day {
        rest.replacen("24", "00", 1)
    } else {
        rest.to_owned()
    };
    let rest = rest.replace(',', ".");
    let timed = times.iter().find_map(|form| {
        let (mut parsed, rest) = part(&rest, form)?;
        if parsed.minute().is_none() {
            parsed.set_minute(0).ok()?;
        }
        // A second is the finest that a date means.
        let time = parsed.to_naive_time().ok()?.with_nanosecond(0)?;
        Some((time, offset(rest)?))
    });
    match timed {
        Some((NaiveTime::MIN, offset)) if ends_day => Some(Date {
            day: day.checked_add_days(Days::new(1))?,
            time: Some(NaiveTime::MIN),
            offset,
        }),
        Some((time, offset)) if !ends_day => Some(Date {
            day,
            time: Some(time),
            offset,
        }),
        None if !is_iso && !ends_day => Some(Date {
            day,
            time: None,
            offset: offset(&rest)?,
        }),
        _ => None,
    }
}

/// Reads an offset, of 14 hours at most, that is all there is left.
fn offset(text: &str) -> Option<FixedOffset> {
    let text = text.trim_start();
    if text.is_empty() {
        return FixedOffset::east_opt(0);
    }
    let (parsed, rest) = part(text, "%#z")?;
    let offset = parsed.to_fixed_offset().ok()?;
    (rest.is_empty() && offset.local_minus_utc().abs() <= 14 * 3600).then_some(offset)
}

/// Reads what the form says from the beginning of `text`; returns what follows it.
fn part<'a>(text: &'a str, form: &str) -> Option<(Parsed, &'a str)> {
    let mut parsed = Parsed::new();
    let rest = parse_and_remainder(&mut parsed, text, StrftimeItems::new(form)).ok()?;
    Some((parsed, rest))
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
            "Nov 28 2026",
            "2026-11-28Z",
            "2026-11-28+00:00",
            "11/28/2026+00:00",
            "28-Nov-2026",
        ] {
            spans(text, "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z");
        }
        for text in ["November 2026", "November, 2026", "2026-11"] {
            spans(text, "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
        }
    }

    #[test]
    fn moments_of_dotnet_and_iso_8601() {
        for text in [
            "11/28/2026 1:05:00 PM",
            "11/28/2026 1:05:00\u{202f}PM",
            "11/28/2026 1:05:00pm",
            "11/28/2026 1:05:00.123 PM",
            "11/28/2026 1:05 PM",
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
            ("1/1/0001 12:00:00 AM", "0001-01-01T00:00:00Z"),
            ("11/28/49 1:00 AM", "2049-11-28T01:00:00Z"),
            ("11/28/50 1:00 AM", "1950-11-28T01:00:00Z"),
            ("2026-11-05T07Z", "2026-11-05T07:00:00Z"),
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
            "2026-02-30",
            "2026-02-00",
            "2026-13",
            "November 28",
            "November 32",
            "Nov 28",
            "2026-11-28T24:00:01",
            "2026-11-28TX",
            "11/28/2026T",
            "11/28/2026x",
            "2026-W54-1",
            "20261328",
        ] {
            assert!(parse("OnDate", text).is_err(), "{text}");
        }
    }
}
