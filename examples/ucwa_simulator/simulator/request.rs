//! A request as the core sees it, and its parameters, whose names have no case.

use super::answer::{Answer, Fault};
use super::percent::{decode, pairs};
use super::xml;
use serde_json::{Map, Value};

/// One HTTP request with its whole body.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// In upper case.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The Host header, port included.
    pub host: String,
    /// Undecoded, without the query.
    pub path: String,
    /// Undecoded, without the `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most as long as the shell's limit.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns the first header of that name, which is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns `scheme://host`.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.host)
    }

    /// Returns the segments of the path, decoded.
    pub fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|piece| !piece.is_empty())
            .map(|piece| decode(piece, false))
            .collect()
    }

    /// Returns the names (as sent) and values of the query.
    pub fn pairs(&self) -> Vec<(String, String)> {
        pairs(&self.query)
    }

    /// Returns the parameters: those of the query, and the members of the body, which is a JSON
    /// object, an XML document or a form. A member of the body wins, unless it is null.
    ///
    /// # Errors
    /// 415 for a body in another format, 400 for a body that is not what its type says.
    pub fn input(&self) -> Result<Input, Answer> {
        let text = |(name, value): (String, String)| (name, Value::String(value));
        let said = self.pairs().into_iter().map(text).chain(self.members()?);
        let said = said.filter(|(_, value)| !value.is_null());
        Ok(Input(
            said.map(|(name, value)| (name.to_lowercase(), value))
                .collect(),
        ))
    }

    /// Returns the members of the body.
    fn members(&self) -> Result<Map<String, Value>, Answer> {
        let kind = self
            .header("content-type")
            .unwrap_or("application/json")
            .to_lowercase();
        let text = xml::read::decoded(&self.body);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Ok(Map::new());
        }
        let is_form = kind.contains("x-www-form-urlencoded");
        if is_form && !text.starts_with('{') {
            let all = pairs(text).into_iter();
            return Ok(all
                .map(|(name, value)| (name, Value::String(value)))
                .collect());
        }
        let unreadable = |what: &str| Answer::from(Fault::bad("DeserializationFailure", what));
        if kind.contains("xml") {
            return xml::read::object(text)
                .ok_or_else(|| unreadable("The body is not an `input` or a `resource`."));
        }
        if kind.contains("json") || is_form || kind.starts_with("text/plain") {
            return match serde_json::from_str(text) {
                Ok(Value::Object(body)) => Ok(body),
                Ok(Value::Null) => Ok(Map::new()),
                _ => Err(unreadable("The body is not a JSON object.")),
            };
        }
        let what = "Only JSON, XML and forms are read.";
        let code = "UnsupportedMediaType";
        Err(Fault::new(415, code, code, what).into())
    }
}

/// The parameters of a request. Their names have no case.
#[derive(Debug, Clone, Default)]
pub struct Input(Map<String, Value>);

impl Input {
    /// Returns the value of that name, unless it is null.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0
            .get(&name.to_lowercase())
            .filter(|value| !value.is_null())
    }

    /// Returns a value as text. Numbers and booleans are taken as their text, because a query
    /// contains only text.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(yes) => Some(yes.to_string()),
            _ => None,
        }
    }

    /// Returns a value as text; empty if there is none.
    pub fn word(&self, name: &str) -> String {
        self.text(name).unwrap_or_default()
    }

    /// Returns a whole number.
    pub fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?
            .trim()
            .parse::<f64>()
            .ok()
            .map(|number| number as i64)
    }

    /// Returns the strings of an array, or the parts of a string that commas separate.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        match self.value(name)? {
            Value::Array(items) => Some(
                items
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            ),
            Value::String(text) => Some(
                text.split(',')
                    .map(|part| part.trim().to_owned())
                    .filter(|part| !part.is_empty())
                    .collect(),
            ),
            _ => None,
        }
    }

    /// Returns whether there are no parameters at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns `_links.<rel>.href`.
    pub fn link(&self, rel: &str) -> Option<String> {
        let links = self.value("_links")?.as_object()?;
        let link = links
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(rel))?
            .1
            .as_object()?;
        Some(
            link.iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("href"))?
                .1
                .as_str()?
                .to_owned(),
        )
    }

    /// Returns a text that must be there and have at most `max` characters.
    ///
    /// # Errors
    /// 400 ParameterValidationFailure that names the parameter.
    pub fn required(&self, name: &str, max: usize) -> Result<String, Answer> {
        match self.optional(name, max)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(Fault::parameter(name, "A value is required.").into()),
        }
    }

    /// Returns a text of at most `max` characters, if it is there.
    ///
    /// # Errors
    /// 400 ParameterValidationFailure that names the parameter.
    pub fn optional(&self, name: &str, max: usize) -> Result<Option<String>, Answer> {
        match self.text(name) {
            Some(text) if text.chars().count() > max => {
                Err(Fault::parameter(name, &format!("At most {max} characters.")).into())
            }
            text => Ok(text),
        }
    }

    /// Returns all names, in lower case.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_the_body_wins_over_the_query() {
        let request = Request {
            query: "OperationContext=a%20b&To=x".to_owned(),
            body: br#"{"to":"sip:y@z","_LINKS":{"Message":{"Href":"data:,a"}}}"#.to_vec(),
            ..Request::default()
        };
        let input = request.input().unwrap();
        assert_eq!(input.text("operationcontext").unwrap(), "a b");
        assert_eq!(input.text("TO").unwrap(), "sip:y@z");
        assert_eq!(input.link("message").unwrap(), "data:,a");
        let null = Request {
            query: "onlineMeetingUri=adhoc".to_owned(),
            body: br#"{"onlineMeetingUri":null}"#.to_vec(),
            ..Request::default()
        };
        assert_eq!(
            null.input().unwrap().text("onlineMeetingUri").unwrap(),
            "adhoc"
        );
    }

    #[test]
    fn a_body_is_read_as_its_type_says() {
        let tried = |kind: &str, body: &str| {
            let request = Request {
                headers: vec![("content-type".to_owned(), kind.to_owned())],
                body: body.as_bytes().to_vec(),
                ..Request::default()
            };
            match request.input() {
                Ok(input) => input.text("to").unwrap_or_default(),
                Err(answer) => answer.status.to_string(),
            }
        };
        let xml =
            "\u{feff}<?xml version=\"1.0\"?>\r\n<input><property name=\"To\">x</property></input>";
        for (kind, body, said) in [
            ("application/xml; charset=utf-8", xml, "x"),
            ("application/vnd.microsoft.com.ucwa+xml", xml, "x"),
            ("text/xml", "<input />", ""),
            ("application/xml", "", ""),
            ("application/xml", r#"{"to":"x"}"#, "400"),
            ("application/json", xml, "400"),
            (
                "application/vnd.microsoft.com.ucwa+json",
                r#"{"to":"x"}"#,
                "x",
            ),
            ("application/x-www-form-urlencoded", "To=x", "x"),
            ("application/pdf", xml, "415"),
        ] {
            assert_eq!(tried(kind, body), said, "{kind}: {body}");
        }
    }
}
