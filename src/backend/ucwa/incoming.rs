//! What people say to the agent, and how their conversations begin.
//!
//! Somebody rings; if the channel is joined, the agent accepts. Somebody whose channel is not joined is let ring for a
//! few seconds, because joins come after the sign-in, and then declined: with `Local`, so that other programs of the
//! same account go on ringing. The text of an invitation comes again as the first message; that one counts. Where it
//! does not come, the invitation's is delivered.

use super::contacts::inbound;
use super::conversation::{Phase, Talk, Toast};
use super::core::{Core, Ringing};
use super::meetings;
use super::protocol::address::{Sip, last_segment};
use super::protocol::data_uri;
use super::protocol::document::Document;
use super::protocol::markup;
use super::protocol::package::{Event, Kind};
use super::protocol::request::Request;
use super::reports::Report;
use super::speaking;
use crate::backend::Received;
use crate::backend::fairness::{domain, gives_way};
use crate::model::{Content, MessageId};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How long somebody whose channel is not joined is let ring.
const RINGING_MAX: Duration = Duration::from_secs(10);
/// How long the message that repeats an invitation's text is waited for.
const TOAST_MAX: Duration = Duration::from_secs(8);
/// Messages kept of people whose channels are not joined yet.
const STRAYS_MAX: usize = 64;

/// An event about an invitation that somebody else made.
pub(super) fn invitation(core: &Arc<Core>, event: &Event) {
    let Some(resource) = &event.resource else {
        return;
    };
    let Some(key) = resource.link("conversation").map(|href| core.key(href)) else {
        return;
    };
    match event.kind {
        Kind::Started => begins(core, key, resource),
        Kind::Completed => completed(core, &key, event),
        _ => {}
    }
}

fn begins(core: &Arc<Core>, key: String, resource: &Document) {
    let from = resource
        .embedded("from")
        .and_then(|from| from.text("uri"))
        .and_then(Sip::parse);
    let Some(with) = from.or_else(|| resource.link("from").and_then(Sip::of_href)) else {
        return;
    };
    let link = |rel| resource.link(rel).map(str::to_owned);
    let (accept, decline) = (link("accept"), link("decline"));
    let is_joined = core.change(|state| {
        if !state.has_room() || state.talks.contains_key(&key) {
            return None;
        }
        state
            .talks
            .insert(key.clone(), Talk::invited(with.clone(), resource));
        let is_joined = state.contacts.contains_key(&with);
        if !is_joined {
            state.ringing.insert(
                key.clone(),
                Ringing {
                    with,
                    accept: accept.clone(),
                    decline,
                },
            );
        }
        Some(is_joined)
    });
    let callee = core.clone();
    match is_joined {
        None => {}
        Some(true) => core
            .inbox
            .spawn(async move { pick_up(&callee, accept).await }),
        Some(false) => core.inbox.spawn(async move {
            callee.inbox.sleep(RINGING_MAX).await;
            let ringing = callee.state.lock().ringing.remove(&key);
            if let Some(url) = ringing.and_then(|ringing| callee.url(&ringing.decline?).ok()) {
                let _ = callee
                    .ask(Request::post(url).json(&json!({"reason": "Local"})))
                    .await;
            }
        }),
    }
}

/// Accepts; without a link the server has done it itself.
async fn pick_up(core: &Core, accept: Option<String>) {
    let Some(url) = accept.and_then(|accept| core.url(&accept).ok()) else {
        return;
    };
    if let Err(trouble) = core.persist(|| Request::post(url.clone())).await {
        tracing::info!(link = %core.account.sip, reason = trouble.error("accepting").reason, "an invitation was not accepted");
    }
}

fn completed(core: &Arc<Core>, key: &str, event: &Event) {
    let succeeded = event.succeeded != Some(false);
    let waits = core.change(|state| {
        state.ringing.remove(key);
        let talk = state.talks.get_mut(key)?;
        if !succeeded {
            talk.phase = Phase::Over;
            core.settle(state, key);
            state.talks.remove(key);
            return None;
        }
        talk.toast.as_ref().map(|_| ())
    });
    if waits.is_some() {
        let (listener, key) = (core.clone(), key.to_owned());
        core.inbox.spawn(async move {
            listener.inbox.sleep(TOAST_MAX).await;
            deliver_toast(&listener, &key).await;
        });
    }
}

/// Delivers an invitation's text that no message has repeated.
async fn deliver_toast(core: &Core, key: &str) {
    let said = {
        let mut state = core.state.lock();
        let Some(talk) = state.talks.get_mut(key) else {
            return;
        };
        let Some(toast) = talk.toast.as_mut().filter(|toast| !toast.delivered) else {
            return;
        };
        toast.delivered = true;
        let (href, with, opening) = (
            toast.href.clone(),
            talk.with.clone(),
            std::mem::take(&mut talk.opening),
        );
        received(core, key, "i", &href, &with, None).map(|mut message| {
            (message.content.subject, message.content.alert) = (opening.subject, opening.alert);
            (with, message)
        })
    };
    if let Some((with, message)) = said {
        deliver(core, with, message).await;
    }
}

