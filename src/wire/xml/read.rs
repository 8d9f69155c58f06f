//! Parses XML into the tree from which the documents are read.
//!
//! It is lenient where the vendor's clients and other serializers differ (§xml/input): any prefix,
//! any namespace, any order, comments, CDATA, a declaration of any encoding (the text is UTF-8
//! anyway). It is strict where leniency could hurt: there is no document type, so no entities but
//! XML's own five, and [`DEPTH_MAX`], [`ELEMENTS_MAX`] and [`SIZE_MAX`] bound the text. Namespaces
//! are not resolved: nothing depends on them, and an attacker could make it expensive.

use super::super::COLLABORATION_NAMESPACE;
use super::super::tree::Tree;
use super::text::can_carry;
use crate::error::{Error, Result};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// How deep elements may be nested; the deepest document of the contract has six levels.
pub(crate) const DEPTH_MAX: usize = 32;
/// How many elements a text may have, so that many small ones cannot use up the memory.
const ELEMENTS_MAX: usize = 250_000;
/// How long a text may be, in bytes. A host allows far less; this is for clients, who read long
/// answers.
const SIZE_MAX: usize = 16 * 1024 * 1024;

/// Reads text into a tree, nothing interpreted but `i:nil`, which is [`Tree::Null`], and `i:type`,
/// which becomes the first member, `__type`, with the namespace that JSON writes there.
///
/// # Errors
/// [`Error::Invalid`] with one sentence, line and column: no well-formed XML, a document type, an
/// unknown entity, too deep, too many elements. [`Error::TooLarge`] over 16 MiB.
pub fn parse(text: &[u8]) -> Result<Tree> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.len() > SIZE_MAX {
        return Err(Error::TooLarge {
            what: "the body",
            length: text.len() as u64,
            limit: SIZE_MAX as u64,
        });
    }
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::invalid("the body is empty, XML is expected"));
    }
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            return Err(Error::invalid(format!(
                "the body is not UTF-8 from byte {} on",
                error.valid_up_to()
            )));
        }
    };
    Parser {
        text,
        reader: Reader::from_str(text),
        open: Vec::new(),
        root: None,
        elements: 0,
    }
    .run()
}

/// The state of a text that is being read.
struct Parser<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    /// The open elements, from the root down. Recursion would use up the thread's stack.
    open: Vec<Open>,
    root: Option<Tree>,
    elements: usize,
}

/// An element whose end tag was not read yet.
struct Open {
    name: String,
    is_nil: bool,
    /// The value of its `i:type`, without a prefix.
    kind: Option<String>,
    text: String,
    children: Vec<(String, Tree)>,
}

