//! One element and its contents: built or parsed, and written as text.

use super::super::ns;
use std::borrow::Cow;

/// The contents of an element, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Node {
    Element(Element),
    Text(String),
}

/// An element with a resolved namespace. Attributes keep the name they are written with, as
/// `xml:lang`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Element {
    pub(in super::super) name: Cow<'static, str>,
    pub(in super::super) namespace: Cow<'static, str>,
    pub(in super::super) attributes: Vec<(Cow<'static, str>, String)>,
    pub(in super::super) nodes: Vec<Node>,
}

impl Element {
    /// Returns an empty element.
    pub(in super::super) fn new(name: &'static str, namespace: &'static str) -> Element {
        Element {
            name: name.into(),
            namespace: namespace.into(),
            attributes: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// Returns an empty stanza, or an empty part of one.
    pub(in super::super) fn stanza(name: &'static str) -> Element {
        Element::new(name, ns::CLIENT)
    }

    /// Sets an attribute.
    pub(in super::super) fn with(
        mut self,
        name: &'static str,
        value: impl Into<String>,
    ) -> Element {
        self.attributes.push((name.into(), value.into()));
        self
    }

    /// Sets an attribute if there is a value.
    pub(in super::super) fn with_some(
        self,
        name: &'static str,
        value: Option<impl Into<String>>,
    ) -> Element {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds an element.
    pub(in super::super) fn child(mut self, child: Element) -> Element {
        self.nodes.push(Node::Element(child));
        self
    }

    /// Adds elements.
    pub(in super::super) fn children_from(
        mut self,
        children: impl IntoIterator<Item = Element>,
    ) -> Element {
        self.nodes.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Adds text.
    pub(in super::super) fn text(mut self, text: impl Into<String>) -> Element {
        self.nodes.push(Node::Text(text.into()));
        self
    }

    /// Returns whether the element has that name and namespace.
    pub(in super::super) fn is(&self, name: &str, namespace: &str) -> bool {
        self.name == name && self.namespace == namespace
    }

    /// Returns the value of an attribute.
    pub(in super::super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    /// Returns the child elements.
    pub(in super::super) fn children(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// Returns the first child of that name and namespace.
    pub(in super::super) fn find(&self, name: &str, namespace: &str) -> Option<&Element> {
        self.children().find(|child| child.is(name, namespace))
    }

    /// Returns the text directly in the element.
    pub(in super::super) fn inner_text(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            if let Node::Text(piece) = node {
                text.push_str(piece);
            }
        }
        text
    }

    /// Returns the text of the first child of that name and namespace.
    pub(in super::super) fn text_of(&self, name: &str, namespace: &str) -> Option<String> {
        self.find(name, namespace).map(Element::inner_text)
    }

    /// Returns the element as text, for a stream whose default namespace is that of stanzas.
    pub(in super::super) fn to_xml(&self) -> String {
        let mut out = String::with_capacity(256);
        self.write(&mut out, ns::CLIENT);
        out
    }

    fn write(&self, out: &mut String, inherited: &str) {
        out.push('<');
        out.push_str(&self.name);
        if self.namespace != inherited {
            out.push_str(" xmlns='");
            escape(out, &self.namespace, true);
            out.push('\'');
        }
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("='");
            escape(out, value, true);
            out.push('\'');
        }
        if self.nodes.is_empty() {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for node in &self.nodes {
            match node {
                Node::Element(element) => element.write(out, &self.namespace),
                Node::Text(text) => escape(out, text, false),
            }
        }
        out.push_str("</");
        out.push_str(&self.name);
        out.push('>');
    }
}

/// Writes text so that a parser reads the same: a carriage return would be read as a line feed, and
/// in an attribute a line feed as a blank. What XML 1.0 cannot carry becomes U+FFFD.
pub(in super::super) fn escape(out: &mut String, text: &str, attribute: bool) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' if attribute => out.push_str("&apos;"),
            '"' if attribute => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            other if is_xml(other) => out.push(other),
            _ => out.push('\u{fffd}'),
        }
    }
}

/// Returns whether XML 1.0 can contain a character.
pub(super) fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
