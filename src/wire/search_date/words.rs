//! The words of a date, read from left to right.

use super::Date;
use chrono::{Datelike, Days, FixedOffset, NaiveDate, NaiveTime, Weekday};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Bytes of the longest text that is read: no form is half as long.
const LENGTH_MAX: usize = 80;

/// What the words so far have said.
#[derive(Default)]
pub(super) struct Words {
    date: Option<NaiveDate>,
    /// The parts of a date whose month has a name.
    month: Option<u32>,
    day: Option<u32>,
    year: Option<i32>,
    weekday: Option<Weekday>,
    /// Hour, minute and second.
    time: Option<[u32; 3]>,
    /// A time without minutes, which AM or PM must follow.
    is_bare_hour: bool,
    /// Whether PM was said; `None` if neither AM nor PM was.
    afternoon: Option<bool>,
    offset: Option<FixedOffset>,
}

impl Words {
    /// The date that `text` says, if it is one.
    pub(super) fn read(text: &str) -> Option<Date> {
        if text.len() > LENGTH_MAX {
            return None;
        }
        let text = text.to_lowercase().replace('\u{2212}', "-");
        let mut words = Words::default();
        for word in text
            .split(char::is_whitespace)
            .filter(|word| !word.is_empty())
        {
            words.word(word)?;
        }
        words.finish()
    }

    fn word(&mut self, word: &str) -> Option<()> {
        // A comma follows a word, or is the point of a fraction.
        let word = word.strip_suffix(',').unwrap_or(word);
        if self.offset.is_some() {
            return None;
        }
        if let Some((date, time)) = iso(word) {
            self.word(date)?;
            return self.time(time);
        }
        if word.starts_with(['+', '-']) || matches!(word, "z" | "gmt" | "utc") {
            return self.offset(word);
        }
        if let Some(afternoon) = afternoon(word) {
            self.time?;
            return once(&mut self.afternoon, afternoon);
        }
        if word.contains(':') {
            return self.time(word);
        }
        if let Some(month) = month(word) {
            return once(&mut self.month, month);
        }
        if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return once(&mut self.weekday, word.parse().ok()?);
        }
        if word.bytes().all(|byte| byte.is_ascii_digit()) && word.len() <= 4 {
            return self.number(word);
        }
        once(&mut self.date, date(word)?)
    }

    /// A number that stands alone: a day or a year beside the name of a month, or an hour.
    fn number(&mut self, word: &str) -> Option<()> {
        let number: u32 = word.parse().ok()?;
        if self.date.is_some() || (self.day.is_some() && self.year.is_some()) {
            self.is_bare_hour = true;
            return once(&mut self.time, [number, 0, 0]);
        }
        if word.len() <= 2 {
            once(&mut self.day, number)
        } else {
            once(&mut self.year, year(word)?)
        }
    }

    /// A time, perhaps with AM or PM and an offset at its end.
    fn time(&mut self, word: &str) -> Option<()> {
        let end = word.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.' | ','));
        let (clock, rest) = word.split_at(end.unwrap_or(word.len()));
        once(&mut self.time, time(clock)?)?;
        let letters = rest.find(['+', '-']).unwrap_or(rest.len());
        let (letters, offset) = rest.split_at(letters);
        match letters {
            "" => {}
            "z" => return self.offset(letters).filter(|()| offset.is_empty()),
            half => once(&mut self.afternoon, afternoon(half)?)?,
        }
        if offset.is_empty() {
            return Some(());
        }
        self.offset(offset)
    }

    fn offset(&mut self, word: &str) -> Option<()> {
        let sign = match word.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => 0,
        };
        let digits = if sign == 0 { "00:00" } else { &word[1..] };
        let (hours, minutes) = match digits.split_once(':') {
            Some(both) => both,
            None if digits.len() == 4 => digits.split_at_checked(2)?,
            None => (digits, "0"),
        };
        let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
        let seconds = (hours <= 14 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
        let east = sign * i32::try_from(seconds).ok()?;
        once(&mut self.offset, FixedOffset::east_opt(east)?)
    }

    fn finish(self) -> Option<Date> {
        let named = self.month.is_some() || self.day.is_some() || self.year.is_some();
        let mut day = match self.date {
            Some(date) => Some(date).filter(|_| !named),
            None => NaiveDate::from_ymd_opt(self.year?, self.month?, self.day.unwrap_or(1)),
        }?;
        if self.weekday.is_some_and(|said| said != day.weekday()) {
            return None;
        }
        let time = match self.time {
            None => None,
            Some(_) if self.is_bare_hour && self.afternoon.is_none() => return None,
            // ISO 8601 has midnight at both ends of a day.
            Some([24, 0, 0]) if self.afternoon.is_none() => {
                day = day.checked_add_days(Days::new(1))?;
                Some(NaiveTime::MIN)
            }
            Some([hour, minute, second]) => {
                let hour = match (self.afternoon, hour) {
                    (None, hour) => hour,
                    (Some(false), 13..) => return None,
                    (Some(false), 12) => 0,
                    (Some(true), hour @ 0..12) => hour + 12,
                    (Some(_), hour) => hour,
                };
                Some(NaiveTime::from_hms_opt(hour, minute, second)?)
            }
        };
        let utc = FixedOffset::east_opt(0)?;
        Some(Date {
            day,
            time,
            offset: self.offset.unwrap_or(utc),
        })
    }
}

