//! Requests about conversations: the list, one conversation, its participants, its meeting.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::conversation::leads;
use super::model::paths::{conversation_href, href, participant_href};
use super::request::{Input, Request};
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};

impl World {
    /// Answers requests under `{A}/communication/conversations`, except those about messaging.
    pub fn conversations(
        &mut self,
        now: Moment,
        app: &str,
        rest: &[&str],
        request: &Request,
        input: &Input,
    ) -> Result<Answer, Answer> {
        let own = self
            .applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound"))?;
        let method = request.method.as_str();
        let Some((id, rest)) = rest.split_first() else {
            if method != "GET" {
                return Err(Fault::method().into());
            }
            let all: Vec<Value> = own
                .conversations
                .keys()
                .map(|id| json!({"href": conversation_href(app, id)}))
                .collect();
            let here = format!("{}/communication/conversations?filter=active", href(app));
            return Ok(Answer::ok(
                json!({"rel": "conversations", "_links": {"self": {"href": here}, "conversation": all}}),
            ));
        };
        let view = own
            .conversations
            .get(*id)
            .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        let at = conversation_href(app, id);
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(self.conversation_json(app, view))),
            ([], "DELETE") => {
                self.leave(now, app, id, None);
                Ok(Answer::done())
            }
            (["localparticipant"], "GET") => {
                Ok(Answer::ok(self.participant_json(own, view, &own.user)))
            }
            (["onlinemeeting"], "GET") => {
                let meeting = view
                    .meeting
                    .as_ref()
                    .and_then(|id| self.meetings.get(id))
                    .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                Ok(Answer::ok(self.conference_json(&at, meeting)))
            }
            (["applicationsharing" | "audiovideo" | "datacollaboration" | "phoneaudio"], "GET") => {
                let rel = super::model::conversation::UNUSED
                    .iter()
                    .find(|rel| rel.eq_ignore_ascii_case(rest[0]))
                    .copied()
                    .unwrap_or_default();
                let links =
                    json!({"self": {"href": format!("{at}/{rel}")}, "conversation": {"href": at}});
                Ok(Answer::ok(
                    json!({"rel": rel, "state": "Disconnected", "_links": links}),
                ))
            }
            (["participants"], "GET") => {
                let members = self
                    .talks
                    .get(&view.talk)
                    .map(|talk| talk.members.as_slice())
                    .unwrap_or_default();
                let filter = input.text("filter").map(|filter| filter.to_lowercase());
                let wanted = members.iter().filter(|member| match filter.as_deref() {
                    Some("leaders") => member.leader && !member.lobby,
                    Some("attendees") => !member.leader && !member.lobby,
                    Some("lobby") => member.lobby,
                    _ => !member.lobby,
                });
                let all: Vec<Value> = wanted
                    .map(
                        |member| json!({"href": participant_href(&at, &member.address), "title": self.title_of(&member.address)}),
                    )
                    .collect();
                let rel = filter
                    .filter(|filter| ["leaders", "attendees", "lobby"].contains(&filter.as_str()))
                    .unwrap_or_else(|| "participants".to_owned());
                Ok(Answer::ok(
                    json!({"rel": rel, "_links": {"self": {"href": format!("{at}/participants")}, "participant": all}}),
                ))
            }
            (["participants", who, rest @ ..], _) => {
                let who =
                    Address::parse(who).ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                let known = self
                    .talks
                    .get(&view.talk)
                    .is_some_and(|talk| talk.members.iter().any(|member| member.address == who));
                let invited = own
                    .invitations
                    .values()
                    .any(|invitation| invitation.conversation == **id && invitation.from == who);
                if !known && !invited && own.user != who {
                    return Err(Fault::not_found("ResourceNotFound").into());
                }
                match (rest, method) {
                    ([], "GET") => Ok(Answer::ok(self.participant_json(own, view, &who))),
                    (["messaging"], "GET") => {
                        let theirs = participant_href(&at, &who);
                        Ok(Answer::ok(json!({"rel": "participantMessaging",
                            "_links": {"self": {"href": format!("{theirs}/messaging")}, "participant": {"href": theirs}}})))
                    }
                    ([verb @ ("eject" | "promote" | "demote" | "admit" | "reject")], "POST") => {
                        let talk = view.talk;
                        if !self
                            .talks
                            .get(&talk)
                            .is_some_and(|shared| leads(shared, own, view))
                        {
                            return Err(Fault::forbidden(
                                "AttendeeNotAllowed",
                                "Only leaders may do that.",
                            )
                            .into());
                        }
                        self.rule(now, talk, &who, verb)
                    }
                    _ => Err(Fault::method().into()),
                }
            }
            _ => Err(Fault::method().into()),
        }
    }
}
