//! Tokens: the challenge, `/WebTicket/oauthtoken` with its grants, and the check that every request
//! must pass.

use super::address::Address;
use super::answer::{Answer, Body};
use super::model::token::Token;
use super::request::{Input, Request};
use super::switches::Challenge;
use super::timer::Moment;
use super::world::World;
use serde_json::json;
use std::time::Duration;

impl World {
    /// Returns the token of a request.
    ///
    /// # Errors
    /// 401 with both challenges and the page of IIS. For a token that has expired, the status that
    /// the switch sets.
    pub fn authorize(&self, now: Moment, request: &Request) -> Result<Token, Answer> {
        let Some(header) = request.header("authorization") else {
            return Err(self.challenge(request));
        };
        let text = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, text)| text.trim());
        match text.and_then(|text| self.tokens.find(text)) {
            Some(token)
                if token.until > now
                    && token
                        .pool
                        .as_ref()
                        .is_none_or(|pool| *pool == request.origin()) =>
            {
                Ok(token.clone())
            }
            _ if self.switches.expired_token == 403 => {
                let mut refused = self.challenge(request);
                refused.status = 403;
                Err(refused
                    .with(
                        "X-Ms-diagnostics",
                        "28055;source=\"simulator\";reason=\"The OAuth token is invalid.\"",
                    )
                    .with("Warning", "120 simulator \"InvalidToken\""))
            }
            _ => Err(self.challenge(request)),
        }
    }

    fn challenge(&self, request: &Request) -> Answer {
        let issuer = "00000002-0000-0ff1-ce00-000000000000";
        let href = format!("{}/WebTicket/oauthtoken", request.origin());
        let mode = self.switches.challenge;
        let issuers = match mode {
            Challenge::NoIssuers => String::new(),
            _ => format!("{issuer}@{}", self.config.domain),
        };
        let mut grants =
            "urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password".to_owned();
        if mode == Challenge::Passive {
            grants = format!("urn:microsoft.rtc:passive,{grants},password");
        }
        let bearer = format!(
            "Bearer trusted_issuers=\"{issuers}\", client_id=\"00000004-0000-0ff1-ce00-000000000000\""
        );
        let own = match mode {
            Challenge::Unquoted => format!("MsRtcOAuth href={href},grant_type=\"{grants}\""),
            _ => format!("MsRtcOAuth href=\"{href}\",grant_type=\"{grants}\""),
        };
        let page = Answer::html(
            401,
            "Unauthorized: Access is denied due to invalid credentials.",
            "You do not have permission to view this directory or page using the credentials that you supplied.",
        );
        match mode {
            Challenge::Folded => page.with("WWW-Authenticate", &format!("{bearer}, {own}")),
            _ => page
                .with("WWW-Authenticate", &bearer)
                .with("WWW-Authenticate", &own),
        }
    }

    /// Answers `POST /WebTicket/oauthtoken`.
    pub fn oauth_token(&mut self, now: Moment, request: &Request) -> Answer {
        if request.method != "POST" {
            return Answer::html(
                405,
                "Method Not Allowed",
                "The page you are looking for cannot be displayed.",
            );
        }
        let input = form(request).input();
        let Ok(input) = input else {
            return refused("invalid_request", "28020", "No valid security token.");
        };
        match input.text("grant_type").as_deref() {
            Some("password") => self.password_grant(now, request, &input),
            Some("urn:microsoft.rtc:windows") => Answer::html(
                401,
                "Unauthorized",
                "Access is denied due to invalid credentials.",
            )
            .with("WWW-Authenticate", "Negotiate")
            .with("WWW-Authenticate", "NTLM"),
            Some("urn:microsoft.rtc:anonmeeting") => self.guest_grant(now, request, &input),
            Some("urn:microsoft.rtc:passive") => {
                let mut answer =
                    refused("invalid_grant", "28029", "Authentication type not allowed.");
                answer.body = Body::Json(json!({"error": "invalid_grant",
                    "ms_rtc_passiveauthuri": format!("{}/PassiveAuth/PassiveAuth.aspx", request.origin())}));
                answer
            }
            Some(_) => refused(
                "unsupported_grant_type",
                "28029",
                "Authentication type not allowed.",
            ),
            None => refused("invalid_request", "28020", "No valid security token."),
        }
    }

    fn password_grant(&mut self, now: Moment, request: &Request, input: &Input) -> Answer {
        let (Some(name), Some(password)) = (input.text("username"), input.text("password")) else {
            return refused("invalid_request", "28020", "No valid security token.");
        };
        match self.account(&name).filter(|user| {
            self.people
                .get(user)
                .is_some_and(|person| person.password.as_ref() == Some(&password))
        }) {
            Some(user) => self.grant(
                now,
                request,
                user,
                None,
                Duration::from_secs(self.switches.token_life.into()),
            ),
            None => refused(
                "invalid_grant",
                "28033",
                "The user credentials are not valid.",
            ),
        }
    }

    /// Returns the address that a login name means: a UPN or an address, or `DOMAIN\account`.
    fn account(&self, name: &str) -> Option<Address> {
        match name.split_once('\\') {
            Some((_, account)) => self
                .people
                .keys()
                .find(|address| address.user().eq_ignore_ascii_case(account))
                .cloned(),
            None => Address::parse(name),
        }
    }

    fn guest_grant(&mut self, now: Moment, request: &Request, input: &Input) -> Answer {
        let uri = input
            .text("ms_rtc_conferenceuri")
            .unwrap_or_default()
            .to_lowercase();
        let known = self
            .meetings
            .values()
            .find(|meeting| meeting.uri.to_lowercase() == uri)
            .map(|meeting| meeting.uri.clone());
        match known.filter(|_| self.switches.anonymous_grant) {
            Some(uri) => {
                let guest = format!("guest{}@anonymous.invalid", self.ids.short());
                let guest = Address::parse(&guest).expect("it has a user and a domain");
                self.grant(now, request, guest, Some(uri), Duration::from_secs(3600))
            }
            None => refused(
                "invalid_grant",
                "28098",
                "The meeting does not exist or guests are not allowed.",
            ),
        }
    }

    fn grant(
        &mut self,
        now: Moment,
        request: &Request,
        user: Address,
        guest_of: Option<String>,
        life: Duration,
    ) -> Answer {
        let text = format!("cwt=AAEB{}{}", self.ids.hex(), self.ids.hex());
        let pool = (!self.switches.pool.is_empty()).then(|| request.origin());
        let until = super::agenda::later(now, life);
        self.tokens.add(
            text.clone(),
            Token {
                user,
                pool,
                until,
                guest_of,
            },
        );
        let body = json!({"access_token": text, "expires_in": life.as_secs(), "ms_rtc_identityscope": "local", "token_type": "Bearer"});
        Answer {
            status: 200,
            headers: Vec::new(),
            body: Body::Json(body),
        }
        .with("Cache-Control", "no-store")
        .with("Pragma", "no-cache")
    }
}

