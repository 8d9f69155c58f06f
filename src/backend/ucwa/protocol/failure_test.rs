//! Every response with a meaning of its own (§ucwa/errors), and the bounds on texts from outside.

use super::*;

fn failure(status: u16, code: &str, subcode: &str) -> Failure {
    let body = format!(r#"{{"code":"{code}","subcode":"{subcode}","message":"in their words"}}"#);
    Failure::read(Status::new(status), body.as_bytes(), false, None)
}

fn bare(status: u16, body: &str) -> Failure {
    Failure::read(Status::new(status), body.as_bytes(), false, None)
}

fn reason(code: &str, subcode: &str) -> Reason {
    Reason {
        code: code.into(),
        subcode: subcode.into(),
        message: String::new(),
    }
}

#[test]
fn every_answer_of_the_event_channel_has_its_verdict() {
    let html = "<html>nginx</html>";
    for (failure, verdict) in [
        (
            failure(404, "NotFound", "ApplicationNotFound"),
            Verdict::ApplicationGone,
        ),
        (
            failure(410, "Gone", "InactiveApplicationExpired"),
            Verdict::ApplicationGone,
        ),
        (failure(410, "Gone", ""), Verdict::ApplicationGone),
        (failure(410, "Gone", "CannotRedirect"), Verdict::Refused),
        (failure(410, "Gone", "TooManyApplications"), Verdict::Stop),
        (failure(410, "Gone", "UserAgentNotAllowed"), Verdict::Stop),
        (failure(409, "Conflict", "PGetReplaced"), Verdict::Replaced),
        (failure(409, "Conflict", "AlreadyExists"), Verdict::Refused),
        (failure(408, "ClientTimeout", ""), Verdict::Again(None)),
        (failure(429, "TooManyRequests", ""), Verdict::Again(None)),
        (failure(500, "ServiceFailure", ""), Verdict::Again(None)),
        (failure(503, "ServiceUnavailable", ""), Verdict::Again(None)),
        (failure(504, "Timeout", ""), Verdict::Again(None)),
        (bare(502, html), Verdict::Again(None)),
        (bare(503, html), Verdict::Again(None)),
        (bare(401, html), Verdict::Token),
        (bare(403, html), Verdict::Refused),
        (bare(404, html), Verdict::Refused),
        (failure(404, "NotFound", ""), Verdict::Refused),
        (
            failure(400, "BadRequest", "ParameterValidationFailure"),
            Verdict::Refused,
        ),
    ] {
        assert_eq!(failure.verdict(), verdict, "{failure:?}");
    }
    let challenged = Failure::read(Status::new(403), html.as_bytes(), true, None);
    assert_eq!(challenged.verdict(), Verdict::Token);
}

#[test]
fn a_pause_is_honoured_within_bounds() {
    let after = |text| Failure::read(Status::new(503), b"", false, Some(text)).verdict();
    assert_eq!(after("7"), Verdict::Again(Some(Duration::from_secs(7))));
    assert_eq!(after(" 99999999 "), Verdict::Again(Some(PAUSE_MAX)));
    for odd in ["", "-1", "Fri, 31 Dec 1999 23:59:59 GMT", "1e9"] {
        assert_eq!(after(odd), Verdict::Again(None), "{odd}");
    }
    let many = failure(429, "TooManyRequests", "").of_request("x");
    assert_eq!(many.kind, BackendErrorKind::RetryAfter(PAUSE));
}

#[test]
fn a_refused_token_is_a_refused_login() {
    let of = |status, body: &str| bare(status, body).of_token("lene@contoso.com");
    for (error, kind) in [
        (
            of(400, r#"{"error":"invalid_grant"}"#),
            BackendErrorKind::Refused,
        ),
        (
            of(400, r#"{"error":"unsupported_grant_type"}"#),
            BackendErrorKind::Refused,
        ),
        (
            of(400, r#"{"error":"server_error"}"#),
            BackendErrorKind::Unreachable,
        ),
        (
            of(400, r#"{"error":"invalid_request"}"#),
            BackendErrorKind::Refused,
        ),
        (of(401, "<html>"), BackendErrorKind::Refused),
        (of(503, "<html>"), BackendErrorKind::Unreachable),
    ] {
        assert_eq!(error.kind, kind, "{error:?}");
    }
    assert!(
        of(400, r#"{"error":"invalid_grant"}"#)
            .reason
            .contains("lene@contoso.com")
    );
}

#[test]
fn an_application_that_is_not_made_is_told_of() {
    for (failure, kind, word) in [
        (
            failure(410, "Gone", "TooManyApplications"),
            BackendErrorKind::RetryAfter(CROWDED),
            "too many applications",
        ),
        (
            failure(410, "Gone", "UserAgentNotAllowed"),
            BackendErrorKind::Refused,
            "user agent",
        ),
        (
            failure(403, "Forbidden", ""),
            BackendErrorKind::Refused,
            "policy",
        ),
        (
            failure(400, "BadRequest", "ParameterValidationFailure"),
            BackendErrorKind::Refused,
            "ParameterValidationFailure",
        ),
        (bare(503, "<html>"), BackendErrorKind::Unreachable, "proxy"),
    ] {
        let error = failure.of_application();
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.reason.contains(word), "{error:?}");
    }
}

#[test]
fn a_lost_link_says_why() {
    let gone = failure(404, "NotFound", "ApplicationNotFound").of_link();
    assert_eq!(gone.kind, BackendErrorKind::Unreachable);
    let replaced = failure(409, "Conflict", "PGetReplaced").of_link();
    assert_eq!(replaced.kind, BackendErrorKind::RetryAfter(CROWDED));
    assert!(replaced.reason.contains("another program"), "{replaced:?}");
    assert_eq!(
        bare(502, "<html>").of_link().kind,
        BackendErrorKind::Unreachable
    );
}

#[test]
fn a_message_that_may_have_gone_out_is_unclear() {
    for (status, kind) in [
        (400, BackendErrorKind::Rejected),
        (403, BackendErrorKind::Rejected),
        (404, BackendErrorKind::Rejected),
        (409, BackendErrorKind::Rejected),
        (413, BackendErrorKind::Rejected),
        (415, BackendErrorKind::Rejected),
        (429, BackendErrorKind::RetryAfter(PAUSE)),
        (503, BackendErrorKind::Unreachable),
        (500, BackendErrorKind::OutcomeUnknown),
        (502, BackendErrorKind::OutcomeUnknown),
        (504, BackendErrorKind::OutcomeUnknown),
        (408, BackendErrorKind::OutcomeUnknown),
    ] {
        assert_eq!(failure(status, "Some", "").of_post().kind, kind, "{status}");
    }
}

#[test]
fn an_invitation_fails_with_a_sentence() {
    for (subcode, kind, word) in [
        ("Declined", BackendErrorKind::Rejected, "declined"),
        ("Busy", BackendErrorKind::Rejected, "busy"),
        ("DoNotDisturb", BackendErrorKind::Rejected, "disturbed"),
        ("Timeout", BackendErrorKind::Rejected, "did not answer"),
        ("Unreachable", BackendErrorKind::Rejected, "not signed in"),
        (
            "DestinationNotFound",
            BackendErrorKind::Rejected,
            "no such contact",
        ),
        (
            "TemporarilyUnavailable",
            BackendErrorKind::Unreachable,
            "not available now",
        ),
        (
            "NotAcceptable",
            BackendErrorKind::Rejected,
            "takes no messages",
        ),
        ("NotAllowed", BackendErrorKind::Rejected, "does not allow"),
        (
            "FederationRequired",
            BackendErrorKind::Rejected,
            "federation",
        ),
        (
            "ModalityNotSupported",
            BackendErrorKind::Rejected,
            "takes no messages",
        ),
        ("Canceled", BackendErrorKind::Rejected, "cancelled"),
        (
            "ConnectedElsewhere",
            BackendErrorKind::Rejected,
            "another device",
        ),
        ("Redirected", BackendErrorKind::Rejected, "somebody else"),
        (
            "DerivedConversation",
            BackendErrorKind::Rejected,
            "somebody else",
        ),
        ("SomethingNew", BackendErrorKind::Rejected, "SomethingNew"),
    ] {
        let error = of_invitation(Some(&reason("RemoteFailure", subcode)));
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.reason.contains(word), "{error:?}");
    }
    assert_eq!(of_invitation(None).kind, BackendErrorKind::Rejected);
    assert_eq!(
        of_invitation(Some(&reason("ServiceUnavailable", ""))).kind,
        BackendErrorKind::Unreachable
    );
    assert!(
        of_delivery(Some(&reason("RemoteFailure", "Timeout")))
            .reason
            .contains("RemoteFailure/Timeout")
    );
    assert_eq!(of_delivery(None).kind, BackendErrorKind::Rejected);
}

#[test]
fn a_meeting_refuses_ends_or_is_full() {
    for (subcode, kind) in [
        ("DestinationNotFound", BackendErrorKind::ChannelGone),
        ("Ended", BackendErrorKind::ChannelGone),
        ("Denied", BackendErrorKind::Refused),
        ("InviteesOnly", BackendErrorKind::Refused),
        ("TooManyParticipants", BackendErrorKind::Unreachable),
        ("Timeout", BackendErrorKind::Unreachable),
        ("Ejected", BackendErrorKind::Refused),
        ("SomethingNew", BackendErrorKind::Unreachable),
    ] {
        assert_eq!(
            of_join(Some(&reason("RemoteFailure", subcode))).kind,
            kind,
            "{subcode}"
        );
    }
    assert_eq!(
        failure(404, "NotFound", "DestinationNotFound")
            .of_join()
            .kind,
        BackendErrorKind::ChannelGone
    );
    assert_eq!(
        failure(503, "ServiceUnavailable", "").of_join().kind,
        BackendErrorKind::Unreachable
    );
    for (subcode, may_retry) in [
        ("Ejected", false),
        ("Ended", false),
        ("Denied", false),
        ("Removed", false),
        ("SomethingNew", true),
    ] {
        assert_eq!(
            of_removal(Some(&reason("Informational", subcode))).1,
            may_retry,
            "{subcode}"
        );
    }
    assert!(of_removal(None).1);
}

#[test]
fn their_words_are_short_and_clean() {
    let body = format!(
        r#"{{"code":"Gone","message":"{}\u0007\n"}}"#,
        "x".repeat(1000)
    );
    let words = bare(410, &body).words();
    assert!(
        words.len() < 400 && !words.contains(char::is_control),
        "{words}"
    );
    assert_eq!(bare(409, "{}").words(), "409");
    assert!(bare(409, "7").words().contains("proxy"));
    assert_eq!(
        failure(409, "Conflict", "AlreadyExists").words(),
        "409 Conflict/AlreadyExists (in their words)"
    );
    assert_eq!(Reason::of_value(&serde_json::json!({"subcode": "x"})), None);
    assert_eq!(Reason::of_value(&serde_json::json!("x")), None);
}
