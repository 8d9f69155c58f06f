//! The text of a message that has only XHTML (XEP-0071): some bridges and alert programs send no
//! plain body. Pure.
//!
//! Rejected: formatted parts. A plain body is what every other sender gives, and readers expect it.

use super::ns;
use super::xml::{Element, Node};

/// The elements that begin and end a line.
const BLOCKS: &[&str] = &[
    "address",
    "blockquote",
    "body",
    "div",
    "dl",
    "dt",
    "dd",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "ol",
    "p",
    "pre",
    "ul",
];

/// Returns the text of a message's XHTML; `None` if it has none, or nothing to read.
pub(super) fn text(stanza: &Element) -> Option<String> {
    let html = stanza.find("html", ns::XHTML_IM)?;
    let mut text = String::new();
    for body in html.children().filter(|child| child.is("body", ns::XHTML)) {
        read(body, &mut text);
        if !text.trim().is_empty() {
            return Some(text.trim().to_owned());
        }
    }
    None
}

/// Appends the text of an element. The parser has bounded the depth.
fn read(element: &Element, text: &mut String) {
    let is_block = BLOCKS.contains(&&*element.name);
    if is_block {
        begin_line(text);
    }
    match &*element.name {
        "br" => text.push('\n'),
        "img" => text.push_str(element.attribute("alt").unwrap_or_default()),
        "script" | "style" => return,
        _ => {}
    }
    let begins = text.len();
    for node in &element.nodes {
        match node {
            Node::Element(child) => read(child, text),
            Node::Text(words) if element.name == "pre" => text.push_str(words),
            Node::Text(words) => append_words(text, words),
        }
    }
    if element.name == "a"
        && let Some(href) = element.attribute("href").map(str::trim)
        && !href.is_empty()
        && text[begins..].trim() != href
    {
        append_words(text, &format!(" {href}"));
    }
    if is_block {
        begin_line(text);
    }
}

/// Appends words with every run of white space as one blank, as a browser shows them.
fn append_words(text: &mut String, words: &str) {
    for character in words.chars() {
        match character {
            ' ' | '\t' | '\r' | '\n' if text.is_empty() || text.ends_with([' ', '\n']) => {}
            ' ' | '\t' | '\r' | '\n' => text.push(' '),
            other => text.push(other),
        }
    }
}

fn begin_line(text: &mut String) {
    while text.ends_with(' ') {
        text.pop();
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(name: &'static str) -> Element {
        Element::new(name, ns::XHTML)
    }

    fn text_of(body: Element) -> Option<String> {
        text(&Element::stanza("message").child(Element::new("html", ns::XHTML_IM).child(body)))
    }

    #[test]
    fn a_message_that_has_only_xhtml_is_read() {
        let bold = element("strong").text("disk");
        let line = element("p").text("  The \n").child(bold).text(" is  full ");
        let link = element("a").with("href", "https://a.example/1").text("why");
        let body = element("body").child(line).child(element("p").child(link));
        let read = text_of(body).expect("a text");
        assert_eq!(read, "The disk is full\nwhy https://a.example/1");
        let lines = element("body").text("a").child(element("br")).text("b");
        assert_eq!(text_of(lines).as_deref(), Some("a\nb"));
        let image = element("img").with("alt", "a graph");
        assert_eq!(
            text_of(element("body").child(image)).as_deref(),
            Some("a graph")
        );
        let bare = element("a")
            .with("href", "https://a.example")
            .text("https://a.example");
        assert_eq!(
            text_of(element("body").child(bare)).as_deref(),
            Some("https://a.example")
        );
    }

    #[test]
    fn nothing_to_read_is_no_text() {
        let script = element("script").text("alert(1)");
        assert_eq!(text_of(element("body").child(script)), None);
        assert_eq!(text_of(element("body").text(" \n ")), None);
        assert_eq!(
            text_of(Element::stanza("body").text("another namespace")),
            None
        );
        assert_eq!(text(&Element::stanza("message")), None);
    }
}
