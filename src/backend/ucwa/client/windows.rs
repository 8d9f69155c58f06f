//! The token request with a Windows login: the same POST twice, with NTLM's messages, on one
//! connection.
//!
//! NTLM authenticates a connection, not a request. So the connection is used for nothing else
//! before or after: requests of other accounts on it would be made as this account. It was tested
//! only with recorded exchanges.

use super::http::Http;
use super::ntlm::{self, Login};
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::request::{Lost, Request, Response};
use crate::backend::ucwa::protocol::url::Url;
use crate::backend::{BackendError, BackendErrorKind, Inbox};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use std::time::Duration;

const FORM: &str = "grant_type=urn:microsoft.rtc:windows";

/// Asks for a token with that Windows login.
pub(crate) async fn ask_for_token(
    (http, inbox, sip): (&Http, &Inbox, &Sip),
    issuer: &Url,
    login: &Login<'_>,
    within: Duration,
) -> Result<Response, BackendError> {
    let ask = |message: &[u8], scheme: &str| {
        let mut value = HeaderValue::from_str(&format!("{scheme} {}", STANDARD.encode(message)))
            .expect("base64 is a header's");
        value.set_sensitive(true);
        let ask = Request::post(issuer.clone())
            .body("application/x-www-form-urlencoded;charset=UTF-8", FORM)
            .within(within);
        Request {
            token: Some(value),
            ..ask
        }
    };
    let own = http.open_own(inbox, &issuer.origin).await?;
    let (first, line) = http
        .ask_over(inbox, &ask(&ntlm::negotiate(), "NTLM"), Some(own))
        .await
        .map_err(Lost::error)?;
    if !first.status.wants_token() {
        return Ok(first);
    }
    let refused = |reason: &str| BackendError::refused(format!("{issuer} and NTLM: {reason}"));
    let challenge =
        challenge(&first.challenges).ok_or_else(|| refused("the server does not offer it"))?;
    let line = line.ok_or_else(|| {
        refused("the connection was closed between the messages; a proxy may be in between")
    })?;
    let mut nonce = [0; 8];
    getrandom::fill(&mut nonce)
        .map_err(|error| BackendError::unreachable(format!("no random bytes: {error}")))?;
    let unfit = || {
        BackendError::new(
            BackendErrorKind::Protocol,
            format!("the challenge from {issuer} is not NTLM"),
        )
    };
    let message = ntlm::authenticate(&challenge, login, nonce, inbox.now()).ok_or_else(unfit)?;
    let (answer, _) = http
        .ask_over(inbox, &ask(&message, "NTLM"), Some(line))
        .await
        .map_err(Lost::error)?;
    if answer.status.wants_token() {
        return Err(BackendError::refused(format!(
            "the login of `{}` by NTLM was refused",
            sip
        )));
    }
    Ok(answer)
}

