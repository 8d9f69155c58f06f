//! Somebody writes whom nobody provisioned.

use super::contacts::{LENE, lene};
use super::*;

#[test]
fn a_stranger_rings_is_let_in_and_heard() {
    let mut play = Play::new();
    play.package(document!("package/incoming"));
    assert_eq!(play.strangers, [lene()], "it is told while it rings");
    assert!(play.handed_over().is_empty());
    let mut admitted = play.admit(&lene());
    play.answer("/search", 200, LENE, None);
    // Nothing is asked of her: neither her presence, nor a subscription to it.
    assert_eq!(
        play.asked(),
        ["POST /communication/messagingInvitations/6408/accept"]
    );
    let info = come(&mut admitted).expect("let in").info;
    assert_eq!(info.display_name, "Lene Aaling");
    play.package(document!("package/message"));
    assert_eq!(
        play.handed_over(),
        ["entered", "sip:lenea@contoso.com: Hi Tosh"]
    );
    assert_eq!(play.strangers.len(), 1, "she is known now");
    // Once she makes room for another she is a stranger again.
    let (done, _) = oneshot::channel();
    play.give(Input::Leave(lene(), done));
    play.strangers.clear();
    play.package(document!("package/message"));
    assert_eq!(play.strangers, [lene()]);
}

#[test]
fn whom_nobody_lets_in_is_declined() {
    let mut play = Play::new();
    play.package(document!("package/incoming"));
    play.pass(Duration::from_secs(11));
    assert_eq!(
        play.asked(),
        ["POST /communication/messagingInvitations/6408/decline"]
    );
    assert!(play.handed_over().is_empty());
}

/// Her channel is provisioned under another spelling of her address.
#[test]
fn one_who_is_joined_is_not_let_in_twice() {
    let mut play = Play::new();
    play.package(document!("package/incoming"));
    let provisioned = ChannelId::parse("contact:lenea@contoso.com").expect("a channel");
    let _join = play.join(&provisioned);
    play.answer("/search", 200, LENE, None);
    let mut admitted = play.admit(&lene());
    play.answer("/search", 200, LENE, None);
    assert_eq!(refused(&mut admitted), BackendErrorKind::Refused);
    play.package(document!("package/message"));
    assert_eq!(
        play.handed_over(),
        ["entered", "sip:lenea@contoso.com: Hi Tosh"]
    );
}
