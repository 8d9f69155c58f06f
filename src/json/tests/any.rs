//! Any value of each type of the model.

use crate::model::*;
use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt::Debug;
use std::str::FromStr;
use std::sync::Arc;

pub(super) fn text() -> BoxedStrategy<String> {
    "(?s).{0,8}".boxed()
}

pub(super) fn id<T: FromStr<Err = crate::Error> + Debug + 'static>() -> BoxedStrategy<T> {
    "[^\\p{Cc}]{1,8}"
        .prop_map(|text| text.parse().expect("an id"))
        .boxed()
}

pub(super) fn channel_id() -> BoxedStrategy<ChannelId> {
    let text = (select(vec!["chat-room:", "contact:"]), "[^\\p{Cc}]{1,8}");
    text.prop_map(|(prefix, name)| ChannelId::parse(&format!("{prefix}{name}")).expect("an id"))
        .boxed()
}

/// Between 1970 and the end of 9999, by the millisecond.
pub(super) fn time() -> BoxedStrategy<DateTime<Utc>> {
    (0..253_402_300_800_000_i64)
        .prop_map(|millis| DateTime::from_timestamp_millis(millis).expect("a time"))
        .boxed()
}

pub(super) fn one_of<T: Clone + Debug + 'static>(all: impl Into<Vec<T>>) -> BoxedStrategy<T> {
    select(all.into()).boxed()
}

fn part() -> BoxedStrategy<Part> {
    prop_oneof![
        text().prop_map(Part::Text),
        text().prop_map(Part::Hashtag),
        text().prop_map(Part::Emoji),
        (text(), text()).prop_map(|(text, url)| Part::Hyperlink { text, url }),
        (text(), text()).prop_map(|(channel, name)| Part::ChannelLink { channel, name }),
        (text(), option::of(text()), one_of(DisplayMode::ALL)).prop_map(
            |(code, language, display)| Part::CodeBlock {
                code,
                language,
                display
            }
        ),
        (text(), text()).prop_map(|(address, name)| Part::Mention { address, name }),
        (text(), text(), option::of(text()), any::<Option<u64>>()).prop_map(
            |(name, url, media_type, size)| Part::Attachment(Attachment {
                name,
                size,
                media_type,
                url
            })
        ),
        text().prop_map(|method| Part::Unreadable { method }),
    ]
    .boxed()
}

pub(super) fn contexts() -> BoxedStrategy<Vec<SecurityContext>> {
    let one = (text(), option::of(text()))
        .prop_map(|(id, display_text)| SecurityContext { id, display_text });
    vec(one, 0..3).boxed()
}

pub(super) fn classification() -> BoxedStrategy<Option<Classification>> {
    option::of(text().prop_map(Classification::new)).boxed()
}

pub(super) fn content() -> BoxedStrategy<Content> {
    (
        option::of(text()),
        any::<(bool, bool)>(),
        vec(part(), 0..4),
        classification(),
        contexts(),
        (option::of(id()), option::of(text())),
    )
        .prop_map(
            |(
                subject,
                (alert, automatic),
                parts,
                classification,
                security_contexts,
                (in_reply_to, thread),
            )| Content {
                subject,
                alert,
                automatic,
                parts,
                classification,
                security_contexts,
                in_reply_to,
                thread,
            },
        )
        .boxed()
}

pub(super) fn message() -> BoxedStrategy<Message> {
    let people = (text(), option::of(text()), option::of(text()));
    let ids = (id(), channel_id());
    let became = (option::of(time()), option::of(retraction()), reactions());
    (ids, people, content(), time(), option::of(text()), became)
        .prop_map(
            |((id, channel), (sender, sender_alias, posted_by), content, time, other, became)| {
                let mut message = Message::new(id, channel, sender, content, time);
                message.sender_alias = sender_alias;
                message.posted_by = posted_by;
                // The text may be another one than that of the parts.
                message.text = other.unwrap_or(message.text);
                (message.edited, message.retracted, message.reactions) = became;
                message
            },
        )
        .boxed()
}

