//! The presence of contacts: one subscription for the account, and a look at whoever has changed.
//!
//! The server says in events whose presence has changed; it is then asked what the presence is. One
//! after the other, because a whole company changes its presence when the working day begins.

mod subscription;

use super::effect::{Look, Purpose};
use super::post::Done;
use super::turn::Turn;
use crate::backend::ucwa::protocol::address::Sip;
use crate::backend::ucwa::protocol::document::Document;
use crate::backend::ucwa::protocol::presence;
use crate::backend::ucwa::protocol::request::Request;
use crate::backend::{ChannelId, Joined, SeenBy, StateChange};
use std::collections::{HashMap, HashSet};
use subscription::Subscription;

/// Where a contact's presence is, as the server wrote it.
pub(crate) struct Links {
    pub(crate) presence: Option<String>,
    pub(crate) note: Option<String>,
}

/// A contact whose channel is joined.
struct Watched {
    channel: ChannelId,
    links: Links,
}

/// The presence of contacts.
#[derive(Default)]
pub(crate) struct Presences {
    watched: HashMap<Sip, Watched>,
    subscription: Subscription,
    /// Whose presence is to be looked at.
    stale: HashSet<Sip>,
    /// One of them is being looked at.
    is_looking: bool,
}

impl Presences {
    /// Subscribes to a contact, then answers its join with what its presence is now.
    pub(crate) fn watch(
        &mut self,
        turn: &mut Turn<'_>,
        with: Sip,
        links: Links,
        channel: ChannelId,
        (joined, done): (Joined, Done<Joined>),
    ) {
        self.subscription.add(with.clone());
        self.watched
            .insert(with.clone(), Watched { channel, links });
        self.subscribe(turn);
        self.look(turn, with, Some((joined, done)));
    }

    /// A contact's channel is not joined any more.
    pub(crate) fn leave(&mut self, with: &Sip) {
        self.watched.remove(with);
        self.subscription.remove(with);
    }

    /// The presence or the note of somebody has changed, and is at `href`.
    pub(crate) fn changed(&mut self, turn: &mut Turn<'_>, href: &str, is_note: bool) {
        let Some(who) = Sip::of_href(href) else {
            return;
        };
        let Some(watched) = self.watched.get_mut(&who) else {
            return;
        };
        let link = if is_note {
            &mut watched.links.note
        } else {
            &mut watched.links.presence
        };
        *link = Some(href.to_owned());
        self.stale.insert(who);
        if !self.is_looking {
            self.look_at_next(turn);
        }
    }

    fn look_at_next(&mut self, turn: &mut Turn<'_>) {
        self.is_looking = false;
        while !self.is_looking {
            let Some(who) = self.stale.iter().next().cloned() else {
                return;
            };
            self.stale.remove(&who);
            self.look(turn, who, None);
        }
    }

    /// Asks for a presence. If it has no address, the join is answered without.
    fn look(&mut self, turn: &mut Turn<'_>, who: Sip, joining: Option<(Joined, Done<Joined>)>) {
        let href = self
            .watched
            .get(&who)
            .and_then(|watched| watched.links.presence.as_deref());
        let url = href.and_then(|href| turn.profile.url(href).ok());
        match (url, joining) {
            (Some(url), joining) => {
                self.is_looking |= joining.is_none();
                let look = Look {
                    who,
                    presence: None,
                    joining,
                };
                turn.ask(Purpose::Look(Box::new(look)), Request::get(url));
            }
            (None, Some((joined, done))) => turn.joined(done, Ok(joined)),
            (None, None) => {}
        }
    }

    /// The response to a look: first the presence, then the note.
    pub(crate) fn looked(&mut self, turn: &mut Turn<'_>, mut look: Look, found: Option<Document>) {
        let note = match look.presence.take() {
            Some(presence) => {
                look.presence = Some(presence);
                found
            }
            None => {
                let links = self.watched.get(&look.who).map(|watched| &watched.links);
                let note = links.and_then(|links| turn.profile.url(links.note.as_ref()?).ok());
                look.presence = found;
                if let (Some(url), true) = (note, look.presence.is_some()) {
                    return turn.ask(Purpose::Look(Box::new(look)), Request::get(url));
                }
                None
            }
        };
        let shown = look
            .presence
            .map(|presence| presence::shown(&presence, note.as_ref()));
        match look.joining {
            Some((mut joined, done)) => {
                let info = &mut joined.info;
                (info.presence, info.presence_text) = shown.unwrap_or_default();
                turn.joined(done, Ok(joined));
            }
            None => {
                if let (Some((presence, text)), Some(watched)) =
                    (shown, self.watched.get(&look.who))
                {
                    turn.state(StateChange::Presence {
                        seen_by: SeenBy::Agent(turn.profile.agent),
                        channel: watched.channel.clone(),
                        presence,
                        text,
                    });
                }
                self.look_at_next(turn);
            }
        }
    }
}
