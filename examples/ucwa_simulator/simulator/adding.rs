//! Messaging in a conference. A client must add it, and can stop it without leaving the room.

use super::address::Address;
use super::agenda::Deed;
use super::answer::{Answer, Fault};
use super::event::Event;
use super::model::invitation::Invitation;
use super::model::paths::{conversation_href, participant_href};
use super::model::talk::{Seat, Sender};
use super::request::Input;
use super::text::Text;
use super::timer::Moment;
use super::wish::Wish;
use super::world::World;
use serde_json::json;

impl World {
    /// Starts `addMessaging`. Only one such operation may run, and only in a connected
    /// conversation.
    pub fn add_messaging(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let wish = Wish::read(input)?;
        let id = self.ids.hex();
        let own = self.existing_mut(app)?;
        let user = own.user.clone();
        let view = own
            .conversations
            .get_mut(conversation)
            .ok_or_else(|| Fault::not_found("ConversationNotFound"))?;
        if view.adding {
            return Err(
                Fault::conflict("AnotherOperationPending", "Messaging is being added.").into(),
            );
        }
        if !["Conferenced", "Connected"].contains(&view.state) || view.messaging != "Disconnected" {
            return Err(Fault::conflict("", "Messaging can't be added now.").into());
        }
        view.adding = true;
        view.messaging = "Connecting";
        let invitation = Invitation {
            operation: wish.operation,
            subject: view.subject.clone(),
            importance: wish.importance,
            thread: view.thread.clone(),
            message: wish.text.as_ref().map(Text::data_uri),
            ..Invitation::sent(&id, "messagingInvitation", user.clone(), user, conversation)
        };
        let location = invitation.href(app);
        own.invitations.insert(id.clone(), invitation);
        self.tell_invitation(now, app, &id, "started", None);
        self.tell_messaging(now, app, conversation, None);
        self.agenda.after(
            now,
            self.switches.signalling,
            Deed::AddMessaging(app.to_owned(), conversation.to_owned(), id),
        );
        Ok(Answer::created(&location))
    }

    /// Completes `addMessaging`.
    pub fn messaging_added(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        invitation: &str,
    ) {
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        let user = own.user.clone();
        let text = own
            .invitations
            .get(invitation)
            .and_then(|own| Text::parse(own.message.as_deref()?));
        let Some(view) = own
            .conversations
            .get_mut(conversation)
            .filter(|view| view.adding)
        else {
            return;
        };
        view.adding = false;
        view.messaging = "Connected";
        let talk = view.talk;
        let seat = Seat::client(app, conversation);
        if let Some(member) = self
            .talks
            .get_mut(&talk)
            .and_then(|talk| talk.members.iter_mut().find(|member| member.seat == seat))
        {
            member.im = true;
        }
        self.tell_conversation(now, app, conversation, "updated", None);
        self.tell_own_messaging(now, app, conversation, &user);
        self.tell_messaging(now, app, conversation, None);
        self.complete(now, app, invitation, &user);
        self.tell_others_messaging(now, talk, &user, "added");
        if let Some(text) = text {
            let sender = Sender::Client(app.to_owned(), conversation.to_owned(), None);
            self.say(now, talk, &user, &seat, &text, sender);
        }
    }

    /// Tells the other members that `who` takes part in messaging (`added`) or no longer does
    /// (`deleted`).
    fn tell_others_messaging(&mut self, now: Moment, talk: u64, who: &Address, kind: &str) {
        let members = self.members_of(talk);
        for member in members
            .iter()
            .filter(|member| member.address != *who && !member.lobby)
        {
            if let Seat::Client { app, conversation } = &member.seat {
                let theirs = participant_href(&conversation_href(app, conversation), who);
                self.push_conversation(now, app, conversation, |sender| {
                    Event::new(
                        sender,
                        kind,
                        "participantMessaging",
                        &format!("{theirs}/messaging"),
                    )
                    .within("participant", &theirs)
                });
            }
        }
    }

    /// Stops messaging in a conference. The application stays in the room.
    pub fn stop_messaging(&mut self, now: Moment, app: &str, conversation: &str) {
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        let user = own.user.clone();
        let Some(view) = own.conversations.get_mut(conversation) else {
            return;
        };
        if view.messaging == "Disconnected" {
            return;
        }
        view.messaging = "Disconnected";
        view.adding = false;
        let talk = view.talk;
        let seat = Seat::client(app, conversation);
        if let Some(member) = self
            .talks
            .get_mut(&talk)
            .and_then(|talk| talk.members.iter_mut().find(|member| member.seat == seat))
        {
            member.im = false;
        }
        self.tell_messaging(now, app, conversation, None);
        self.tell_conversation(now, app, conversation, "updated", None);
        self.tell_others_messaging(now, talk, &user, "deleted");
    }

    /// Sends `participantMessaging added` for the application's own participant.
    fn tell_own_messaging(&mut self, now: Moment, app: &str, conversation: &str, user: &Address) {
        let own = participant_href(&conversation_href(app, conversation), user);
        let here = format!("{own}/messaging");
        let resource = json!({"rel": "participantMessaging", "_links": {"self": {"href": here}, "participant": {"href": own}}});
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(sender, "added", "participantMessaging", &here)
                .within("localParticipant", &own)
                .embed("participantMessaging", resource)
        });
    }
}