/// Keeps what was said, if it was not said before.
fn once<T>(kept: &mut Option<T>, said: T) -> Option<()> {
    kept.is_none().then(|| *kept = Some(said))
}

/// The two halves of a word with a `t` between digits.
fn iso(word: &str) -> Option<(&str, &str)> {
    let (date, time) = word.split_once('t')?;
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let both = digit(date.as_bytes().last()) && digit(time.as_bytes().first());
    both.then_some((date, time))
}

fn afternoon(word: &str) -> Option<bool> {
    match word {
        "am" | "a" | "a.m." => Some(false),
        "pm" | "p" | "p.m." => Some(true),
        _ => None,
    }
}

/// The number of a month by its name, or by three letters of it.
fn month(word: &str) -> Option<u32> {
    let word = word.trim_end_matches('.');
    let at = MONTHS
        .iter()
        .position(|name| *name == word || (word.len() == 3 && name.starts_with(word)))?;
    u32::try_from(at + 1).ok()
}

/// A date in one word.
fn date(word: &str) -> Option<NaiveDate> {
    if word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit()) {
        let (year, rest) = word.split_at_checked(4)?;
        let (month, day) = rest.split_at_checked(2)?;
        return day_of(year, number(month, 2)?, day);
    }
    let parts: Vec<&str> = word.split(['/', '-', '.']).collect();
    match parts[..] {
        [first, second, third] if first.len() == 4 => match second.strip_prefix('w') {
            Some(week) => {
                let weekday = number(third, 1)?.checked_sub(1)?;
                let weekday = Weekday::try_from(u8::try_from(weekday).ok()?).ok()?;
                NaiveDate::from_isoywd_opt(year(first)?, number(week, 2)?, weekday)
            }
            None => day_of(first, number(second, 2)?, third),
        },
        [first, second, third] => match month(second) {
            Some(month) => day_of(third, month, first),
            None => day_of(third, number(first, 2)?, second),
        },
        [first, day] if first.len() == 4 && day.len() == 3 => {
            NaiveDate::from_yo_opt(year(first)?, number(day, 3)?)
        }
        _ => None,
    }
}

fn day_of(year_said: &str, month: u32, day: &str) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year(year_said)?, month, number(day, 2)?)
}

/// A year of four digits, or of two, as .NET reads them: 1950 to 2049.
fn year(text: &str) -> Option<i32> {
    let number = i32::try_from(number(text, 4)?).ok()?;
    match (text.len(), number) {
        (2, 0..50) => Some(number + 2000),
        (2, _) => Some(number + 1900),
        (4, 1..) => Some(number),
        _ => None,
    }
}

/// Hours and minutes, perhaps seconds and a fraction, with colons or without.
fn time(text: &str) -> Option<[u32; 3]> {
    let (clock, fraction) = text
        .split_once(['.', ','])
        .map_or((text, "0"), |(clock, fraction)| (clock, fraction));
    number(fraction, 9)?;
    if !clock.contains(':') {
        let pair = |at: usize| number(clock.get(at..at + 2)?, 2);
        return match clock.len() {
            2 => Some([pair(0)?, 0, 0]),
            4 => Some([pair(0)?, pair(2)?, 0]),
            6 => Some([pair(0)?, pair(2)?, pair(4)?]),
            _ => None,
        };
    }
    let mut parts = clock.split(':').map(|part| number(part, 2));
    let time = [
        parts.next()??,
        parts.next()??,
        parts.next().unwrap_or(Some(0))?,
    ];
    parts.next().is_none().then_some(time)
}

/// A number of one to `most` digits.
fn number(text: &str, most: usize) -> Option<u32> {
    let plain = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}
