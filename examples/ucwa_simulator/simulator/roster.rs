//! The participants of a conference: how all see one come and go, and what leaders do to others.

use super::address::Address;
use super::answer::{Answer, Fault};
use super::event::{Event, Reason};
use super::model::invitation::Invitation;
use super::model::paths::{conversation_href, participant_href};
use super::model::talk::{Member, Seat};
use super::timer::Moment;
use super::world::World;

impl World {
    /// Tells everybody in the room that `who` has arrived.
    pub fn tell_entry(&mut self, now: Moment, talk: u64, who: &Address) {
        let members = self.members_of(talk);
        let Some(new) = members
            .iter()
            .find(|member| member.address == *who && !member.lobby)
        else {
            return;
        };
        for member in members
            .iter()
            .filter(|member| member.address != *who && !member.lobby)
        {
            if let Seat::Client { app, conversation } = &member.seat {
                let known = self
                    .view(app, conversation)
                    .is_none_or(|view| view.seen.contains(who));
                if !known {
                    self.tell_member(now, app, conversation, new);
                }
            }
        }
    }

    /// Tells an application of a member: `participant added`, and again as a leader or attendee.
    pub fn tell_member(&mut self, now: Moment, app: &str, conversation: &str, member: &Member) {
        self.tell_arrival(now, app, conversation, &member.address);
        self.tell_roster(
            now,
            app,
            conversation,
            &member.address,
            "added",
            if member.leader {
                "Leaders"
            } else {
                "Attendees"
            },
        );
        if member.im {
            let theirs = participant_href(&conversation_href(app, conversation), &member.address);
            self.push_conversation(now, app, conversation, |sender| {
                Event::new(
                    sender,
                    "added",
                    "participantMessaging",
                    &format!("{theirs}/messaging"),
                )
                .within("participant", &theirs)
            });
        }
    }

    pub fn tell_roster(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        who: &Address,
        kind: &str,
        filter: &str,
    ) {
        let at = conversation_href(app, conversation);
        let title = self.title_of(who);
        self.push_conversation(now, app, conversation, |sender| {
            let event =
                Event::new(sender, kind, "participant", &participant_href(&at, who)).title(&title);
            event.within(
                &filter.to_lowercase(),
                &format!("{at}/participants?filter={filter}"),
            )
        });
    }

    pub fn tell_lobby(&mut self, now: Moment, talk: u64, who: &Address, kind: &str) {
        let members = self.members_of(talk);
        for member in members
            .iter()
            .filter(|member| member.leader && !member.lobby && member.address != *who)
        {
            if let Seat::Client { app, conversation } = &member.seat {
                self.tell_roster(now, app, conversation, who, kind, "Lobby");
            }
        }
    }

    /// Does what a leader asks for: eject, reject, admit, promote or demote `who`.
    ///
    /// # Errors
    /// 404 if `who` is not there, 409 if `who` is not in the lobby.
    pub fn rule(
        &mut self,
        now: Moment,
        talk: u64,
        who: &Address,
        verb: &str,
    ) -> Result<Answer, Answer> {
        let shared = self
            .talks
            .get_mut(&talk)
            .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        let found = shared
            .members
            .iter_mut()
            .find(|member| member.address == *who)
            .ok_or_else(|| Fault::not_found("ResourceNotFound"))?;
        match verb {
            "eject" => self.remove(now, talk, who, &Reason::new("Informational", "Ejected")),
            "reject" if found.lobby => {
                self.tell_lobby(now, talk, who, "deleted");
                self.remove(now, talk, who, &Reason::new("RemoteFailure", "Denied"));
            }
            "admit" if found.lobby => {
                found.lobby = false;
                let seat = found.seat.clone();
                self.tell_lobby(now, talk, who, "deleted");
                match seat {
                    Seat::Client { app, conversation } => {
                        let pending = |own: &&Invitation| {
                            own.conversation == conversation && own.state == "Connecting"
                        };
                        let invitation = self
                            .applications
                            .get(&app)
                            .and_then(|own| own.invitations.values().find(pending))
                            .map(|own| own.id.clone());
                        self.enter(now, &app, &conversation, invitation.as_deref());
                    }
                    Seat::Person => self.tell_entry(now, talk, who),
                }
            }
            "promote" | "demote" => {
                let leader = verb == "promote";
                let changed = found.leader != leader;
                found.leader = leader;
                if changed {
                    self.tell_role(now, talk, who, leader);
                }
            }
            _ => return Err(Fault::conflict("", "The participant is not in the lobby.").into()),
        }
        Ok(Answer::done())
    }

    fn tell_role(&mut self, now: Moment, talk: u64, who: &Address, leader: bool) {
        let members = self.members_of(talk);
        let (left, entered) = if leader {
            ("Attendees", "Leaders")
        } else {
            ("Leaders", "Attendees")
        };
        for member in members.iter().filter(|member| !member.lobby) {
            let Seat::Client { app, conversation } = &member.seat else {
                continue;
            };
            let local = member.address == *who;
            let at = conversation_href(app, conversation);
            let title = self.title_of(who);
            let rel = if local {
                "localParticipant"
            } else {
                "participant"
            };
            self.push_conversation(now, app, conversation, |sender| {
                Event::new(sender, "updated", rel, &participant_href(&at, who)).title(&title)
            });
            self.tell_roster(now, app, conversation, who, "deleted", left);
            self.tell_roster(now, app, conversation, who, "added", entered);
        }
    }

    /// Removes somebody from a conference and tells them the reason.
    fn remove(&mut self, now: Moment, talk: u64, who: &Address, reason: &Reason) {
        let members = self.members_of(talk);
        for member in members.into_iter().filter(|member| member.address == *who) {
            if let Seat::Client { app, conversation } = &member.seat {
                self.end_removed(now, app, conversation, who, reason);
            }
            self.remove_member(now, talk, who, &member.seat);
        }
    }

    /// Ends the conversation of an application whose user was removed.
    fn end_removed(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        who: &Address,
        reason: &Reason,
    ) {
        let pending = |own: &&Invitation| {
            own.conversation == conversation
                && own.state == "Connecting"
                && own.rel == "onlineMeetingInvitation"
        };
        let invitation = self
            .applications
            .get(app)
            .and_then(|own| own.invitations.values().find(pending))
            .map(|own| own.id.clone());
        if let Some(invitation) = invitation {
            return self.turned_away(now, app, conversation, &invitation, reason);
        }
        let own = participant_href(&conversation_href(app, conversation), who);
        self.push_conversation(now, app, conversation, |sender| {
            Event::new(sender, "deleted", "localParticipant", &own)
        });
        self.end_view_ordered(
            now,
            app,
            conversation,
            Some(reason),
            self.switches.eject_order,
        );
    }

    /// Ends the meeting for everybody.
    pub fn end_meeting(&mut self, now: Moment, id: &str, reason: &Reason) {
        let Some(talk) = self
            .meetings
            .get_mut(id)
            .and_then(|meeting| meeting.talk.take())
        else {
            return;
        };
        let members = self
            .talks
            .remove(&talk)
            .map(|talk| talk.members)
            .unwrap_or_default();
        for member in members {
            if let Seat::Client { app, conversation } = &member.seat {
                self.end_removed(now, app, conversation, &member.address, reason);
            }
        }
    }
}
