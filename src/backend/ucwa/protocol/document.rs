//! A resource as the server describes it: properties, links, embedded resources (§ucwa/links). Pure.
//!
//! Lenient, because servers of several years speak: what is not known is ignored, what should be an array may be one
//! thing and the other way round, and a property of the wrong kind counts as absent. A link that is absent means that
//! the action is not allowed now. Rejected: one struct with serde for each of some forty resources, of which two or
//! three properties are read.

use super::reason::Reason;
use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Map, Value};
use std::fmt;

/// Resources within resources; a server nests them three deep.
const DEPTH_MAX: usize = 8;

/// A link of a resource.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// What it leads to.
    pub(crate) rel: String,
    /// Where that is, as the server wrote it: most are relative to the host, some are data.
    pub(crate) href: String,
    /// What people call it; the server may leave it out or empty.
    pub(crate) title: Option<String>,
}

/// What a server says in the body of an answer, or of something within it.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Document {
    properties: Map<String, Value>,
    links: Vec<Anchor>,
    embedded: Vec<(String, Document)>,
}

impl Document {
    /// Reads a body. `None` if it is not a JSON object: then a proxy or the web server in front has spoken. The length
    /// is bounded by whoever read it from the network.
    pub(crate) fn read(body: &[u8]) -> Option<Document> {
        match json(body)? {
            Value::Object(object) => Some(Document::of(object, 0)),
            _ => None,
        }
    }

    /// A document of what JSON has already been read.
    pub(crate) fn of_value(value: Value) -> Option<Document> {
        match value {
            Value::Object(object) => Some(Document::of(object, 0)),
            _ => None,
        }
    }

    fn of(mut object: Map<String, Value>, depth: usize) -> Document {
        let mut document = Document::default();
        if let Some(Value::Object(links)) = object.remove("_links") {
            for (rel, value) in links {
                document
                    .links
                    .extend(each(value).filter_map(|link| Anchor::of(&rel, &link)));
            }
        }
        if let Some(Value::Object(embedded)) =
            object.remove("_embedded").filter(|_| depth < DEPTH_MAX)
        {
            for (rel, value) in embedded {
                for value in each(value) {
                    if let Value::Object(object) = value {
                        document
                            .embedded
                            .push((rel.clone(), Document::of(object, depth + 1)));
                    }
                }
            }
        }
        document.properties = object;
        document
    }

    /// What it calls itself.
    pub(crate) fn rel(&self) -> Option<&str> {
        self.text("rel")
    }

    /// Its own address.
    pub(crate) fn own(&self) -> Option<&str> {
        self.link("self")
    }

    /// A property that is text. Names differ by case between versions.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.property(name)?.as_str()
    }

    /// A property that is a whole number; some write it as text.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match self.property(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A property that is a time, as `/Date(1364327898968)/` or in ISO 8601.
    pub(crate) fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        time_of(self.text(name)?)
    }

    /// The texts of a list, or of one text that should be a list.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let list = match self.property(name) {
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        list.iter().filter_map(Value::as_str)
    }

    /// What a failed operation says of why.
    pub(crate) fn reason(&self) -> Option<Reason> {
        Reason::of_value(self.property("reason")?)
    }

    /// Where `rel` is; the first where there are several.
    pub(crate) fn link(&self, rel: &str) -> Option<&str> {
        self.anchor(rel).map(|anchor| anchor.href.as_str())
    }

    /// The first link of that rel, with its title.
    pub(crate) fn anchor(&self, rel: &str) -> Option<&Anchor> {
        self.links.iter().find(|anchor| anchor.rel == rel)
    }

    /// All links of that rel, in order.
    pub(crate) fn anchors<'a>(&'a self, rel: &'a str) -> impl Iterator<Item = &'a Anchor> {
        self.links.iter().filter(move |anchor| anchor.rel == rel)
    }

    /// The first resource within it of that rel.
    pub(crate) fn embedded(&self, rel: &str) -> Option<&Document> {
        self.embedded
            .iter()
            .find(|(given, _)| given == rel)
            .map(|(_, document)| document)
    }

    /// All resources within it of that rel, in order.
    pub(crate) fn all_embedded<'a>(&'a self, rel: &'a str) -> impl Iterator<Item = &'a Document> {
        self.embedded
            .iter()
            .filter(move |(given, _)| given == rel)
            .map(|(_, document)| document)
    }

    /// A link of that rel, wherever it is: here or in a resource within, which is how one finds `startMessaging` in an
    /// application.
    pub(crate) fn find_link(&self, rel: &str) -> Option<&str> {
        self.link(rel).or_else(|| {
            self.embedded
                .iter()
                .find_map(|(_, within)| within.find_link(rel))
        })
    }

    pub(crate) fn property(&self, name: &str) -> Option<&Value> {
        let other_case = || {
            self.properties
                .iter()
                .find(|(given, _)| given.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        self.properties.get(name).or_else(other_case)
    }
}

/// What it is and where, but nothing people wrote: messages are no business of a log.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("rel", &self.rel())
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

impl Anchor {
    /// A link as JSON has it. A server may write the address alone.
    pub(crate) fn of(rel: &str, link: &Value) -> Option<Anchor> {
        let href = match link {
            Value::String(href) => href,
            link => link.get("href")?.as_str()?,
        };
        let title = link
            .get("title")
            .and_then(Value::as_str)
            .filter(|title| !title.trim().is_empty())
            .map(str::to_owned);
        Some(Anchor {
            rel: rel.to_owned(),
            href: href.to_owned(),
            title,
        })
    }

    /// A link that names its rel itself, as events have it.
    pub(crate) fn of_itself(link: &Value) -> Option<Anchor> {
        Anchor::of(link.get("rel")?.as_str()?, link)
    }
}

impl fmt::Debug for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_data = self
            .href
            .get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
        write!(
            f,
            "{}: {}",
            self.rel,
            if is_data { "data:…" } else { &self.href }
        )
    }
}

/// Reads JSON; a byte order mark before it is not part of it. Depth is bounded by the library, at 128.
pub(crate) fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)).ok()
}

/// The members of a list, or the one thing that is none.
pub(crate) fn each(value: Value) -> impl Iterator<Item = Value> {
    match value {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        one => vec![one],
    }
    .into_iter()
}

/// `/Date(1364327898968)/`, with a zone (which changes nothing) or without, or ISO 8601.
pub(crate) fn time_of(text: &str) -> Option<DateTime<Utc>> {
    let Some(milliseconds) = text
        .trim()
        .strip_prefix("/Date(")
        .and_then(|rest| rest.strip_suffix(")/"))
    else {
        return DateTime::parse_from_rfc3339(text.trim())
            .ok()
            .map(|time| time.to_utc());
    };
    let zone = milliseconds
        .char_indices()
        .skip(1)
        .find(|(_, c)| "+-".contains(*c))
        .map(|(at, _)| at);
    let milliseconds = &milliseconds[..zone.unwrap_or(milliseconds.len())];
    Utc.timestamp_millis_opt(milliseconds.parse().ok()?)
        .single()
}

#[cfg(test)]
#[path = "document_test.rs"]
mod tests;
