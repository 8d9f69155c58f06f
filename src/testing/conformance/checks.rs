//! The list of checks, and those about signing in, joining and being put out.

use super::rig::{Check, Rig, Stop, ensure, fail, key, outgoing, skip, text_of, unique};
use super::rules::{self, Rule};
use super::{files, history, living, talking};
use crate::backend::{BackendErrorKind, ChannelKind, Inbound, Upload};
use crate::waiting::pipe;

/// Every check, the rule that it holds a backend to, in the order in which they run.
pub(super) const ALL: &[(&str, Rule, Check)] = &[
    (
        "an agent signed in is seen, and after signing out is not",
        rules::SEEN,
        presence,
    ),
    ("dropping the link hangs up", rules::SEEN, dropping_the_link),
    (
        "a cut is told as a loss of the link or of the agent",
        rules::TRY_ONCE,
        cut,
    ),
    (
        "a room is joined, again and again",
        rules::TRY_ONCE,
        join_twice,
    ),
    (
        "a closed room refuses for good",
        rules::TRY_ONCE,
        closed_room,
    ),
    (
        "a kind of channel that the capabilities deny is unsupported",
        rules::CAPABILITIES,
        denied_kinds,
    ),
    (
        "a kick makes the channel inactive, for good",
        rules::LEAVING,
        kick,
    ),
    (
        "after leaving nothing more is delivered",
        rules::LEAVING,
        leave,
    ),
    (
        "what the capabilities deny is unsupported, and answers so at once",
        rules::CAPABILITIES,
        unsupported,
    ),
    (
        "a post into a room arrives and is answered",
        rules::ECHOES,
        talking::post_into_room,
    ),
    (
        "a post to a contact arrives and is answered",
        rules::ECHOES,
        talking::post_to_contact,
    ),
    (
        "a room that echoes sends a post back with its origin",
        rules::ECHOES,
        talking::room_echo,
    ),
    (
        "a contact that echoes sends a post back with its origin",
        rules::ECHOES,
        talking::contact_echo,
    ),
    (
        "a post that cannot be made is refused, by the answer or after it",
        rules::TRY_ONCE,
        talking::refused_post,
    ),
    (
        "a hundred posts keep their order and have ids of their own",
        rules::IN_LINE,
        talking::order_of_posts,
    ),
    (
        "a hundred messages of people keep their order and have ids of their own",
        rules::ORDER,
        talking::order_of_people,
    ),
    (
        "what a contact says is for the agent it is said to",
        rules::ORDER,
        talking::contact_speaks,
    ),
    (
        "two agents in a shared room get a message under one id",
        rules::ROOMS_ID,
        talking::one_id_for_all,
    ),
    (
        "special characters survive both ways",
        rules::WHOLE,
        talking::special_characters,
    ),
    (
        "a text as long as the channel admits survives",
        rules::WHOLE,
        talking::long_text,
    ),
    (
        "typing is shown without complaint",
        rules::CAPABILITIES,
        talking::typing,
    ),
    (
        "what was said while away comes exactly once, in order, before the join answers",
        rules::KEEP_NOTHING,
        history::catch_up,
    ),
    (
        "without a resume point nothing old comes",
        rules::KEEP_NOTHING,
        history::no_resume,
    ),
    (
        "history answers the newest, pages backwards, and knows no strangers",
        rules::CAPABILITIES,
        history::pages,
    ),
    (
        "a post is found by its origin, and one never made is not",
        rules::CAPABILITIES,
        history::look_up,
    ),
    (
        "channel search finds the room by a part of its name, case aside",
        rules::CAPABILITIES,
        history::search,
    ),
    (
        "an upload becomes a message with a link",
        rules::CAPABILITIES,
        files::upload,
    ),
    (
        "an upload given up posts nothing",
        rules::CAPABILITIES,
        files::given_up,
    ),
    (
        "a change that the capabilities deny is unsupported",
        rules::CAPABILITIES,
        living::denied,
    ),
    (
        "an agent's edit changes its message",
        rules::CAPABILITIES,
        living::own_edit,
    ),
    (
        "an agent takes its message back",
        rules::CAPABILITIES,
        living::own_retraction,
    ),
    (
        "an agent reacts to a message",
        rules::CAPABILITIES,
        living::own_reactions,
    ),
    (
        "an agent says that it has read a message",
        rules::CAPABILITIES,
        living::read,
    ),
    (
        "an answer names the message that it answers",
        rules::CAPABILITIES,
        living::answers,
    ),
    (
        "what people do to messages comes as changes of those messages",
        rules::CAPABILITIES,
        living::of_people,
    ),
];

fn presence(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let session = rig.sign_in(0)?;
    let address = rig.address(0);
    if rig.world.sees_online(&address).is_none() {
        return skip("the world cannot see presence");
    }
    rig.until("the agent is online", || {
        rig.world.sees_online(&address) == Some(true)
    })?;
    rig.want("sign out", || session.sign_out())?;
    rig.until("the agent is offline", || {
        rig.world.sees_online(&address) == Some(false)
    })
}

fn dropping_the_link(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let session = rig.sign_in(0)?;
    let address = rig.address(0);
    if rig.world.sees_online(&address).is_none() {
        return skip("the world cannot see presence");
    }
    rig.until("the agent is online", || {
        rig.world.sees_online(&address) == Some(true)
    })?;
    drop(session);
    rig.drop_link();
    rig.until("the agent is offline", || {
        rig.world.sees_online(&address) == Some(false)
    })
}

