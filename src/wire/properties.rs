//! What holds of every document, whatever is in it: it survives both formats, and both say the
//! same.

use super::xml::carried;
use super::*;
use crate::model::{
    self, AgentState, ChannelId, DisplayMode, JoinState, ManagementMode, MessageId, Part,
    PresenceState, Privacy, ProvisioningMode, ThrottleKind,
};
use chrono::DateTime;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt::Debug;

/// Text that XML can carry, with all that it escapes and folds.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|text| carried(&text)),
        "[ \\t\\r\\n<>&'\"\\]a]{0,12}",
        select(vec![
            "]]>",
            "&amp;",
            "<![CDATA[x]]>",
            "<!--",
            "\r\n",
            "null",
            "\u{fffd}",
            "🦀",
            "&#13;",
            " "
        ])
        .prop_map(str::to_owned),
    ]
}

/// Text that names something: never empty, or its document could not be one.
fn id() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("{text}/1"))
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        text().prop_map(Part::Text),
        (text(), text()).prop_map(|(text, url)| Part::Hyperlink { text, url }),
        (text(), text()).prop_map(|(channel, name)| Part::ChannelLink { channel, name }),
        text().prop_map(Part::Hashtag),
        (
            text(),
            option::of(id()),
            select(vec![DisplayMode::Block, DisplayMode::Inline])
        )
            .prop_map(|(code, language, display)| Part::CodeBlock {
                code,
                language,
                display
            }),
        text().prop_map(Part::Emoji),
    ];
    vec(part, 0..4)
}

fn classification() -> impl Strategy<Value = Option<model::Classification>> {
    option::of(id().prop_map(|token| model::Classification { token }))
}

fn contexts() -> impl Strategy<Value = Vec<model::SecurityContext>> {
    vec(
        (text(), option::of(text()))
            .prop_map(|(id, display_text)| model::SecurityContext { id, display_text }),
        0..3,
    )
}

fn message() -> impl Strategy<Value = model::Message> {
    let words = (text(), text(), option::of(text()), option::of(text()), id());
    (
        words,
        (
            parts(),
            classification(),
            contexts(),
            any::<bool>(),
            0..4_102_444_800_000_i64,
        ),
    )
        .prop_map(
            |(
                (sender, text, alias, subject, place),
                (parts, classification, contexts, alert, time),
            )| {
                let time = DateTime::from_timestamp_millis(time).expect("a time");
                // An id is no longer arbitrary text once it is parsed; what may be in one is tried
                // here.
                let place: String = place
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(100)
                    .collect();
                let channel = ChannelId::parse(&format!("chat-room:{place}")).expect("id");
                let mut message = model::Message::plain(
                    MessageId::parse(&place).expect("id"),
                    channel,
                    sender,
                    text,
                    time,
                );
                message.sender_alias = alias;
                let content = &mut message.content;
                (content.subject, content.alert, content.parts) = (subject, alert, parts);
                (content.classification, content.security_contexts) = (classification, contexts);
                message
            },
        )
}

fn event() -> impl Strategy<Value = Event> {
    let body = prop_oneof![
        message().prop_map(|message| Body::Message(MessageEvent::from(&message))),
        (text(), option::of(text()))
            .prop_map(|(key, value)| Body::MetaData(MetaDataEvent { key, value })),
        (id(), any::<bool>()).prop_map(|(channel_id, active)| Body::ChannelState(
            ChannelStateEvent { active, channel_id }
        )),
    ];
    (0..=i64::from(i32::MAX), text(), any::<i64>(), body).prop_map(
        |(event_id, instance_id, time, body)| Event {
            event_id,
            instance_id,
            time,
            body,
        },
    )
}

fn channel() -> impl Strategy<Value = Channel> {
    let optional = || option::of(text());
    let words = (optional(), text(), optional(), id(), optional());
    (
        words,
        (
            any::<bool>(),
            any::<bool>(),
            any::<u32>(),
            any::<u32>(),
            classification(),
            contexts(),
        ),
    )
        .prop_map(
            |(
                (description, display_name, email_address, id, subject),
                (files, read_only, length, story, marking, contexts),
            )| {
                Channel {
                    can_accept_files: files,
                    classification: marking.map(Into::into),
                    description,
                    display_name,
                    email_address,
                    id,
                    is_read_only: read_only,
                    max_message_length: length,
                    max_story_length: story,
                    metadata: None,
                    security_contexts: (!contexts.is_empty())
                        .then(|| contexts.into_iter().map(Into::into).collect()),
                    subject,
                }
            },
        )
}

fn dictionary() -> impl Strategy<Value = Dictionary> {
    proptest::collection::btree_map(text(), text(), 0..4)
        .prop_map(|map| Dictionary(map.into_iter().collect()))
}

/// Strings none of which is a hole.
fn strings() -> impl Strategy<Value = Vec<String>> {
    vec(id(), 0..3)
}

const STATES: [AgentState; 3] = [AgentState::Idle, AgentState::Activating, AgentState::Active];
const JOINS: [JoinState; 3] = [JoinState::Idle, JoinState::Activating, JoinState::Active];

