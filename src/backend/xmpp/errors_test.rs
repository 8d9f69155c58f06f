//! What each refusal of a server is for the engine.

use super::*;

fn refused(condition: &'static str, kind: &str) -> StanzaError {
    let error = Element::stanza("error")
        .with("type", kind)
        .child(Element::new(condition, ns::STANZAS));
    StanzaError::of(&Element::stanza("presence").child(error))
}

/// What each condition is for a join, a post, a request and an upload.
#[test]
fn one_table_says_what_a_refusal_is() {
    use BackendErrorKind::*;
    let pause = RetryAfter(PAUSE);
    let away = [Unreachable; 4];
    for (condition, kind, expected) in [
        ("remote-server-not-found", "cancel", away),
        ("remote-server-not-found", "wait", away),
        ("remote-server-timeout", "wait", away),
        ("recipient-unavailable", "wait", away),
        ("internal-server-error", "cancel", away),
        ("resource-constraint", "wait", [pause; 4]),
        ("policy-violation", "wait", [pause; 4]),
        (
            "policy-violation",
            "modify",
            [pause, Rejected, Rejected, Rejected],
        ),
        (
            "item-not-found",
            "cancel",
            [Refused, Rejected, ChannelGone, Rejected],
        ),
        ("gone", "cancel", [Refused, Rejected, ChannelGone, Rejected]),
        (
            "forbidden",
            "auth",
            [Refused, Rejected, ChannelGone, Rejected],
        ),
        (
            "not-allowed",
            "cancel",
            [Refused, Rejected, ChannelGone, Rejected],
        ),
        (
            "feature-not-implemented",
            "cancel",
            [Refused, Rejected, Unsupported, Unsupported],
        ),
        (
            "service-unavailable",
            "cancel",
            [Unreachable, Rejected, Unsupported, Unsupported],
        ),
        ("service-unavailable", "wait", away),
        (
            "not-authorized",
            "auth",
            [Refused, Rejected, Rejected, Rejected],
        ),
        (
            "registration-required",
            "auth",
            [Refused, Rejected, Rejected, Rejected],
        ),
        (
            "not-acceptable",
            "modify",
            [Refused, Rejected, Rejected, Rejected],
        ),
        (
            "jid-malformed",
            "modify",
            [Refused, Rejected, Rejected, Rejected],
        ),
        ("weird", "cancel", [Refused, Rejected, Rejected, Rejected]),
        ("weird", "wait", away),
        ("undefined-condition", "wait", away),
        (
            "forbidden",
            "wait",
            [Refused, Rejected, ChannelGone, Rejected],
        ),
        ("conflict", "wait", [Refused, Rejected, Rejected, Rejected]),
        (
            "jid-malformed",
            "wait",
            [Refused, Rejected, Rejected, Rejected],
        ),
    ] {
        let error = refused(condition, kind);
        let found = [
            error.of_join(),
            error.of_post(),
            error.of_request("x"),
            error.of_upload(),
        ];
        assert_eq!(
            found.each_ref().map(|one| one.kind),
            expected,
            "{condition} {kind}"
        );
        assert!(found.iter().all(|one| one.reason.contains(condition)));
    }
    for (condition, kind, expected) in [
        ("item-not-found", "cancel", Refused),
        ("item-not-found", "wait", Unreachable),
        ("jid-malformed", "modify", Refused),
        ("remote-server-not-found", "cancel", Unreachable),
        ("service-unavailable", "cancel", Unreachable),
    ] {
        assert_eq!(
            refused(condition, kind).of_subscription().kind,
            expected,
            "{condition}"
        );
    }
    assert_eq!(
        StanzaError::of(&Element::stanza("iq")).condition,
        "undefined-condition"
    );
}

#[test]
fn a_question_about_a_room_shows_what_prevents_a_join() {
    let prevents = |condition, kind| refused(condition, kind).prevents_join();
    for (condition, _) in CONDITIONS.iter().chain(&[("weird", Meaning::Final)]) {
        let absent = ["item-not-found", "gone"].contains(condition);
        let expected = absent || condition.starts_with("remote-server-");
        for kind in ["cancel", "wait"] {
            assert_eq!(prevents(condition, kind), expected, "{condition} {kind}");
        }
    }
}

#[test]
fn older_services_give_a_number_only() {
    let of = |error: Element| StanzaError::of(&Element::stanza("message").child(error));
    for (number, condition, post) in [
        ("404", "item-not-found", BackendErrorKind::Rejected),
        ("409", "conflict", BackendErrorKind::Rejected),
        (
            "500",
            "internal-server-error",
            BackendErrorKind::Unreachable,
        ),
        (
            "504",
            "remote-server-timeout",
            BackendErrorKind::Unreachable,
        ),
        ("999", "undefined-condition", BackendErrorKind::Rejected),
    ] {
        let refused = of(Element::stanza("error").with("code", number));
        assert_eq!(
            (&*refused.condition, refused.of_post().kind),
            (condition, post)
        );
    }
    let both = Element::stanza("error").with("code", "404");
    let both = both.child(Element::new("gone", ns::STANZAS).text("xmpp:new@rooms"));
    let refused = of(both);
    assert_eq!(
        refused.reason(),
        "gone (xmpp:new@rooms)",
        "the condition counts"
    );
}

#[test]
fn a_stream_ends_for_a_reason() {
    let end = |condition| {
        of_stream(&Element::new("error", ns::STREAM).child(Element::new(condition, ns::STREAMS)))
    };
    assert_eq!(end("not-authorized").kind, BackendErrorKind::Refused);
    assert_eq!(end("system-shutdown").kind, BackendErrorKind::Unreachable);
    assert!(matches!(
        end("conflict").kind,
        BackendErrorKind::RetryAfter(_)
    ));
}

#[test]
fn another_host_may_have_a_port() {
    let said = |host: &str| {
        other_host(
            &Element::new("error", ns::STREAM)
                .child(Element::new("see-other-host", ns::STREAMS).text(host)),
        )
    };
    assert_eq!(said("a.example"), Some(("a.example".into(), None)));
    assert_eq!(
        said("a.example:5269"),
        Some(("a.example".into(), Some(5269)))
    );
    assert_eq!(said("[::1]:5222"), Some(("::1".into(), Some(5222))));
    assert_eq!(said(""), None);
    assert_eq!(said("a:b"), None);
}
