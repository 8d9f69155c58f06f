//! Contacts: who they are, how they are, and whether they type.
//!
//! A channel is joined by looking the person up, once, and adding it to the account's one presence subscription; from
//! then on events say whose presence has changed, and it is asked for. A person whom the server does not find is joined
//! all the same: the search knows the company's own people, messages go further.

use super::conversation::{Done, Phase};
use super::core::Core;
use super::incoming;
use super::protocol::address::Sip;
use super::protocol::document::Document;
use super::protocol::presence;
use super::protocol::request::Request;
use super::protocol::request::Trouble;
use crate::backend::{
    BackendError, ChannelId, Inbound, Joined, Outgoing, PresenceState, SeenBy, StateChange,
};
use crate::model::ChannelInfo;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Minutes that a subscription lasts: the most that the server gives.
const SUBSCRIBED_MINUTES: u64 = 30;
/// A subscription is extended when that much of it has passed.
const EXTENDED_AFTER: TimeDelta = TimeDelta::minutes(20);
/// How often typing is shown anew: the server forgets it after about ten seconds.
const TYPING_EVERY: Duration = Duration::from_secs(5);
/// Typing ends by itself after that long (§channels/typing).
const TYPING_TIMES: u32 = 6;

/// A post that waits its turn.
pub(super) struct Post {
    pub(super) message: Outgoing,
    pub(super) done: Done,
    /// When it was put into its line.
    pub(super) came: DateTime<Utc>,
}

/// A contact whose channel is joined.
pub(super) struct Contact {
    pub(super) channel: ChannelId,
    /// The conversation that posts go into, by key.
    pub(super) current: Option<String>,
    /// The thread of the last conversation that ended: the next one continues it.
    pub(super) thread: Option<String>,
    /// Posts in order.
    pub(super) line: VecDeque<Post>,
    /// Somebody works on the line.
    pub(super) is_pumped: bool,
    /// Which of our notices of typing is the last, if the agent is typing.
    composing: u64,
    /// What people call it.
    pub(super) name: Option<String>,
    presence: Option<String>,
    note: Option<String>,
}

/// The account's presence subscription.
#[derive(Default)]
pub(super) struct Subscription {
    /// Where it is, and where people are added.
    stands: Option<(String, Option<String>)>,
    since: Option<DateTime<Utc>>,
    /// Who is not in it yet.
    missing: HashSet<Sip>,
    is_worked_on: bool,
    lost: bool,
}

impl Subscription {
    /// The server has ended it.
    pub(super) fn lose(&mut self) {
        self.stands = None;
        self.lost = true;
    }
}

/// Joins a contact's channel.
pub(super) async fn join(core: &Arc<Core>, channel: ChannelId) -> Result<Joined, BackendError> {
    let with = person(&channel)?;
    let found = look_up(core, &with).await?;
    let links = |rel| {
        found
            .as_ref()
            .and_then(|found| found.link(rel))
            .map(str::to_owned)
    };
    let (presence, note) = (links("contactPresence"), links("contactNote"));
    let name = found
        .as_ref()
        .and_then(|found| found.text("name"))
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    // From the next line on what the contact says is handed over, and it must not overtake this.
    core.hand_over(Inbound::Entered {
        agent: core.agent,
        channel: channel.clone(),
    })
    .await;
    core.change(|state| {
        let contact = state
            .contacts
            .entry(with.clone())
            .or_insert_with(|| Contact {
                channel: channel.clone(),
                current: None,
                thread: None,
                line: VecDeque::new(),
                is_pumped: false,
                composing: 0,
                name: None,
                presence: None,
                note: None,
            });
        contact.channel = channel.clone();
        (contact.name, contact.presence, contact.note) = (name.clone(), presence, note);
        state.subscription.missing.insert(with.clone());
    });
    subscribe(core).await;
    incoming::welcome(core, &with).await;
    let (state, text) = seen(core, &with).await.unwrap_or_default();
    let mut info = ChannelInfo::named(name.unwrap_or_else(|| with.as_str().to_owned()));
    info.email_address = found
        .as_ref()
        .and_then(|found| found.texts("emailAddresses").next().map(str::to_owned));
    (info.presence, info.presence_text) = (state, text);
    let config = &core.account.config;
    (info.max_message_length, info.max_story_length) =
        (config.message_length_max, config.story_length_max);
    Ok(Joined::new(info))
}

