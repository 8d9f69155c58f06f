//! Which format a body has (§request/format).

use super::json;
use super::lenient::Read;
use super::utf16;
use super::xml::{self, Document};
use crate::error::Result;

/// A format of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// JSON.
    #[default]
    Json,
    /// XML.
    Xml,
}

impl Format {
    /// The format of an answer: the type that `Accept` prefers, else the type of the request's
    /// `Content-Type`, else JSON. `*/*` counts as no type: the workbooks send it with everything
    /// and must get XML.
    pub fn choose(accept: Option<&str>, content_type: Option<&str>) -> Format {
        accept
            .and_then(accepted)
            .unwrap_or_else(|| Format::of_body(content_type))
    }

    /// The format of a request's body: its `Content-Type`'s, else JSON.
    pub fn of_body(content_type: Option<&str>) -> Format {
        content_type.and_then(Format::of).unwrap_or_default()
    }

    /// The format a media type names; its parameters do not matter.
    pub fn of(media_type: &str) -> Option<Format> {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/json") || is("text/json") {
            Some(Format::Json)
        } else if is("application/xml") || is("text/xml") {
            Some(Format::Xml)
        } else {
            None
        }
    }

    /// The value of the answer's `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json; charset=utf-8",
            Format::Xml => "application/xml; charset=utf-8",
        }
    }

    /// The document's text.
    pub fn encode<T: Document + ?Sized>(self, document: &T) -> Vec<u8> {
        match self {
            Format::Json => json::encode(document),
            Format::Xml => xml::encode(document),
        }
    }

    /// Reads a document, whose text is UTF-8 or UTF-16.
    ///
    /// # Errors
    /// As [`json::decode`] and [`xml::decode`]; `Invalid` for broken UTF-16.
    pub fn decode<T: Read>(self, text: &[u8]) -> Result<T> {
        let text = utf16::to_utf8(text)?;
        match self {
            Format::Json => json::decode(&text),
            Format::Xml => xml::decode(&text),
        }
    }
}

/// The first of the known types with the highest `q`; a type with `q=0` is excluded.
fn accepted(accept: &str) -> Option<Format> {
    let mut best: Option<(Format, f32)> = None;
    for media_type in accept.split(',') {
        let Some(format) = Format::of(media_type) else {
            continue;
        };
        let quality = quality(media_type);
        if quality > best.map_or(0.0, |(_, quality)| quality) {
            best = Some((format, quality));
        }
    }
    best.map(|(format, _)| format)
}

fn quality(media_type: &str) -> f32 {
    let parameters = media_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='));
    let mut qualities = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    qualities
        .next()
        .and_then(|(_, value)| value.trim().parse().ok())
        .unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_then_content_type_then_json() {
        for (accept, content_type, format) in [
            (None, None, Format::Json),
            (Some("*/*"), None, Format::Json),
            (
                Some("*/*"),
                Some("application/xml; charset=utf-8"),
                Format::Xml,
            ),
            (Some("application/*"), Some("text/xml"), Format::Xml),
            (None, Some("application/xml; charset=utf-8"), Format::Xml),
            (
                Some("application/json, text/javascript, */*; q=0.01"),
                Some("application/xml"),
                Format::Json,
            ),
            (
                Some("text/html, application/xml;q=0.9"),
                Some("application/json"),
                Format::Xml,
            ),
            (Some("application/json;q=0.5, text/xml"), None, Format::Xml),
            (
                Some("application/xml;q=0.5, application/json; Q=0.5"),
                None,
                Format::Xml,
            ),
            (
                Some("application/xml;q=0"),
                Some("application/json"),
                Format::Json,
            ),
            (Some("application/xml;q=0, */*"), None, Format::Json),
            (Some("application/xml; q=much"), None, Format::Xml),
            (Some("APPLICATION/XML"), None, Format::Xml),
            (Some(""), Some("Text/Xml"), Format::Xml),
            (
                Some("text/plain"),
                Some("application/x-www-form-urlencoded"),
                Format::Json,
            ),
        ] {
            assert_eq!(
                Format::choose(accept, content_type),
                format,
                "{accept:?} {content_type:?}"
            );
        }
    }
}
