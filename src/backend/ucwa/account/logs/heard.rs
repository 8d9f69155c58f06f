//! What a contact was heard to say, as far as it is needed to tell what was missed. Pure.
//!
//! A message of a conversation and its copy in the server's log have nothing in common but who said
//! what and when, and the two times come from two machines. So the resume point of a contact is the
//! time of the last message, with the last messages' words as digests: a logged message around that
//! time that is none of them was missed.
//!
//! Rejected: the time alone. A message near it would be lost or would come twice.

use crate::backend::ResumePoint;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use std::collections::VecDeque;

/// How far the times of a message and of its copy may differ.
const SKEW: TimeDelta = TimeDelta::minutes(2);
/// Messages remembered: a resume point has at most 1,024 bytes, and one takes 24 at most.
const KEPT_MAX: usize = 40;

/// A message: its time in milliseconds, and its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    at: i64,
    words: u32,
}

/// What a contact was heard to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Up to then everything was heard.
    until: DateTime<Utc>,
    marks: VecDeque<Mark>,
}

impl Heard {
    /// Nothing was missed before `now`.
    pub(crate) fn since(now: DateTime<Utc>) -> Heard {
        Heard {
            until: now,
            marks: VecDeque::new(),
        }
    }

    /// Reads what [`Heard::resume`] has written.
    pub(crate) fn parse(resume: &ResumePoint) -> Option<Heard> {
        let mut words = resume.as_str().split(' ');
        let until = DateTime::from_timestamp_millis(words.next()?.parse().ok()?)?;
        let mark = |text: &str| {
            let (words, at) = text.split_once('@')?;
            Some(Mark {
                at: at.parse().ok()?,
                words: u32::from_str_radix(words, 16).ok()?,
            })
        };
        let marks: Option<VecDeque<Mark>> = words.map(mark).collect();
        Some(Heard {
            until,
            marks: marks?,
        })
    }

    /// The point to resume from.
    pub(crate) fn resume(&self) -> Option<ResumePoint> {
        let mut text = self.until.timestamp_millis().to_string();
        for mark in &self.marks {
            text.push_str(&format!(" {:x}@{}", mark.words, mark.at));
        }
        ResumePoint::parse(&text).ok()
    }

    /// Notes a message that was heard.
    pub(crate) fn hear(&mut self, time: DateTime<Utc>, words: &str) {
        if self.marks.len() == KEPT_MAX {
            self.marks.pop_front();
        }
        self.marks.push_back(Mark {
            at: time.timestamp_millis(),
            words: digest(words),
        });
        self.until = self.until.max(time);
    }

    /// Whether anything said then may have been missed.
    pub(crate) fn may_lack(&self, time: DateTime<Utc>) -> bool {
        time >= self.until - SKEW
    }

    /// Keeps of logged messages, in the order of their time, those that were not heard.
    pub(crate) fn missed<T>(
        &self,
        logged: Vec<T>,
        of: impl Fn(&T) -> (DateTime<Utc>, String),
    ) -> Vec<T> {
        let mut marks = self.marks.clone();
        let is_missed = |logged: &T| {
            let (time, words) = of(logged);
            if !self.may_lack(time) {
                return false;
            }
            let (at, words) = (time.timestamp_millis(), digest(&words));
            let is_it = |mark: &Mark| {
                mark.words == words && (mark.at - at).abs() <= SKEW.num_milliseconds()
            };
            match marks.iter().position(is_it) {
                // Each message that was heard has one copy.
                Some(index) => marks.remove(index).is_none(),
                None => true,
            }
        };
        let mut is_missed = is_missed;
        logged
            .into_iter()
            .filter(|logged| is_missed(logged))
            .collect()
    }
}

/// A digest of words, without regard to the blanks between them: programs add some.
pub(super) fn digest(words: &str) -> u32 {
    let mut hash = Sha256::new();
    for word in words.split_whitespace() {
        hash.update(word);
        hash.update([0]);
    }
    let digest = hash.finalize();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    /// Returns what was missed of `logged`, having heard `heard` and nothing before second 1000.
    fn missed(heard: &[(i64, &str)], logged: &[(i64, &'static str)]) -> Vec<&'static str> {
        let mut known = Heard::since(at(1000));
        for (second, words) in heard {
            known.hear(at(*second), words);
        }
        let stored = known.resume().expect("a resume point");
        let known = Heard::parse(&stored).expect("it was written so");
        let of = |logged: &(i64, &str)| (at(logged.0), logged.1.to_owned());
        let missed = known.missed(logged.to_vec(), of);
        missed.into_iter().map(|(_, words)| words).collect()
    }

    #[test]
    fn what_was_logged_and_not_heard_was_missed() {
        let none: [&str; 0] = [];
        type Said = &'static [(i64, &'static str)];
        let cases: [(&str, Said, Said, &[&str]); 7] = [
            ("nothing is logged", &[(2000, "x")], &[], &none),
            (
                "old logs",
                &[(2000, "x")],
                &[(500, "y"), (1800, "z")],
                &none,
            ),
            (
                "heard, by another clock",
                &[(2000, "x")],
                &[(2100, " x\r\n")],
                &none,
            ),
            (
                "said after it",
                &[(2000, "x")],
                &[(2000, "x"), (2300, "y")],
                &["y"],
            ),
            (
                "said twice, heard once",
                &[(2000, "x")],
                &[(2000, "x"), (2005, "x")],
                &["x"],
            ),
            (
                "missed while it was connected",
                &[(2000, "x")],
                &[(1990, "y"), (2000, "x")],
                &["y"],
            ),
            ("never heard", &[], &[(999, "y"), (1200, "z")], &["y", "z"]),
        ];
        for (what, heard, logged, expected) in cases {
            assert_eq!(missed(heard, logged), expected, "{what}");
        }
    }

    #[test]
    fn a_resume_point_is_bounded() {
        let mut heard = Heard::since(at(0));
        for second in 0..1000 {
            heard.hear(at(1_900_000_000 + second), &second.to_string());
        }
        let stored = heard.resume().expect("it is short enough");
        assert_eq!(Heard::parse(&stored), Some(heard));
        for strange in ["x", "1 2", "1 x@1", "1 1@", "99999999999999999"] {
            let point = ResumePoint::parse(strange).expect("a text");
            assert_eq!(Heard::parse(&point), None, "{strange}");
        }
    }
}
