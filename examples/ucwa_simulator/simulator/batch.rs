//! `{A}/batch`: several requests in one, as parts of `multipart/batching`. A part must not be a
//! batch, a request for events or a photo.

use super::answer::{Answer, Body, Fault};
use super::fault::too_many;
use super::model::token::Token;
use super::representation::Representation;
use super::request::Request;
use super::timer::Moment;
use super::world::World;

impl World {
    /// Does the request of each part, in order, and returns all their answers.
    pub fn batch(
        &mut self,
        now: Moment,
        request: &Request,
        token: &Token,
    ) -> Result<Answer, Answer> {
        if request.method != "POST" {
            return Err(Fault::method().into());
        }
        let kind = request.header("content-type").unwrap_or_default();
        let boundary = parameter(kind, "boundary")
            .filter(|_| kind.to_lowercase().starts_with("multipart/batching"));
        let boundary = boundary.ok_or_else(|| {
            Fault::new(
                415,
                "UnsupportedMediaType",
                "UnsupportedMediaType",
                "Not multipart/batching.",
            )
        })?;
        let body = String::from_utf8_lossy(&request.body).replace("\r\n", "\n");
        let delimiter = format!("--{boundary}");
        let mut parts: Vec<&str> = body.split(&delimiter).skip(1).collect();
        parts.retain(|part| !part.trim().is_empty() && !part.starts_with("--"));
        if parts.is_empty() {
            return Err(Fault::bad("DeserializationFailure", "The batch has no parts.").into());
        }
        let under_way = self.outstanding(&token.user);
        if parts.len() + under_way > self.switches.max_outstanding as usize {
            return Err(too_many(self.switches.retry_after));
        }
        let answers: Vec<(Answer, Representation)> = parts
            .iter()
            .map(|part| self.part(now, request, token, part))
            .collect();
        let own = self.ids.guid();
        let mut out = Vec::new();
        for (answer, form) in answers {
            out.extend_from_slice(
                format!("--{own}\r\nContent-Type: application/http; msgtype=response\r\n\r\n")
                    .as_bytes(),
            );
            write(&mut out, answer, &form);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("--{own}--\r\n").as_bytes());
        Ok(Answer {
            status: 200,
            headers: Vec::new(),
            body: Body::Bytes(format!("multipart/batching; boundary=\"{own}\""), out),
        })
    }

    /// Does the request of one part. Its answer has the form that the part asks for.
    fn part(
        &mut self,
        now: Moment,
        outer: &Request,
        token: &Token,
        part: &str,
    ) -> (Answer, Representation) {
        let default = &self.switches.default_type;
        let Some(inner) = parse(part, outer) else {
            let fault = Fault::bad("DeserializationFailure", "The part is not a request.");
            return (fault.into(), Representation::of(outer, default));
        };
        let form = Representation::of(&inner, default);
        (self.inner(now, outer, token, &inner), form)
    }

    fn inner(&mut self, now: Moment, outer: &Request, token: &Token, inner: &Request) -> Answer {
        let segments = inner.segments();
        let lower: Vec<String> = segments
            .iter()
            .map(|segment| segment.to_lowercase())
            .collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let own = outer.segments();
        match lower.as_slice() {
            [
                "ucwa",
                "oauth",
                "v1",
                "applications",
                _,
                "batch" | "events" | "photos",
                ..,
            ] => Fault::forbidden("OperationNotSupported", "Not inside a batch.").into(),
            ["ucwa", "oauth", "v1", "applications", rest @ ..] if segments.get(4) == own.get(4) => {
                self.resource(now, inner, token, rest)
                    .unwrap_or_else(|refused| refused)
            }
            _ => Fault::not_found("ResourceNotFound").into(),
        }
    }
}

/// Returns a parameter of a content type, quoted or not.
fn parameter(kind: &str, name: &str) -> Option<String> {
    let pieces = kind
        .split(';')
        .skip(1)
        .filter_map(|piece| piece.split_once('='));
    let mut found = pieces.filter(|(own, _)| own.trim().eq_ignore_ascii_case(name));
    found
        .next()
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .filter(|value| !value.is_empty())
}

/// Reads the request inside a part: its headers, a blank line, the request line, headers, a blank
/// line, the body.
fn parse(part: &str, outer: &Request) -> Option<Request> {
    let part = part.trim_start_matches('\n');
    let (_, inner) = part.split_once("\n\n")?;
    let (head, body) = inner
        .trim_start_matches('\n')
        .split_once("\n\n")
        .unwrap_or((inner.trim_start_matches('\n'), ""));
    let mut lines = head.lines();
    let mut first = lines.next()?.split_whitespace();
    let (method, target) = (first.next()?, first.next()?);
    let target = match target.find("://") {
        Some(at) => target[at + 3..]
            .find('/')
            .map_or("/", |slash| &target[at + 3 + slash..]),
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned()));
    Some(Request {
        method: method.to_uppercase(),
        scheme: outer.scheme.clone(),
        host: outer.host.clone(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.collect(),
        body: body.trim_end_matches('\n').as_bytes().to_vec(),
    })
}

fn write(out: &mut Vec<u8>, answer: Answer, form: &Representation) {
    let phrase = hyper::StatusCode::from_u16(answer.status).ok();
    let phrase = phrase.and_then(|status| status.canonical_reason());
    let phrase = phrase.unwrap_or("Answer");
    out.extend_from_slice(
        format!(
            "HTTP/1.1 {} {phrase}\r\nCache-Control: no-cache\r\n",
            answer.status
        )
        .as_bytes(),
    );
    for (name, value) in &answer.headers {
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let (kind, body) = match answer.body {
        Body::Empty => (None, Vec::new()),
        Body::Json(value) => (Some(form.kind().to_owned()), form.bytes(&value)),
        Body::Bytes(kind, bytes) => (Some(kind), bytes),
    };
    if let Some(kind) = kind {
        out.extend_from_slice(format!("Content-Type: {kind}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_request_of_its_own() {
        let part = "\r\nContent-Type: application/http; msgtype=request\r\n\r\nGET /ucwa/x?a=1 HTTP/1.1\r\nHost: h\r\nAccept: application/json\r\n\r\n".replace("\r\n", "\n");
        let inner = parse(&part, &Request::default()).unwrap();
        assert_eq!(
            (
                inner.method.as_str(),
                inner.path.as_str(),
                inner.query.as_str()
            ),
            ("GET", "/ucwa/x", "a=1")
        );
        assert_eq!(inner.header("accept"), Some("application/json"));
        let post = parse(
            "\nContent-Type: x\n\nPOST https://h:1/a HTTP/1.1\nContent-Type: text/plain\n\nhello\n",
            &Request::default(),
        )
        .unwrap();
        assert_eq!(
            (post.path.as_str(), post.body.as_slice()),
            ("/a", b"hello".as_slice())
        );
    }

    #[test]
    fn a_boundary_may_be_quoted() {
        assert_eq!(
            parameter("multipart/batching;boundary=\"ab-c\"", "boundary").unwrap(),
            "ab-c"
        );
        assert_eq!(
            parameter("multipart/batching; Boundary=x", "boundary").unwrap(),
            "x"
        );
    }
}
