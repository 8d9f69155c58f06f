//! Resources as the published transcripts show them, from the corpus that the fuzzer starts with.

use super::*;
use proptest::prelude::*;

const APPLICATION: &[u8] =
    include_bytes!("../../../../tests/fuzz/corpus/ucwa_document/application.json");
const ROOT: &[u8] = include_bytes!("../../../../tests/fuzz/corpus/ucwa_document/root.json");
const REDIRECT: &[u8] = include_bytes!("../../../../tests/fuzz/corpus/ucwa_document/redirect.json");
const USER: &[u8] = include_bytes!("../../../../tests/fuzz/corpus/ucwa_document/user.json");
const PRESENCE: &[u8] =
    include_bytes!("../../../../tests/fuzz/corpus/ucwa_document/contact_presence.json");
const CONTACT: &[u8] = include_bytes!("../../../../tests/fuzz/corpus/ucwa_document/contact.json");
const SUBSCRIPTION: &[u8] =
    include_bytes!("../../../../tests/fuzz/corpus/ucwa_document/presence_subscription.json");
const CONVERSATIONS: &[u8] =
    include_bytes!("../../../../tests/fuzz/corpus/ucwa_document/conversations.json");
const MEETING: &[u8] =
    include_bytes!("../../../../tests/fuzz/corpus/ucwa_document/my_online_meeting.json");

fn read(body: &[u8]) -> Document {
    Document::read(body).expect("a document")
}

#[test]
fn discovery_leads_to_the_applications() {
    let root = read(ROOT);
    let user = "https://lyncweb.contoso.com/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=contoso.com";
    assert_eq!(
        (
            root.link("user"),
            root.link("redirect"),
            root.link("applications")
        ),
        (Some(user), None, None)
    );
    assert_eq!(
        read(REDIRECT).link("redirect"),
        Some("https://other/Autodiscover/AutodiscoverService.svc/root")
    );
    assert_eq!(
        read(USER).link("applications"),
        Some("https://lyncweb.contoso.com/ucwa/oauth/v1/applications")
    );
}

#[test]
fn an_application_has_all_that_a_client_needs() {
    let application = read(APPLICATION);
    assert_eq!(application.own(), Some("/ucwa/oauth/v1/applications/105"));
    assert_eq!(
        application.link("events"),
        Some("/ucwa/oauth/v1/applications/105/events?ack=1")
    );
    let me = application.embedded("me").expect("me");
    assert_eq!(
        (me.text("name"), me.text("uri")),
        (Some("Lene Aaling"), Some("sip:lenea@contoso.com"))
    );
    assert_eq!(
        me.link("makeMeAvailable"),
        Some("/ucwa/oauth/v1/applications/105/me/makeMeAvailable")
    );
    assert_eq!(
        me.link("reportMyActivity"),
        None,
        "what is not allowed now has no link"
    );
    let communication = application
        .embedded("communication")
        .expect("communication");
    assert_eq!(
        communication
            .texts("supportedMessageFormats")
            .collect::<Vec<_>>(),
        ["Plain"]
    );
    assert_eq!(communication.texts("supportedModalities").count(), 0);
    assert_eq!(
        communication.text("ETag"),
        Some("3140562359"),
        "names are compared without case"
    );
    for (rel, href) in [
        (
            "startMessaging",
            "/ucwa/oauth/v1/applications/105/communication/messagingInvitations",
        ),
        (
            "joinOnlineMeeting",
            "/ucwa/oauth/v1/applications/105/communication/onlineMeetingInvitations",
        ),
        (
            "presenceSubscriptions",
            "/ucwa/oauth/v1/applications/105/people/presenceSubscriptions",
        ),
        ("search", "/ucwa/oauth/v1/applications/105/people/search"),
        (
            "myOnlineMeetings",
            "/ucwa/oauth/v1/applications/105/onlineMeetings/myOnlineMeetings",
        ),
    ] {
        assert_eq!(application.find_link(rel), Some(href), "{rel}");
    }
}

