//! Requests about conversations: the list, one conversation, its participants, its meeting.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::conversation::leads;
use super::model::application::Application;
use super::model::conversation::UNUSED;
use super::model::paths::{conversation_href, participant_href};
use super::model::talk::Member;
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
        let own = self.existing(app)?;
        let method = request.method.as_str();
        let Some((id, rest)) = rest.split_first() else {
            return match method {
                "GET" => Ok(conversation_list(own)),
                _ => Err(Fault::method().into()),
            };
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
                Ok(unused_modality(&at, rest[0]))
            }
            (["participants"], "GET") => Ok(self.participant_list(&at, view.talk, input)),
            (["participants", who, rest @ ..], _) => {
                let who =
                    Address::parse(who).ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
                self.one_participant(now, (app, id), &who, method, rest)
            }
            _ => Err(Fault::method().into()),
        }
    }

    /// Returns the participants that the request's filter selects: leaders, attendees, those in the
    /// lobby, or all in the room.
    fn participant_list(&self, at: &str, talk: u64, input: &Input) -> Answer {
        let filter = input.text("filter").map(|filter| filter.to_lowercase());
        let wanted = |member: &&Member| match filter.as_deref() {
            Some("leaders") => member.leader && !member.lobby,
            Some("attendees") => !member.leader && !member.lobby,
            Some("lobby") => member.lobby,
            _ => !member.lobby,
        };
        let members = self.talks.get(&talk).into_iter();
        let all: Vec<Value> = members
            .flat_map(|talk| &talk.members)
            .filter(wanted)
            .map(|member| {
                let title = self.title_of(&member.address);
                json!({"href": participant_href(at, &member.address), "title": title})
            })
            .collect();
        let known = ["leaders", "attendees", "lobby"];
        let rel = filter.as_deref().filter(|filter| known.contains(filter));
        let rel = rel.unwrap_or("participants");
        let links = json!({"self": {"href": format!("{at}/participants")}, "participant": all});
        Answer::ok(json!({"rel": rel, "_links": links}))
    }

    /// Answers requests about one participant. `conversation` is an application and its
    /// conversation.
    fn one_participant(
        &mut self,
        now: Moment,
        conversation: (&str, &str),
        who: &Address,
        method: &str,
        rest: &[&str],
    ) -> Result<Answer, Answer> {
        let (app, id) = conversation;
        let own = self.existing(app)?;
        let view = own
            .conversations
            .get(id)
            .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        let talk = self.talks.get(&view.talk);
        let is_member =
            talk.is_some_and(|talk| talk.members.iter().any(|member| member.address == *who));
        let is_caller = own
            .invitations
            .values()
            .any(|invitation| invitation.conversation == id && invitation.from == *who);
        if !is_member && !is_caller && own.user != *who {
            return Err(Fault::not_found("ResourceNotFound").into());
        }
        match (rest, method) {
            ([], "GET") => Ok(Answer::ok(self.participant_json(own, view, who))),
            (["messaging"], "GET") => {
                let theirs = participant_href(&conversation_href(app, id), who);
                let links = json!({"self": {"href": format!("{theirs}/messaging")}, "participant": {"href": theirs}});
                Ok(Answer::ok(
                    json!({"rel": "participantMessaging", "_links": links}),
                ))
            }
            ([verb @ ("eject" | "promote" | "demote" | "admit" | "reject")], "POST") => {
                if !talk.is_some_and(|talk| leads(talk, own, view)) {
                    let why = "Only leaders may do that.";
                    return Err(Fault::forbidden("AttendeeNotAllowed", why).into());
                }
                let talk = view.talk;
                self.rule(now, talk, who, verb)
            }
            _ => Err(Fault::method().into()),
        }
    }
}

fn conversation_list(app: &Application) -> Answer {
    let all: Vec<Value> = app
        .conversations
        .keys()
        .map(|id| json!({"href": conversation_href(&app.id, id)}))
        .collect();
    let here = format!("{}/communication/conversations?filter=active", app.href());
    let links = json!({"self": {"href": here}, "conversation": all});
    Answer::ok(json!({"rel": "conversations", "_links": links}))
}

/// Returns a modality that the simulator does not support. `name` is in lower case.
fn unused_modality(at: &str, name: &str) -> Answer {
    let rel = UNUSED
        .into_iter()
        .find(|rel| rel.eq_ignore_ascii_case(name))
        .unwrap_or_default();
    let links = json!({"self": {"href": format!("{at}/{rel}")}, "conversation": {"href": at}});
    Answer::ok(json!({"rel": rel, "state": "Disconnected", "_links": links}))
}
