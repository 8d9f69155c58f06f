//! A conversation as one application sees it: its own id, its states, its messages.

use super::address::Address;
use super::application::{Application, href};
use super::person::date;
use super::talk::{Seat, Talk};
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};
use std::collections::{BTreeSet, VecDeque};

/// Messages of a conversation that can be read again; older ones are 404.
pub const MESSAGES_MAX: usize = 200;
/// Modalities that the simulator does not support but shows, because a real server shows them.
pub const UNUSED: [&str; 4] = [
    "applicationSharing",
    "audioVideo",
    "dataCollaboration",
    "phoneAudio",
];

/// The view of one application.
#[derive(Debug)]
pub struct Conversation {
    /// A GUID.
    pub id: String,
    /// The talk that this view shows.
    pub talk: u64,
    /// Of `ConversationState`.
    pub state: &'static str,
    /// Of the modality: Connecting, Connected, Disconnected.
    pub messaging: &'static str,
    /// Formats both sides can show.
    pub formats: Vec<String>,
    /// Of the invitation.
    pub subject: String,
    /// Of the invitation.
    pub importance: String,
    /// Links conversations to one talk over days.
    pub thread: String,
    /// When it began.
    pub created: Moment,
    /// Number of the next message.
    pub next_message: u32,
    /// The resources of the last messages, by number.
    pub messages: VecDeque<(u32, Value)>,
    /// The meeting's id, if it is one.
    pub meeting: Option<String>,
    /// True while an addMessaging is under way.
    pub adding: bool,
    /// The other participants whose arrival the application was told.
    pub seen: BTreeSet<Address>,
}

/// `{C}`.
pub fn conversation_href(app: &str, conversation: &str) -> String {
    format!("{}/communication/conversations/{conversation}", href(app))
}

impl World {
    /// The resource `conversation`.
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

    /// The resource `messaging`.
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

    /// The resource `participant` of `who`, local or not.
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
            "sourceNetwork": "SameEnterprise", "anonymous": who.bare().ends_with("@anonymous.invalid"), "name": self.name_of(who),
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

    /// The title of a link to a person.
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
    let seat = Seat::Client {
        app: app.id.clone(),
        conversation: conversation.id.clone(),
    };
    talk.members
        .iter()
        .any(|member| member.seat == seat && member.leader)
}

/// `{C}/participants/<address>`.
pub fn participant_href(conversation: &str, who: &Address) -> String {
    format!("{conversation}/participants/{}", who.bare())
}
