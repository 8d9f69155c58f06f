//! How far a conversation was heard, as a point in its archive. Pure.
//!
//! A live message with an id of the archive is such a point itself. Some archives give ids that
//! their live messages do not carry: then the point is the last one that is known, and beside it
//! stand the marks of what was heard live since. A catch-up passes over those. They are stored with
//! each message, so a restart repeats nothing either.
//!
//! Rejected: asking the archive after each message for its id there (a request a message, and what
//! came before a crash would come again).

use super::identity::{Likeness, Mark, Trace};
use crate::model::ResumePoint;
use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use std::collections::VecDeque;

/// The most marks beside a point: a resume point has at most 1,024 bytes.
const HEARD_MAX: usize = 40;
/// How far a server's clock and ours may differ.
pub(super) const SKEW: TimeDelta = TimeDelta::minutes(15);

/// A point in an archive: after an id, or at its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Point {
    Beginning,
    /// After that id. The time is for archives that have forgotten the id; an empty id is a time
    /// only.
    After {
        id: String,
        time: DateTime<Utc>,
    },
}

/// A point, and what was heard live after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) point: Point,
    heard: VecDeque<Mark>,
}

/// Notes that a message came live. `point` is where it is in the archive, if it says so. Returns
/// the point to resume from after it, if `trail` has begun.
pub(super) fn advance(
    trail: &mut Option<Reached>,
    point: Option<Point>,
    trace: &Trace,
) -> Option<ResumePoint> {
    match point {
        Some(point) => *trail = Some(point.into()),
        None => trail.as_mut()?.hear(trace.mark, trace.time),
    }
    trail.as_ref()?.to_resume()
}

/// Reads a time (XEP-0082). Without a zone it is UTC, as in the legacy form without hyphens.
pub(super) fn time_of(stamp: &str) -> Option<DateTime<Utc>> {
    let stamp = stamp.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(stamp) {
        return Some(time.to_utc());
    }
    let stamp = stamp.strip_suffix(['Z', 'z']).unwrap_or(stamp);
    let mut forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y%m%dT%H:%M:%S%.f"].into_iter();
    let time = forms.find_map(|form| NaiveDateTime::parse_from_str(stamp, form).ok());
    Some(time?.and_utc())
}

