//! The resource of an invitation, and the requests to accept, decline or cancel it.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::model::invitation::Invitation;
use super::model::paths::{conversation_href, href, participant_href};
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};

impl World {
    /// Returns the resource of an invitation.
    pub fn invitation_json(&self, app: &str, invitation: &Invitation) -> Value {
        let at = conversation_href(app, &invitation.conversation);
        let own = invitation.href(app);
        let person = |who: &Address| json!({"href": format!("{}/people/{}", href(app), who.bare()), "title": self.title_of(who)});
        let mut out = json!({
            "direction": if invitation.outgoing { "Outgoing" } else { "Incoming" }, "importance": invitation.importance,
            "threadId": invitation.thread, "state": invitation.state, "subject": invitation.subject, "rel": invitation.rel,
            "_links": {"self": {"href": own}, "conversation": {"href": at}},
        });
        if let Some(operation) = &invitation.operation {
            out["operationId"] = json!(operation);
        }
        let from_link = json!({"href": participant_href(&at, &invitation.from), "title": self.title_of(&invitation.from)});
        if invitation.outgoing || self.switches.from_link {
            out["_links"]["from"] = from_link;
        }
        if invitation.rel != "onlineMeetingInvitation" || !invitation.outgoing {
            out["_links"]["to"] = person(&invitation.to);
        }
        match invitation.rel {
            "messagingInvitation" => {
                out["_links"]["messaging"] = json!({"href": format!("{at}/messaging")})
            }
            "onlineMeetingInvitation" => {
                out["onlineMeetingUri"] = json!(invitation.meeting_uri);
                out["availableModalities"] = json!(["Messaging"]);
            }
            _ => {
                out["_links"]["participant"] =
                    json!({"href": participant_href(&at, &invitation.to)})
            }
        }
        let ringing = invitation.ring.is_some();
        if invitation.outgoing && ringing && invitation.state == "Connecting" {
            let cancel = match invitation.rel {
                "messagingInvitation" => format!("{at}/messaging/terminate"),
                _ => format!("{own}/cancel"),
            };
            out["_links"]["cancel"] = json!({"href": cancel});
        }
        if !invitation.outgoing {
            if invitation.open {
                out["_links"]["accept"] = json!({"href": format!("{own}/accept")});
                out["_links"]["decline"] = json!({"href": format!("{own}/decline")});
            }
            if let Some(message) = &invitation.message {
                out["_links"]["message"] = json!({"href": message});
            }
        }
        let parties = self
            .applications
            .get(app)
            .and_then(|own| Some((own, own.conversations.get(&invitation.conversation)?)));
        if let Some((own, conversation)) = parties {
            if !invitation.outgoing {
                out["_embedded"] =
                    json!({"from": self.participant_json(own, conversation, &invitation.from)});
            }
            if let Some(who) = &invitation.accepted_by {
                out["_embedded"]["acceptedByParticipant"] =
                    json!([self.participant_json(own, conversation, who)]);
            }
        }
        out
    }

    /// Answers requests for an invitation, and to accept, decline or cancel it.
    pub fn invitation(
        &mut self,
        now: Moment,
        app: &str,
        method: &str,
        id: &str,
        rest: &[&str],
        global: bool,
    ) -> Result<Answer, Answer> {
        let found = self
            .applications
            .get(app)
            .and_then(|own| own.invitations.get(id))
            .cloned();
        let invitation = found.ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(self.invitation_json(app, &invitation))),
            (["accept" | "decline"], "POST") if invitation.outgoing || !invitation.open => {
                Err(Fault::conflict("", "The invitation can no longer be answered.").into())
            }
            (["accept"], "POST") => {
                self.accept(now, app, &invitation);
                Ok(Answer::done())
            }
            (["decline"], "POST") => {
                self.decline(now, app, &invitation, global);
                Ok(Answer::done())
            }
            (["cancel"], "POST") if invitation.outgoing => {
                if let Some(ring) = invitation.ring {
                    self.ring_fails(now, ring, "LocalFailure", "Canceled");
                }
                Ok(Answer::done())
            }
            ([] | ["accept" | "decline" | "cancel"], _) => Err(Fault::method().into()),
            _ => Err(Fault::not_found("").into()),
        }
    }
}
