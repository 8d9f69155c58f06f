//! How the event channel goes on after each kind of response.

use super::*;
use crate::backend::Secret;
use crate::backend::ucwa::protocol::status::Status;

const LONG: TimeDelta = TimeDelta::seconds(100);

struct Server {
    channel: Channel,
    config: UcwaConfig,
}

impl Server {
    fn new() -> Server {
        let url = Url::parse("https://lyncweb.contoso.com/events?ack=1").expect("an address");
        Server {
            channel: Channel::new(url),
            config: UcwaConfig::new("contoso.com", Secret::new("unused")),
        }
    }

    fn responds(&mut self, status: u16, body: &str, waited: TimeDelta) -> Next {
        let response = Response {
            status: Status::new(status),
            challenges: Vec::new(),
            location: None,
            retry_after: None,
            body: body.to_owned().into(),
        };
        self.channel.step(&self.config, Ok(response), waited)
    }

    /// A package that leads on by `rel` brings what it should.
    fn leads(&mut self, rel: &str, waited: TimeDelta) -> Arrived {
        let body = format!(r#"{{"_links":{{"{rel}":{{"href":"/events?ack=2"}}}}}}"#);
        match self.responds(200, &body, waited) {
            Next::Package(arrived) => arrived,
            Next::Again(_, error) | Next::Over(error) => panic!("{error}"),
        }
    }
}

fn why_over(next: Next) -> BackendError {
    match next {
        Next::Over(error) => error,
        Next::Package(_) | Next::Again(..) => panic!("the channel goes on"),
    }
}

#[test]
fn the_same_is_asked_again_for_half_a_minute() {
    let mut server = Server::new();
    let mut pauses = Vec::new();
    while let Next::Again(pause, _) = server.responds(503, "", LONG) {
        pauses.push(pause.as_millis());
        assert_eq!(server.channel.url().path, "/events?ack=1");
    }
    assert_eq!(pauses, [0, 250, 500, 1000, 2000, 4000, 8000, 16_000]);
}

#[test]
fn a_package_ends_the_row_of_failures() {
    let mut server = Server::new();
    for _ in 0..3 {
        assert!(matches!(server.responds(503, "", LONG), Next::Again(..)));
    }
    assert!(!server.leads("next", LONG).is_forgotten);
    assert_eq!(server.channel.url().path, "/events?ack=2");
    let lost = Lost::Unanswered(BackendError::unreachable("cut"));
    let next = server.channel.step(&server.config, Err(lost), LONG);
    assert!(matches!(next, Next::Again(Duration::ZERO, _)));
}

#[test]
fn what_the_server_says_of_the_channel_is_followed() {
    let mut server = Server::new();
    assert!(server.leads("resume", LONG).is_forgotten);
    for _ in 0..RESYNCS_MAX {
        assert!(!server.leads("resync", LONG).is_forgotten);
    }
    server.leads("next", LONG);
    for _ in 0..RESYNCS_MAX {
        server.leads("resync", LONG);
    }
    let body = r#"{"_links":{"resync":{"href":"/events?ack=2"}}}"#;
    let error = why_over(server.responds(200, body, LONG));
    assert_eq!(error.kind, BackendErrorKind::Protocol);
}

#[test]
fn a_channel_that_is_lost_says_why() {
    for (status, body, kind) in [
        (
            404,
            r#"{"code":"NotFound","subcode":"ApplicationNotFound"}"#,
            BackendErrorKind::Unreachable,
        ),
        (
            409,
            r#"{"code":"Conflict","subcode":"PGetReplaced"}"#,
            BackendErrorKind::Refused,
        ),
        (200, "{}", BackendErrorKind::Protocol),
        (
            200,
            r#"{"_links":{"next":{"href":"https://evil.example/events"}}}"#,
            BackendErrorKind::Refused,
        ),
    ] {
        let error = why_over(Server::new().responds(status, body, LONG));
        assert_eq!(error.kind, kind, "{body}: {error}");
    }
}

#[test]
fn a_server_that_does_not_let_us_wait_is_not_asked_all_the_time() {
    let mut server = Server::new();
    for _ in 0..HASTE_MAX {
        assert_eq!(server.leads("next", TimeDelta::zero()).pause, None);
    }
    let pause = server.leads("next", TimeDelta::zero()).pause;
    assert_eq!(pause, Some(Duration::from_secs(1)));
    assert_eq!(server.leads("next", LONG).pause, None);
}
