//! Writes a resource, a package of events or an error as XML.

use super::NAMESPACE;
use chrono::DateTime;
use serde_json::{Map, Value};

/// Returns the document that says what `value` says in JSON.
pub fn text(value: &Value) -> String {
    let mut out = Writer {
        out: "<?xml version=\"1.0\" encoding=\"utf-8\"?>".to_owned(),
    };
    match value.as_object() {
        Some(body) if body.contains_key("code") && !body.contains_key("rel") => {
            out.reason(body, true);
        }
        Some(body) if is_package(body) => out.package(body),
        Some(body) => out.resource(&rel_of(body), body, true),
        None => {}
    }
    out.out
}

/// Returns whether a document is an answer of the event channel. It has no `rel`, and one of the
/// channel's links or senders.
fn is_package(body: &Map<String, Value>) -> bool {
    let leads_on = |rel| link_of(body, rel).is_some();
    !body.contains_key("rel")
        && (body.contains_key("sender")
            || leads_on("next")
            || leads_on("resync")
            || leads_on("resume"))
}

/// Returns a resource's `rel`. Those of autodiscovery have none in JSON; their paths end with it.
fn rel_of(body: &Map<String, Value>) -> String {
    if let Some(rel) = body.get("rel").and_then(Value::as_str) {
        return rel.to_owned();
    }
    let href = link_of(body, "self").unwrap_or_default();
    let path = href.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn link_of<'a>(body: &'a Map<String, Value>, rel: &str) -> Option<&'a str> {
    body.get("_links")?.get(rel)?.get("href")?.as_str()
}

/// Returns the value itself, or the items if it is an array.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let (items, single) = match value {
        Value::Array(items) => (items.as_slice(), None),
        single => (&[][..], Some(single)),
    };
    items.iter().chain(single)
}

/// Returns the members of the object `name`; none if there is no such object.
fn members<'a>(
    body: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    body.get(name)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

struct Writer {
    out: String,
}

impl Writer {
    fn resource(&mut self, rel: &str, body: &Map<String, Value>, is_root: bool) {
        let href = link_of(body, "self");
        self.open("resource", [("rel", Some(rel)), ("href", href)], is_root);
        self.links(body);
        let own = |name: &str| !["_links", "_embedded"].contains(&name);
        for (name, value) in body.iter().filter(|(name, _)| own(name)) {
            self.property(Some(name), value);
        }
        self.embedded(body);
        self.close("resource");
    }

    /// Writes the links except `self`, which is the `href` of the resource.
    fn links(&mut self, body: &Map<String, Value>) {
        for (rel, value) in members(body, "_links").filter(|(rel, _)| *rel != "self") {
            for link in each(value).filter_map(Value::as_object) {
                self.link("link", Some(rel), link);
            }
        }
    }

    /// Writes an element without content that has the members of `link` as attributes.
    fn link(&mut self, element: &str, rel: Option<&str>, link: &Map<String, Value>) {
        let own = link
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), Some(value.as_str()?))));
        self.open(
            element,
            rel.map(|rel| ("rel", Some(rel))).into_iter().chain(own),
            false,
        );
        self.close(element);
    }

    fn embedded(&mut self, body: &Map<String, Value>) {
        for (rel, value) in members(body, "_embedded") {
            for resource in each(value).filter_map(Value::as_object) {
                self.resource(rel, resource, false);
            }
        }
    }

    /// Writes a property, or an item of a list, which has no name.
    fn property(&mut self, name: Option<&str>, value: &Value) {
        let element = match (name, value) {
            (_, Value::Null) => return,
            (Some(_), Value::Array(_)) => "propertyList",
            (Some(_), _) => "property",
            (None, _) => "item",
        };
        self.open(element, [("name", name)], false);
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.property(None, item)),
            Value::Object(body) => {
                for (name, value) in body {
                    self.property(Some(name), value);
                }
            }
            Value::String(text) => self.text(&iso(text).unwrap_or_else(|| text.clone())),
            other => self.text(&other.to_string()),
        }
        self.close(element);
    }

    fn package(&mut self, body: &Map<String, Value>) {
        self.open("events", [("href", link_of(body, "self"))], true);
        self.links(body);
        for sender in body.get("sender").into_iter().flat_map(each) {
            let text = |name| sender.get(name).and_then(Value::as_str);
            self.open(
                "sender",
                [("rel", text("rel")), ("href", text("href"))],
                false,
            );
            let events = sender.get("events").into_iter().flat_map(each);
            events
                .filter_map(Value::as_object)
                .for_each(|event| self.event(event));
            self.close("sender");
        }
        self.close("events");
    }

    /// Writes an event. Its type is the name of the element, its link and status are attributes.
    fn event(&mut self, event: &Map<String, Value>) {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let kind = text("type").unwrap_or_default();
        let link = event.get("link");
        let part = |name: &str| link.and_then(|link| link.get(name)?.as_str());
        let attributes = ["rel", "href", "title"].map(|name| (name, part(name)));
        self.open(
            kind,
            attributes.into_iter().chain([("status", text("status"))]),
            false,
        );
        if let Some(within) = event.get("in").and_then(Value::as_object) {
            self.link("in", None, within);
        }
        self.embedded(event);
        if let Some(reason) = event.get("reason").and_then(Value::as_object) {
            self.reason(reason, false);
        }
        self.close(kind);
    }

    /// Writes an error, or the reason of an event. Each text has an element of its own.
    fn reason(&mut self, body: &Map<String, Value>, is_root: bool) {
        self.open("reason", [], is_root);
        for name in ["code", "subcode", "message"] {
            if let Some(text) = body.get(name).and_then(Value::as_str) {
                self.open(name, [], false);
                self.text(text);
                self.close(name);
            }
        }
        if let Some(parameters) = body.get("parameters") {
            self.open("parameters", [], false);
            for parameter in each(parameters).filter_map(Value::as_object) {
                self.link("parameter", None, parameter);
            }
            self.close("parameters");
        }
        self.close("reason");
    }

    fn open<'a>(
        &mut self,
        element: &str,
        attributes: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
        is_root: bool,
    ) {
        self.out.push('<');
        self.out.push_str(element);
        for (name, value) in attributes {
            if let Some(value) = value {
                self.out.push(' ');
                self.out.push_str(name);
                self.out.push_str("=\"");
                self.text(value);
                self.out.push('"');
            }
        }
        if is_root {
            self.out.push_str(" xmlns=\"");
            self.out.push_str(NAMESPACE);
            self.out.push('"');
        }
        self.out.push('>');
    }

    fn close(&mut self, element: &str) {
        self.out.push_str("</");
        self.out.push_str(element);
        self.out.push('>');
    }

    fn text(&mut self, text: &str) {
        for char in text.chars() {
            match char {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\t' => self.out.push_str("&#x9;"),
                '\n' => self.out.push_str("&#xA;"),
                '\r' => self.out.push_str("&#xD;"),
                // XML 1.0 cannot carry these, not even as references.
                '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.out.push('\u{fffd}'),
                other => self.out.push(other),
            }
        }
    }
}

/// Returns a date of the JSON form as XML writes it, `2013-11-07T00:41:10.271Z`; `None` for another
/// text.
fn iso(text: &str) -> Option<String> {
    let millis = text.strip_prefix("/Date(")?.strip_suffix(")/")?;
    let at = DateTime::from_timestamp_millis(millis.parse().ok()?)?;
    Some(at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
