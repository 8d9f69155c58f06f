//! Messages as text or HTML, and back into parts. Pure.
//!
//! Outgoing: a link becomes a link, and code keeps its lines in both ways that a Lync client may
//! understand (`<pre>`, and breaks and hard blanks within it). Incoming: the visible content in
//! order. A link with a safe address becomes a link, code becomes code, and the rest becomes text
//! in which links and hashtags are recognised as in every text. Rejected: a sanitizer that keeps
//! HTML, because parts cannot hold HTML. Also rejected: an XML parser, because what programs paste
//! into a message is no XML.

use super::data_uri::Format;
use crate::backend::text::{self, PARTS_MAX, parts_of};
use crate::model::{DisplayMode, Part};
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{HtmlString, StartTag, Token, Tokenizer};

const BREAK: &str = "<br/>";

/// An outgoing message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) format: Format,
    pub(crate) text: String,
}

/// Writes a message: as HTML if that shows more and the contact accepts it, otherwise as text.
/// Without parts, `text` is the message.
pub(crate) fn write(parts: &[Part], text: &str, takes_html: bool) -> Written {
    let shows_more = |part: &Part| match part {
        Part::CodeBlock { .. } => true,
        Part::Hyperlink { text, url } => !text.is_empty() && text != url,
        _ => false,
    };
    if takes_html && parts.iter().any(shows_more) {
        return Written {
            format: Format::Html,
            text: to_html(parts),
        };
    }
    let text = if parts.is_empty() {
        text.to_owned()
    } else {
        text::body_of(parts)
    };
    Written {
        format: Format::Plain,
        text,
    }
}

/// Reads the parts of an incoming message; `None` if nothing in it is visible.
pub(crate) fn read(format: Format, text: &str) -> Option<Vec<Part>> {
    let parts = match format {
        Format::Plain => parts_of(&text.replace("\r\n", "\n")),
        Format::Html => from_html(text),
    };
    parts
        .iter()
        .any(|part| !part.visible().trim().is_empty())
        .then_some(parts)
}

fn to_html(parts: &[Part]) -> String {
    let mut html = String::new();
    let mut after_block = false;
    for part in parts {
        let is_block = matches!(
            part,
            Part::CodeBlock {
                display: DisplayMode::Block,
                ..
            }
        );
        if is_block && html.ends_with(BREAK) {
            // A block begins a new line, and so does the text after it.
            html.truncate(html.len() - BREAK.len());
        }
        match part {
            Part::Text(text) if after_block => {
                escape_lines(text.strip_prefix('\n').unwrap_or(text), &mut html)
            }
            Part::Hyperlink { text, url } if text::is_link(url) => {
                let shown = if text.is_empty() { url } else { text };
                html.push_str("<a href=\"");
                escape(url, &mut html);
                html.push_str("\">");
                escape_lines(shown, &mut html);
                html.push_str("</a>");
            }
            Part::Hyperlink { text, url } if !text.is_empty() && text != url => {
                escape_lines(&format!("{text} <{url}>"), &mut html)
            }
            Part::CodeBlock { code, .. } => {
                let tag = if is_block { "pre" } else { "code" };
                html.push_str(&format!("<{tag} style=\"font-family:Consolas,monospace\">"));
                escape_lines(code, &mut html);
                html.push_str(&format!("</{tag}>"));
            }
            other => escape_lines(other.visible(), &mut html),
        }
        after_block = is_block;
    }
    html
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            c => html.push(c),
        }
    }
}

/// Escapes text: line ends become breaks, and blanks that HTML would drop become hard blanks.
fn escape_lines(text: &str, html: &mut String) {
    let text = text.replace("\r\n", "\n");
    let mut chars = text.chars().peekable();
    let mut after_blank = true;
    while let Some(c) = chars.next() {
        let is_last = chars.peek().is_none_or(|next| *next == '\n');
        match c {
            '\n' => html.push_str(BREAK),
            '\t' => html.push_str("&nbsp;&nbsp;&nbsp; "),
            ' ' if after_blank || is_last => html.push_str("&nbsp;"),
            c => escape(c.encode_utf8(&mut [0; 4]), html),
        }
        after_blank = matches!(c, '\n' | '\t') || c == ' ' && !(after_blank || is_last);
    }
}

