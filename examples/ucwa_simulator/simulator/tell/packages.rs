//! The events of invitations, conversations and participants.

use super::super::address::Address;
use super::super::agenda::Deed;
use super::super::event::{Event, Reason};
use super::super::model::conversation::UNUSED;
use super::super::model::paths::{conversation_href, href, participant_href};
use super::super::timer::Moment;
use super::super::world::World;
use serde_json::json;
use std::time::Duration;

impl World {
    /// Sends an event of an invitation. A `completed` one has the outcome, and its invitation is
    /// forgotten after a while.
    pub fn tell_invitation(
        &mut self,
        now: Moment,
        app: &str,
        invitation: &str,
        kind: &str,
        reason: Option<&Reason>,
    ) {
        let Some(own) = self
            .applications
            .get(app)
            .and_then(|own| own.invitations.get(invitation))
        else {
            return;
        };
        let mut event = Event::new(communication(app), kind, own.rel, &own.href(app))
            .embed(own.rel, self.invitation_json(app, own));
        event = event.reason(reason);
        if kind == "completed" {
            event = event.status(own.state == "Connected");
            self.agenda.after(
                now,
                KEPT,
                Deed::ForgetInvitation(app.to_owned(), invitation.to_owned()),
            );
        }
        self.push(now, app, event);
    }

    /// Sends an event of a conversation, with the resource unless it was deleted.
    pub fn tell_conversation(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        kind: &str,
        reason: Option<&Reason>,
    ) {
        let at = conversation_href(app, conversation);
        let found = self.view(app, conversation);
        let mut event = Event::new(communication(app), kind, "conversation", &at).reason(reason);
        if kind != "deleted" {
            let Some(own) = found else { return };
            event = event.embed("conversation", self.conversation_json(app, own));
        }
        self.push(now, app, event);
    }

    /// Sends `messaging updated`, with the resource.
    pub fn tell_messaging(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        reason: Option<&Reason>,
    ) {
        let Some(own) = self.view(app, conversation) else {
            return;
        };
        let resource = self.messaging_json(app, own);
        let at = format!("{}/messaging", conversation_href(app, conversation));
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(sender, "updated", "messaging", &at)
                .embed("messaging", resource)
                .reason(reason)
        });
    }

    /// Sends `localParticipant added`. The rel inside the resource is `participant`, as on a real
    /// server.
    pub fn tell_local(&mut self, now: Moment, app: &str, conversation: &str) {
        let Some(own) = self.applications.get(app) else {
            return;
        };
        let Some(view) = own.conversations.get(conversation) else {
            return;
        };
        let resource = self.participant_json(own, view, &own.user);
        let at = participant_href(&conversation_href(app, conversation), &own.user);
        let title = self.title_of(&own.user);
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(sender, "added", "localParticipant", &at)
                .title(&title)
                .embed("localParticipant", resource)
        });
    }

    /// Sends `updated` for the modalities that the simulator does not support, as a real server
    /// does.
    pub(super) fn tell_unused(&mut self, now: Moment, app: &str, conversation: &str) {
        let at = conversation_href(app, conversation);
        for rel in UNUSED {
            let own = format!("{at}/{rel}");
            let resource = json!({"state": "Disconnected", "rel": rel, "_links": {"self": {"href": own}, "conversation": {"href": at}}});
            self.push_conversation(now, app, conversation, |sender| {
                Event::new(sender, "updated", rel, &own).embed(rel, resource)
            });
        }
    }

    /// Sends `participant added`, with link and title only.
    pub fn tell_arrival(&mut self, now: Moment, app: &str, conversation: &str, who: &Address) {
        let at = participant_href(&conversation_href(app, conversation), who);
        let title = self.title_of(who);
        if let Some(own) = self.view_mut(app, conversation) {
            own.seen.insert(who.clone());
        }
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(sender, "added", "participant", &at).title(&title)
        });
    }

    /// Sends `participant deleted`.
    pub fn tell_gone(&mut self, now: Moment, app: &str, conversation: &str, who: &Address) {
        let at = participant_href(&conversation_href(app, conversation), who);
        let own = self.view_mut(app, conversation);
        if own.is_some_and(|own| own.seen.remove(who)) {
            self.push_conversation(now, app, conversation, |sender| {
                Event::new(sender, "deleted", "participant", &at)
            });
        }
    }

    /// Sends `participantMessaging added`: of the other participant as a link, of the user's own
    /// embedded.
    pub fn tell_participant_messaging(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        other: &Address,
    ) {
        let Some(user) = self.applications.get(app).map(|own| own.user.clone()) else {
            return;
        };
        let at = conversation_href(app, conversation);
        let theirs = participant_href(&at, other);
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(
                sender,
                "added",
                "participantMessaging",
                &format!("{theirs}/messaging"),
            )
            .within("participant", &theirs)
        });
        let own = participant_href(&at, &user);
        let here = format!("{own}/messaging");
        let resource = json!({"rel": "participantMessaging", "_links": {"self": {"href": here}, "participant": {"href": own}}});
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(sender, "added", "participantMessaging", &here)
                .within("localParticipant", &own)
                .embed("participantMessaging", resource)
        });
    }
}

/// How long a finished invitation can still be read.
const KEPT: Duration = Duration::from_secs(60);

fn communication(app: &str) -> (&'static str, String) {
    ("communication", format!("{}/communication", href(app)))
}