fn retraction() -> BoxedStrategy<Retraction> {
    (text(), any::<bool>(), option::of(text()), time())
        .prop_map(|(by, by_moderator, reason, time)| Retraction {
            by,
            by_moderator,
            reason,
            time,
        })
        .boxed()
}

fn reactions() -> BoxedStrategy<Vec<Reaction>> {
    let one = (text(), option::of(text()), vec(text(), 1..3)).prop_map(|(sender, alias, set)| {
        let mut reaction = Reaction::new(sender, set);
        reaction.sender_alias = alias;
        reaction
    });
    vec(one, 0..3).boxed()
}

pub(super) fn change() -> BoxedStrategy<MessageChange> {
    let kind = prop_oneof![
        content().prop_map(|content| (ChangeKind::Edited, content)),
        (any::<bool>(), option::of(text())).prop_map(|(by_moderator, reason)| {
            let kind = ChangeKind::Retracted {
                by_moderator,
                reason,
            };
            (kind, Content::default())
        }),
        vec(text(), 0..3).prop_map(|set| (ChangeKind::Reactions(set), Content::default())),
        one_of(Receipt::ALL).prop_map(|it| (ChangeKind::Receipt(it), Content::default())),
        "[a-z]{12}".prop_map(|name| (ChangeKind::Other(name), Content::default())),
    ];
    let ids = (id(), channel_id(), id(), any::<Option<i64>>());
    let people = (text(), option::of(text()), option::of(text()));
    (ids, people, kind, time())
        .prop_map(|(ids, people, (kind, content), time)| {
            let mut change = MessageChange::new(ids.0, ids.1, ids.2, people.0, kind, time);
            (change.sender_alias, change.posted_by) = (people.1, people.2);
            (change.text, change.content) = (content.visible_text(), content);
            change.target = ids.3;
            change
        })
        .boxed()
}

pub(super) fn changed() -> BoxedStrategy<Changed> {
    (change(), any::<(bool, bool)>())
        .prop_map(|(change, (repeated, posted))| Changed {
            change,
            repeated,
            posted,
        })
        .boxed()
}

fn key() -> BoxedStrategy<PostKey> {
    prop_oneof![
        text().prop_map(|key| PostKey(format!("k:{key}"))),
        any::<(i64, u32)>().prop_map(|(seq, nth)| PostKey(format!("e:{seq}:{nth}"))),
    ]
    .boxed()
}

pub(super) fn message_ref() -> BoxedStrategy<MessageRef> {
    prop_oneof![
        id().prop_map(|id| MessageRef(Ref::Id(id))),
        key().prop_map(|key| MessageRef(Ref::Key(key))),
        Just(MessageRef(Ref::Nothing)),
    ]
    .boxed()
}

pub(super) fn wanted_reactions() -> BoxedStrategy<Reactions> {
    (vec(text(), 0..3), option::of(key()))
        .prop_map(|(set, key)| Reactions { set, key })
        .boxed()
}

pub(super) fn new_message() -> BoxedStrategy<NewMessage> {
    let split = one_of([Split::Never, Split::Lines, Split::Fit]);
    let answered = (option::of(message_ref()), any::<bool>());
    (content(), option::of(key()), option::of(split), answered)
        .prop_map(|(content, key, split, (reply_to, or_post))| NewMessage {
            content,
            key,
            split,
            reply_to,
            or_post,
        })
        .boxed()
}

pub(super) fn body() -> BoxedStrategy<EventBody> {
    prop_oneof![
        message().prop_map(|message| EventBody::Message(Arc::new(message))),
        change().prop_map(|change| EventBody::Change(Arc::new(change))),
        (text(), option::of(text())).prop_map(|(key, value)| EventBody::MetaData { key, value }),
        (channel_id(), any::<bool>())
            .prop_map(|(channel, active)| EventBody::ChannelState { channel, active }),
        Just(EventBody::Gap),
        "[a-z]{12}".prop_map(EventBody::Other),
    ]
    .boxed()
}

