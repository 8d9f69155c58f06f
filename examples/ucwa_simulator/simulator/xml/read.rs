//! Reads the XML body of a request: `<input>`, or a `<resource>` that a client passes back.
//!
//! Prefixes and namespaces are not compared, since clients differ in them. A document type is
//! refused.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};

/// The deepest nesting of elements.
const DEPTH_MAX: usize = 32;

/// An element of the document.
#[derive(Default)]
struct Element {
    name: String,
    /// Names without prefix, and values.
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

/// Returns what the body says, as an object of the JSON form. All values are texts, as those of a
/// query are. Returns `None` if the body is not such a document.
pub fn object(body: &str) -> Option<Map<String, Value>> {
    let root = parse(body)?;
    ["input", "resource"]
        .contains(&root.name.as_str())
        .then(|| root.members())
}

/// Returns the text of a body. UTF-16 is known by its byte order mark; everything else is UTF-8.
pub fn decoded(body: &[u8]) -> String {
    let units = |order: fn([u8; 2]) -> u16| {
        let pairs = body[2..].chunks_exact(2);
        let units: Vec<u16> = pairs.map(|pair| order([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match body {
        [0xff, 0xfe, ..] => units(u16::from_le_bytes),
        [0xfe, 0xff, ..] => units(u16::from_be_bytes),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name)?;
        Some(&found.1)
    }

    /// Returns the members of an `<input>` or a `<resource>`.
    fn members(&self) -> Map<String, Value> {
        let mut out = Map::new();
        let (mut links, mut embedded) = (Map::new(), Map::new());
        for child in &self.children {
            let named = |name| child.attribute(name).map(str::to_owned);
            match child.name.as_str() {
                "property" | "propertyList" => {
                    out.extend(named("name").map(|name| (name, child.value())));
                }
                "link" => {
                    let link = child.attributes.iter();
                    let link: Map<_, _> = link
                        .filter(|(name, _)| name != "rel")
                        .map(|(name, value)| (name.clone(), json!(value)))
                        .collect();
                    links.extend(named("rel").map(|rel| (rel, Value::Object(link))));
                }
                "resource" => {
                    let resource = Value::Object(child.members());
                    embedded.extend(named("rel").map(|rel| (rel, resource)));
                }
                _ => {}
            }
        }
        for (name, all) in [("_links", links), ("_embedded", embedded)] {
            if !all.is_empty() {
                out.insert(name.to_owned(), Value::Object(all));
            }
        }
        out
    }

    /// Returns the value of a property, a list or an item.
    fn value(&self) -> Value {
        if self
            .attribute("nil")
            .is_some_and(|nil| nil == "true" || nil == "1")
        {
            return Value::Null;
        }
        if self.name == "propertyList" {
            return self.children.iter().map(Element::value).collect();
        }
        let members = self.members();
        if members.is_empty() {
            json!(self.text)
        } else {
            Value::Object(members)
        }
    }
}

/// Returns the root; `None` if the text is not well-formed, or is too deep.
fn parse(text: &str) -> Option<Element> {
    let mut reader = Reader::from_str(text);
    // The first is the document itself, whose only child is the root.
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(_) if open.len() > DEPTH_MAX => return None,
            Event::Start(tag) => open.push(begun(&tag)?),
            Event::Empty(tag) => open.last_mut()?.children.push(begun(&tag)?),
            Event::End(_) => {
                let done = open.pop()?;
                open.last_mut()?.children.push(done);
            }
            Event::Text(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
            Event::CData(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let char = match reference.resolve_char_ref().ok()? {
                    Some(char) => char,
                    None => entity(&reference)?,
                };
                open.last_mut()?.text.push(char);
            }
            Event::DocType(_) => return None,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    let mut document = open.pop().filter(|_| open.is_empty())?;
    let root = document.children.pop()?;
    (document.children.is_empty() && document.text.trim().is_empty()).then_some(root)
}

fn begun(tag: &BytesStart<'_>) -> Option<Element> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        let attribute = attribute.ok()?;
        let value = quick_xml::escape::unescape(&attribute.value).ok()?;
        attributes.push((local(attribute.key.0).to_owned(), value.into_owned()));
    }
    Some(Element {
        name: local(tag.name().0).to_owned(),
        attributes,
        ..Element::default()
    })
}

/// Returns a name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Returns the character of one of XML's own entities.
fn entity(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Value {
        object(body).map_or(Value::Null, Value::Object)
    }

    #[test]
    fn an_input_has_properties_lists_and_links() {
        let body = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- mine -->\r\n\
            <input xmlns=\"http://schemas.microsoft.com/rtc/2012/03/ucwa\">\r\n  \
            <property name=\"to\">sip:a@b &amp; &#xE4;<![CDATA[<x>]]></property>\r\n  \
            <property name=\"none\" xsi:nil=\"true\" xmlns:xsi=\"x\" />\r\n  \
            <propertyList name=\"supportedModalities\">\r\n <item>Messaging</item> <item>Audio</item>\r\n</propertyList>\r\n  \
            <link rel=\"message\" href=\"data:text/plain,a&amp;b\" title=\"t\"/>\r\n</input>\r\n";
        let said = json!({"to": "sip:a@b & ä<x>", "none": null, "supportedModalities": ["Messaging", "Audio"],
            "_links": {"message": {"href": "data:text/plain,a&b", "title": "t"}}});
        assert_eq!(read(body), said);
        let prefixed = "<u:input xmlns:u='x'><u:property name='to'>y</u:property></u:input>";
        assert_eq!(read(prefixed), json!({"to": "y"}));
        assert_eq!(read("<input/>"), json!({}));
    }

    #[test]
    fn a_resource_that_is_passed_back_is_read_like_an_input() {
        let passed = json!({"rel": "a", "state": "x", "list": ["1"], "map": {"b": "c"}, "_links": {"next": {"href": "/n"}},
            "_embedded": {"me": {"name": "M"}}});
        assert_eq!(read(&super::super::write::text(&passed)), passed);
    }

    #[test]
    fn what_is_no_such_document_is_refused() {
        let deep = format!("<input>{}{}</input>", "<a>".repeat(40), "</a>".repeat(40));
        for body in [
            "",
            "text",
            "<a/>",
            "<input>",
            "<input></inpud>",
            "<input/><input/>",
            "<input/>x",
            "</input>",
            &deep,
            "<!DOCTYPE input [<!ENTITY a 'b'>]><input/>",
            "<input><property name='a'>&b;</property></input>",
            "<input><property name='a' name='b'/></input>",
        ] {
            assert_eq!(object(body), None, "{body}");
        }
    }

    #[test]
    fn the_byte_order_mark_names_the_encoding() {
        let text = "<input/>ä";
        let wide = |order: fn(u16) -> [u8; 2]| -> Vec<u8> {
            "\u{feff}<input/>ä".encode_utf16().flat_map(order).collect()
        };
        assert_eq!(decoded(&wide(u16::to_le_bytes)), text);
        assert_eq!(decoded(&wide(u16::to_be_bytes)), text);
        assert_eq!(decoded(text.as_bytes()), text);
    }
}