impl Parser<'_> {
    fn run(mut self) -> Result<Tree> {
        loop {
            let at = self.reader.buffer_position();
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.broken(self.reader.error_position(), &error)),
            };
            match event {
                Event::Start(tag) => self.begin(at, &tag)?,
                Event::Empty(tag) => {
                    self.begin(at, &tag)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) => self.text(at, &text.xml10_content())?,
                Event::CData(text) if self.open.is_empty() => {
                    return Err(self.stray(at, &text.xml10_content()));
                }
                Event::CData(text) => self.text(at, &text.xml10_content())?,
                Event::GeneralRef(reference) => self.reference(at, &reference)?,
                Event::DocType(_) => return Err(self.refused(at, "a document type is not allowed")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        if let Some(open) = self.open.last() {
            return Err(self.refused(
                self.text.len() as u64,
                &format!("it ends inside `{}`", shown(&open.name)),
            ));
        }
        self.root
            .take()
            .ok_or_else(|| self.refused(self.text.len() as u64, "there is no element"))
    }

    fn begin(&mut self, at: u64, tag: &BytesStart<'_>) -> Result<()> {
        if self.root.is_some() {
            return Err(self.refused(at, "there is a second root"));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(self.refused(at, &format!("elements lie deeper than {DEPTH_MAX}")));
        }
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            return Err(self.refused(at, &format!("there are more than {ELEMENTS_MAX} elements")));
        }
        let name = local(tag.name().0);
        if name.is_empty() {
            return Err(self.refused(at, "an element has no name"));
        }
        let mut open = Open {
            name: name.to_owned(),
            is_nil: false,
            kind: None,
            text: String::new(),
            children: Vec::new(),
        };
        // Without the check for attributes given twice: it compares each with all, and nobody needs
        // it.
        for attribute in tag.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.broken(at, &error))?;
            let value = attribute.value.trim();
            match attribute.key.0.split_once(':') {
                Some((prefix, "nil")) if prefix != "xmlns" => {
                    open.is_nil = matches!(value, "true" | "1")
                }
                Some((prefix, "type")) if prefix != "xmlns" => {
                    open.kind = Some(local(value).to_owned())
                }
                _ => {}
            }
        }
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) {
        // The reader has checked that ends match beginnings.
        let Some(open) = self.open.pop() else { return };
        let (name, tree) = open.into_tree();
        match self.open.last_mut() {
            Some(parent) => parent.children.push((name, tree)),
            None => self.root = Some(tree),
        }
    }

    fn text(&mut self, at: u64, text: &str) -> Result<()> {
        if let Some(bad) = text.chars().find(|c| !can_carry(*c)) {
            return Err(self.refused(
                at,
                &format!(
                    "the text has the character U+{:04X}, which XML does not allow",
                    bad as u32
                ),
            ));
        }
        match self.open.last_mut() {
            Some(open) => open.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(self.stray(at, text)),
        }
        Ok(())
    }

    fn reference(&mut self, at: u64, reference: &BytesRef<'_>) -> Result<()> {
        let name: &str = reference;
        let character = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => reference
                .resolve_char_ref()
                .unwrap_or_default()
                .filter(|c| can_carry(*c)),
        };
        let Some(character) = character else {
            return Err(self.refused(at, &format!("`&{};` stands for no character", shown(name))));
        };
        match self.open.last_mut() {
            Some(open) => open.text.push(character),
            None => return Err(self.stray(at, name)),
        }
        Ok(())
    }

    fn stray(&self, at: u64, text: &str) -> Error {
        self.refused(at, &format!("`{}` stands outside of the root", shown(text)))
    }

    fn broken(&self, at: u64, error: &dyn std::fmt::Display) -> Error {
        self.refused(at, &shown(&error.to_string()))
    }

    /// An error that names the line and column of a byte.
    fn refused(&self, at: u64, why: &str) -> Error {
        let at = usize::try_from(at)
            .unwrap_or(usize::MAX)
            .min(self.text.len());
        let before = &self.text.as_bytes()[..at];
        let line = before.split(|byte| *byte == b'\n').count();
        let begin = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let column = String::from_utf8_lossy(&before[begin..]).chars().count() + 1;
        Error::invalid(format!(
            "the body is not readable as XML: {why}, at line {line} column {column}"
        ))
    }
}

impl Open {
    /// The value of an element. With children it is the children; the text between them is ignored.
    /// Without children it is its text. An empty element may be an empty text, list or object; its
    /// reader decides.
    fn into_tree(self) -> (String, Tree) {
        let Open {
            name,
            is_nil,
            kind,
            text,
            mut children,
        } = self;
        if is_nil {
            return (name, Tree::Null);
        }
        // A text may have a type too (some serializers say of each that it is a string); it stays a
        // text.
        if let Some(kind) = kind.filter(|_| !children.is_empty() || text.trim().is_empty()) {
            children.insert(
                0,
                (
                    "__type".to_owned(),
                    Tree::Text(format!("{kind}:{COLLABORATION_NAMESPACE}")),
                ),
            );
        }
        let tree = if children.is_empty() && !text.is_empty() {
            Tree::Text(text)
        } else {
            Tree::Elements(children)
        };
        (name, tree)
    }
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// The beginning of a text, as much as an error shows.
fn shown(text: &str) -> String {
    text.chars()
        .take(80)
        .collect::<String>()
        .escape_debug()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: impl AsRef<[u8]>) -> String {
        parse(text.as_ref()).expect_err("not readable").to_string()
    }

    fn nested(depth: usize) -> String {
        "<a>".repeat(depth) + &"</a>".repeat(depth)
    }

    #[test]
    fn elements_in_their_order() {
        let text = |text: &str| Tree::Text(text.into());
        let tree = parse(b"<r><b>1</b><a/><x:b i:nil='true'>2</x:b><c> </c></r>").expect("fine");
        let members = [
            ("b", text("1")),
            ("a", Tree::Elements(Vec::new())),
            ("b", Tree::Null),
            ("c", text(" ")),
        ];
        assert_eq!(
            tree,
            Tree::Elements(members.map(|(name, tree)| (name.to_owned(), tree)).into())
        );
        let kind = format!("K:{COLLABORATION_NAMESPACE}");
        for (xml, tree) in [
            (
                "<r i:type='K'/>",
                Tree::Elements(vec![("__type".into(), text(&kind))]),
            ),
            (
                "<r xsi:type='x:K'>\n</r>",
                Tree::Elements(vec![("__type".into(), text(&kind))]),
            ),
            ("<r i:type='x:string'>t</r>", text("t")),
            (
                "<r type='K' xmlns:type='K' nil='true'/>",
                Tree::Elements(Vec::new()),
            ),
            ("<r>\r\n\r&#13;</r>", text("\n\n\r")),
        ] {
            assert_eq!(parse(xml.as_bytes()), Ok(tree), "{xml}");
        }
    }