pub(super) fn event() -> BoxedStrategy<Event> {
    let numbers = any::<(i64, i64, Option<i64>)>();
    (numbers, id(), time(), body())
        .prop_map(|((seq, number, included), instance, time, body)| {
            let mut event = Event::new(seq, EventId(number), instance, time, body);
            event.included = included.map(EventId);
            event
        })
        .boxed()
}

pub(super) fn broadcast() -> BoxedStrategy<Broadcast> {
    prop_oneof![
        (message(), vec(id(), 0..3)).prop_map(|(message, agents)| Broadcast::Message {
            message: Arc::new(message),
            agents
        }),
        (change(), vec(id(), 0..3)).prop_map(|(change, agents)| Broadcast::Change {
            change: Arc::new(change),
            agents
        }),
        (id(), text(), option::of(text()))
            .prop_map(|(agent, key, value)| { Broadcast::MetaData { agent, key, value } }),
        (id(), channel_id(), any::<bool>()).prop_map(|(agent, channel, active)| {
            Broadcast::ChannelState {
                agent,
                channel,
                active,
            }
        }),
        (id(), one_of(AgentState::ALL), option::of(text())).prop_map(|(agent, state, reason)| {
            Broadcast::AgentState {
                agent,
                state,
                reason,
            }
        }),
        (id(), channel_id(), any::<bool>()).prop_map(|(agent, channel, composing)| {
            Broadcast::Composing {
                agent,
                channel,
                composing,
            }
        }),
        (id(), channel_id()).prop_map(|(agent, channel)| Broadcast::Stranger { agent, channel }),
        "[a-z]{12}".prop_map(Broadcast::Other),
    ]
    .boxed()
}

fn contacts() -> BoxedStrategy<Contacts> {
    prop_oneof![
        Just(Contacts::Provisioned),
        any::<u32>().prop_map(|most| Contacts::Open { most }),
    ]
    .boxed()
}

pub(super) fn open_contact() -> BoxedStrategy<OpenContact> {
    let state = one_of(JoinState::ALL);
    (channel_id(), state, time(), option::of(time()))
        .prop_map(|(id, state, heard, answered)| OpenContact::new(id, state, heard, answered))
        .boxed()
}

pub(super) fn dead_delivery() -> BoxedStrategy<DeadDelivery> {
    (id(), id(), event(), any::<u32>(), text(), time())
        .prop_map(|(agent, reader, event, attempts, reason, died)| {
            DeadDelivery::new(agent, reader, event, attempts, reason, died)
        })
        .boxed()
}

pub(super) fn pairs() -> BoxedStrategy<Vec<(String, String)>> {
    vec((text(), text()), 0..4).boxed()
}

pub(super) fn new_agent() -> BoxedStrategy<NewAgent> {
    let lists = (vec(channel_id(), 0..3), vec(id(), 0..3), pairs());
    let modes = (
        option::of(one_of(ProvisioningMode::ALL)),
        any::<bool>(),
        option::of(one_of(ManagementMode::ALL)),
        option::of(contacts()),
    );
    (
        id::<AgentId>(),
        id::<Address>(),
        lists,
        modes,
        any::<Option<u64>>(),
    )
        .prop_map(
            |(
                id,
                address,
                (channels, users, metadata),
                (mode, can_provision, management, contacts),
                revision,
            )| {
                let mut agent = NewAgent::new(id, address).expect("ids");
                (agent.channels, agent.users, agent.metadata) = (channels, users, metadata);
                (agent.mode, agent.can_provision, agent.management) =
                    (mode, can_provision, management);
                agent.contacts = contacts;
                agent.expected_revision = revision;
                agent
            },
        )
        .boxed()
}