/// A `message` event.
pub(super) async fn message(core: &Arc<Core>, event: &Event) {
    let key = core.key(&event.sender.href);
    let fetched;
    let resource = match &event.resource {
        Some(resource) => resource,
        None => {
            let Ok(url) = core.url(&event.link.href) else {
                return;
            };
            let Ok(document) = core.get(url).await else {
                return;
            };
            fetched = document;
            &fetched
        }
    };
    let is_new = !core.state.lock().talks.contains_key(&key);
    if is_new
        && (meetings::is_known(core, &key) || meetings::look_behind(core, &event.sender.href).await)
    {
        return speaking::message(core, event, resource).await;
    }
    if resource
        .text("direction")
        .is_some_and(|direction| direction.eq_ignore_ascii_case("Outgoing"))
    {
        if event.kind == Kind::Completed {
            reported(core, &key, Report::of(event, core.key(&event.link.href)));
        }
        return;
    }
    let Some(href) = resource
        .link("plainMessage")
        .or_else(|| resource.link("htmlMessage"))
    else {
        return;
    };
    let from = resource
        .link("participant")
        .or_else(|| resource.link("contact"))
        .and_then(Sip::of_href);
    let is_known = core.state.lock().talks.contains_key(&key);
    if !is_known {
        let Some(with) = from.clone() else { return };
        adopt(core, &key, with, resource.link("messaging")).await;
    }
    let said = {
        let mut state = core.state.lock();
        let Some(talk) = state.talks.get_mut(&key) else {
            return;
        };
        let with = from.unwrap_or_else(|| talk.with.clone());
        let repeats = |toast: &Toast| {
            toast.delivered && data_uri::decode(&toast.href) == data_uri::decode(href)
        };
        if talk.toast.take().as_ref().is_some_and(repeats) {
            return;
        }
        let opening = std::mem::take(&mut talk.opening);
        received(
            core,
            &key,
            last_segment(&event.link.href),
            href,
            &with,
            Some(resource),
        )
        .map(|mut message| {
            (message.content.subject, message.content.alert) = (opening.subject, opening.alert);
            (with, message)
        })
    };
    if let Some((with, message)) = said {
        deliver(core, with, message).await;
    }
}

/// A conversation that stood before this link did: its application was found again.
async fn adopt(core: &Core, key: &str, with: Sip, messaging: Option<&str>) {
    let found = match messaging.and_then(|messaging| core.url(messaging).ok()) {
        Some(url) => core.get(url).await.ok(),
        None => None,
    };
    core.change(|state| {
        if !state.has_room() {
            return;
        }
        let talk = state
            .talks
            .entry(key.to_owned())
            .or_insert_with(|| Talk::new(with, false));
        if let Some(messaging) = &found {
            talk.messaging(messaging);
        }
        core.settle(state, key);
    });
}

/// A text as the engine takes it; `None` if there is none.
fn received(
    core: &Core,
    key: &str,
    number: &str,
    href: &str,
    with: &Sip,
    resource: Option<&Document>,
) -> Option<Received> {
    let (format, text) = data_uri::decode(href)?;
    let parts = markup::read(format, &text)?;
    let participant = resource.and_then(|resource| resource.anchor("participant"));
    let id = message_id(core, key, number)?;
    let time = resource
        .and_then(|resource| resource.time("timeStamp"))
        .unwrap_or_else(|| core.inbox.now());
    let received = Received::new(id, with.uri(), Content::parts(parts))
        .with_alias(participant.and_then(|participant| participant.title.clone()))
        .with_time(time);
    Some(received)
}

/// The id of a message of that number in that conversation: the application's id makes it the only one.
pub(super) fn message_id(core: &Core, key: &str, number: &str) -> Option<MessageId> {
    MessageId::parse(&format!(
        "{}/{}/{number}",
        core.application.id,
        last_segment(key)
    ))
    .ok()
}

async fn deliver(core: &Core, with: Sip, message: Received) {
    let item = {
        let mut state = core.state.lock();
        match state.contacts.get(&with) {
            Some(contact) => Some(inbound(core, contact, message)),
            None => {
                state.strays.push_back((with, message));
                if state.strays.len() > STRAYS_MAX
                    && let Some(url) = gives_way(
                        state
                            .strays
                            .iter()
                            .map(|(from, _)| (domain(from.as_str()), from.as_str(), 1)),
                    )
                {
                    state.strays.remove(url);
                }
                None
            }
        }
    };
    if let Some(item) = item {
        core.hand_over(item).await;
    }
}

/// A contact was joined: what it said and whether it rings has waited for that.
pub(super) async fn welcome(core: &Arc<Core>, with: &Sip) {
    let (said, ringing) = core.change(|state| {
        let Some(contact) = state.contacts.get(with) else {
            return Default::default();
        };
        let (mine, others) = std::mem::take(&mut state.strays)
            .into_iter()
            .partition(|(from, _)| from == with);
        state.strays = others;
        let mine: std::collections::VecDeque<(Sip, Received)> = mine;
        let said: Vec<_> = mine
            .into_iter()
            .map(|(_, message)| inbound(core, contact, message))
            .collect();
        let keys: Vec<String> = state
            .ringing
            .iter()
            .filter(|(_, ringing)| ringing.with == *with)
            .map(|(key, _)| key.clone())
            .collect();
        let ringing: Vec<Ringing> = keys
            .iter()
            .filter_map(|key| state.ringing.remove(key))
            .collect();
        let talks: Vec<String> = state
            .talks
            .iter()
            .filter(|(_, talk)| talk.with == *with)
            .map(|(key, _)| key.clone())
            .collect();
        for key in talks {
            core.settle(state, &key);
        }
        (said, ringing)
    });
    for item in said {
        core.hand_over(item).await;
    }
    for ringing in ringing {
        let callee = core.clone();
        core.inbox
            .spawn(async move { pick_up(&callee, ringing.accept).await });
    }
}

/// A message of ours was delivered, or not.
fn reported(core: &Core, key: &str, report: Report) {
    let due = core
        .state
        .lock()
        .talks
        .get_mut(key)
        .and_then(|talk| talk.reports.report(report));
    if let Some((done, report)) = due {
        super::posting::answer(core, key, done, &report);
    }
}