    #[test]
    fn what_is_no_xml_is_refused_with_its_place() {
        for (text, expected) in [
            ("", "the body is empty, XML is expected"),
            (" \n", "the body is empty, XML is expected"),
            (
                "hello",
                "`hello` stands outside of the root, at line 1 column 1",
            ),
            ("{\"Text\":\"x\"}", "stands outside of the root"),
            (
                "<a/>x",
                "`x` stands outside of the root, at line 1 column 5",
            ),
            ("<a/><![CDATA[x]]>", "`x` stands outside of the root"),
            ("<a/>&amp;", "`amp` stands outside of the root"),
            ("<a/><b/>", "there is a second root, at line 1 column 5"),
            ("<!-- nothing -->", "there is no element"),
            ("<a>\n <b>", "it ends inside `b`, at line 2 column 5"),
            ("<a", "tag not closed"),
            ("<a b='", "attribute value not closed"),
            (
                "<a>\né<b></c></a>",
                "expected `</b>`, but `</c>` was found, at line 2 column 5",
            ),
            ("</a>", "at line 1 column 1"),
            ("<a b=c/>", "at line 1 column 1"),
            ("< />", "an element has no name"),
            (
                "<a>&copy;</a>",
                "`&copy;` stands for no character, at line 1 column 4",
            ),
            ("<a>&#0;</a>", "`&#0;` stands for no character"),
            ("<a>&#x1F;</a>", "stands for no character"),
            ("<a>&#xD800;</a>", "stands for no character"),
            ("<a>&#99999999999;</a>", "stands for no character"),
            ("<a>&#x-41;</a>", "stands for no character"),
            ("<a>x & y</a>", "the body is not readable as XML"),
            ("<a>&amp</a>", "the body is not readable as XML"),
            ("<a>\u{1}</a>", "the character U+0001"),
            ("<a><![CDATA[\u{ffff}]]></a>", "the character U+FFFF"),
            ("<a><![CDATA[x</a>", "CDATA not closed"),
            ("<a><!-- x</a>", "comment not closed"),
        ] {
            assert!(reason(text).contains(expected), "{text}: {}", reason(text));
        }
        assert_eq!(
            reason(b"<a>\xff</a>"),
            "the body is not UTF-8 from byte 3 on"
        );
        assert!(reason("\u{feff}<a>".as_bytes()).contains("line 1 column 4"));
    }

    #[test]
    fn a_document_type_is_refused_whatever_it_says() {
        let laughs = "<?xml version='1.0'?>\n<!DOCTYPE lolz [<!ENTITY lol 'lol'><!ENTITY lol1 '&lol;&lol;'>]><lolz>&lol1;</lolz>";
        let outside = "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>";
        for text in [
            laughs,
            outside,
            "<!DOCTYPE html><a/>",
            "<a><!DOCTYPE a></a>",
            "<!doctype a><a/>",
        ] {
            assert!(
                reason(text).contains("a document type is not allowed"),
                "{text}: {}",
                reason(text)
            );
        }
    }

    #[test]
    fn depth_number_and_size_are_bounded() {
        assert!(parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert!(reason(nested(DEPTH_MAX + 1)).contains("deeper than 32"));
        assert!(reason("<a>".repeat(1_000_000)).contains("deeper than 32"));
        let many = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count));
        assert!(parse(many(ELEMENTS_MAX - 1).as_bytes()).is_ok());
        assert!(reason(many(ELEMENTS_MAX)).contains("more than 250000 elements"));
        let large = vec![b' '; SIZE_MAX + 1];
        assert!(matches!(parse(&large), Err(Error::TooLarge { .. })));
    }

    /// Each attribute compared with all others would be 10^10 comparisons.
    #[test]
    fn many_attributes_cost_no_more_than_their_length() {
        let text = format!(
            "<a {}/>",
            (0..100_000)
                .map(|n| format!("b{n}='' "))
                .collect::<String>()
        );
        assert_eq!(parse(text.as_bytes()), Ok(Tree::Elements(Vec::new())));
    }

    #[test]
    fn an_error_shows_little_of_what_was_sent() {
        let long = "x".repeat(100_000);
        for text in [
            format!("<{long}>"),
            format!("<a>&{long};</a>"),
            format!("<a></{long}>"),
            long,
        ] {
            assert!(reason(&text).len() < 300, "{}", reason(&text).len());
        }
    }
}
