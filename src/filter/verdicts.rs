//! Results of a pattern for the newest messages, so that a message is matched once however many
//! queries share the pattern.
//!
//! One message wakes every poll of its room, and a thousand polls may have the same slow pattern. The
//! result is kept by the seq of the message or of the newest change of it, which names one text for
//! ever. The table has
//! no lock: two threads that meet match twice or overwrite one another, which costs time but is
//! never wrong.

use crate::model::Seq;
use std::sync::atomic::{AtomicI64, Ordering};

/// Verdicts kept, 512 bytes of them.
const KEPT: usize = 64;

/// The verdicts of one pattern.
#[derive(Debug)]
pub(super) struct Verdicts([AtomicI64; KEPT]);

impl Verdicts {
    pub(super) fn new() -> Verdicts {
        // No message has the number -1.
        Verdicts(std::array::from_fn(|_| AtomicI64::new(-2)))
    }

    /// The result for message `seq`, if it is still known.
    pub(super) fn of(&self, seq: Seq) -> Option<bool> {
        let kept = self.slot(seq).load(Ordering::Relaxed);
        (kept >> 1 == seq).then_some(kept & 1 == 1)
    }

    pub(super) fn keep(&self, seq: Seq, verdict: bool) {
        self.slot(seq)
            .store(seq << 1 | i64::from(verdict), Ordering::Relaxed);
    }

    fn slot(&self, seq: Seq) -> &AtomicI64 {
        &self.0[seq.unsigned_abs() as usize % KEPT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_of_its_own_message_and_gives_way_to_a_newer_one() {
        let verdicts = Verdicts::new();
        for seq in 0..200 {
            assert_eq!(verdicts.of(seq), None);
            verdicts.keep(seq, seq % 3 == 0);
            assert_eq!(verdicts.of(seq), Some(seq % 3 == 0));
        }
        assert_eq!(
            (verdicts.of(199), verdicts.of(136), verdicts.of(135)),
            (Some(false), Some(false), None)
        );
    }
}