/// Whom a channel is with.
pub(super) fn person(channel: &ChannelId) -> Result<Sip, BackendError> {
    let name = channel.name();
    Sip::parse(name)
        .ok_or_else(|| BackendError::refused(format!("`{name}` is no person's address")))
}

/// Finds a person by address; `None` where the server knows none.
async fn look_up(core: &Core, with: &Sip) -> Result<Option<Document>, BackendError> {
    let Ok(search) = core.link("search") else {
        return Ok(None);
    };
    let url = search.with("query", &with.uri()).with("limit", "5");
    let found = match core.ask(Request::get(url)).await {
        Ok(answer) => Document::read(&answer.body).unwrap_or_default(),
        Err(Trouble::Failed(failure))
            if !failure.status.is_passing() && core.state.lock().over.is_none() =>
        {
            return Ok(None);
        }
        Err(trouble) => return Err(trouble.error("the contact was not looked up")),
    };
    let mut people = found.all_embedded("contact");
    Ok(people
        .find(|found| found.text("uri").and_then(Sip::parse).as_ref() == Some(with))
        .cloned())
}

/// Leaves a contact's channel: its conversations end.
pub(super) async fn leave(core: &Core, channel: &ChannelId) -> Result<(), BackendError> {
    let with = person(channel)?;
    let (contact, stops) = core.change(|state| {
        let contact = state.contacts.remove(&with);
        state.subscription.missing.remove(&with);
        let open = state
            .talks
            .values_mut()
            .filter(|talk| talk.with == with && talk.phase != Phase::Over);
        let stops: Vec<String> = open.filter_map(|talk| talk.stop.take()).collect();
        (contact, stops)
    });
    for post in contact.into_iter().flat_map(|contact| contact.line) {
        let _ = post.done.send(Err(gone()));
    }
    terminate(core, stops).await;
    Ok(())
}

/// The answer to a post for a channel that is not joined.
pub(super) fn gone() -> BackendError {
    BackendError::new(
        crate::backend::BackendErrorKind::ChannelGone,
        "this contact is not joined",
    )
}

/// Ends conversations; one that has ended is no trouble.
pub(super) async fn terminate(core: &Core, stops: Vec<String>) {
    let stops = stops.into_iter().filter_map(|stop| core.url(&stop).ok());
    let all = stops.map(|url| async move {
        if let Err(trouble) = core.persist(|| Request::post(url.clone())).await {
            tracing::debug!(
                reason = trouble.error("ending a conversation").reason,
                "a conversation was not ended"
            );
        }
    });
    futures_util::future::join_all(all).await;
}

/// Sees to it that everybody who is joined is in the subscription. One does it for all who ask meanwhile.
async fn subscribe(core: &Arc<Core>) {
    let begins = {
        let subscription = &mut core.state.lock().subscription;
        !std::mem::replace(&mut subscription.is_worked_on, true)
    };
    if begins {
        let worker = core.clone();
        core.inbox
            .spawn(async move { work_on_subscription(&worker).await });
    }
}

