//! One piece of a message.

use super::names::names;

/// How a code block is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DisplayMode {
    /// Within the line.
    #[default]
    Inline,
    /// As a block of its own.
    Block,
}

names!(
    DisplayMode,
    "display mode",
    [Inline = "inline", Block = "block",]
);

/// One piece of a message (§messages/parts).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Plain text.
    Text(String),
    /// A link to a URL.
    Hyperlink {
        /// What is shown.
        text: String,
        /// Where it leads.
        url: String,
    },
    /// A link to a channel or a person.
    ChannelLink {
        /// The channel's id, as text: it need not be one this gateway knows.
        channel: String,
        /// What is shown.
        name: String,
    },
    /// A hashtag, with its `#`.
    Hashtag(String),
    /// Code.
    CodeBlock {
        /// The code.
        code: String,
        /// Its language.
        language: Option<String>,
        /// How it is shown.
        display: DisplayMode,
    },
    /// An emoji, as itself.
    Emoji(String),
    /// Somebody is meant.
    Mention {
        /// Their address on the chat system, for example `xmpp:lene@example.org`.
        address: String,
        /// What is shown.
        name: String,
    },
    /// A file that came with the message. To send one, see
    /// [`Collaboration::upload`](crate::Collaboration::upload).
    Attachment(Attachment),
    /// The message is encrypted for others and cannot be read.
    Unreadable {
        /// The method, for example `OMEMO`.
        method: String,
    },
}

/// A file that lies at an address. Everything is as its sender says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Attachment {
    /// Its name, as data: never a path.
    pub name: String,
    /// How many bytes it has, if its sender says so.
    pub size: Option<u64>,
    /// Its media type, `image/png` for example.
    pub media_type: Option<String>,
    /// Where it lies.
    pub url: String,
}

impl Attachment {
    /// A file of which only the address is known; its name is the last segment of that.
    pub fn at(url: impl Into<String>) -> Attachment {
        let url = url.into();
        let path = url.split(['?', '#']).next().unwrap_or(&url);
        let segment = path.rsplit('/').next().unwrap_or(path);
        let name = match segment.is_empty() {
            true => "file".to_owned(),
            false => segment.to_owned(),
        };
        Attachment {
            name,
            size: None,
            media_type: None,
            url,
        }
    }
}

impl Part {
    /// The text a reader sees.
    pub fn visible(&self) -> &str {
        match self {
            Part::Text(text) | Part::Hashtag(text) | Part::Emoji(text) => text,
            Part::Hyperlink { text, url } => {
                if text.is_empty() {
                    url
                } else {
                    text
                }
            }
            Part::ChannelLink { channel, name } => {
                if name.is_empty() {
                    channel
                } else {
                    name
                }
            }
            Part::CodeBlock { code, .. } => code,
            Part::Mention { address, name } => {
                if name.is_empty() {
                    address
                } else {
                    name
                }
            }
            Part::Attachment(file) => &file.url,
            Part::Unreadable { .. } => "",
        }
    }

    /// Bytes of everything the part says, its address and its language included.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Part::Text(text) | Part::Hashtag(text) | Part::Emoji(text) => text.len(),
            Part::Hyperlink { text, url } => text.len() + url.len(),
            Part::ChannelLink { channel, name } => channel.len() + name.len(),
            Part::CodeBlock { code, language, .. } => {
                code.len() + language.as_ref().map_or(0, String::len)
            }
            Part::Mention { address, name } => address.len() + name.len(),
            Part::Attachment(file) => {
                file.url.len() + file.name.len() + file.media_type.as_ref().map_or(0, String::len)
            }
            Part::Unreadable { method } => method.len(),
        }
    }
}

/// The visible text of `parts`, in order: what `Text` says for a message made of parts.
pub fn visible_text(parts: &[Part]) -> String {
    parts.iter().map(Part::visible).collect()
}
