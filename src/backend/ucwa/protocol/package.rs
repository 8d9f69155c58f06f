//! An event package: the events of one response of the event channel, in order (§ucwa/events).
//! Pure.
//!
//! The order is kept across senders: a server sends `conversation added` before the events in that
//! conversation. If an event lacks its resource, it lacks it here too, and whoever needs it fetches
//! it. Rejected: one enum variant for each pair of rel and type. There are about sixty, and a new
//! one must not break a package.

use super::document::{Anchor, Document, each};
use super::lenient::json;
use super::reason::Reason;
use serde_json::Value;

/// One response of the event channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Package {
    /// Its own address. The package comes again from there until the next one is asked for.
    pub(crate) own: Option<String>,
    /// Where the channel continues.
    pub(crate) after: After,
    /// The events in order; none if nothing happened in time.
    pub(crate) events: Vec<Event>,
}

/// Where the event channel continues. The server writes the addresses; the connector does not count
/// packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// At the next package; asking for it acknowledges this one.
    Next(String),
    /// At the next package, but the server has closed all conversations and subscriptions and
    /// stopped the timers.
    Resume(String),
    /// At the first package that was not acknowledged, because the one that was asked for does not
    /// exist.
    Resync(String),
    /// Nowhere: this is no package, or the channel cannot continue.
    Nowhere,
}

/// What happened to an operation (the first three) or to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An operation began.
    Started,
    /// An operation or a resource changed.
    Updated,
    /// An operation has ended; [`Event::succeeded`] says how.
    Completed,
    /// A resource was made, or was added to `within`.
    Added,
    /// A resource was deleted, or was removed from `within`.
    Deleted,
    /// A type that this connector does not know.
    Other,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// The sender: `me`, `people`, `communication` or a `conversation`.
    pub(crate) sender: Anchor,
    /// What happened.
    pub(crate) kind: Kind,
    /// The operation or resource to which it happened.
    pub(crate) link: Anchor,
    /// The collection to which it was added, in which it changed, or from which it was removed: the
    /// leaders of a meeting, the participants who type.
    pub(crate) within: Option<Anchor>,
    /// Whether a completed operation succeeded.
    pub(crate) succeeded: Option<bool>,
    /// Why the operation failed, or why the server did this.
    pub(crate) reason: Option<Reason>,
    /// The resource, if the server sent it with the event.
    pub(crate) resource: Option<Document>,
}

impl Package {
    /// Reads a body. `None` if it is no JSON: then it comes from a proxy.
    pub(crate) fn read(body: &[u8]) -> Option<Package> {
        let Value::Object(mut body) = json(body)? else {
            return None;
        };
        let senders = body.remove("sender").unwrap_or_default();
        let document = Document::of_value(Value::Object(body))?;
        let link = |rel| document.link(rel).map(str::to_owned);
        let after = None
            .or_else(|| link("resync").map(After::Resync))
            .or_else(|| link("resume").map(After::Resume))
            .or_else(|| link("next").map(After::Next))
            .unwrap_or(After::Nowhere);
        let mut events = Vec::new();
        for mut sender in each(senders) {
            let Some(from) = Anchor::of_itself(&sender) else {
                continue;
            };
            let told = sender
                .get_mut("events")
                .map(Value::take)
                .unwrap_or_default();
            events.extend(each(told).filter_map(|event| Event::of(&from, event)));
        }
        Some(Package {
            own: link("self"),
            after,
            events,
        })
    }
}

impl Event {
    fn of(sender: &Anchor, mut event: Value) -> Option<Event> {
        let link = Anchor::of_itself(event.get("link")?)?;
        let kind = match event.get("type").and_then(Value::as_str) {
            Some("started") => Kind::Started,
            Some("updated") => Kind::Updated,
            Some("completed") => Kind::Completed,
            Some("added") => Kind::Added,
            Some("deleted") => Kind::Deleted,
            _ => Kind::Other,
        };
        let status = event.get("status").and_then(Value::as_str);
        let succeeded = status.map(|status| status.eq_ignore_ascii_case("success"));
        let within = event.get("in").and_then(Anchor::of_itself);
        let reason = event.get("reason").and_then(Reason::of_value);
        // The key is the link's rel; the resource's own `rel` may say something else (`participant`
        // for oneself).
        let embedded = match event.get_mut("_embedded").map(Value::take) {
            Some(Value::Object(mut embedded)) => {
                embedded.remove(&link.rel).or_else(|| only(embedded))
            }
            _ => None,
        };
        Some(Event {
            sender: sender.clone(),
            kind,
            succeeded,
            reason,
            resource: embedded
                .and_then(|embedded| each(embedded).next())
                .and_then(Document::of_value),
            within,
            link,
        })
    }

    /// Whether it is of that kind and about a resource `rel`.
    #[cfg(test)]
    pub(crate) fn is(&self, kind: Kind, rel: &str) -> bool {
        self.kind == kind && self.link.rel == rel
    }

    /// Whether it is about membership in the collection `rel`.
    pub(crate) fn is_within(&self, rel: &str) -> bool {
        self.within.as_ref().is_some_and(|within| within.rel == rel)
    }

    /// The reason. Some servers write it in the event, others in the resource.
    pub(crate) fn why(&self) -> Option<Reason> {
        self.reason
            .clone()
            .or_else(|| self.resource.as_ref()?.reason())
    }

    /// A link of the resource in the event.
    pub(crate) fn link_of(&self, rel: &str) -> Option<&str> {
        self.resource.as_ref()?.link(rel)
    }

    /// A text of the resource in the event.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.resource.as_ref()?.text(name)
    }
}

/// The only member of an object; `None` if it has not exactly one.
fn only(object: serde_json::Map<String, Value>) -> Option<Value> {
    if object.len() == 1 {
        object.into_iter().next().map(|(_, value)| value)
    } else {
        None
    }
}

#[cfg(test)]
#[path = "package_test.rs"]
mod tests;