/// Reads HTML into parts.
fn from_html(html: &str) -> Vec<Part> {
    let mut reader = Reader::default();
    let mut emitter = DefaultEmitter::default();
    // With this, the content of a script or style is one text.
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(html, emitter).flatten() {
        match token {
            Token::String(text) if reader.hidden.is_none() => {
                reader.text(&String::from_utf8_lossy(&text))
            }
            Token::StartTag(tag) => reader.open(&tag),
            Token::EndTag(tag) => reader.close(&tag.name),
            _ => {}
        }
    }
    reader.finish()
}

/// Reads tags and texts in order. It needs no stack: only a link or code can be open.
#[derive(Default)]
struct Reader {
    parts: Vec<Part>,
    /// Text that is no part yet.
    plain: String,
    /// Only blanks were read since the last line end.
    at_line_start: bool,
    /// A blank was read; it is written if text follows in the same line.
    blank: bool,
    /// A line end was read; it is written if text follows.
    lines: usize,
    link: Option<(String, String)>,
    code: Option<(DisplayMode, String)>,
    /// The open element whose content is invisible.
    hidden: Option<&'static str>,
}

impl Reader {
    fn text(&mut self, text: &str) {
        let is_pre = matches!(self.code, Some((DisplayMode::Block, _)));
        for c in text.chars() {
            match c {
                '\r' => {}
                '\n' if is_pre => self.line(),
                ' ' | '\t' | '\n' | '\u{c}' if !is_pre => self.blank = true,
                '\u{a0}' => self.seen(' '),
                c if c.is_control() && c != '\t' => {}
                c => self.seen(c),
            }
        }
    }

    /// Writes a visible character, after the blank or line end before it.
    fn seen(&mut self, c: char) {
        let is_first = self.parts.is_empty()
            && self.plain.is_empty()
            && self.link.is_none()
            && self.code.is_none();
        let lines = std::mem::take(&mut self.lines);
        let blank = std::mem::take(&mut self.blank);
        for _ in 0..if is_first { 0 } else { lines.min(2) } {
            self.into().push('\n');
        }
        self.at_line_start = self.at_line_start || lines > 0 || is_first;
        if blank && !self.at_line_start {
            self.into().push(' ');
        }
        self.at_line_start = false;
        self.into().push(c);
    }

    /// The text that characters are added to now.
    fn into(&mut self) -> &mut String {
        match (&mut self.code, &mut self.link) {
            (Some((_, code)), _) => code,
            (None, Some((_, text))) => text,
            (None, None) => &mut self.plain,
        }
    }

    fn line(&mut self) {
        // Within code, empty lines are kept.
        if self.code.is_some() {
            self.into().push('\n');
            self.at_line_start = true;
        } else {
            self.lines += 1;
        }
        self.blank = false;
    }

    /// Ends a block with a line end, unless there was one.
    fn block(&mut self) {
        self.blank = false;
        if self.code.is_none() {
            self.lines = self.lines.max(1);
        }
    }

    fn open(&mut self, tag: &StartTag<()>) {
        let attribute = |name: &str| {
            tag.attributes
                .get(name.as_bytes())
                .map(|value| String::from_utf8_lossy(value).into_owned())
        };
        match tag.name.as_slice() {
            _ if self.hidden.is_some() => {}
            b"br" => self.line(),
            b"script" => self.hidden = Some("script"),
            b"style" => self.hidden = Some("style"),
            b"title" => self.hidden = Some("title"),
            b"a" => {
                self.end_link();
                let url = attribute("href")
                    .map(|url| url.trim().to_owned())
                    .filter(|url| text::is_link(url));
                if let Some(url) = url.filter(|_| self.code.is_none()) {
                    self.give_space();
                    self.link = Some((url, String::new()));
                }
            }
            b"pre" => self.open_code(DisplayMode::Block),
            b"code" | b"tt" | b"samp" | b"kbd" => self.open_code(DisplayMode::Inline),
            b"img" => {
                if let Some(text) = attribute("alt") {
                    self.text(&text);
                }
            }
            b"li" => {
                self.block();
                "• ".chars().for_each(|c| self.seen(c));
                self.at_line_start = true;
            }
            b"td" | b"th" => self.blank = true,
            name if is_block(name) => self.block(),
            _ => {}
        }
    }

