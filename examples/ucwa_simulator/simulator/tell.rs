//! What an application is told of its conversations: packages, with the order of their events as on the wire (§ucwa/invitation, §ucwa/incoming).

use super::address::Address;
use super::agenda::Deed;
use super::application::href;
use super::conversation::{
    Conversation, MESSAGES_MAX, UNUSED, conversation_href, participant_href,
};
use super::event::{Event, Reason};
use super::invitation::Invitation;
use super::person::date;
use super::ring::{Leg, Ring};
use super::switches::{EndOrder, MessageType};
use super::talk::{Delivery, Talk};
use super::text::Text;
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Finished invitations can be read for so long.
const KEPT: Duration = Duration::from_secs(60);

fn communication(app: &str) -> (&'static str, String) {
    ("communication", format!("{}/communication", href(app)))
}

impl World {
    /// A new view of `talk` for an application.
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

    /// It begins to ring at an application: invitation, conversation and view are told.
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

    /// The first package of an outgoing invitation.
    pub fn tell_calling(&mut self, now: Moment, app: &str, invitation: &str, conversation: &str) {
        self.tell_invitation(now, app, invitation, "started", None);
        self.tell_conversation(now, app, conversation, "added", None);
        self.tell_local(now, app, conversation);
        self.tell_messaging(now, app, conversation, None);
        self.tell_unused(now, app, conversation);
    }

    /// The second package, after the callee has accepted.
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

    /// The same on the side that has accepted.
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

    /// An invitation has succeeded.
    pub fn complete(&mut self, now: Moment, app: &str, invitation: &str, by: &Address) {
        self.close_invitation(app, invitation, "Connected");
        if let Some(own) = self
            .applications
            .get_mut(app)
            .and_then(|own| own.invitations.get_mut(invitation))
        {
            own.accepted_by = Some(by.clone());
        }
        self.tell_invitation(now, app, invitation, "completed", None);
    }

    /// Sets the states of a view.
    pub fn set_view(
        &mut self,
        app: &str,
        conversation: &str,
        state: &'static str,
        messaging: &'static str,
        formats: &[String],
    ) {
        if let Some(own) = self
            .applications
            .get_mut(app)
            .and_then(|own| own.conversations.get_mut(conversation))
        {
            own.state = state;
            own.messaging = messaging;
            own.formats = formats.to_vec();
        }
    }

    /// An invitation can no longer be answered or cancelled.
    pub fn close_invitation(&mut self, app: &str, invitation: &str, state: &'static str) {
        if let Some(own) = self
            .applications
            .get_mut(app)
            .and_then(|own| own.invitations.get_mut(invitation))
        {
            own.state = state;
            own.open = false;
            if state != "Connecting" {
                own.ring = None;
            }
        }
    }

    /// An invitation's event; completed ones carry their outcome and are forgotten after a while.
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

    /// A conversation's event, with the resource.
    pub fn tell_conversation(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        kind: &str,
        reason: Option<&Reason>,
    ) {
        let at = conversation_href(app, conversation);
        let found = self
            .applications
            .get(app)
            .and_then(|own| own.conversations.get(conversation));
        let mut event = Event::new(communication(app), kind, "conversation", &at).reason(reason);
        if kind != "deleted" {
            let Some(own) = found else { return };
            event = event.embed("conversation", self.conversation_json(app, own));
        }
        self.push(now, app, event);
    }

    /// `messaging updated`, with the resource.
    pub fn tell_messaging(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        reason: Option<&Reason>,
    ) {
        let Some(own) = self
            .applications
            .get(app)
            .and_then(|own| own.conversations.get(conversation))
        else {
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

    /// `localParticipant added`; its own rel reads participant.
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

    /// The modalities that nobody uses, as the real server tells them.
    fn tell_unused(&mut self, now: Moment, app: &str, conversation: &str) {
        let at = conversation_href(app, conversation);
        for rel in UNUSED {
            let own = format!("{at}/{rel}");
            let resource = json!({"state": "Disconnected", "rel": rel, "_links": {"self": {"href": own}, "conversation": {"href": at}}});
            self.push_conversation(now, app, conversation, |sender| {
                Event::new(sender, "updated", rel, &own).embed(rel, resource)
            });
        }
    }

    /// `participant added`: link and title only.
    pub fn tell_arrival(&mut self, now: Moment, app: &str, conversation: &str, who: &Address) {
        let at = participant_href(&conversation_href(app, conversation), who);
        let title = self.title_of(who);
        if let Some(own) = self
            .applications
            .get_mut(app)
            .and_then(|own| own.conversations.get_mut(conversation))
        {
            own.seen.insert(who.clone());
        }
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(sender, "added", "participant", &at).title(&title)
        });
    }