pub(super) fn stamp_of(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl From<Point> for Reached {
    fn from(point: Point) -> Reached {
        Reached {
            point,
            heard: VecDeque::new(),
        }
    }
}

impl Reached {
    pub(super) fn parse(resume: &ResumePoint) -> Option<Reached> {
        let text = resume.as_str();
        let (marks, text) = match text.strip_prefix("heard ") {
            Some(rest) => rest.split_once(' ')?,
            None => ("", text),
        };
        let mark = |mark: &str| {
            let (words, id) = mark.split_once('-')?;
            Some(Mark {
                words: u32::from_str_radix(words, 16).ok()?,
                id: u16::from_str_radix(id, 16).ok()?,
            })
        };
        let marks = marks.split(',').filter(|mark| !mark.is_empty());
        let point = match text.split_once(' ') {
            None if text == "beginning" => Point::Beginning,
            None => return None,
            Some((time, id)) => Point::After {
                id: id.to_owned(),
                time: time_of(time)?,
            },
        };
        Some(Reached {
            point,
            heard: marks.map(mark).take(HEARD_MAX).collect::<Option<_>>()?,
        })
    }

    pub(super) fn to_resume(&self) -> Option<ResumePoint> {
        let mut text = String::new();
        if !self.heard.is_empty() {
            let mark = |mark: &Mark| format!("{:x}-{:x}", mark.words, mark.id);
            let marks: Vec<String> = self.heard.iter().map(mark).collect();
            text = format!("heard {} ", marks.join(","));
        }
        match &self.point {
            Point::Beginning => text.push_str("beginning"),
            Point::After { id, time } => {
                text.push_str(&stamp_of(*time));
                text.push(' ');
                text.push_str(id);
            }
        }
        ResumePoint::parse(&text).ok()
    }

    /// Records that this was heard live at that time. Where there are too many, the point becomes a
    /// time from which on the rest was heard.
    pub(super) fn hear(&mut self, mark: Mark, now: DateTime<Utc>) {
        self.heard.push_back(mark);
        if self.heard.len() > HEARD_MAX {
            self.heard.pop_front();
            self.point = Point::After {
                id: String::new(),
                time: now - SKEW,
            };
        }
    }

    /// Passes over a message of the archive. Returns true if it was heard live.
    pub(super) fn pass(&mut self, point: Point, archived: Mark) -> bool {
        self.point = point;
        let alike = |mark: &Mark| mark.in_archive(archived);
        let likest = (self.heard.iter().map(alike)).fold(Likeness::None, Ord::max);
        let heard = self.heard.iter().position(|mark| alike(mark) == likest);
        match heard.filter(|_| likest > Likeness::None) {
            Some(heard) => self.heard.remove(heard).is_some(),
            None => false,
        }
    }

    /// If the point is only a time: until when messages were heard that have no mark any more.
    pub(super) fn forgotten_until(&self) -> Option<DateTime<Utc>> {
        match &self.point {
            Point::After { id, time } if id.is_empty() => Some(*time + SKEW),
            _ => None,
        }
    }

    /// Forgets the marks: the archive has passed everything.
    pub(super) fn forget(&mut self) {
        self.heard.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(id: &str) -> Point {
        Point::After {
            id: id.into(),
            time: time_of("2026-11-22T12:00:00.123456Z").expect("a time"),
        }
    }

    fn mark(words: &str, id: &str) -> Mark {
        Mark::of("lene@im.test", words, Some(id))
    }

    #[test]
    fn times_come_in_several_forms() {
        let noon = time_of("2026-11-28T12:00:00Z").expect("a time");
        for stamp in [
            "2026-11-28T13:00:00+01:00",
            "2026-11-28T12:00:00",
            "2026-11-28T12:00:00.000z",
            "20261128T12:00:00",
            " 2026-11-28T12:00:00Z\n",
        ] {
            assert_eq!(time_of(stamp), Some(noon), "{stamp}");
        }
        for nonsense in ["", "noon", "2026-11-28", "2026-11-28T12:00:00+x"] {
            assert_eq!(time_of(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_point_survives_being_stored() {
        for point in [Point::Beginning, after("a b"), after("")] {
            let mut reached = Reached::from(point);
            for n in 0..3 {
                let stored = reached.to_resume().expect("it can be stored");
                assert_eq!(Reached::parse(&stored), Some(reached.clone()));
                reached.hear(mark(&n.to_string(), ""), Utc::now());
            }
        }
        for nonsense in ["else", "heard x beginning", "heard 1-1 else", "heard "] {
            let nonsense = ResumePoint::parse(nonsense).expect("a text");
            assert_eq!(Reached::parse(&nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn what_was_heard_is_passed_over_as_often_as_it_was_heard() {
        let mut reached = Reached::from(after("1"));
        for said in [mark("ok", "1"), mark("ok", "2"), mark("yes", "")] {
            reached.hear(said, Utc::now());
        }
        let mut passes = |words, id| reached.pass(after("2"), mark(words, id));
        assert!(passes("ok", "2"), "the likest");
        assert!(passes("ok", ""), "the archive has no ids of senders");
        assert!(!passes("ok", "3"), "said while nobody heard it");
        assert!(passes("yes", "invented by the archive"));
        assert!(!passes("yes", ""));
    }

    #[test]
    fn too_many_marks_still_fit() {
        let (mut reached, now) = (Reached::from(after(&"x".repeat(300))), Utc::now());
        for n in 0..HEARD_MAX {
            reached.hear(mark(&n.to_string(), "id"), now);
        }
        assert!(reached.to_resume().is_some() && reached.forgotten_until().is_none());
        reached.hear(mark("one more", ""), now);
        assert_eq!(reached.forgotten_until(), Some(now));
        assert_eq!(reached.heard.len(), HEARD_MAX);
        assert!(!reached.pass(after("2"), mark("0", "id")), "forgotten");
    }
}