fn cut(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let _session = rig.sign_in(0)?;
    if rig.world.cut(&rig.address(0)).is_none() {
        return skip("the world cannot cut a connection");
    }
    let signed_out = |items: &[Inbound]| {
        let mut errors = items.iter().filter_map(|item| match item {
            Inbound::SignedOut { agent, error } if *agent == key(0) => Some(error.clone()),
            _ => None,
        });
        errors.next()
    };
    rig.until("the agent is signed out or the link lost", || {
        rig.recorder.lost().is_some() || signed_out(&rig.recorder.items()).is_some()
    })?;
    let error = rig
        .recorder
        .lost()
        .or_else(|| signed_out(&rig.recorder.items()));
    ensure(
        error.as_ref().is_some_and(|error| error.is_passing()),
        || format!("a cut must be passing, not {error:?}"),
    )
}

fn join_twice(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let session = rig.sign_in(0)?;
    let joined = rig.join(&session, &channel, None)?;
    ensure(!joined.info.display_name.is_empty(), || {
        "a channel has a display name".into()
    })?;
    ensure(joined.info.max_message_length > 0, || {
        "no message at all would fit".into()
    })?;
    rig.join(&session, &channel, None)?;
    Ok(())
}

fn closed_room(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let Some(channel) = rig.world.closed_room() else {
        return skip("the world has no closed room");
    };
    let session = rig.sign_in(0)?;
    match rig.ask(|| session.join(channel, None))? {
        Ok(_) => fail("it was joined"),
        Err(error) if error.is_passing() => fail(format!(
            "{:?} would be retried for ever: {error}",
            error.kind
        )),
        Err(error) => ensure(!error.reason.is_empty(), || {
            "an administrator wants to know why".into()
        }),
    }
}

fn denied_kinds(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let denied = [ChannelKind::Room, ChannelKind::Contact]
        .into_iter()
        .find(|kind| !rig.capabilities.has(*kind));
    let id = match denied {
        Some(ChannelKind::Room) => "chat-room:conformance",
        Some(ChannelKind::Contact) => "contact:conformance",
        None => return skip("it has both kinds"),
    };
    let session = rig.sign_in(0)?;
    let channel =
        crate::backend::ChannelId::parse(id).map_err(|error| Stop::Fail(error.to_string()))?;
    wants_unsupported("join", rig.ask(|| session.join(channel, None))?)
}

fn kick(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let room = rig.room()?;
    let session = rig.sign_in(0)?;
    rig.join(&session, &room, None)?;
    if rig.world.kick(&room, &rig.address(0)).is_none() {
        return skip("the world cannot kick");
    }
    let may_retry = rig.see("the channel inactive", |items, _| {
        items.iter().find_map(|item| match item {
            Inbound::Inactive {
                agent,
                channel,
                may_retry,
                ..
            } if *agent == key(0) && *channel == room => Some(*may_retry),
            _ => None,
        })
    })?;
    ensure(!may_retry, || {
        "a kick must not be retried (§channels/retry)".into()
    })
}

fn leave(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let session = rig.sign_in(0)?;
    rig.join(&session, &channel, None)?;
    rig.want("leave", || session.clone().leave(channel.clone()))?;
    let text = unique("after you left");
    rig.say(&channel, 0, &text)?;
    let heard = rig.listen();
    ensure(heard.iter().all(|message| text_of(message) != text), || {
        "it was delivered all the same".into()
    })
}

fn unsupported(rig: &mut Rig<'_>) -> Result<(), Stop> {
    let channel = rig.channel()?;
    let session = rig.sign_in(0)?;
    let can = rig.capabilities;
    let mut denied = 0;
    if !can.history {
        denied += 1;
        wants_unsupported(
            "history",
            rig.ask(|| session.clone().history(channel.clone(), None, 1))?,
        )?;
    }
    if !can.look_up {
        denied += 1;
        wants_unsupported(
            "look-up",
            rig.ask(|| {
                session
                    .clone()
                    .look_up(channel.clone(), outgoing("").origin)
            })?,
        )?;
    }
    if !can.find_channels {
        denied += 1;
        wants_unsupported(
            "channel search",
            rig.ask(|| session.clone().find_channels("a".into()))?,
        )?;
    }
    if !can.composing {
        denied += 1;
        wants_unsupported(
            "typing",
            rig.ask(|| session.clone().set_composing(channel.clone(), true))?,
        )?;
    }
    if !can.uploads {
        denied += 1;
        let (_writer, body) = pipe();
        let upload = Upload::new(outgoing("").origin, "a", body);
        wants_unsupported(
            "upload",
            rig.ask(|| session.clone().upload(channel.clone(), upload))?,
        )?;
    }
    if denied == 0 {
        skip("it can do everything")
    } else {
        Ok(())
    }
}

fn wants_unsupported<T>(
    what: &str,
    answer: Result<T, crate::backend::BackendError>,
) -> Result<(), Stop> {
    match answer {
        Err(error) if error.kind == BackendErrorKind::Unsupported => Ok(()),
        Err(error) => fail(format!(
            "{what}: {:?} instead of Unsupported: {error}",
            error.kind
        )),
        Ok(_) => fail(format!(
            "{what}: it was done although the capabilities deny it"
        )),
    }
}