fn agent() -> impl Strategy<Value = ProvisionedAgent> {
    let modes = select(vec![
        None,
        Some(ProvisioningMode::None),
        Some(ProvisioningMode::System),
        Some(ProvisioningMode::Own),
    ]);
    let management = select(vec![
        None,
        Some(ManagementMode::None),
        Some(ManagementMode::Groups),
    ]);
    let channels = vec(
        ("[a-z&<]{1,9}", select(JOINS.to_vec())).prop_map(|(id, state)| ProvisionedChannel {
            id: format!("chat-room:{id}"),
            state,
        }),
        0..3,
    );
    (
        any::<bool>(),
        channels,
        (id(), id()),
        management,
        dictionary(),
        modes,
        select(STATES.to_vec()),
        (strings(), proptest::option::of(0..=10_000u32)),
    )
        .prop_map(
            |(
                can_provision,
                channels,
                (id, user_name),
                management_mode,
                meta_data,
                provisioning_mode,
                state,
                (users, contacts),
            )| {
                ProvisionedAgent {
                    can_provision,
                    channels,
                    contacts,
                    id,
                    management_mode,
                    meta_data,
                    provisioning_mode,
                    state,
                    user_name,
                    users,
                }
            },
        )
}

fn throttle() -> impl Strategy<Value = ProvisionedThrottle> {
    let kinds = vec![
        ThrottleKind::MessagesPerMinute,
        ThrottleKind::TargetedMessagesPerMinute,
        ThrottleKind::ConcurrentTransfers,
    ];
    (strings(), id(), 0..=0x7fff_ffff_u32, select(kinds)).prop_map(
        |(agents, id, threshold, kind)| ProvisionedThrottle {
            agents,
            id,
            threshold,
            kind,
        },
    )
}

fn state() -> impl Strategy<Value = ChannelState> {
    (
        select(PresenceState::ALL.to_vec()),
        option::of(text()),
        option::of(text()),
    )
        .prop_map(|(presence_state, presence_text, subject)| ChannelState {
            presence_state,
            presence_text,
            subject,
        })
}

fn room() -> impl Strategy<Value = NewManagedChannel> {
    (
        id(),
        option::of(id()),
        strings(),
        id(),
        select(vec![Privacy::Open, Privacy::Closed, Privacy::Secret]),
    )
        .prop_map(
            |(category_id, description, members, name, privacy)| NewManagedChannel {
                category_id,
                description,
                members,
                name,
                privacy,
            },
        )
}

fn found() -> impl Strategy<Value = PostSearchResultSet> {
    (id(), vec(message(), 1..3)).prop_map(|(channel_id, messages)| PostSearchResultSet {
        channel_id,
        count: u32::try_from(messages.len()).unwrap_or_default(),
        max_message_id: messages[messages.len() - 1].id.to_string(),
        min_message_id: messages[0].id.to_string(),
        messages: messages.iter().map(Message::from).collect(),
    })
}

/// It survives JSON and XML, and so both say the same.
fn survives<T: Document + Read + PartialEq + Debug>(document: &T) -> Result<(), TestCaseError> {
    for format in [Format::Json, Format::Xml] {
        let text = format.encode(document);
        let back = format.decode::<T>(&text);
        prop_assert_eq!(
            back.as_ref(),
            Ok(document),
            "{}",
            String::from_utf8_lossy(&text)
        );
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_message_survives_json_and_xml(message in message()) {
        for format in [Format::Json, Format::Xml] {
            let back = format.decode::<Message>(&format.encode(&Message::from(&message))).and_then(model::Message::try_from);
            prop_assert_eq!(back.as_ref(), Ok(&message));
        }
    }

    #[test]
    fn any_events_survive_json_and_xml(events in vec(event(), 0..4)) {
        survives(&events)?;
    }

    #[test]
    fn any_channels_survive_json_and_xml(channels in vec(channel(), 0..3), state in state()) {
        survives(&channels)?;
        survives(&state)?;
    }

    #[test]
    fn any_agents_survive_json_and_xml(agents in vec(agent(), 0..3)) {
        survives(&agents)?;
    }

    #[test]
    fn all_that_is_small_survives_json_and_xml(
        text in text(),
        strings in strings(),
        dictionary in dictionary(),
        throttle in throttle(),
        (user_id, username) in (id(), id()),
        room in room(),
        expires_timestamp in any::<i64>(),
    ) {
        survives(&TokenDetails { agent_id: text.clone(), expires_timestamp, username: username.clone() })?;
        survives(&text)?;
        survives(&strings)?;
        survives(&dictionary)?;
        survives(&throttle)?;
        survives(&ManagedChannel { id: user_id.clone(), name: text.clone(), privacy: room.privacy })?;
        survives(&ProvisionedUser { password: None, user_id: user_id.clone(), username, other_name: None })?;
        survives(&vec![Category { id: user_id, name: text }])?;
        survives(&room)?;
    }

    #[test]
    fn any_search_survives_json_and_xml(
        (channel_ids, search_term) in (strings(), text()),
        (days_back, limit) in (0..=0x7fff_ffff_u32, 0..=0x7fff_ffff_u32),
        (match_all, match_case, match_exact) in any::<(bool, bool, bool)>(),
        dates in proptest::array::uniform3(option::of("[0-9][0-9/:+ -]{0,20}[0-9]")),
        sets in vec(found(), 0..3),
    ) {
        let [from_date, on_date, to_date] = dates;
        survives(&MessageSearchCriteria {
            channel_ids, days_back, from_date, limit, match_all, match_case, match_exact, on_date, search_term, to_date,
        })?;
        survives(&sets)?;
    }

    /// Also what XML cannot carry leaves an answer readable, with U+FFFD in its place.
    #[test]
    fn any_text_at_all_is_carried_as_well_as_can_be(text in any::<String>()) {
        prop_assert_eq!(xml::decode::<String>(&xml::encode(&text)), Ok(carried(&text)));
        prop_assert_eq!(json::decode::<String>(&json::encode(&text)), Ok(text));
    }
}