    fn close(&mut self, name: &HtmlString) {
        match name.as_slice() {
            name if self.hidden.is_some_and(|hidden| hidden.as_bytes() == name) => {
                self.hidden = None
            }
            _ if self.hidden.is_some() => {}
            b"a" => self.end_link(),
            b"pre" | b"code" | b"tt" | b"samp" | b"kbd" => self.end_code(name.as_slice() == b"pre"),
            name if is_block(name) || name == b"li" => self.block(),
            _ => {}
        }
    }

    /// Begins code. Code within code is one code; code within a link is text of the link.
    fn open_code(&mut self, display: DisplayMode) {
        if self.code.is_some() || self.link.is_some() {
            return;
        }
        if display == DisplayMode::Block {
            self.block();
        }
        self.give_space();
        self.code = Some((display, String::new()));
        self.at_line_start = display == DisplayMode::Block;
    }

    fn end_code(&mut self, was_pre: bool) {
        let is_pre = matches!(self.code, Some((DisplayMode::Block, _)));
        // `</code>` within `<pre>` does not end the code.
        if is_pre != was_pre {
            return;
        }
        let Some((display, code)) = self.code.take() else {
            return;
        };
        let code = if is_pre {
            code.trim_matches('\n')
        } else {
            code.as_str()
        };
        if !code.is_empty() {
            let code = code.to_owned();
            self.put(Part::CodeBlock {
                code,
                language: None,
                display,
            });
        }
        self.at_line_start = false;
        if is_pre {
            self.block();
        }
    }

    fn end_link(&mut self) {
        let Some((url, text)) = self.link.take() else {
            return;
        };
        let text = text.trim().to_owned();
        let text = if text.is_empty() { url.clone() } else { text };
        self.put(Part::Hyperlink { text, url });
        self.at_line_start = false;
    }

    /// Writes the line ends and the blank before a link or code as text.
    fn give_space(&mut self) {
        let is_first = self.parts.is_empty() && self.plain.is_empty();
        let lines = std::mem::take(&mut self.lines);
        let blank = std::mem::take(&mut self.blank);
        if is_first {
            return;
        }
        if lines > 0 {
            self.plain.push_str(&"\n".repeat(lines.min(2)));
        } else if blank {
            self.plain.push(' ');
        }
    }

    fn put(&mut self, part: Part) {
        if self.parts.len() >= PARTS_MAX {
            self.plain.push_str(part.visible());
            return;
        }
        self.give_plain();
        self.parts.push(part);
    }

    fn give_plain(&mut self) {
        if !self.plain.is_empty() {
            self.parts
                .extend(parts_of(&std::mem::take(&mut self.plain)));
        }
    }

    fn finish(mut self) -> Vec<Part> {
        self.end_code(matches!(self.code, Some((DisplayMode::Block, _))));
        self.end_link();
        if self.parts.len() < PARTS_MAX {
            self.give_plain();
        } else if !self.plain.is_empty() {
            self.parts.push(Part::Text(self.plain));
        }
        self.parts
    }
}

fn is_block(name: &[u8]) -> bool {
    matches!(
        name,
        b"p" | b"div"
            | b"ul"
            | b"ol"
            | b"table"
            | b"tr"
            | b"blockquote"
            | b"h1"
            | b"h2"
            | b"h3"
            | b"h4"
            | b"h5"
            | b"h6"
            | b"hr"
            | b"body"
            | b"section"
            | b"article"
            | b"dl"
            | b"dt"
            | b"dd"
    )
}

#[cfg(test)]
#[path = "markup_test.rs"]
mod tests;