/// Finds NTLM's challenge among the offers of a server. One header may hold several offers.
fn challenge(offers: &[String]) -> Option<Vec<u8>> {
    let offers = offers
        .iter()
        .flat_map(|offer| offer.split(','))
        .map(str::trim);
    offers
        .filter_map(|offer| offer.split_once(' '))
        .find_map(|(scheme, token)| {
            let is_ntlm = scheme.eq_ignore_ascii_case("NTLM");
            is_ntlm
                .then(|| STANDARD.decode(token.trim()).ok())
                .flatten()
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::recorder::Recorder;
    use crate::backend::ucwa::client::connect::{Connect, Io};
    use crate::backend::ucwa::client::ntlm::tests::{RECORDED, bytes, proves};
    use crate::backend::ucwa::protocol::url::Origin;
    use crate::backend::{Reply, reply};
    use parking_lot::Mutex;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    /// A web server that wants NTLM: the published challenge to whoever begins, a token to whoever
    /// proves it. It knows its connections apart.
    struct Iis {
        password: &'static str,
        /// Requests of each connection.
        seen: Arc<Mutex<Vec<u32>>>,
    }

    impl Connect for Iis {
        fn connect(&self, _to: &Origin, inbox: &Inbox) -> Reply<Box<dyn Io>> {
            let (near, far) = tokio::io::duplex(16 * 1024);
            let (seen, password) = (self.seen.clone(), self.password);
            let number = seen.lock().len();
            seen.lock().push(0);
            inbox.spawn(async move { serve(far, password, &seen, number).await });
            reply(async move { Ok(Box::new(near) as Box<dyn Io>) })
        }
    }

    async fn serve(mut far: DuplexStream, password: &str, seen: &Mutex<Vec<u32>>, number: usize) {
        let mut is_challenged = false;
        while let Some(request) = request(&mut far).await {
            seen.lock()[number] += 1;
            assert!(
                request.starts_with("POST /WebTicket/oauthtoken HTTP/1.1\r\n")
                    && request.ends_with(FORM),
                "{request}"
            );
            let line = request
                .lines()
                .find_map(|line| line.strip_prefix("authorization: NTLM "))
                .expect("NTLM");
            let message = STANDARD.decode(line).expect("base64");
            let login = Login::new("CONTOSO\\bot", password);
            let answer = match message[8] {
                1 => {
                    is_challenged = true;
                    let challenge = STANDARD.encode(bytes(RECORDED));
                    format!(
                        "401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM {challenge}\r\nContent-Length: 4\r\n\r\nnope"
                    )
                }
                _ if is_challenged && proves(&message, &bytes(RECORDED), &login) => {
                    "200 OK\r\nContent-Length: 26\r\n\r\n{\"access_token\":\"cwt=AAEB\"}".to_owned()
                }
                _ => "401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"
                    .to_owned(),
            };
            far.write_all(format!("HTTP/1.1 {answer}").as_bytes())
                .await
                .expect("written");
        }
    }

    async fn request(far: &mut DuplexStream) -> Option<String> {
        let mut read = Vec::new();
        while !read.ends_with(FORM.as_bytes()) {
            match far.read_u8().await {
                Ok(byte) => read.push(byte),
                Err(_) => return None,
            }
        }
        String::from_utf8(read).ok()
    }

    #[expect(clippy::disallowed_methods, reason = "the runtime is this test's own")]
    fn sign_in(password: &'static str) -> (Result<Response, BackendError>, Vec<u32>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let seen = Arc::new(Mutex::default());
        let recorder = Recorder::new();
        let answer = runtime.block_on(async {
            let iis = Iis {
                password: "Password",
                seen: seen.clone(),
            };
            let sip = Sip::parse("bot@contoso.com").expect("an address");
            let http = Http::new(Arc::new(iis));
            let issuer =
                Url::parse("https://lyncweb.contoso.com/WebTicket/oauthtoken").expect("an address");
            ask_for_token(
                (&http, &recorder.inbox(), &sip),
                &issuer,
                &Login::new("CONTOSO\\bot", password),
                Duration::from_secs(10),
            )
            .await
        });
        let seen = seen.lock().clone();
        (answer, seen)
    }

    #[test]
    fn both_messages_go_over_one_connection() {
        let (answer, seen) = sign_in("Password");
        assert!(answer.expect("a token").status.is_success());
        assert_eq!(seen, [2]);
    }

    #[test]
    fn a_wrong_password_is_a_refused_login() {
        let (answer, _) = sign_in("password");
        let error = answer.err().expect("no token");
        assert!(
            error.reason.contains("refused") && error.reason.contains("bot@contoso.com"),
            "{error:?}"
        );
        assert!(!error.reason.contains("assword"), "{error:?}");
    }

    #[test]
    fn a_challenge_is_found_among_offers() {
        let offers = |text: &str| challenge(&[text.to_owned()]);
        assert_eq!(offers("Negotiate, NTLM AAEC"), Some(vec![0, 1, 2]));
        assert_eq!(offers("ntlm AAEC"), Some(vec![0, 1, 2]));
        for text in [
            "",
            "NTLM",
            "Negotiate AAEC",
            "NTLM ?",
            "Basic realm=\"NTLM x\"",
        ] {
            assert_eq!(offers(text), None, "{text}");
        }
    }
}
