//! The faults that wait for requests. Each has a count, so that it ends.

use super::super::answer::Answer;
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Faults that wait for their requests.
#[derive(Debug, Default)]
pub struct Faults {
    /// How many requests under `/ucwa` get 503 and a page of HTML.
    pub unavailable: u32,
    /// How many requests get 429, and the seconds of its Retry-After; 0 sends none.
    pub throttled: (u32, u32),
    /// How many requests get the 502 of a proxy.
    pub bad_gateway: u32,
    /// How many requests under `/ucwa` have their connection cut without an answer.
    pub cut: u32,
    /// How many requests are done, but have their connection cut instead of an answer.
    pub lost_answers: u32,
    /// How many 201 of messagingInvitations come after their events.
    pub reorder: u32,
    kept: BTreeMap<u64, (oneshot::Sender<Answer>, Answer)>,
}

impl Faults {
    /// Keeps an answer under `number` until [`Faults::let_go`] sends it.
    pub fn keep(&mut self, number: u64, answer: Answer) -> oneshot::Receiver<Answer> {
        let (reply, later) = oneshot::channel();
        self.kept.insert(number, (reply, answer));
        later
    }

    /// Sends an answer that was kept back.
    pub fn let_go(&mut self, number: u64) {
        if let Some((reply, answer)) = self.kept.remove(&number) {
            drop(reply.send(answer));
        }
    }
}
