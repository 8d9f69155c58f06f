//! The form in which a client gets its answers: JSON or XML, as it accepts.
//!
//! Only what writes an answer to the wire uses this; the world thinks in JSON.

use super::request::Request;
use super::{json, xml};
use serde_json::Value;

/// The content types of UCWA, each with whether it is XML.
const TYPES: [(&str, bool); 5] = [
    ("application/json", false),
    ("application/vnd.microsoft.com.ucwa+json", false),
    ("application/xml", true),
    ("application/vnd.microsoft.com.ucwa+xml", true),
    ("text/xml", true),
];

/// The form of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Representation {
    kind: String,
    is_xml: bool,
}

impl Representation {
    /// Returns the form for the answer to `request`. `default` is the content type for a client that
    /// says nothing.
    ///
    /// Of the types that the client accepts, the one with the highest `q` is chosen, and the first
    /// of several. A client that accepts none of them gets JSON. Tokens and the control API are
    /// always JSON.
    pub fn of(request: &Request, default: &str) -> Representation {
        let first = request.path.trim_start_matches('/').split('/').next();
        let first = first.unwrap_or_default().to_lowercase();
        let accept = request.header("accept").unwrap_or_default().to_lowercase();
        if ["webticket", "simulator"].contains(&first.as_str()) {
            return Representation::known("application/json", false);
        }
        if accept.trim().is_empty() {
            return Representation {
                kind: default.to_owned(),
                is_xml: default.contains("xml"),
            };
        }
        let mut best = (0.0, "application/json", false);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let found = match name {
                "*/*" | "application/*" => Some(("application/json", false)),
                _ => TYPES.into_iter().find(|(own, _)| *own == name),
            };
            let weight = parts
                .find_map(|part| part.strip_prefix("q=")?.trim().parse().ok())
                .unwrap_or(1.0);
            if let Some((kind, is_xml)) = found
                && weight > best.0
            {
                best = (weight, kind, is_xml);
            }
        }
        Representation::known(best.1, best.2)
    }

    fn known(kind: &str, is_xml: bool) -> Representation {
        Representation {
            kind: format!("{kind}; charset=utf-8"),
            is_xml,
        }
    }

    /// Returns the content type.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the bytes of a body.
    pub fn bytes(&self, body: &Value) -> Vec<u8> {
        if self.is_xml {
            xml::write::text(body)
        } else {
            json::text(body)
        }
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(path: &str, accept: Option<&str>, default: &str) -> Representation {
        let accept = accept.map(|accept| ("accept".to_owned(), accept.to_owned()));
        let request = Request {
            path: path.to_owned(),
            headers: accept.into_iter().collect(),
            ..Request::default()
        };
        Representation::of(&request, default)
    }

    #[test]
    fn the_client_chooses_the_form() {
        let json = "application/json; charset=utf-8";
        let xml = "application/xml; charset=utf-8";
        let fine = "application/vnd.microsoft.com.ucwa+xml; charset=utf-8";
        for (accept, kind) in [
            ("application/json", json),
            ("Application/XML", xml),
            ("application/vnd.microsoft.com.ucwa+xml", fine),
            (
                "application/vnd.microsoft.com.ucwa+json;revision=2",
                "application/vnd.microsoft.com.ucwa+json; charset=utf-8",
            ),
            ("application/xml, application/json", xml),
            ("application/xml;q=0.5, application/json", json),
            ("application/xml; q=0.9, */*; q=0.8", xml),
            ("text/html, */*", json),
            ("multipart/batching", json),
            ("application/xml;q=0", json),
        ] {
            let chosen = chosen("/ucwa/oauth/v1/applications", Some(accept), "text/plain");
            assert_eq!(chosen.kind(), kind, "{accept}");
            let body = chosen.bytes(&serde_json::json!({"rel": "me"}));
            assert_eq!(body.starts_with(b"<?xml"), kind.contains("xml"), "{accept}");
        }
    }

    #[test]
    fn without_accept_the_default_holds_and_tokens_are_json() {
        let default = "application/xml";
        assert_eq!(
            chosen("/", None, default).bytes(&serde_json::json!({}))[0],
            b'<'
        );
        assert_eq!(chosen("/", Some(" "), default).kind(), default);
        for path in ["/WebTicket/oauthtoken", "/Simulator/v1/state"] {
            let chosen = chosen(path, Some("application/xml"), default);
            assert_eq!(chosen.kind(), "application/json; charset=utf-8");
        }
    }
}
