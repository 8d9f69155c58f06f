//! The archives of messages (XEP-0313): pages of a room's archive, or of an account's own.

use super::core::Core;
use super::errors::StanzaError;
use super::jid::Jid;
use super::ns;
use super::point::{Point, stamp_of, time_of};
use super::xml::Element;
use crate::backend::BackendError;
use crate::model::OriginId;
use chrono::{DateTime, Utc};

/// How many messages one request asks for. Servers give at most 50 to 250.
pub(super) const PAGE: usize = 100;

/// An archive, and whose messages in it.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    /// The agent that asks.
    pub(super) agent: Jid,
    /// The room; `None` for the account's own archive.
    pub(super) room: Option<String>,
    /// The contact, in the account's own archive.
    pub(super) with: Option<String>,
}

/// The part of an archive that is asked for.
#[derive(Debug, Clone)]
pub(super) enum Range {
    /// The oldest messages after a point.
    After(Point),
    /// The oldest messages since a time.
    Since(DateTime<Utc>),
    /// The newest messages before that id; `None` for the newest of all.
    Before(Option<String>),
    /// The message with that origin, if the archive has a field for it.
    Of(OriginId),
}

/// The field for an origin in an archive's form.
const ORIGIN_FIELD: &str = "{urn:xmpp:sid:0}origin-id";

/// A message as an archive contains it.
#[derive(Debug, Clone)]
pub(super) struct Archived {
    pub(super) id: String,
    pub(super) time: DateTime<Utc>,
    pub(super) message: Element,
}

/// A page, oldest first.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) items: Vec<Archived>,
    /// True if there is nothing more in that direction.
    pub(super) is_last: bool,
}

impl Archive {
    /// Requests one page.
    pub(super) async fn page(
        &self,
        core: &Core,
        range: &Range,
        most: usize,
    ) -> Result<Result<Page, StanzaError>, BackendError> {
        let query = core.fresh_id();
        let collecting = core.collect(&query, self.room.as_deref());
        let asked = core
            .ask(
                &self.agent,
                self.room.as_deref(),
                "set",
                self.query(&query, range, most),
            )
            .await;
        let found = collecting.take();
        let answer = match asked? {
            Ok(answer) => answer,
            Err(refused) => return Ok(Err(refused)),
        };
        let end = answer.find("fin", ns::MAM);
        let mut items: Vec<Archived> = found
            .iter()
            .filter_map(|result| archived(result, core.inbox.now()))
            .collect();
        let first = end.and_then(|end| end.find("set", ns::RSM)?.text_of("first", ns::RSM));
        put_in_order(&mut items, first.as_deref());
        let is_last = end.is_none_or(|end| matches!(end.attribute("complete"), Some("true" | "1")))
            || found.is_empty();
        Ok(Ok(Page { items, is_last }))
    }

    fn query(&self, query: &str, range: &Range, most: usize) -> Element {
        let field = |name: &str, value: &str| {
            Element::new("field", ns::DATA)
                .with("var", name)
                .child(Element::new("value", ns::DATA).text(value))
        };
        let mut form = Element::new("x", ns::DATA).with("type", "submit");
        form = form.child(
            Element::new("field", ns::DATA)
                .with("var", "FORM_TYPE")
                .with("type", "hidden")
                .child(Element::new("value", ns::DATA).text(ns::MAM)),
        );
        if let Some(with) = &self.with {
            form = form.child(field("with", with));
        }
        let mut set = Element::new("set", ns::RSM)
            .child(Element::new("max", ns::RSM).text(most.clamp(1, PAGE).to_string()));
        match range {
            Range::After(Point::Beginning) => {}
            Range::After(Point::After { id, time }) if id.is_empty() => {
                form = form.child(field("start", &stamp_of(*time)))
            }
            Range::After(Point::After { id, .. }) => {
                set = set.child(Element::new("after", ns::RSM).text(id.as_str()))
            }
            Range::Since(time) => form = form.child(field("start", &stamp_of(*time))),
            Range::Of(origin) => form = form.child(field(ORIGIN_FIELD, origin.as_str())),
            Range::Before(None) => set = set.child(Element::new("before", ns::RSM)),
            Range::Before(Some(id)) => {
                set = set.child(Element::new("before", ns::RSM).text(id.as_str()))
            }
        }
        Element::new("query", ns::MAM)
            .with("queryid", query)
            .child(form)
            .child(set)
    }

    /// Whether it can be asked for a message by its origin: its form says so, asked for once a link
    /// and host.
    pub(super) async fn knows_origins(&self, core: &Core) -> Result<bool, BackendError> {
        let host = self
            .room
            .as_deref()
            .and_then(|room| room.split('@').nth(1))
            .unwrap_or_default()
            .to_owned();
        if let Some(known) = core.state.lock().knows_origins.get(&host) {
            return Ok(*known);
        }
        let asked = core
            .ask(
                &self.agent,
                self.room.as_deref(),
                "get",
                Element::new("query", ns::MAM),
            )
            .await?;
        let form = asked
            .as_ref()
            .ok()
            .and_then(|answer| answer.find("query", ns::MAM)?.find("x", ns::DATA));
        let knows = form.is_some_and(|form| {
            form.children()
                .any(|field| field.attribute("var") == Some(ORIGIN_FIELD))
        });
        core.state.lock().knows_origins.insert(host, knows);
        Ok(knows)
    }

    /// Returns the newest point; `None` if the archive does not answer.
    pub(super) async fn newest(&self, core: &Core) -> Result<Option<Point>, BackendError> {
        let asked = core.patiently(|| self.page(core, &Range::Before(None), 1));
        let page = match asked.await? {
            Ok(page) => page,
            Err(refused) => {
                tracing::debug!(reason = refused.reason(), "an archive does not answer");
                return Ok(None);
            }
        };
        Ok(Some(
            page.items.last().map_or(Point::Beginning, Archived::point),
        ))
    }
}

impl Archived {
    pub(super) fn point(&self) -> Point {
        Point::After {
            id: self.id.clone(),
            time: self.time,
        }
    }
}

/// Puts a page in order: some archives give the newest message first. `first` is the id that the
/// archive says the page begins with; it tells where times are equal.
fn put_in_order(items: &mut [Archived], first: Option<&str>) {
    if items.is_sorted_by_key(|item| item.time)
        && items.last().is_none_or(|last| Some(&*last.id) != first)
    {
        return;
    }
    if items.last().is_some_and(|last| last.time <= items[0].time) {
        items.reverse();
    }
    items.sort_by_key(|item| item.time);
}

/// Reads one result of a query. One whose time cannot be read is as old as its arrival.
fn archived(result: &Element, came: DateTime<Utc>) -> Option<Archived> {
    let id = result.attribute("id").filter(|id| !id.is_empty())?;
    let id = id.to_owned();
    let forwarded = result.find("forwarded", ns::FORWARD)?;
    let delay = forwarded.find("delay", ns::DELAY);
    let time = delay.and_then(|delay| time_of(delay.attribute("stamp")?));
    Some(Archived {
        id,
        time: time.unwrap_or(came),
        message: forwarded.find("message", ns::CLIENT)?.clone(),
    })
}
