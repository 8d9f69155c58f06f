//! Who types. The other members are told once when somebody begins, and again when the typing
//! stops.

use super::address::Address;
use super::agenda::{Deed, later};
use super::event::Event;
use super::model::paths::{conversation_href, participant_href};
use super::model::talk::{Member, Seat};
use super::timer::Moment;
use super::world::World;
use serde_json::{Value, json};

impl World {
    /// Records that a member types, and tells the other members unless they know.
    pub fn types(&mut self, now: Moment, talk: u64, who: &Address, seat: &Seat) {
        let until = later(now, self.switches.typing);
        let Some(own) = self.talks.get_mut(&talk) else {
            return;
        };
        let Some(member) = own
            .members
            .iter_mut()
            .find(|member| member.address == *who && member.seat == *seat)
        else {
            return;
        };
        let typed = member.typing_until.replace(until).is_some();
        self.agenda.at(until, Deed::TypingEnds(talk));
        if !typed {
            self.tell_typing(now, talk, who, "added");
        }
    }

    /// Ends the typing of those who have not repeated it in time.
    pub fn typing_ends(&mut self, now: Moment, talk: u64) {
        let Some(own) = self.talks.get_mut(&talk) else {
            return;
        };
        let over = |member: &mut Member| {
            member
                .typing_until
                .take_if(|until| *until <= now)
                .map(|_| member.address.clone())
        };
        let ended: Vec<Address> = own.members.iter_mut().filter_map(over).collect();
        for who in ended {
            self.tell_typing(now, talk, &who, "deleted");
        }
    }

    /// Sends `participant added` or `deleted` in typingParticipants.
    pub fn tell_typing(&mut self, now: Moment, talk: u64, who: &Address, kind: &str) {
        let Some(own) = self.talks.get(&talk) else {
            return;
        };
        let others: Vec<Seat> = own
            .members
            .iter()
            .filter(|member| member.address != *who && member.im)
            .map(|member| member.seat.clone())
            .collect();
        for seat in others {
            if let Seat::Client { app, conversation } = seat {
                let at = conversation_href(&app, &conversation);
                let title = self.title_of(who);
                self.push_conversation(now, &app, &conversation, |sender| {
                    let event =
                        Event::new(sender, kind, "participant", &participant_href(&at, who));
                    event.title(&title).within(
                        "typingParticipants",
                        &format!("{at}/messaging/typingParticipants"),
                    )
                });
            }
        }
    }

    /// Returns the resource `typingParticipants`, without the user.
    pub fn typing_json(&self, app: &str, conversation: &str, talk: u64, user: &Address) -> Value {
        let at = conversation_href(app, conversation);
        let typing = |member: &&Member| member.typing_until.is_some() && member.address != *user;
        let members = self
            .talks
            .get(&talk)
            .into_iter()
            .flat_map(|own| &own.members)
            .filter(typing);
        let all: Vec<_> = members
            .map(|member| json!({"href": participant_href(&at, &member.address), "title": self.title_of(&member.address)}))
            .collect();
        json!({"rel": "typingParticipants", "_links": {"self": {"href": format!("{at}/messaging/typingParticipants")}, "participant": all}})
    }
}
