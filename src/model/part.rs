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
        }
    }
}

/// The visible text of `parts`, in order: what `Text` says for a message made of parts.
pub fn visible_text(parts: &[Part]) -> String {
    parts.iter().map(Part::visible).collect()
}
