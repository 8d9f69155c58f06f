//! The resources of a conversation: `conversation`, `messaging`, `participant`.

use super::address::Address;
use super::model::application::Application;
use super::model::conversation::{Conversation, UNUSED};
use super::model::paths::{conversation_href, href, participant_href};
use super::model::talk::{Seat, Talk};
use super::person::date;
use super::world::World;
use serde_json::{Value, json};

impl World {
    /// Returns the resource `conversation`.
    pub fn conversation_json(&self, app: &str, conversation: &Conversation) -> Value {
        let at = conversation_href(app, &conversation.id);
        let live = ["Connected", "Conferenced"].contains(&conversation.state);
        let active: &[&str] = if conversation.messaging == "Connected"
            || conversation.state == "Incoming" && conversation.meeting.is_none()
        {
            &["Messaging"]
        } else {
            &[]
        };
        let others = self
            .talks
            .get(&conversation.talk)
            .map_or(0, |talk| talk.members.len().saturating_sub(1));
        let mut out = json!({
            "state": conversation.state, "threadId": conversation.thread, "subject": conversation.subject, "activeModalities": active,
            "importance": conversation.importance, "recording": false, "readLocally": true, "participantCount": others,
            "created": date(conversation.created), "audienceMessaging": "Enabled", "audienceMute": "Disabled", "rel": "conversation",
            "_links": {"self": {"href": at}, "messaging": {"href": format!("{at}/messaging")}},
        });
        for modality in UNUSED {
            out["_links"][modality] = json!({"href": format!("{at}/{modality}")});
        }
        if live {
            let own = self.applications.get(app).map(|own| own.user.clone());
            if let Some(own) = own {
                out["_links"]["localParticipant"] =
                    json!({"href": participant_href(&at, &own), "title": self.title_of(&own)});
            }
            out["_links"]["addParticipant"] = json!({"href": format!("{}/communication/participantInvitations?conversation={}", href(app), conversation.id)});
            out["_links"]["participants"] = json!({"href": format!("{at}/participants")});
        }
        if conversation.state == "Conferenced" {
            out["_links"]["onlineMeeting"] = json!({"href": format!("{at}/onlineMeeting")});
            out["_links"]["leaders"] = json!({"href": format!("{at}/participants?filter=Leaders")});
            out["_links"]["attendees"] =
                json!({"href": format!("{at}/participants?filter=Attendees")});
            out["_links"]["lobby"] = json!({"href": format!("{at}/participants?filter=Lobby")});
        }
        out
    }

    /// Returns the resource `messaging`.
    pub fn messaging_json(&self, app: &str, conversation: &Conversation) -> Value {
        let at = conversation_href(app, &conversation.id);
        let here = format!("{at}/messaging");
        let mut out = json!({"state": conversation.messaging, "rel": "messaging",
            "_links": {"self": {"href": here}, "conversation": {"href": at}}});
        let link = |path: &str| json!({"href": format!("{here}/{path}")});
        match conversation.messaging {
            "Connected" => {
                out["negotiatedMessageFormats"] = json!(conversation.formats);
                out["_links"]["stopMessaging"] = link("terminate");
                out["_links"]["sendMessage"] = link("messages");
                out["_links"]["setIsTyping"] = link("typing");
                out["_links"]["typingParticipants"] = link("typingParticipants");
            }
            "Connecting" => out["_links"]["stopMessaging"] = link("terminate"),
            _ if ["Connected", "Conferenced"].contains(&conversation.state)
                && !conversation.adding =>
            {
                out["_links"]["addMessaging"] = json!({"href": format!("{}/communication/messagingInvitations?conversation={}", href(app), conversation.id)});
            }
            _ => {}
        }
        out
    }

    /// Returns the resource `participant` of `who`, who may be the application's own user.
    pub fn participant_json(
        &self,
        app: &Application,
        conversation: &Conversation,
        who: &Address,
    ) -> Value {
        let at = conversation_href(&app.id, &conversation.id);
        let local = app.user == *who;
        let member = self
            .talks
            .get(&conversation.talk)
            .and_then(|talk| talk.members.iter().find(|member| member.address == *who));
        let base = app.href();
        let own = participant_href(&at, who);
        let mut out = json!({
            "sourceNetwork": "SameEnterprise", "anonymous": who.is_guest(), "name": self.name_of(who),
            "uri": who.uri(), "rel": "participant", "local": local, "inLobby": member.is_some_and(|member| member.lobby),
            "_links": {"self": {"href": own}, "conversation": {"href": at}},
        });
        if local {
            out["_links"]["me"] = json!({"href": format!("{base}/me")});
        } else {
            out["_links"]["contact"] = json!({"href": format!("{base}/people/{}", who.bare())});
            out["_links"]["contactPresence"] =
                json!({"href": format!("{base}/people/{}/presence", who.bare())});
            out["_links"]["contactPhoto"] =
                json!({"href": format!("{base}/photos/{}", who.bare())});
        }
        if member.is_some_and(|member| member.im) {
            out["_links"]["participantMessaging"] = json!({"href": format!("{own}/messaging")});
        }
        if let (Some(_), Some(member)) = (&conversation.meeting, member) {
            out["role"] = json!(if member.leader { "Leader" } else { "Attendee" });
            out["organizer"] = json!(self.organizes(conversation, who));
            let leads = self
                .talks
                .get(&conversation.talk)
                .is_some_and(|talk| leads(talk, app, conversation));
            if leads && !local {
                let rels: &[&str] = match (member.lobby, member.leader) {
                    (true, _) => &["admit", "reject"],
                    (false, true) => &["eject", "demote"],
                    (false, false) => &["eject", "promote"],
                };
                for rel in rels {
                    out["_links"][rel] = json!({"href": format!("{own}/{rel}")});
                }
            }
        }
        out
    }

    /// Returns the title of a link to a person.
    pub fn title_of(&self, who: &Address) -> String {
        if self.switches.titles {
            self.name_of(who)
        } else {
            String::new()
        }
    }
}

/// Returns whether the application's user is a leader of the meeting.
pub fn leads(talk: &Talk, app: &Application, conversation: &Conversation) -> bool {
    let seat = Seat::client(&app.id, &conversation.id);
    talk.members
        .iter()
        .any(|member| member.seat == seat && member.leader)
}
