//! How the event channel goes on after each kind of response.

use super::*;
use crate::backend::Secret;
use crate::backend::ucwa::protocol::status::Status;

const LONG: TimeDelta = TimeDelta::seconds(100);
/// So long that it did not come at once, and so short that it was not parked.
const SOON: TimeDelta = TimeDelta::seconds(2);
const AWAY: TimeDelta = TimeDelta::zero();

struct Server {
    channel: Channel,
    config: UcwaConfig,
    /// Counts the packages that lead on.
    package: u32,
}

impl Server {
    fn new() -> Server {
        Server::on_trial(false)
    }

    fn on_trial(on_trial: bool) -> Server {
        let url = Url::parse("https://lyncweb.contoso.com/events?ack=1").expect("an address");
        Server {
            channel: Channel::new(url, on_trial),
            config: UcwaConfig::new("contoso.com", Secret::new("unused")),
            package: 1,
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
        self.package += 1;
        let href = format!("/events?ack={}", self.package);
        let body = format!(r#"{{"_links":{{"{rel}":{{"href":"{href}"}}}}}}"#);
        match self.responds(200, &body, waited) {
            Next::Package(arrived) => arrived,
            Next::Again(_, error) | Next::Over(error) | Next::Deaf { error, .. } => {
                panic!("{error}")
            }
        }
    }
}

fn why_over(next: Next) -> BackendError {
    match next {
        Next::Over(error) | Next::Deaf { error, .. } => error,
        Next::Package(_) | Next::Again(..) => panic!("the channel goes on"),
    }
}

/// The pauses until the channel is given up, and how it ends.
fn pauses(server: &mut Server, status: u16, body: &str) -> (Vec<u128>, BackendError, bool) {
    let mut pauses = Vec::new();
    loop {
        assert!(pauses.len() < 20, "for ever");
        match server.responds(status, body, SOON) {
            Next::Again(pause, _) => pauses.push(pause.as_millis()),
            Next::Deaf {
                error,
                gives_up_application,
            } => return (pauses, error, gives_up_application),
            Next::Package(_) | Next::Over(_) => panic!("it is neither heard nor lost"),
        }
    }
}

/// A package with one event of that number, and the link that leads on.
fn told(number: u32, links: &str) -> String {
    format!(
        r#"{{"_links":{{{links}}},"sender":[{{"rel":"me","href":"/me","events":[
            {{"link":{{"rel":"me","href":"/me/{number}"}},"type":"updated"}}]}}]}}"#
    )
}

#[test]
fn the_same_is_asked_again_for_half_a_minute() {
    let growing = [0, 250, 500, 1000, 2000, 4000, 8000, 10_000];
    let html = "<html>302</html>";
    for (status, body, gives_up) in [
        (503, "", false),
        (200, html, true),
        (200, "{}", true),
        (302, html, true),
        (401, html, true),
        (407, html, true),
        (404, html, false),
    ] {
        let mut server = Server::new();
        let (pauses, error, application) = pauses(&mut server, status, body);
        assert_eq!(
            (&pauses[..], application),
            (&growing[..], gives_up),
            "{status}"
        );
        assert!(error.is_passing(), "the engine's back-off follows: {error}");
        assert_eq!(server.channel.url().path, "/events?ack=1");
    }
}

#[test]
fn no_pause_that_a_server_asks_for_loses_messages() {
    let mut server = Server::new();
    let response = Response {
        status: Status::new(503),
        challenges: Vec::new(),
        location: None,
        retry_after: Some("3600".to_owned()),
        body: "".into(),
    };
    let next = server.channel.step(&server.config, Ok(response), SOON);
    assert!(matches!(next, Next::Again(PAUSE_MAX, _)));
}

#[test]
fn a_request_that_was_parked_shows_that_the_channel_works() {
    let mut server = Server::on_trial(true);
    for _ in 0..100 {
        let next = server.responds(504, "", LONG);
        assert!(matches!(next, Next::Again(Duration::ZERO, _)));
        assert!(!server.channel.is_on_trial());
    }
    // One that was never answered, or never sent, shows nothing.
    let mut lost = |lost: Lost, waited| server.channel.step(&server.config, Err(lost), waited);
    let cut = || BackendError::unreachable("cut");
    assert!(matches!(
        lost(Lost::Unanswered(cut()), SILENCE),
        Next::Again(..)
    ));
    assert!(matches!(
        lost(Lost::Unanswered(cut()), SILENCE),
        Next::Deaf { .. }
    ));
    let mut server = Server::on_trial(true);
    let next = server
        .channel
        .step(&server.config, Err(Lost::Unsent(cut())), LONG);
    assert!(matches!(next, Next::Deaf { .. }));
}

#[test]
fn a_link_after_a_deaf_one_has_to_hear_something_first() {
    let mut server = Server::on_trial(true);
    assert!(matches!(server.responds(503, "", AWAY), Next::Deaf { .. }));
    let mut server = Server::on_trial(true);
    server.leads("next", AWAY);
    assert!(!server.channel.is_on_trial());
    assert!(matches!(server.responds(503, "", AWAY), Next::Again(..)));
}

#[test]
fn a_package_that_leads_nowhere_is_heard_once() {
    for links in [
        "",
        r#""next":{"href":"/events?ack=1"}"#,
        r#""next":{"href":"nowhere"}"#,
        r#""next":{"href":"https://evil.example/events"}"#,
    ] {
        let mut server = Server::new();
        for number in [1, 2] {
            let next = server.responds(200, &told(number, links), AWAY);
            let Next::Package(arrived) = next else {
                panic!("{links}: what was said is heard");
            };
            assert_eq!(arrived.events.len(), 1);
        }
        let (mut asked, body) = (0, told(2, links));
        let gives_up = loop {
            match server.responds(200, &body, AWAY) {
                Next::Again(..) => asked += 1,
                Next::Deaf {
                    gives_up_application,
                    ..
                } => break gives_up_application,
                Next::Package(_) | Next::Over(_) => panic!("{links}: it was heard before"),
            }
        };
        assert!(asked < TRIES_MAX && gives_up);
    }
}

#[test]
fn packages_that_come_at_once_for_ever_are_not_asked_for_all_the_time() {
    let mut server = Server::new();
    let mut paused = Duration::ZERO;
    for number in 0..1000 {
        let links = format!(r#""next":{{"href":"/events?ack={}"}}"#, 2 + number % 2);
        let Next::Package(arrived) = server.responds(200, &told(number, &links), AWAY) else {
            panic!("what was said is heard");
        };
        assert_eq!(arrived.events.len(), 1);
        paused += arrived.pause.unwrap_or_default();
    }
    assert!(paused > Duration::from_secs(80), "{paused:?}");
    let links = r#""next":{"href":"/events?ack=4"}"#;
    let next = server.responds(200, &told(0, links), SOON);
    assert!(matches!(next, Next::Package(Arrived { pause: None, .. })));
}

#[test]
fn a_package_ends_the_row_of_failures() {
    let mut server = Server::new();
    for _ in 0..3 {
        assert!(matches!(server.responds(503, "", SOON), Next::Again(..)));
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
    let body = r#"{"_links":{"resync":{"href":"/events?ack=99"}}}"#;
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
            BackendErrorKind::RetryAfter(Duration::from_secs(60)),
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
