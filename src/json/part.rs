//! One piece of a message. Each has `text`, so that a part of an unknown type is read as its text.

use super::unknown::least;
use crate::model::{Attachment, DisplayMode, Part};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize)]
struct Written<'a> {
    r#type: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display: Option<DisplayMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
}

#[derive(Deserialize)]
struct Read {
    r#type: String,
    #[serde(default)]
    text: String,
    url: Option<String>,
    channel: Option<String>,
    language: Option<String>,
    #[serde(default, deserialize_with = "least")]
    display: DisplayMode,
    address: Option<String>,
    name: Option<String>,
    size: Option<u64>,
    media_type: Option<String>,
    method: Option<String>,
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let plain = |r#type, text| Written {
            r#type,
            text,
            url: None,
            channel: None,
            language: None,
            display: None,
            address: None,
            name: None,
            size: None,
            media_type: None,
            method: None,
        };
        let written = match self {
            Part::Text(text) => plain("text", text),
            Part::Hashtag(text) => plain("hashtag", text),
            Part::Emoji(text) => plain("emoji", text),
            Part::Hyperlink { text, url } => Written {
                url: Some(url),
                ..plain("hyperlink", text)
            },
            Part::ChannelLink { channel, name } => Written {
                channel: Some(channel),
                ..plain("channel_link", name)
            },
            Part::CodeBlock {
                code,
                language,
                display,
            } => Written {
                language: language.as_deref(),
                display: Some(*display),
                ..plain("code_block", code)
            },
            Part::Mention { address, name } => Written {
                address: Some(address),
                ..plain("mention", name)
            },
            Part::Attachment(file) => Written {
                url: Some(&file.url),
                name: Some(&file.name),
                size: file.size,
                media_type: file.media_type.as_deref(),
                ..plain("attachment", &file.url)
            },
            Part::Unreadable { method } => Written {
                method: Some(method),
                ..plain("unreadable", "")
            },
        };
        written.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Part, D::Error> {
        let read = Read::deserialize(from)?;
        let text = read.text;
        Ok(match read.r#type.as_str() {
            "hashtag" => Part::Hashtag(text),
            "emoji" => Part::Emoji(text),
            "hyperlink" => Part::Hyperlink {
                text,
                url: read.url.ok_or_else(|| D::Error::missing_field("url"))?,
            },
            "channel_link" => Part::ChannelLink {
                name: text,
                channel: read
                    .channel
                    .ok_or_else(|| D::Error::missing_field("channel"))?,
            },
            "code_block" => Part::CodeBlock {
                code: text,
                language: read.language,
                display: read.display,
            },
            "mention" => Part::Mention {
                name: text,
                address: read
                    .address
                    .ok_or_else(|| D::Error::missing_field("address"))?,
            },
            "attachment" => {
                let url = read.url.ok_or_else(|| D::Error::missing_field("url"))?;
                let file = Attachment::at(url);
                Part::Attachment(Attachment {
                    name: read.name.unwrap_or(file.name),
                    size: read.size,
                    media_type: read.media_type,
                    url: file.url,
                })
            }
            "unreadable" => Part::Unreadable {
                method: read
                    .method
                    .ok_or_else(|| D::Error::missing_field("method"))?,
            },
            _ => Part::Text(text),
        })
    }
}
