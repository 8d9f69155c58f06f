//! Which format an answer has (rule 4 of `mindlink-wire.md` section 0).

use super::json;
use serde::Serialize;

/// A format of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// JSON.
    #[default]
    Json,
    /// XML. It is recognised, but not written yet: it encodes as JSON until it is.
    Xml,
}

impl Format {
    /// The format of an answer: the first specific type in `Accept` that we know, else the request's `Content-Type`,
    /// else JSON. `*/*` is not specific.
    pub fn choose(accept: Option<&str>, content_type: Option<&str>) -> Format {
        let accepted = accept.and_then(|accept| accept.split(',').find_map(Format::of));
        accepted.or_else(|| content_type.and_then(Format::of)).unwrap_or_default()
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

    /// What the answer's `Content-Type` says.
    pub fn content_type(self) -> &'static str {
        "application/json; charset=utf-8"
    }

    /// The document's text.
    pub fn encode<T: Serialize + ?Sized>(self, document: &T) -> Vec<u8> {
        match self {
            Format::Json | Format::Xml => json::encode(document),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_then_content_type_then_json() {
        for (accept, content_type, format) in [
            (None, None, Format::Json),
            (Some("*/*"), None, Format::Json),
            (Some("*/*"), Some("application/xml; charset=utf-8"), Format::Xml),
            (None, Some("application/xml; charset=utf-8"), Format::Xml),
            (Some("application/json, text/javascript, */*; q=0.01"), Some("application/xml"), Format::Json),
            (Some("text/html, application/xml;q=0.9"), Some("application/json"), Format::Xml),
            (Some("APPLICATION/XML"), None, Format::Xml),
            (Some("text/plain"), Some("application/x-www-form-urlencoded"), Format::Json),
        ] {
            assert_eq!(Format::choose(accept, content_type), format, "{accept:?} {content_type:?}");
        }
    }
}