fn refused(error: &str, number: &str, why: &str) -> Answer {
    Answer {
        status: 400,
        headers: Vec::new(),
        body: Body::Json(json!({"error": error})),
    }
    .with(
        "X-Ms-diagnostics",
        &format!("{number};source=\"simulator\";reason=\"{why}\""),
    )
    .with("Cache-Control", "no-store")
}

/// Returns the request with its form url-encoded, with the usual content type.
///
/// The samples send charset='utf-8' in quotes, some clients send no type at all, and PHP's curl
/// sends an array as multipart/form-data.
fn form(request: &Request) -> Request {
    let mut plain = request.clone();
    plain.headers = vec![(
        "content-type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    )];
    let kind = request.header("content-type").unwrap_or_default();
    if let Some((_, boundary)) = kind
        .split_once("boundary=")
        .filter(|_| kind.to_lowercase().starts_with("multipart/form-data"))
    {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let delimiter = format!("--{}", boundary.trim_matches('"'));
        let fields = body.split(&delimiter).filter_map(|part| {
            let (head, value) = part.split_once("\r\n\r\n")?;
            let name = head.split_once("name=\"")?.1.split('"').next()?;
            Some(format!(
                "{}={}",
                escaped(name),
                escaped(value.strip_suffix("\r\n").unwrap_or(value))
            ))
        });
        plain.body = fields.collect::<Vec<_>>().join("&").into_bytes();
    }
    plain
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02x}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_in_parts_is_read_as_one_that_is_encoded() {
        let body = "--xy\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\npassword\r\n\
                    --xy\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\na&b=c\r\n--xy--\r\n";
        let request = Request {
            headers: vec![(
                "content-type".to_owned(),
                "multipart/form-data; boundary=xy".to_owned(),
            )],
            body: body.as_bytes().to_vec(),
            ..Request::default()
        };
        let input = form(&request).input().unwrap();
        assert_eq!(
            (
                input.text("grant_type").unwrap(),
                input.text("password").unwrap()
            ),
            ("password".to_owned(), "a&b=c".to_owned())
        );
    }
}
