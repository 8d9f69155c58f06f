//! Tags and text into stanzas.
//!
//! Malformed XML ends the stream, as it must. What is only too much (too large, too deep, too many
//! nodes) or wrong within its stanza is stepped over: a stranger whose stanza was passed on must
//! not end anything.

use super::super::ns;
use super::element::{Element, Node, is_xml};
use super::lexer::{Kind, Lexer, Malformed};
use std::borrow::Cow;

/// The most levels of elements within a stream.
pub(in super::super) const DEPTH_MAX: usize = 64;
/// The most bytes of a stanza.
pub(in super::super) const STANZA_MAX: usize = 512 * 1024;
/// Elements and texts of a stanza at most: an empty element costs four bytes on the wire and a
/// hundred here.
const NODES_MAX: usize = 16_384;
/// The most attributes of an element.
const ATTRIBUTES_MAX: usize = 64;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Event {
    /// The stream began. The element has its attributes.
    Opened(Element),
    /// A stanza, or another top-level element.
    Element(Box<Element>),
    /// A stanza that was skipped, and why.
    Skipped(&'static str),
    /// The stream ended.
    Closed,
}

/// An element whose end has not come.
struct Open {
    element: Element,
    /// The name with its prefix, which the end tag must repeat.
    written: String,
    /// The default namespace within it.
    default: Cow<'static, str>,
    /// The prefixes that it binds.
    prefixes: Vec<(String, String)>,
}

/// Reads one stream: takes bytes, returns events.
#[derive(Default)]
pub(in super::super) struct Parser {
    lexer: Lexer,
    /// The open elements: that of the stream and those within it.
    open: Vec<Open>,
    begun: bool,
    /// The depth within a stanza that is being skipped, and why it is.
    skipping: Option<(usize, &'static str)>,
    bytes: usize,
    nodes: usize,
}

/// An error: of the stream, or of one stanza.
enum Wrong {
    Stream(Malformed),
    Stanza(&'static str),
}

impl From<Malformed> for Wrong {
    fn from(malformed: Malformed) -> Wrong {
        Wrong::Stream(malformed)
    }
}

impl Parser {
    /// Takes bytes that have come.
    pub(in super::super) fn feed(&mut self, bytes: &[u8]) {
        self.lexer.feed(bytes);
    }

    /// Returns what came after the last event, for the parser of the next stream.
    pub(in super::super) fn rest(&self) -> &[u8] {
        self.lexer.rest()
    }

    /// Returns whether a stanza has begun and not ended, once all that has come was read.
    pub(in super::super) fn is_inside(&self) -> bool {
        self.open.len() > 1 || self.skipping.is_some() || !self.lexer.rest().is_empty()
    }

    /// Returns the next event, once it is complete.
    pub(in super::super) fn next(&mut self) -> Result<Option<Event>, Malformed> {
        loop {
            if self.open.len() <= 1 && self.skipping.is_none() {
                self.lexer.skip_blanks();
                if self
                    .lexer
                    .rest()
                    .first()
                    .is_some_and(|first| *first != b'<')
                {
                    return Err(Malformed("text between stanzas"));
                }
            }
            let Some(token) = self.lexer.next()? else {
                return Ok(None);
            };
            let length = self.lexer.bytes(&token).len();
            self.bytes += length + 2;
            if let Some((depth, reason)) = self.skipping {
                if token.kind != Kind::Tag {
                    continue;
                }
                let bytes = self.lexer.bytes(&token);
                let depth = if bytes.starts_with(b"/") {
                    depth - 1
                } else if bytes.ends_with(b"/") {
                    depth
                } else {
                    depth + 1
                };
                self.skipping = (depth > 1).then_some((depth, reason));
                if depth <= 1 {
                    self.reset();
                    return Ok(Some(Event::Skipped(reason)));
                }
                continue;
            }
            let is_tag = token.kind == Kind::Tag;
            let wrong = if token.flood || (self.bytes > STANZA_MAX && self.open.len() > 1) {
                Wrong::Stanza("a stanza is too large")
            } else {
                match self.token(token.kind, &token) {
                    Ok(Some(event)) => return Ok(Some(event)),
                    Ok(None) => continue,
                    Err(wrong) => wrong,
                }
            };
            match wrong {
                Wrong::Stream(malformed) => return Err(malformed),
                Wrong::Stanza(_) if self.open.is_empty() => {
                    return Err(Malformed("the stream's header is not valid"));
                }
                Wrong::Stanza(reason) => {
                    if let Some(event) = self.step_over(&token, is_tag, reason) {
                        return Ok(Some(event));
                    }
                }
            }
        }
    }

    /// Skips the stanza from this token on.
    fn step_over(
        &mut self,
        token: &super::lexer::Token,
        is_tag: bool,
        reason: &'static str,
    ) -> Option<Event> {
        let bytes = self.lexer.bytes(token);
        let mut depth = self.open.len();
        if is_tag && bytes.starts_with(b"/") {
            depth = depth.saturating_sub(1);
        } else if is_tag && !bytes.ends_with(b"/") {
            depth += 1;
        }
        self.reset();
        if depth <= 1 {
            return Some(Event::Skipped(reason));
        }
        self.skipping = Some((depth, reason));
        None
    }

    /// Goes back to the state between two stanzas.
    fn reset(&mut self) {
        self.open.truncate(1);
        self.bytes = 0;
        self.nodes = 0;
    }

    fn token(&mut self, kind: Kind, token: &super::lexer::Token) -> Result<Option<Event>, Wrong> {
        let bytes = self.lexer.bytes(token);
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed("not UTF-8"))?;
        match kind {
            Kind::Declaration if self.begun || !text.starts_with("xml") => {
                Err(Malformed("a processing instruction").into())
            }
            Kind::Declaration => {
                self.begun = true;
                Ok(None)
            }
            Kind::Data if self.open.len() <= 1 => Err(Malformed("text between stanzas").into()),
            Kind::Text => {
                let text = unescape(text, false)?;
                self.add_text(&text)
            }
            Kind::Data => {
                let text = normal(text).into_owned();
                if !text.chars().all(is_xml) {
                    return Err(Malformed("a character that XML does not allow").into());
                }
                self.add_text(&text)
            }
            Kind::Tag => {
                let text = text.to_owned();
                match text.strip_prefix('/') {
                    Some(name) => self.end(name.trim_end()),
                    None => self.begin(&text),
                }
            }
        }
    }

    fn add_text(&mut self, text: &str) -> Result<Option<Event>, Wrong> {
        let Some(open) = self.open.last_mut() else {
            return Ok(None);
        };
        if let Some(Node::Text(before)) = open.element.nodes.last_mut() {
            before.push_str(text);
            return Ok(None);
        }
        open.element.nodes.push(Node::Text(text.to_owned()));
        self.count()
    }

    fn count(&mut self) -> Result<Option<Event>, Wrong> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            Err(Wrong::Stanza("a stanza has too many elements"))
        } else {
            Ok(None)
        }
    }

    fn end(&mut self, name: &str) -> Result<Option<Event>, Wrong> {
        let Some(open) = self.open.pop() else {
            return Err(Malformed("an end tag without a start tag").into());
        };
        if open.written != name {
            return Err(Malformed("an end tag that does not match its start tag").into());
        }
        Ok(self.ended(open.element))
    }

    fn ended(&mut self, element: Element) -> Option<Event> {
        if self.open.is_empty() {
            return Some(Event::Closed);
        }
        if self.open.len() == 1 {
            self.reset();
            return Some(Event::Element(Box::new(element)));
        }
        if let Some(parent) = self.open.last_mut() {
            parent.element.nodes.push(Node::Element(element));
        }
        None
    }

    fn begin(&mut self, text: &str) -> Result<Option<Event>, Wrong> {
        let (text, is_empty) = match text.strip_suffix('/') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (written, attributes) = tag(text)?;
        self.begun = true;
        if self.open.len() > DEPTH_MAX {
            return Err(Wrong::Stanza("a stanza is nested too deeply"));
        }
        let open = self.resolve(written, attributes)?;
        if self.open.is_empty() {
            if is_empty || !open.element.is("stream", ns::STREAM) {
                return Err(Malformed("the stream's header is not valid").into());
            }
            let header = open.element.clone();
            self.open.push(open);
            self.reset();
            return Ok(Some(Event::Opened(header)));
        }
        self.count()?;
        if is_empty {
            return Ok(self.ended(open.element));
        }
        self.open.push(open);
        Ok(None)
    }

    /// Resolves an element's namespaces.
    fn resolve(&self, written: &str, attributes: Attributes<'_>) -> Result<Open, Wrong> {
        let mut default = self
            .open
            .last()
            .map_or(Cow::Borrowed(""), |open| open.default.clone());
        let mut prefixes = Vec::new();
        let mut kept: Vec<(Cow<'static, str>, String)> = Vec::with_capacity(attributes.len());
        if attributes.len() > ATTRIBUTES_MAX {
            return Err(Wrong::Stanza("an element has too many attributes"));
        }
        for (name, value) in attributes {
            if name == "xmlns" {
                default = ns::known(&value);
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                prefixes.push((prefix.to_owned(), value));
            } else if kept.iter().any(|(known, _)| known == name) {
                return Err(Wrong::Stanza("an attribute occurs twice"));
            } else {
                kept.push((attribute_name(name), value));
            }
        }
        let (namespace, name) = match written.split_once(':') {
            None => (default.clone(), written),
            Some(("xml", name)) => (Cow::Borrowed(ns::XML), name),
            Some((prefix, name)) => {
                let own = prefixes.iter();
                let outer = self.open.iter().rev().flat_map(|open| open.prefixes.iter());
                let bound = own
                    .chain(outer)
                    .find(|(known, _)| known == prefix)
                    .map(|(_, namespace)| ns::known(namespace));
                (bound.ok_or(Wrong::Stanza("a prefix is not bound"))?, name)
            }
        };
        let element = Element {
            name: name.to_owned().into(),
            namespace,
            attributes: kept,
            nodes: Vec::new(),
        };
        Ok(Open {
            element,
            written: written.to_owned(),
            default,
            prefixes,
        })
    }
}

/// Returns an attribute's name. The names that nearly all attributes have are not copied.
fn attribute_name(name: &str) -> Cow<'static, str> {
    const COMMON: [&str; 12] = [
        "from",
        "to",
        "id",
        "type",
        "xml:lang",
        "jid",
        "by",
        "code",
        "affiliation",
        "role",
        "stamp",
        "queryid",
    ];
    match COMMON.iter().find(|common| **common == name) {
        Some(common) => Cow::Borrowed(common),
        None => Cow::Owned(name.to_owned()),
    }
}

