//! A resource as the server describes it: properties, links, embedded resources (§ucwa/links).
//! Pure.
//!
//! The parser is lenient, because server versions differ. It ignores what it does not know. It
//! accepts one value instead of an array, and an array instead of one value. A property of the
//! wrong type counts as absent. If a link is absent, the action is not allowed now. Rejected: one
//! serde struct for each of about forty resources, of which two or three properties are read.

use super::lenient::json;
use super::reason::Reason;
use chrono::{DateTime, TimeZone, Utc};
use serde_json::{Map, Value};
use std::fmt;

/// How deep resources may be nested. A server nests them three deep.
const DEPTH_MAX: usize = 8;

/// A link of a resource.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    /// The relation of the resource that it leads to.
    pub(crate) rel: String,
    /// The address as the server wrote it. Most are relative to the host, some are data URIs.
    pub(crate) href: String,
    /// A display name. The server may leave it out or empty.
    pub(crate) title: Option<String>,
}

/// A resource: the body of a response, or a resource embedded in it.
#[derive(Clone, PartialEq, Default)]
pub(crate) struct Document {
    properties: Map<String, Value>,
    links: Vec<Anchor>,
    embedded: Vec<(String, Document)>,
}

impl Document {
    /// Reads a body. `None` if it is no JSON object: then it comes from a proxy or the web server
    /// in front. The caller bounds its length.
    pub(crate) fn read(body: &[u8]) -> Option<Document> {
        match json(body)? {
            Value::Object(object) => Some(Document::of(object, 0)),
            _ => None,
        }
    }

    /// Makes a document from JSON that was read already.
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

    /// The relation that it names itself.
    pub(crate) fn rel(&self) -> Option<&str> {
        self.text("rel")
    }

    /// Its own address.
    pub(crate) fn own(&self) -> Option<&str> {
        self.link("self")
    }

    /// A text property. The case of names differs between server versions.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.property(name)?.as_str()
    }

    /// A property that is a whole number. Some servers write it as text.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        match self.property(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// A property that is a time, written `/Date(1364327898968)/` or in ISO 8601.
    pub(crate) fn time(&self, name: &str) -> Option<DateTime<Utc>> {
        time_of(self.text(name)?)
    }

    /// The texts of a list. One text counts as a list of one.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let list = match self.property(name) {
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        list.iter().filter_map(Value::as_str)
    }

    /// The reason why an operation failed.
    pub(crate) fn reason(&self) -> Option<Reason> {
        Reason::of_value(self.property("reason")?)
    }

    /// The address of the first link `rel`.
    pub(crate) fn link(&self, rel: &str) -> Option<&str> {
        self.anchor(rel).map(|anchor| anchor.href.as_str())
    }

    /// The first link `rel`, with its title.
    pub(crate) fn anchor(&self, rel: &str) -> Option<&Anchor> {
        self.links.iter().find(|anchor| anchor.rel == rel)
    }

    /// All links `rel`, in order.
    pub(crate) fn anchors<'a>(&'a self, rel: &'a str) -> impl Iterator<Item = &'a Anchor> {
        self.links.iter().filter(move |anchor| anchor.rel == rel)
    }

    /// The first embedded resource `rel`.
    pub(crate) fn embedded(&self, rel: &str) -> Option<&Document> {
        self.embedded
            .iter()
            .find(|(given, _)| given == rel)
            .map(|(_, document)| document)
    }

    /// All embedded resources `rel`, in order.
    pub(crate) fn all_embedded<'a>(&'a self, rel: &'a str) -> impl Iterator<Item = &'a Document> {
        self.embedded
            .iter()
            .filter(move |(given, _)| given == rel)
            .map(|(_, document)| document)
    }

    /// The address of a link `rel` of this resource or of any embedded one: an application's
    /// `startMessaging` is in an embedded resource.
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

/// Shows relation and links, but no texts of people: a log must not contain messages.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("rel", &self.rel())
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

impl Anchor {
    /// Reads a link from JSON. A server may write only the address.
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

    /// Reads a link that names its relation itself, as in events.
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

/// The members of a list. One value counts as a list of one.
pub(crate) fn each(value: Value) -> impl Iterator<Item = Value> {
    match value {
        Value::Array(list) => list,
        Value::Null => Vec::new(),
        one => vec![one],
    }
    .into_iter()
}

/// Reads `/Date(1364327898968)/` or ISO 8601. A zone in the first form changes nothing.
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
