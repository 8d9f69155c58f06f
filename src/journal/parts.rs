//! How parts and contexts are stored in their columns: short JSON, not that of the wire.

use crate::model::{Attachment, DisplayMode, Part, SecurityContext};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stored {
    Text(String),
    Link {
        text: String,
        url: String,
    },
    Channel {
        id: String,
        name: String,
    },
    Hashtag(String),
    Code {
        code: String,
        language: Option<String>,
        block: bool,
    },
    Emoji(String),
    Mention {
        address: String,
        name: String,
    },
    File {
        name: String,
        size: Option<u64>,
        media: Option<String>,
        url: String,
    },
    Unreadable(String),
}

#[derive(Serialize, Deserialize)]
struct StoredContext {
    id: String,
    text: Option<String>,
}

/// JSON of `parts`, or `None` where they are one plain text.
pub(crate) fn encode(parts: &[Part]) -> Option<String> {
    if let [Part::Text(_)] = parts {
        return None;
    }
    let stored: Vec<Stored> = parts.iter().map(store).collect();
    serde_json::to_string(&stored).ok()
}

/// The parts of a row; an unreadable column becomes its plain text.
pub(crate) fn decode(column: Option<&str>, text: &str) -> Vec<Part> {
    let plain = || vec![Part::Text(text.to_owned())];
    let Some(column) = column else { return plain() };
    match serde_json::from_str::<Vec<Stored>>(column) {
        Ok(stored) => stored.into_iter().map(restore).collect(),
        Err(_) => plain(),
    }
}

pub(crate) fn encode_contexts(contexts: &[SecurityContext]) -> Option<String> {
    if contexts.is_empty() {
        return None;
    }
    let stored: Vec<StoredContext> = contexts
        .iter()
        .map(|context| StoredContext {
            id: context.id.clone(),
            text: context.display_text.clone(),
        })
        .collect();
    serde_json::to_string(&stored).ok()
}

pub(crate) fn decode_contexts(column: Option<&str>) -> Vec<SecurityContext> {
    let stored: Vec<StoredContext> = column
        .and_then(|column| serde_json::from_str(column).ok())
        .unwrap_or_default();
    stored
        .into_iter()
        .map(|context| SecurityContext {
            id: context.id,
            display_text: context.text,
        })
        .collect()
}

fn store(part: &Part) -> Stored {
    match part.clone() {
        Part::Text(text) => Stored::Text(text),
        Part::Hyperlink { text, url } => Stored::Link { text, url },
        Part::ChannelLink { channel, name } => Stored::Channel { id: channel, name },
        Part::Hashtag(tag) => Stored::Hashtag(tag),
        Part::CodeBlock {
            code,
            language,
            display,
        } => Stored::Code {
            code,
            language,
            block: display == DisplayMode::Block,
        },
        Part::Emoji(text) => Stored::Emoji(text),
        Part::Mention { address, name } => Stored::Mention { address, name },
        Part::Attachment(file) => Stored::File {
            name: file.name,
            size: file.size,
            media: file.media_type,
            url: file.url,
        },
        Part::Unreadable { method } => Stored::Unreadable(method),
    }
}

fn restore(stored: Stored) -> Part {
    match stored {
        Stored::Text(text) => Part::Text(text),
        Stored::Link { text, url } => Part::Hyperlink { text, url },
        Stored::Channel { id, name } => Part::ChannelLink { channel: id, name },
        Stored::Hashtag(tag) => Part::Hashtag(tag),
        Stored::Code {
            code,
            language,
            block,
        } => Part::CodeBlock {
            code,
            language,
            display: if block {
                DisplayMode::Block
            } else {
                DisplayMode::Inline
            },
        },
        Stored::Emoji(text) => Part::Emoji(text),
        Stored::Mention { address, name } => Part::Mention { address, name },
        Stored::File {
            name,
            size,
            media,
            url,
        } => Part::Attachment(Attachment {
            name,
            size,
            media_type: media,
            url,
        }),
        Stored::Unreadable(method) => Part::Unreadable { method },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_part_comes_back() {
        let parts = vec![
            Part::Text("a \"b\" \u{1F980}".into()),
            Part::Hyperlink {
                text: "t".into(),
                url: "http://x/?a&b".into(),
            },
            Part::ChannelLink {
                channel: "contact:a".into(),
                name: "A".into(),
            },
            Part::Hashtag("#h".into()),
            Part::CodeBlock {
                code: "x\n\ty".into(),
                language: Some("rust".into()),
                display: DisplayMode::Block,
            },
            Part::Emoji("\u{1F600}".into()),
            Part::Mention {
                address: "xmpp:lene@example.org".into(),
                name: "Lene".into(),
            },
            Part::Attachment(Attachment::at("https://example.org/a.png?x")),
            Part::Unreadable {
                method: "OMEMO".into(),
            },
        ];
        let column = encode(&parts).expect("not plain");
        assert_eq!(decode(Some(&column), "ignored"), parts);
        assert_eq!(encode(&[Part::Text("x".into())]), None);
    }
}
