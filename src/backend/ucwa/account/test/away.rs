//! What a contact said while the agent was away, from the server's logs.

use super::contacts::{LENE, lene};
use super::*;
use crate::backend::ucwa::account::logs::Heard;

/// The application of a server that keeps logs.
fn keeping() -> Play {
    let with_logs = document!("document/application").replacen(
        "\"conversations\":",
        "\"conversationLogs\":{\"href\":\"/ucwa/oauth/v1/applications/105/communication/conversationLogs\"},\
         \"missedItems\":{\"href\":\"/ucwa/oauth/v1/applications/105/communication/missedItems\"},\"conversations\":",
        1,
    );
    assert!(with_logs.contains("missedItems"));
    Play::with(&with_logs)
}

const COUNTED: &str = r#"{"rel":"missedItems","conversationLogsCount":2,"missedConversationsCount":1,"unreadMissedConversationsCount":1}"#;
const LISTED: &str = r#"{"rel":"conversationLogs","_links":{"conversationLog":[
    {"href":"/ucwa/oauth/v1/applications/105/communication/conversationLogs/7"},
    {"href":"/ucwa/oauth/v1/applications/105/communication/conversationLogs/8"}]}}"#;
const LOG: &str = r#"{"rel":"conversationLog","modalities":["Messaging"],"_links":{"conversationLogTranscripts":
    {"href":"/ucwa/oauth/v1/applications/105/communication/conversationLogs/7/transcripts"}},
    "_embedded":{"conversationLogRecipient":[{"sipUri":"sip:lenea@contoso.com"}]}}"#;

/// A page of what was said: who, at which millisecond, what.
fn page(said: &[(&str, i64, &str)], next: Option<&str>) -> String {
    let each = |(who, at, text): &(&str, i64, &str)| {
        format!(
            r#"{{"timeStamp":"\/Date({at})\/","_links":{{"{who}":{{"href":"/ucwa/oauth/v1/applications/105/people/282"}}}},
            "_embedded":{{"messageTranscript":{{"_links":{{"plainMessage":{{"href":"data:text/plain;charset=utf8,{text}"}}}}}}}}}}"#
        )
    };
    let each: Vec<String> = said.iter().map(each).collect();
    let next = next.map_or(String::new(), |next| {
        format!(r#""nextConversationLogTranscripts":{{"href":"{next}"}}"#)
    });
    format!(
        r#"{{"_links":{{{next}}},"_embedded":{{"conversationLogTranscript":[{}]}}}}"#,
        each.join(",")
    )
}

/// Lene's channel is joined again. She was heard up to second 1000, when she said `known`.
fn joining(play: &mut Play) -> Answer<Joined> {
    let at = |second| DateTime::UNIX_EPOCH + TimeDelta::seconds(second);
    play.now = at(2000);
    let mut heard = Heard::since(at(900));
    heard.hear(at(1000), "known");
    let join = play.join_from(&lene(), heard.resume());
    play.answer("/search", 200, LENE, None);
    join
}

#[test]
fn it_comes_once_and_before_what_is_said_now() {
    let mut play = keeping();
    let _join = joining(&mut play);
    assert!(play.handed_over().is_empty(), "the join waits");
    // Somebody speaks meanwhile.
    play.package(document!("package/incoming"));
    play.package(document!("package/message"));
    play.answer("/missedItems", 200, COUNTED, None);
    play.answer("/conversationLogs", 200, LISTED, None);
    play.answer("/conversationLogs/7", 200, LOG, None);
    let said = [
        ("contact", 1_000_400, "known"),
        ("me", 1_100_000, "mine"),
        ("contact", 1_300_000, "second"),
    ];
    let next = "/ucwa/oauth/v1/applications/105/communication/conversationLogs/7/more";
    play.answer("/transcripts", 200, &page(&said, Some(next)), None);
    let said = [("contact", 1_200_000, "first")];
    play.answer("/more", 200, &page(&said, None), None);
    play.answer("/conversationLogs/8", 500, "", None);
    assert_eq!(
        play.handed_over(),
        [
            "entered",
            "sip:lenea@contoso.com: first",
            "sip:lenea@contoso.com: second",
            "sip:lenea@contoso.com: Hi Tosh"
        ]
    );
}

#[test]
fn a_join_does_not_wait_for_logs_that_do_not_come() {
    let mut play = keeping();
    let _join = joining(&mut play);
    play.pass(Duration::from_secs(16));
    assert_eq!(play.handed_over(), ["entered"]);
    // The answer of a reading that was given up changes nothing.
    play.answer("/missedItems", 200, COUNTED, None);
    assert!(!play.asked().iter().any(|asked| asked.contains("Logs")));
    for (status, body) in [
        (
            500,
            r#"{"code":"ServiceFailure","subcode":"InvalidExchangeServerVersion"}"#,
        ),
        (410, r#"{"code":"Gone","subcode":"CannotRedirect"}"#),
        (404, ""),
    ] {
        let mut play = keeping();
        let _join = joining(&mut play);
        play.answer("/missedItems", status, body, None);
        play.answer("/conversationLogs", status, body, None);
        assert_eq!(play.handed_over(), ["entered"], "{status}");
    }
}

#[test]
fn nothing_is_read_without_need() {
    let mut play = keeping();
    let _join = joining(&mut play);
    let none = r#"{"conversationLogsCount":0,"missedConversationsCount":0}"#;
    play.answer("/missedItems", 200, none, None);
    assert_eq!(play.handed_over(), ["entered"]);
    // The first join of a channel has nothing to catch up with.
    let mut play = keeping();
    let _join = play.join(&lene());
    play.answer("/search", 200, LENE, None);
    assert_eq!(play.handed_over(), ["entered"]);
    assert!(!play.asked().iter().any(|asked| asked.contains("missed")));
}

#[test]
fn news_of_missed_items_are_read_at_most_once_a_minute() {
    let news = r#"{"_links":{"next":{"href":"/e?ack=2"}},"sender":[{"rel":"communication","href":"/ucwa/oauth/v1/applications/105/communication",
        "events":[{"link":{"rel":"missedItems","href":"/ucwa/oauth/v1/applications/105/communication/missedItems"},"type":"updated"}]}]}"#;
    let mut play = keeping();
    let _join = joining(&mut play);
    let none = r#"{"conversationLogsCount":0,"missedConversationsCount":0,"unreadMissedConversationsCount":0}"#;
    play.answer("/missedItems", 200, none, None);
    assert_eq!(play.handed_over(), ["entered"]);
    let asks = |play: &Play| {
        let asked = play.asked();
        asked
            .iter()
            .filter(|asked| asked.contains("missed"))
            .count()
    };
    for _ in 0..5 {
        play.package(news);
    }
    assert_eq!(asks(&play), 0, "it was read a moment ago");
    play.pass(Duration::from_secs(61));
    assert_eq!(asks(&play), 1);
    play.answer("/missedItems", 200, COUNTED, None);
    play.answer("/conversationLogs", 200, LISTED, None);
    play.answer("/conversationLogs/7", 200, LOG, None);
    let said = [("contact", 1_500_000, "while%20it%20was%20connected")];
    play.answer("/transcripts", 200, &page(&said, None), None);
    play.answer("/conversationLogs/8", 404, "", None);
    let expected = ["sip:lenea@contoso.com: while it was connected"];
    assert_eq!(play.handed_over(), expected);
    for _ in 0..5 {
        play.package(news);
        play.pass(Duration::from_secs(61));
    }
    assert_eq!(asks(&play), 5, "one a minute, though nobody answers");
}
