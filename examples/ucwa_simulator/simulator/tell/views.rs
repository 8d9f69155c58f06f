//! How a conversation begins, connects and ends for an application.

use super::super::address::Address;
use super::super::event::Reason;
use super::super::model::conversation::Conversation;
use super::super::model::invitation::Invitation;
use super::super::model::ring::{Leg, Ring};
use super::super::model::talk::Talk;
use super::super::switches::EndOrder;
use super::super::text::Text;
use super::super::timer::Moment;
use super::super::world::World;
use std::collections::{BTreeSet, VecDeque};

impl World {
    /// Adds a new conversation for an application, which shows `talk`. Returns its id.
    pub fn new_view(
        &mut self,
        now: Moment,
        app: &str,
        talk: u64,
        state: &'static str,
        messaging: &'static str,
    ) -> String {
        let id = self.ids.guid();
        let Some(shared) = self.talks.get(&talk) else {
            return id;
        };
        let conversation = Conversation {
            id: id.clone(),
            talk,
            state,
            messaging,
            formats: Vec::new(),
            subject: shared.subject.clone(),
            importance: shared.importance.clone(),
            thread: shared.thread.clone(),
            created: now,
            next_message: 2,
            messages: VecDeque::new(),
            meeting: shared.meeting.clone(),
            adding: false,
            seen: BTreeSet::new(),
        };
        if let Some(own) = self.applications.get_mut(app) {
            own.conversations.insert(id.clone(), conversation);
        }
        id
    }

    /// Lets a ring begin at an application: adds invitation and conversation, and sends their
    /// events.
    pub fn open_leg(&mut self, now: Moment, ring: u64, what: &Ring, app: &str) -> Option<Leg> {
        let talk: &Talk = self.talks.get(&what.talk)?;
        let (subject, importance, thread) = (
            talk.subject.clone(),
            talk.importance.clone(),
            talk.thread.clone(),
        );
        let conversation = self.new_view(now, app, what.talk, "Incoming", "Disconnected");
        let id = self.ids.hex();
        let meeting_uri = what
            .meeting
            .as_ref()
            .and_then(|id| self.meetings.get(id))
            .map(|meeting| meeting.uri.clone());
        let invitation = Invitation {
            id: id.clone(),
            rel: if meeting_uri.is_some() {
                "onlineMeetingInvitation"
            } else {
                "messagingInvitation"
            },
            outgoing: false,
            state: "Connecting",
            operation: None,
            subject,
            importance,
            thread,
            from: what.from.clone(),
            to: what.to.clone(),
            conversation: conversation.clone(),
            ring: Some(ring),
            message: what.text.as_ref().map(Text::data_uri),
            meeting_uri,
            accepted_by: None,
            open: !self.switches.auto_accept,
        };
        self.applications
            .get_mut(app)?
            .invitations
            .insert(id.clone(), invitation);
        self.tell_invitation(now, app, &id, "started", None);
        self.tell_conversation(now, app, &conversation, "added", None);
        self.tell_local(now, app, &conversation);
        Some(Leg::Client(app.to_owned(), id, conversation))
    }

    /// Sends the first package of an outgoing invitation.
    pub fn tell_calling(&mut self, now: Moment, app: &str, invitation: &str, conversation: &str) {
        self.tell_invitation(now, app, invitation, "started", None);
        self.tell_conversation(now, app, conversation, "added", None);
        self.tell_local(now, app, conversation);
        self.tell_messaging(now, app, conversation, None);
        self.tell_unused(now, app, conversation);
    }

    /// Sends the second package of an outgoing invitation, after the person called has accepted.
    pub fn connected_outgoing(
        &mut self,
        now: Moment,
        app: &str,
        invitation: &str,
        other: &Address,
        formats: &[String],
    ) {
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        let Some(conversation) = own
            .invitations
            .get(invitation)
            .map(|own| own.conversation.clone())
        else {
            return;
        };
        self.set_view(app, &conversation, "Connected", "Connected", formats);
        self.tell_conversation(now, app, &conversation, "updated", None);
        self.tell_arrival(now, app, &conversation, other);
        self.tell_participant_messaging(now, app, &conversation, other);
        self.tell_messaging(now, app, &conversation, None);
        self.complete(now, app, invitation, other);
    }

    /// Sends the package on the side that has accepted.
    pub fn connected_incoming(
        &mut self,
        now: Moment,
        app: &str,
        invitation: &str,
        conversation: &str,
        other: &Address,
        formats: &[String],
    ) {
        self.set_view(app, conversation, "Connected", "Connected", formats);
        self.tell_messaging(now, app, conversation, None);
        self.tell_conversation(now, app, conversation, "updated", None);
        self.tell_participant_messaging(now, app, conversation, other);
        self.tell_arrival(now, app, conversation, other);
        let own = self.applications.get(app).map(|own| own.user.clone());
        if let Some(own) = own {
            self.complete(now, app, invitation, &own);
        }
    }

    /// Completes an invitation with success.
    pub fn complete(&mut self, now: Moment, app: &str, invitation: &str, by: &Address) {
        self.close_invitation(app, invitation, "Connected");
        if let Some(own) = self.invitation_mut(app, invitation) {
            own.accepted_by = Some(by.clone());
        }
        self.tell_invitation(now, app, invitation, "completed", None);
    }

    /// Sets the states of a conversation.
    pub fn set_view(
        &mut self,
        app: &str,
        conversation: &str,
        state: &'static str,
        messaging: &'static str,
        formats: &[String],
    ) {
        if let Some(own) = self.view_mut(app, conversation) {
            own.state = state;
            own.messaging = messaging;
            own.formats = formats.to_vec();
        }
    }

    /// Sets the state of an invitation that can no longer be answered.
    pub fn close_invitation(&mut self, app: &str, invitation: &str, state: &'static str) {
        if let Some(own) = self.invitation_mut(app, invitation) {
            own.state = state;
            own.open = false;
            if state != "Connecting" {
                own.ring = None;
            }
        }
    }

    /// Ends a conversation, with the events in the usual order.
    pub fn end_view(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        reason: Option<&Reason>,
    ) {
        self.end_view_ordered(now, app, conversation, reason, EndOrder::Messaging);
    }

    /// Ends a conversation: sends the end of messaging and of the conversation in the given order,
    /// and removes it.
    pub fn end_view_ordered(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        reason: Option<&Reason>,
        order: EndOrder,
    ) {
        let found = self.view_mut(app, conversation);
        let Some(own) = found else { return };
        let had_messaging = own.messaging != "Disconnected";
        own.state = "Disconnected";
        own.messaging = "Disconnected";
        if order == EndOrder::Conversation {
            self.tell_conversation(now, app, conversation, "updated", reason);
        }
        if had_messaging {
            self.tell_messaging(now, app, conversation, reason);
        }
        if order != EndOrder::Conversation {
            self.tell_conversation(now, app, conversation, "updated", reason);
        }
        if let Some(own) = self.applications.get_mut(app) {
            own.conversations.remove(conversation);
        }
        self.tell_conversation(now, app, conversation, "deleted", None);
    }
}