/// Attributes as written, with their values resolved.
type Attributes<'a> = Vec<(&'a str, String)>;

/// Returns a tag's name and attributes.
fn tag(text: &str) -> Result<(&str, Attributes<'_>), Wrong> {
    let end = text
        .find(|c: char| c.is_ascii_whitespace())
        .unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if !is_name(name) {
        return Err(Malformed("an element's name is not valid").into());
    }
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        if rest.is_empty() {
            return Ok((name, attributes));
        }
        let bad = || Malformed("an attribute is not valid");
        let (attribute, value) = rest.split_once('=').ok_or_else(bad)?;
        let attribute = attribute.trim_end_matches(|c: char| c.is_ascii_whitespace());
        let value = value.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let quote = value
            .chars()
            .next()
            .filter(|c| *c == '"' || *c == '\'')
            .ok_or_else(bad)?;
        let (value, after) = value[1..].split_once(quote).ok_or_else(bad)?;
        if !is_name(attribute)
            || value.contains('<')
            || !(after.is_empty() || after.starts_with(|c: char| c.is_ascii_whitespace()))
        {
            return Err(bad().into());
        }
        attributes.push((attribute, unescape(value, true)?));
        rest = after;
    }
}

/// Returns whether a text can be a name. XML allows slightly less, but no server passes that on.
fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_alphabetic() || c == '_';
    let more = |c: char| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '\u{b7}') || !c.is_ascii()
    };
    name.starts_with(first) && name.chars().all(more) && !name.ends_with(':')
}

/// Returns a text with line ends as XML reads them.
fn normal(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Resolves the five entities and characters by number.
fn unescape(text: &str, attribute: bool) -> Result<String, Wrong> {
    let text = normal(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find('&') {
        push(&mut out, &rest[..at], attribute)?;
        let (entity, after) = rest[at + 1..]
            .split_once(';')
            .ok_or(Malformed("an entity has no end"))?;
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "apos" => '\'',
            "quot" => '"',
            _ => number(entity).ok_or(Malformed("an entity is unknown"))?,
        });
        rest = after;
    }
    push(&mut out, rest, attribute)?;
    Ok(out)
}

fn push(out: &mut String, text: &str, attribute: bool) -> Result<(), Wrong> {
    if !text.chars().all(is_xml) {
        return Err(Malformed("a character that XML does not allow").into());
    }
    if attribute {
        out.extend(text.chars().map(|c| {
            if matches!(c, '\n' | '\t' | '\r') {
                ' '
            } else {
                c
            }
        }));
    } else {
        out.push_str(text);
    }
    Ok(())
}

fn number(entity: &str) -> Option<char> {
    let digits = entity.strip_prefix('#')?;
    let number = match digits.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(number).filter(|c| is_xml(*c))
}