async fn work_on_subscription(core: &Core) {
    loop {
        let (people, to) = {
            let state = &mut *core.state.lock();
            if std::mem::take(&mut state.subscription.lost) {
                state.subscription.missing = state.contacts.keys().cloned().collect();
            }
            let people: Vec<Sip> = std::mem::take(&mut state.subscription.missing)
                .into_iter()
                .collect();
            if people.is_empty() || state.over.is_some() {
                state.subscription.is_worked_on = false;
                return;
            }
            (people, state.subscription.stands.clone())
        };
        let uris: Vec<String> = people.iter().map(Sip::uri).collect();
        let done = match &to {
            Some((_, Some(add))) => {
                let body = json!({"contactUris": uris});
                subscribe_once(core, core.url(add), &body).await
            }
            _ => {
                let body = json!({"duration": SUBSCRIBED_MINUTES, "uris": uris});
                subscribe_once(core, core.link("presenceSubscriptions"), &body).await
            }
        };
        let mut state = core.state.lock();
        match done {
            Ok(document) => {
                if let Some(own) = document.own() {
                    let add = document
                        .link("addToPresenceSubscription")
                        .map(str::to_owned);
                    if state.subscription.stands.is_none() {
                        state.subscription.since = Some(core.inbox.now());
                    }
                    state.subscription.stands = Some((own.to_owned(), add));
                }
            }
            // The subscription may have ended unseen: once more, with a new one.
            Err(_) if to.is_some() => {
                state.subscription.stands = None;
                state.subscription.lost = true;
            }
            Err(error) => {
                tracing::info!(link = %core.account.sip, reason = error.reason, "no presence of contacts");
                // The next round of the upkeep tries again.
                state.subscription.lost = true;
                state.subscription.is_worked_on = false;
                return;
            }
        }
    }
}

async fn subscribe_once(
    core: &Core,
    url: Result<super::protocol::url::Url, BackendError>,
    body: &serde_json::Value,
) -> Result<Document, BackendError> {
    let url = url?;
    let answer = core
        .ask(Request::post(url).json(body))
        .await
        .map_err(|trouble| trouble.error("the presence subscription"))?;
    Ok(Document::read(&answer.body).unwrap_or_default())
}

/// Extends the subscription where that is due, and makes it anew where it was lost. Called now and then.
pub(super) async fn keep_subscribed(core: &Arc<Core>) {
    let due = {
        let state = core.state.lock();
        let is_due = state
            .subscription
            .since
            .is_some_and(|since| core.inbox.now() - since >= EXTENDED_AFTER);
        state
            .subscription
            .stands
            .clone()
            .filter(|_| is_due)
            .map(|(own, _)| own)
    };
    if let Some(own) = due {
        extend(core, &own).await;
    }
    let is_lost = core.state.lock().subscription.lost;
    if is_lost {
        subscribe(core).await;
    }
}

async fn extend(core: &Core, own: &str) {
    let Ok(url) = core.url(own) else { return };
    let asked = core
        .ask(Request::post(
            url.with("duration", &SUBSCRIBED_MINUTES.to_string()),
        ))
        .await;
    let mut state = core.state.lock();
    match asked {
        Ok(_) => state.subscription.since = Some(core.inbox.now()),
        Err(Trouble::Failed(failure)) if !failure.status.is_passing() => state.subscription.lose(),
        Err(_) => {}
    }
}

/// The subscription is about to end, or has: an event said so.
pub(super) async fn subscription_changed(core: &Arc<Core>, is_gone: bool) {
    {
        let mut state = core.state.lock();
        if is_gone {
            state.subscription.lose();
        } else if state
            .subscription
            .since
            .is_some_and(|since| core.inbox.now() - since > TimeDelta::minutes(1))
        {
            state.subscription.since = Some(DateTime::UNIX_EPOCH);
        } else {
            return;
        }
    }
    let keeper = core.clone();
    core.inbox
        .spawn(async move { keep_subscribed(&keeper).await });
}

/// Somebody's presence or note has changed, and is at `href`.
pub(super) fn presence_changed(core: &Arc<Core>, href: &str, is_note: bool) {
    let Some(who) = Sip::of_href(href) else {
        return;
    };
    let begins = {
        let state = &mut *core.state.lock();
        let Some(contact) = state.contacts.get_mut(&who) else {
            return;
        };
        *(if is_note {
            &mut contact.note
        } else {
            &mut contact.presence
        }) = Some(href.to_owned());
        state.stale.insert(who);
        !std::mem::replace(&mut state.is_looking, true)
    };
    if begins {
        let looker = core.clone();
        core.inbox.spawn(async move { look_around(&looker).await });
    }
}

