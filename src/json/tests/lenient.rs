//! What a newer gateway writes is readable; what a host asks for is not guessed.

use crate::model::{
    AgentState, AgentStatus, Broadcast, Content, Cursor, DisplayMode, Event, EventBody, EventId,
    EventQuery, ManagedRoom, NewAgent, NewMessage, NewRoom, NewUser, Part, PresenceState, Privacy,
    SearchCriteria, Throttle,
};
use chrono::DateTime;
use serde::de::DeserializeOwned;
use serde_json::json;

fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect(text)
}

fn refusal<T: DeserializeOwned>(text: &str) -> String {
    let refused = serde_json::from_str::<T>(text).err().expect(text);
    refused.to_string()
}

#[test]
fn an_event_of_an_unknown_type_is_read_with_its_number() {
    let event: Event = read(
        r#"{"id":7,"instance":"i","seq":9,"time":"1970-01-01T00:00:00Z","type":"quake","force":9,"value":null}"#,
    );
    assert_eq!((event.id, event.seq), (EventId(7), 9));
    assert_eq!(event.body, EventBody::Other("quake".into()));
    let quake: Broadcast = read(r#"{"type":"quake","agent":"echo"}"#);
    assert_eq!(quake, Broadcast::Other("quake".into()));
    assert!(quake.agents().is_empty());
}

#[test]
fn an_unknown_part_is_its_text_and_an_unknown_name_claims_least() {
    let content: Content = read(
        r#"{"parts":[{"type":"table","text":"a | b","rows":1},{"type":"rule"},{"type":"code_block","text":"x","display":"floating"}]}"#,
    );
    let code = Part::CodeBlock {
        code: "x".into(),
        language: None,
        display: DisplayMode::Inline,
    };
    let plain = |text: &str| Part::Text(text.into());
    assert_eq!(content.parts, [plain("a | b"), plain(""), code]);

    let status: AgentStatus = read(
        r#"{"id":"echo","state":"sleeping","since":"1970-01-01T00:00:00Z","attempt":0,"channels":[]}"#,
    );
    assert_eq!(status.state, AgentState::Idle);
    let room: ManagedRoom = read(r#"{"id":"chat-room:a","name":"A","privacy":"hidden"}"#);
    assert_eq!(room.privacy, Privacy::Secret);
    let said: Broadcast = read(r#"{"type":"agent_state","agent":"echo","state":"sleeping"}"#);
    assert!(matches!(
        said,
        Broadcast::AgentState {
            state: AgentState::Idle,
            ..
        }
    ));
    let unknown = super::super::unknown::least(json!("teapot"));
    assert_eq!(unknown.ok(), Some(PresenceState::Unknown));
}

#[test]
fn what_a_host_asks_for_is_not_guessed() {
    for (error, named) in [
        (
            refusal::<NewRoom>(r#"{"category":"c","name":"n","privacy":"hidden"}"#),
            "hidden",
        ),
        (
            refusal::<NewAgent>(r#"{"id":"echo","address":"x:echo","mode":"all"}"#),
            "all",
        ),
        (
            refusal::<Throttle>(r#"{"id":"t","kind":"bytes","threshold":1}"#),
            "bytes",
        ),
        (refusal::<EventQuery>(r#"{"kinds":["quake"]}"#), "quake"),
        (
            refusal::<NewAgent>(r#"{"id":"echo","address":"x:echo","channels":["ops"]}"#),
            "ops",
        ),
        (refusal::<NewMessage>(r#"{"alert":true}"#), "text"),
        (
            refusal::<NewMessage>(r#"{"text":"a","answering":"9"}"#),
            "answers no event",
        ),
        (
            refusal::<NewMessage>(r#"{"text":"a","key":"k","answering":"9:0"}"#),
            "not both",
        ),
        (refusal::<EventBody>(r#"{"type":"metadata"}"#), "key"),
        (
            refusal::<EventBody>(r#"{"type":"message","key":"k"}"#),
            "message",
        ),
        (
            refusal::<NewUser>(r#"{"id":"u","username":"u","password":""}"#),
            "password",
        ),
    ] {
        assert!(error.contains(named), "{named}: {error}");
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    assert_eq!(read::<EventQuery>("{}"), EventQuery::all());
    assert_eq!(read::<SearchCriteria>("{}"), SearchCriteria::default());
    assert_eq!(read::<Cursor>("{}"), Cursor::window());
    assert_eq!(read::<Cursor>(r#"{"beginning":true}"#), Cursor::beginning());
    assert_eq!(
        read::<NewMessage>(r#"{"text":"hi"}"#),
        NewMessage::text("hi")
    );
    assert_eq!(
        read::<NewAgent>(r#"{"id":"echo","address":"x:echo"}"#),
        NewAgent::new("echo", "x:echo").expect("an id")
    );
    assert_eq!(
        read::<NewRoom>(r#"{"category":"c","name":"n"}"#),
        NewRoom::new("c", "n")
    );
}

#[test]
fn a_time_is_read_with_any_offset_and_cut_to_milliseconds() {
    let until = |text: &str| read::<SearchCriteria>(&json!({ "until": text }).to_string()).until;
    for text in [
        "2026-03-04T05:06:07.089Z",
        "2026-03-04T05:06:07.089999+00:00",
        "2026-03-04T07:36:07.089+02:30",
    ] {
        assert_eq!(
            until(text),
            DateTime::from_timestamp_millis(1_772_600_767_089)
        );
    }
    let refused = refusal::<SearchCriteria>(r#"{"until":"yesterday"}"#);
    assert!(refused.contains("`yesterday`"), "{refused}");
}
