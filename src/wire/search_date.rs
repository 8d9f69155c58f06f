//! Dates as search takes them: `MM/dd/yyyy[ HH:mm:ss][ ±hh:mm]`, en-US, UTC when no offset is given
//! (§search/dates).

use crate::error::{Error, Result};
use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};

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
        let examples = "05/15/2012, 05/15/2012 +06:00 or 05/15/2012 22:30:00 +06:00";
        Error::invalid(format!(
            "`{name}` is `{shown}`, a date as {examples} is expected"
        ))
    })
}

fn read(text: &str) -> Option<Date> {
    let mut words = text.split_whitespace().peekable();
    let [month, day, year] = numbers(words.next()?, '/')?;
    let time = match words.next_if(|word| !word.starts_with(['+', '-'])) {
        Some(word) => {
            let [hour, minute, second] = numbers(word, ':')?;
            Some(NaiveTime::from_hms_opt(hour, minute, second)?)
        }
        None => None,
    };
    let seconds_east = match words.next() {
        Some(word) => {
            let west = word.strip_prefix('-');
            let [hours, minutes] = numbers(west.or_else(|| word.strip_prefix('+'))?, ':')?;
            let seconds = i32::try_from(
                (hours <= 14 && minutes < 60).then_some(hours * 3600 + minutes * 60)?,
            )
            .ok()?;
            if west.is_some() { -seconds } else { seconds }
        }
        None => 0,
    };
    let day = NaiveDate::from_ymd_opt(
        i32::try_from(year).ok().filter(|year| *year >= 1)?,
        month,
        day,
    )?;
    words.next().is_none().then_some(Date {
        day,
        time,
        offset: FixedOffset::east_opt(seconds_east)?,
    })
}

/// Exactly that many numbers of one to four digits.
fn numbers<const N: usize>(word: &str, separator: char) -> Option<[u32; N]> {
    let number = |text: &str| {
        let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse().ok()).flatten()
    };
    word.split(separator)
        .map(number)
        .collect::<Option<Vec<u32>>>()?
        .try_into()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let span = parse("OnDate", text).expect(text).span();
            assert_eq!(
                (span.begin, span.end),
                (begin.parse().expect(begin), end.parse().expect(end)),
                "{text}"
            );
        }
    }

    #[test]
    fn no_dates() {
        for text in [
            "",
            "mm/dd/yyyy",
            "2012-05-15",
            "15/05/2012",
            "02/30/2012",
            "05/15/20120",
            "05/15/0000",
            "05/15",
            "05/15/2012/1",
            "05/15/2012 22:30",
            "05/15/2012 25:00:00",
            "05/15/2012 22:30:00 06:00",
            "05/15/2012 +15:00",
            "05/15/2012 +06:00 22:30:00",
            "05/15/2012 +",
            "05/15/2012 22:30:00 +06:00 x",
            "05/15/2012 22:30:00 é",
            "٠٥/15/2012",
        ] {
            assert!(parse("OnDate", text).is_err(), "{text}");
        }
    }
}