#[test]
fn people_meetings_and_subscriptions_are_read() {
    let presence = read(PRESENCE);
    assert_eq!(
        (presence.text("availability"), presence.text("activity")),
        (Some("Offline"), Some("off-work"))
    );
    assert_eq!(
        presence
            .time("lastActive")
            .map(|time| time.timestamp_millis()),
        Some(1364327898968)
    );
    let contact = read(CONTACT);
    assert_eq!(
        (contact.rel(), contact.text("name")),
        (Some("contact"), Some("Sara Davis"))
    );
    assert_eq!(
        contact.texts("emailAddresses").collect::<Vec<_>>(),
        ["sarad@contoso.com"]
    );
    assert_eq!(
        contact.link("contactNote"),
        Some("/ucwa/oauth/v1/applications/105/people/sarad@contoso.com/note")
    );
    let subscription = read(SUBSCRIPTION);
    assert_eq!(subscription.text("id"), Some("97b6bd66"));
    assert!(subscription.link("addToPresenceSubscription").is_some());
    assert_eq!(
        read(CONVERSATIONS).anchors("conversation").count(),
        2,
        "a link that repeats is a list"
    );
    let meeting = read(MEETING);
    assert_eq!(
        meeting.text("onlineMeetingUri"),
        Some("sip:lenea@contoso.com;gruu;opaque=app:conf:focus:id:1XAW22CG")
    );
}

#[test]
fn one_where_a_list_should_be_is_a_list_of_one() {
    let odd = read(
        br#"{"rel":"x","texts":"one","count":" 7 ","nothing":null,
            "_links":{"a":"/bare","b":[{"href":"/1","title":""},{"title":"no href"},null,{"href":"/2","title":"Two"}],"c":null,"d":7},
            "_embedded":{"e":{"rel":"e"},"f":[{"rel":"f"},3,null],"g":null}}"#,
    );
    assert_eq!(odd.texts("texts").collect::<Vec<_>>(), ["one"]);
    assert_eq!((odd.number("count"), odd.text("nothing")), (Some(7), None));
    assert_eq!(odd.link("a"), Some("/bare"));
    let titles: Vec<_> = odd
        .anchors("b")
        .map(|anchor| (anchor.href.as_str(), anchor.title.as_deref()))
        .collect();
    assert_eq!(
        titles,
        [("/1", None), ("/2", Some("Two"))],
        "an empty title is none"
    );
    assert_eq!((odd.link("c"), odd.link("d")), (None, None));
    assert!(
        odd.embedded("e").is_some()
            && odd.all_embedded("f").count() == 1
            && odd.embedded("g").is_none()
    );
    for wrong in [&b"[]"[..], b"", b"<html>", b"null", b"{\"a\":", b"\xff{}"] {
        assert_eq!(Document::read(wrong), None);
    }
    assert!(
        Document::read(b"\xef\xbb\xbf{}").is_some(),
        "a byte order mark is nothing"
    );
    assert_eq!(
        Document::read(br#"{"_links":[],"_embedded":7}"#),
        Some(Document::default())
    );
}

#[test]
fn times_come_in_two_forms() {
    let at = |text: &str| time_of(text).map(|time| time.timestamp_millis());
    assert_eq!(at("/Date(1364327898968)/"), Some(1364327898968));
    assert_eq!(at("/Date(1364327898968+0200)/"), Some(1364327898968));
    assert_eq!(at("/Date(-1)/"), Some(-1));
    assert_eq!(at("2016-12-15T20:05:08.631Z"), Some(1481832308631));
    for bad in [
        "",
        "/Date()/",
        "/Date(x)/",
        "/Date(9999999999999999999)/",
        "/Date(99999999999999999)/",
        "yesterday",
    ] {
        assert_eq!(at(bad), None, "{bad}");
    }
}

#[test]
fn depth_is_bounded_and_debug_shows_no_words() {
    let mut body = String::from("{\"message\":\"secret\"}");
    for _ in 0..20 {
        body = format!("{{\"_embedded\":{{\"e\":{body}}}}}");
    }
    let document = read(body.as_bytes());
    let depth = std::iter::successors(Some(&document), |within| within.embedded("e")).count();
    assert_eq!(depth, DEPTH_MAX + 1);
    assert_eq!(Document::read("[".repeat(100_000).as_bytes()), None);
    let message = read(
        br#"{"rel":"m","message":"secret","_links":{"message":{"href":"data:text/plain,secret"}}}"#,
    );
    assert!(!format!("{message:?}").contains("secret"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "([{}\\[\\],:]|\"_links\"|\"_embedded\"|\"href\"|\"a\"|\"/Date\\(1\\)/\"|1|null){0,40}") {
        if let Some(document) = Document::read(text.as_bytes()) {
            let _ = (document.own(), document.find_link("a"), document.time("a"), document.texts("a").count());
        }
        let _ = time_of(&text);
    }
}
