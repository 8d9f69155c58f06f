//! What the event channel brings, to where it belongs. What makes no sense is passed over: it is that event's trouble.

use super::contacts;
use super::conversation::{Phase, Talk};
use super::core::Core;
use super::protocol::address::Sip;
use super::protocol::package::{Event, Kind};
use super::{incoming, meetings, posting};
use std::sync::Arc;

/// Resources whose events mean nothing without them. A server sends most of them along.
const NEEDED: [&str; 4] = [
    "messagingInvitation",
    "onlineMeetingInvitation",
    "conversation",
    "messaging",
];

/// Handles one event. What it lacks is asked for.
pub(super) async fn event(core: &Arc<Core>, event: &Event) {
    let tells_of_change = matches!(event.kind, Kind::Started | Kind::Updated | Kind::Added);
    if event.resource.is_some() || !tells_of_change || !NEEDED.contains(&event.link.rel.as_str()) {
        return handle(core, event).await;
    }
    let found = match core.url(&event.link.href) {
        Ok(url) => core.get(url).await.ok(),
        Err(_) => None,
    };
    handle(
        core,
        &Event {
            resource: found,
            ..event.clone()
        },
    )
    .await;
}

async fn handle(core: &Arc<Core>, event: &Event) {
    match event.link.rel.as_str() {
        "messagingInvitation" => invitation(core, event),
        "onlineMeetingInvitation" => meetings::invitation(core, event).await,
        "onlineMeeting" => meetings::about(core, event),
        "conversation" => conversation(core, event).await,
        "messaging" => messaging(core, event),
        "message" => incoming::message(core, event).await,
        "participant" if event.is_within("typingParticipants") => typing(core, event),
        "participant" => meetings::roster(core, event),
        "contactPresence" if event.kind != Kind::Deleted => {
            contacts::presence_changed(core, &event.link.href, false)
        }
        "contactNote" if event.kind != Kind::Deleted => {
            contacts::presence_changed(core, &event.link.href, true)
        }
        "presenceSubscription" if event.kind == Kind::Deleted => {
            contacts::subscription_changed(core, true).await
        }
        "presenceSubscription" if event.kind == Kind::Updated => {
            contacts::subscription_changed(core, false).await
        }
        _ => {}
    }
}

fn invitation(core: &Arc<Core>, event: &Event) {
    let is_meetings = |href: &str| meetings::is_known(core, &core.key(href));
    match event.text_of("direction") {
        // Messages of a meeting are added by ourselves.
        Some("Incoming") if event.link_of("conversation").is_some_and(is_meetings) => {}
        Some("Incoming") => incoming::invitation(core, event),
        _ if meetings::adding(core, event) => {}
        _ => posting::invitation(core, event),
    }
}

async fn conversation(core: &Arc<Core>, event: &Event) {
    if meetings::conversation(core, event).await {
        return;
    }
    let key = core.key(&event.link.href);
    core.change(|state| {
        let Some(talk) = state.talks.get_mut(&key) else {
            return;
        };
        if talk.conversation(event) {
            core.settle(state, &key);
        }
        if event.kind == Kind::Deleted {
            state.talks.remove(&key);
        }
    });
}

fn messaging(core: &Arc<Core>, event: &Event) {
    if meetings::messaging(core, event) {
        return;
    }
    let key = core.key(&event.sender.href);
    let Some(resource) = &event.resource else {
        return;
    };
    core.change(|state| {
        if state
            .talks
            .get_mut(&key)
            .is_some_and(|talk| talk.messaging(resource))
        {
            core.settle(state, &key);
        }
    });
}

fn typing(core: &Core, event: &Event) {
    let key = core.key(&event.sender.href);
    let with = {
        let state = core.state.lock();
        state
            .talks
            .get(&key)
            .filter(|talk: &&Talk| talk.phase != Phase::Over)
            .map(|talk| talk.with.clone())
    };
    if let Some(with) = with.filter(|with| Sip::of_href(&event.link.href).as_ref() == Some(with)) {
        contacts::typing(core, &with, event.kind == Kind::Added);
    }
}