/// Looks at everybody whose presence has changed, one after the other.
async fn look_around(core: &Core) {
    loop {
        let who = {
            let mut state = core.state.lock();
            let who = state.stale.iter().next().cloned();
            let Some(who) = who else {
                state.is_looking = false;
                return;
            };
            state.stale.remove(&who);
            who
        };
        if let Some((presence, text)) = seen(core, &who).await {
            let channel = core
                .state
                .lock()
                .contacts
                .get(&who)
                .map(|contact| contact.channel.clone());
            if let Some(channel) = channel {
                let seen_by = SeenBy::Agent(core.agent);
                core.inbox.state(StateChange::Presence {
                    seen_by,
                    channel,
                    presence,
                    text,
                });
            }
        }
    }
}

/// How a person is, as far as the server shows it.
async fn seen(core: &Core, who: &Sip) -> Option<(PresenceState, Option<String>)> {
    let (presence, note) = {
        let state = core.state.lock();
        let contact = state.contacts.get(who)?;
        (contact.presence.clone(), contact.note.clone())
    };
    let presence = core.get(core.url(&presence?).ok()?).await.ok()?;
    let note = match note.and_then(|note| core.url(&note).ok()) {
        Some(url) => core.get(url).await.ok(),
        None => None,
    };
    Some(presence::shown(&presence, note.as_ref()))
}

/// Shows a contact that the agent is typing, or no longer. Where no conversation stands, nobody can see it.
pub(super) fn compose(
    core: &Arc<Core>,
    channel: &ChannelId,
    composing: bool,
) -> Result<(), BackendError> {
    let with = person(channel)?;
    let turn = {
        let mut state = core.state.lock();
        let contact = state.contacts.get_mut(&with).ok_or_else(gone)?;
        let was = contact.composing % 2 == 1;
        if was == composing {
            return Ok(());
        }
        contact.composing += 1;
        contact.composing
    };
    if composing {
        let typist = core.clone();
        core.inbox.spawn(async move {
            for _ in 0..TYPING_TIMES {
                let url = {
                    let state = typist.state.lock();
                    let contact = state
                        .contacts
                        .get(&with)
                        .filter(|contact| contact.composing == turn);
                    let Some(contact) = contact else { return };
                    let talk = contact
                        .current
                        .as_ref()
                        .and_then(|current| state.talks.get(current));
                    talk.and_then(|talk| typist.url(talk.typing.as_ref()?).ok())
                };
                if let Some(url) = url {
                    let _ = typist.ask(Request::post(url)).await;
                }
                typist.inbox.sleep(TYPING_EVERY).await;
            }
            if let Some(contact) = typist
                .state
                .lock()
                .contacts
                .get_mut(&with)
                .filter(|contact| contact.composing == turn)
            {
                contact.composing += 1;
            }
        });
    }
    Ok(())
}

/// A contact began or stopped typing.
pub(super) fn typing(core: &Core, who: &Sip, composing: bool) {
    let channel = core
        .state
        .lock()
        .contacts
        .get(who)
        .map(|contact| contact.channel.clone());
    if let Some(channel) = channel {
        core.inbox.state(StateChange::Composing {
            agent: core.agent,
            channel,
            composing,
        });
    }
}

/// A message as the engine takes it.
pub(super) fn inbound(
    core: &Core,
    contact: &Contact,
    mut message: crate::backend::Received,
) -> Inbound {
    let channel = contact.channel.clone();
    message.sender_alias = message.sender_alias.or_else(|| contact.name.clone());
    Inbound::Message {
        seen_by: SeenBy::Agent(core.agent),
        channel,
        message: Box::new(message),
        resume: None,
    }
}
