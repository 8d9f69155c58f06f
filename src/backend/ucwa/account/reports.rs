//! Posts that the server has, and the reports of their delivery. Pure.
//!
//! A report may overtake the response to its post. The response may lack the message's address, and
//! the report may lack the operation. So both are kept until they meet.

use super::post::Done;
use crate::backend::Accepted;
use crate::backend::ucwa::protocol::package::Event;
use crate::backend::ucwa::protocol::reason::Reason;
use chrono::{DateTime, Utc};
use std::collections::VecDeque;

/// The most reports kept for posts whose response has not come yet.
const EARLY_MAX: usize = 32;

/// A post that the server has, and whose delivery is not reported yet.
struct Waiting {
    operation: String,
    /// The message's key; none if the response was lost.
    href: Option<String>,
    done: Done<Accepted>,
}

/// The report of a message that the agent sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) href: String,
    operation: Option<String>,
    pub(crate) time: Option<DateTime<Utc>>,
    /// Why the delivery failed; `None` if it succeeded.
    pub(crate) failed: Option<Option<Reason>>,
    /// The delivery failed, but somebody may have got the message.
    pub(crate) is_unclear: bool,
}

/// The posts of one conversation.
#[derive(Default)]
pub(crate) struct Reports {
    waiting: Vec<Waiting>,
    early: VecDeque<Report>,
}

impl Reports {
    /// Notes a post that the server has. Returns it with its report, if that has come already.
    pub(crate) fn sent(
        &mut self,
        operation: String,
        href: Option<String>,
        done: Done<Accepted>,
    ) -> Option<(Done<Accepted>, Report)> {
        let is_its = |report: &Report| report.is_of(&operation, href.as_deref());
        if let Some(at) = self.early.iter().position(is_its)
            && let Some(report) = self.early.remove(at)
        {
            return Some((done, report));
        }
        self.waiting.retain(|waiting| !waiting.done.is_closed());
        self.waiting.push(Waiting {
            operation,
            href,
            done,
        });
        None
    }

    /// Notes a report. Returns it with its post, if that is known.
    pub(crate) fn report(&mut self, report: Report) -> Option<(Done<Accepted>, Report)> {
        let is_its = |waiting: &Waiting| report.is_of(&waiting.operation, waiting.href.as_deref());
        if let Some(at) = self.waiting.iter().position(is_its) {
            return Some((self.waiting.swap_remove(at).done, report));
        }
        if self.early.len() == EARLY_MAX {
            self.early.pop_front();
        }
        self.early.push_back(report);
        None
    }

    /// Takes all posts that wait for a report, because none will come.
    pub(crate) fn forsaken(&mut self) -> Vec<Done<Accepted>> {
        self.waiting.drain(..).map(|waiting| waiting.done).collect()
    }
}

impl Report {
    /// Reads a `message` event about a message that the agent sent.
    pub(crate) fn of(event: &Event, href: String) -> Report {
        let resource = event.resource.as_ref();
        Report {
            href,
            operation: resource
                .and_then(|message| message.text("operationId"))
                .map(str::to_owned),
            time: resource.and_then(|message| message.time("timeStamp")),
            failed: (event.succeeded == Some(false)).then(|| event.why()),
            is_unclear: false,
        }
    }

    fn is_of(&self, operation: &str, href: Option<&str>) -> bool {
        href == Some(&self.href) || self.operation.as_deref() == Some(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    fn report(href: &str, operation: Option<&str>) -> Report {
        Report {
            href: href.into(),
            operation: operation.map(str::to_owned),
            time: None,
            failed: None,
            is_unclear: false,
        }
    }

    #[test]
    fn a_report_and_its_post_meet_in_either_order() {
        let mut reports = Reports::default();
        let done = || oneshot::channel().0;
        assert!(reports.report(report("/m/2", None)).is_none());
        assert_eq!(
            reports
                .sent("a".into(), Some("/m/2".into()), done())
                .map(|(_, report)| report.href),
            Some("/m/2".into())
        );
        let (waits, _answer) = oneshot::channel();
        assert!(
            reports.sent("b".into(), None, waits).is_none(),
            "its answer was lost"
        );
        assert!(
            reports.report(report("/m/4", Some("c"))).is_none(),
            "somebody else's"
        );
        assert!(reports.report(report("/m/3", Some("b"))).is_some());
        let (waits, _answer) = oneshot::channel();
        assert!(
            reports
                .sent("d".into(), Some("/m/5".into()), waits)
                .is_none()
        );
        assert_eq!(reports.forsaken().len(), 1);
    }

    #[test]
    fn reports_that_nobody_waits_for_are_bounded() {
        let mut reports = Reports::default();
        for n in 0..1000 {
            assert!(reports.report(report(&format!("/m/{n}"), None)).is_none());
        }
        assert_eq!(reports.early.len(), EARLY_MAX);
    }
}