pub(super) fn provisioned_agent() -> BoxedStrategy<ProvisionedAgent> {
    let channel = (channel_id(), one_of(JoinState::ALL))
        .prop_map(|(id, state)| ProvisionedChannel::new(id, state));
    let lists = (vec(channel, 0..3), pairs(), vec(id(), 0..3));
    let modes = (
        one_of(ProvisioningMode::ALL),
        (one_of(ManagementMode::ALL), contacts()),
        one_of(AgentState::ALL),
    );
    (id(), id(), lists, modes, any::<u64>())
        .prop_map(
            |(id, address, (channels, metadata, users), (mode, management, state), revision)| {
                ProvisionedAgent::new(
                    id, address, channels, metadata, users, mode, management, state, revision,
                )
            },
        )
        .boxed()
}

pub(super) fn agent_status() -> BoxedStrategy<AgentStatus> {
    let channel = (
        channel_id(),
        one_of(JoinState::ALL),
        option::of(text()),
        option::of(time()),
    )
        .prop_map(|(id, state, reason, next)| ChannelStatus::new(id, state, reason, next));
    let words = (option::of(text()), option::of(text()));
    let times = (time(), option::of(time()));
    (
        id(),
        one_of(AgentState::ALL),
        words,
        times,
        vec(channel, 0..3),
        any::<(u32, u16)>(),
    )
        .prop_map(
            |(id, state, (reason, warning), (since, next_try), channels, (attempt, open))| {
                let mut status = AgentStatus::new(id, since);
                (status.state, status.reason, status.warning) = (state, reason, warning);
                (status.next_try, status.channels, status.attempt) = (next_try, channels, attempt);
                status.open_contacts = open.into();
                status
            },
        )
        .boxed()
}

pub(super) fn channel() -> BoxedStrategy<Channel> {
    let words = (
        text(),
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
    );
    let marks = (classification(), contexts());
    let numbers = any::<(bool, u32, u32)>();
    (
        channel_id(),
        words,
        one_of(PresenceState::ALL),
        marks,
        numbers,
    )
        .prop_map(
            |(id, words, presence, (classification, security_contexts), numbers)| {
                let mut info = ChannelInfo::named(words.0);
                (info.description, info.email_address) = (words.1, words.2);
                (info.subject, info.presence_text) = (words.3, words.4);
                info.presence = presence;
                info.classification = classification;
                info.security_contexts = security_contexts;
                info.can_accept_files = numbers.0;
                (info.max_message_length, info.max_story_length) = (numbers.1, numbers.2);
                Channel::new(id, Arc::new(info))
            },
        )
        .boxed()
}

pub(super) fn query() -> BoxedStrategy<EventQuery> {
    let kinds = any::<(bool, bool, bool)>();
    (
        kinds,
        vec(text(), 0..3),
        option::of(text()),
        any::<(bool, bool, bool, bool)>(),
    )
        .prop_map(
            |(
                (messages, metadata, channel_states),
                channels,
                regex,
                (local, remote, automatic, changes),
            )| EventQuery {
                kinds: EventKinds {
                    messages,
                    metadata,
                    channel_states,
                },
                channels,
                regex,
                local,
                remote,
                automatic,
                changes,
            },
        )
        .boxed()
}

pub(super) fn criteria() -> BoxedStrategy<SearchCriteria> {
    let flags = any::<(bool, bool, bool)>();
    let times = (option::of(time()), option::of(time()));
    (text(), flags, times, any::<u32>(), vec(channel_id(), 0..3))
        .prop_map(
            |(term, (match_case, match_exact, match_all), (from, until), limit, channels)| {
                SearchCriteria {
                    term,
                    match_case,
                    match_exact,
                    match_all,
                    from,
                    until,
                    limit: limit as usize,
                    channels,
                }
            },
        )
        .boxed()
}

pub(super) fn who() -> BoxedStrategy<Who> {
    prop_oneof![
        text().prop_map(Who::SuperUser),
        text().prop_map(Who::Host),
        (id(), any::<i64>(), id(), text()).prop_map(|(agent, key, user, username)| Who::Agent {
            agent,
            key: AgentKey(key),
            user,
            username
        }),
    ]
    .boxed()
}
