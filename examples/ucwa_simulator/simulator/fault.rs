//! Faults that hit requests: an answer that is kept back, a proxy's page, a refusal.

use super::agenda::Deed;
use super::answer::{Answer, Fault};
use super::timer::Moment;
use super::world::World;
use std::time::Duration;
use tokio::sync::oneshot;

/// What happens to a request that a fault hits.
pub enum Hit {
    /// It gets this answer.
    Answer(Answer),
    /// Its connection is cut.
    Cut,
}

impl World {
    /// Returns the fault that waits for this request, and counts it.
    pub fn fault(&mut self) -> Option<Hit> {
        let faults = &mut self.faults;
        let take = |count: &mut u32| {
            let some = *count > 0;
            *count = count.saturating_sub(1);
            some
        };
        if take(&mut faults.cut) {
            return Some(Hit::Cut);
        }
        if take(&mut faults.unavailable) {
            let page = Answer::html(503, "Service Unavailable", "The service is unavailable.");
            return Some(Hit::Answer(page.retry_after(self.switches.retry_after)));
        }
        if take(&mut faults.bad_gateway) {
            return Some(Hit::Answer(Answer::html(
                502,
                "Bad Gateway",
                "The proxy got no valid answer.",
            )));
        }
        if take(&mut faults.throttled.0) {
            return Some(Hit::Answer(too_many(faults.throttled.1)));
        }
        None
    }

    /// Keeps `answer` back for `wait`. The answer comes from the returned receiver.
    pub fn keep_back(
        &mut self,
        now: Moment,
        answer: Answer,
        wait: Duration,
    ) -> oneshot::Receiver<Answer> {
        let number = self.number();
        self.agenda.after(now, wait, Deed::LetGo(number));
        self.faults.keep(number, answer)
    }
}

/// Returns 429, with Retry-After unless `retry_after` is 0.
pub fn too_many(retry_after: u32) -> Answer {
    Answer::from(Fault::new(
        429,
        "TooManyRequests",
        "",
        "There are too many outstanding requests.",
    ))
    .retry_after(retry_after)
}
