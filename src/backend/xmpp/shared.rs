//! What the links of one backend share while it lives: who of the occupants are our agents, and which posts have
//! left. A room may be seen over the component and over an account at once, and either may see a post first.

use super::past::Pasts;
use crate::backend::{Accepted, BackendError, BackendErrorKind, Outgoing, Received};
use crate::model::{Address, OriginId, ResumePoint};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{OwnedMutexGuard, oneshot};

/// A post's answer, to come.
pub(super) type Answer = oneshot::Receiver<Result<Accepted, BackendError>>;

/// A post that has left and is not answered.
struct Sent {
    message: Outgoing,
    link: u64,
    /// The room or the contact, bare.
    place: String,
    left: DateTime<Utc>,
    answer: oneshot::Sender<Result<Accepted, BackendError>>,
}

/// Our agents in a room: by nickname, who has it and in which session.
type Nicks = HashMap<String, (Address, u64)>;

/// The component's one connection, from its dial until it is closed at both ends. It is a lock that is held across
/// waits, and so not `parking_lot`'s.
pub(super) type Turn = OwnedMutexGuard<()>;

#[derive(Default)]
pub(super) struct Shared {
    /// By room.
    occupants: Mutex<HashMap<String, Nicks>>,
    posts: Mutex<HashMap<String, Sent>>,
    /// What of ours archives may have that the engine does not know.
    pub(super) pasts: Mutex<Pasts>,
    next: AtomicU64,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Shared {
    /// Waits until no connection of the component is open.
    pub(super) async fn turn(&self) -> Turn {
        self.turn.clone().lock_owned().await
    }

    /// A number that nothing else has.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Our agent has, or asks for, that nickname; false if another agent of ours has it.
    pub(super) fn occupy(&self, room: &str, nick: &str, address: &Address, session: u64) -> bool {
        let mut occupants = self.occupants.lock();
        let nicks = occupants.entry(room.to_owned()).or_default();
        match nicks.get(nick) {
            Some((other, _)) if other != address => false,
            _ => {
                nicks.insert(nick.to_owned(), (address.clone(), session));
                true
            }
        }
    }

    /// Our agent has that nickname no more.
    pub(super) fn vacate(&self, room: &str, nick: &str, session: u64) {
        let mut occupants = self.occupants.lock();
        if let Some(nicks) = occupants.get_mut(room) {
            if nicks.get(nick).is_some_and(|(_, held)| *held == session) {
                nicks.remove(nick);
            }
            if nicks.is_empty() {
                occupants.remove(room);
            }
        }
    }

    /// Our agent of that nickname.
    pub(super) fn occupant(&self, room: &str, nick: &str) -> Option<Address> {
        Some(self.occupants.lock().get(room)?.get(nick)?.0.clone())
    }

    /// A post leaves; its answer is waited for.
    pub(super) fn sent(
        &self,
        message: Outgoing,
        link: u64,
        place: &str,
        left: DateTime<Utc>,
    ) -> Answer {
        let (answer, waits) = oneshot::channel();
        let origin = message.origin.as_str().to_owned();
        self.posts.lock().insert(
            origin,
            Sent {
                message,
                link,
                place: place.to_owned(),
                left,
                answer,
            },
        );
        waits
    }

    /// The room has sent a post back: what only we knew of it is put in, and the post is answered.
    pub(super) fn echoed(&self, room: &str, received: &mut Received, resume: Option<&ResumePoint>) {
        let Some(origin) = &received.origin else {
            return;
        };
        let mut posts = self.posts.lock();
        if posts
            .get(origin.as_str())
            .is_none_or(|sent| sent.place != room)
        {
            drop(posts);
            return self.pasts.lock().came_back(origin.as_str());
        }
        let Some(sent) = posts.remove(origin.as_str()) else {
            return;
        };
        drop(posts);
        self.pasts.lock().answered(origin.as_str(), sent.left);
        received.content = sent.message.content;
        let mut accepted = Accepted::new(received.id.clone(), received.sender.clone())
            .with_alias(received.sender_alias.clone())
            .with_parts(received.content.parts.clone())
            .with_resume(resume.cloned());
        accepted.time = received.time;
        let _ = sent.answer.send(Ok(accepted));
    }

    /// A post came back as an error, from where it was sent to.
    pub(super) fn refused(&self, origin: &str, from: &str, error: BackendError) {
        let mut posts = self.posts.lock();
        if posts.get(origin).is_some_and(|sent| sent.place == from)
            && let Some(sent) = posts.remove(origin)
        {
            drop(posts);
            let _ = sent.answer.send(Err(error));
        }
    }

    /// That post is answered.
    pub(super) fn answered(&self, origin: &OriginId) {
        let sent = self.posts.lock().remove(origin.as_str());
        if let Some(sent) = sent {
            self.pasts.lock().answered(origin.as_str(), sent.left);
        }
    }

    /// That post never left.
    pub(super) fn take_back(&self, origin: &OriginId) {
        self.posts.lock().remove(origin.as_str());
    }

    /// Nobody waits for that post any more. If it was not answered, it may have arrived all the same.
    pub(super) fn forget(&self, origin: &OriginId) {
        let sent = self.posts.lock().remove(origin.as_str());
        if let Some(sent) = sent {
            self.pasts.lock().unanswered(origin.as_str(), sent.left);
        }
    }

    /// A link is over: what had left over it may have arrived.
    pub(super) fn link_over(&self, link: u64, reason: &str) {
        let gone: Vec<(String, Sent)> = self
            .posts
            .lock()
            .extract_if(|_, sent| sent.link == link)
            .collect();
        for (origin, sent) in gone {
            self.pasts.lock().unanswered(&origin, sent.left);
            let _ = sent.answer.send(Err(BackendError::new(
                BackendErrorKind::OutcomeUnknown,
                reason,
            )));
        }
    }
}