    /// `participant deleted`.
    pub fn tell_gone(&mut self, now: Moment, app: &str, conversation: &str, who: &Address) {
        let at = participant_href(&conversation_href(app, conversation), who);
        let own = self
            .applications
            .get_mut(app)
            .and_then(|own| own.conversations.get_mut(conversation));
        if own.is_some_and(|own| own.seen.remove(who)) {
            self.push_conversation(now, app, conversation, |sender| {
                Event::new(sender, "deleted", "participant", &at)
            });
        }
    }

    /// `participantMessaging added`, of the other (a link) and of oneself (embedded).
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

    /// A message for this application; false if it does not take part any more.
    pub fn tell_message(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        from: &Address,
        text: &Text,
        delivery: u64,
    ) -> bool {
        let live = self
            .applications
            .get(app)
            .and_then(|own| own.conversations.get(conversation));
        if live.is_none_or(|own| own.messaging != "Connected") {
            return false;
        }
        let number = self.take_message_number(app, conversation);
        let at = conversation_href(app, conversation);
        let own = format!("{at}/messaging/messages/{number}");
        let (rel, kind) = if text.html {
            ("htmlMessage", "Html")
        } else {
            ("plainMessage", "Plain")
        };
        let shows = self
            .applications
            .get(app)
            .is_some_and(|own| own.formats().iter().any(|format| format == kind));
        let shown = if shows {
            text.clone()
        } else {
            Text {
                text: plain(&text.text),
                html: false,
            }
        };
        let rel = if shows { rel } else { "plainMessage" };
        let mut resource = json!({
            "direction": "Incoming", "timeStamp": date(now), "rel": "message",
            "_links": {"self": {"href": own}, "messaging": {"href": format!("{at}/messaging")},
                "contact": {"href": format!("{}/people/{}", href(app), from.bare())},
                "participant": {"href": participant_href(&at, from), "title": self.title_of(from)}},
        });
        resource["_links"][rel] = json!({"href": shown.data_uri()});
        self.keep_message(app, conversation, number, &resource);
        let started = self.switches.message_type == MessageType::Started;
        self.push_conversation(now, app, conversation, |sender| {
            let event = Event::new(
                sender,
                if started { "started" } else { "completed" },
                "message",
                &own,
            );
            let event = event.embed("message", resource).delivery(delivery);
            if started { event } else { event.status(true) }
        });
        true
    }

    /// The delivery report of a message that this application sent.
    pub fn tell_report(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        number: u32,
        operation: Option<&str>,
        delivery: &Delivery,
    ) {
        let at = conversation_href(app, conversation);
        let own = format!("{at}/messaging/messages/{number}");
        if !self
            .applications
            .get(app)
            .is_some_and(|own| own.conversations.contains_key(conversation))
        {
            return;
        }
        let mut resource = json!({"direction": "Outgoing", "timeStamp": date(now), "rel": "message",
            "_links": {"self": {"href": own}, "messaging": {"href": format!("{at}/messaging")}}});
        if let Some(operation) = operation {
            resource["operationId"] = json!(operation);
        }
        if delivery.conference && !delivery.failed.is_empty() {
            let missed: Vec<Value> = delivery
                .failed
                .iter()
                .map(|who| json!({"href": participant_href(&at, who)}))
                .collect();
            resource["_links"]["failedDeliveryParticipant"] = json!(missed);
        }
        self.keep_message(app, conversation, number, &resource);
        let reason = (!delivery.failed.is_empty()).then(|| Reason::new("RemoteFailure", "Timeout"));
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(sender, "completed", "message", &own)
                .embed("message", resource)
                .status(reason.is_none())
                .reason(reason.as_ref())
        });
    }

    /// The number of the next message of a view.
    pub fn take_message_number(&mut self, app: &str, conversation: &str) -> u32 {
        let Some(own) = self
            .applications
            .get_mut(app)
            .and_then(|own| own.conversations.get_mut(conversation))
        else {
            return 0;
        };
        own.next_message += 1;
        own.next_message - 1
    }

    fn keep_message(&mut self, app: &str, conversation: &str, number: u32, resource: &Value) {
        let Some(own) = self
            .applications
            .get_mut(app)
            .and_then(|own| own.conversations.get_mut(conversation))
        else {
            return;
        };
        own.messages.push_back((number, resource.clone()));
        if own.messages.len() > MESSAGES_MAX {
            own.messages.pop_front();
        }
    }

    /// A view ends, in the usual order.
    pub fn end_view(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        reason: Option<&Reason>,
    ) {
        self.end_view_ordered(now, app, conversation, reason, EndOrder::Messaging);
    }

    /// A view ends: modality, conversation, and then it is gone.
    pub fn end_view_ordered(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        reason: Option<&Reason>,
        order: EndOrder,
    ) {
        let found = self
            .applications
            .get_mut(app)
            .and_then(|own| own.conversations.get_mut(conversation));
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

/// HTML as plain text, for a client that shows no HTML.
fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for letter in html.chars() {
        match letter {
            '<' => inside = true,
            '>' if inside => inside = false,
            other if !inside => out.push(other),
            _ => {}
        }
    }
    out.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", " ")
        .replace("&amp;", "&")
}
