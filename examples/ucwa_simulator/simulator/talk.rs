//! How a text travels from one member of a talk to the others, and how a talk ends.

use super::address::Address;
use super::agenda::Deed;
use super::event::{Event, Reason};
use super::model::talk::{Delivery, Seat, Sender};
use super::person::{Heard, Manner};
use super::text::Text;
use super::timer::Moment;
use super::world::World;

impl World {
    /// Delivers `text` from a member to all others who take part in messaging.
    pub fn say(
        &mut self,
        now: Moment,
        talk: u64,
        from: &Address,
        seat: &Seat,
        text: &Text,
        sender: Sender,
    ) {
        let Some(own) = self.talks.get_mut(&talk) else {
            return;
        };
        own.quiet_since = now;
        let conference = own.meeting.is_some();
        let speaker = own.members.iter_mut().find(|member| member.is(from, seat));
        if speaker.is_some_and(|member| member.typing_until.take().is_some()) {
            self.tell_typing(now, talk, from, "deleted");
        }
        self.log_said(now, talk, from, text);
        let number = self.number();
        let mut delivery = Delivery {
            sender,
            waiting: Vec::new(),
            failed: Vec::new(),
            conference,
        };
        let mut others = self.members_of(talk);
        others.retain(|member| member.im && !member.is(from, seat));
        for member in others {
            match &member.seat {
                Seat::Client { app, conversation } => {
                    if self.tell_message(now, app, conversation, from, text, number) {
                        delivery.waiting.push((app.clone(), member.address));
                    }
                }
                Seat::Person => {
                    let echoes = self.person_hears(talk, &member.address, from, text);
                    if echoes && *seat != Seat::Person {
                        let wait = self.switches.signalling;
                        let echo = Deed::Says(talk, member.address, text.clone());
                        self.agenda.after(now, wait, echo);
                    }
                }
            }
        }
        self.deliveries.insert(number, delivery);
        self.agenda
            .after(now, self.switches.fetch, Deed::Undelivered(number));
        self.settle_delivery(now, number);
        self.watch_talk(now, talk);
    }

    /// Lets a simulated person hear a text. Returns whether the person says every text back.
    fn person_hears(&mut self, talk: u64, who: &Address, from: &Address, text: &Text) -> bool {
        let (Some(own), Some(person)) = (self.talks.get(&talk), self.people.get_mut(who)) else {
            return false;
        };
        let meeting = own.meeting.as_ref().and_then(|id| self.meetings.get(id));
        person.hear(Heard {
            from: from.uri().to_owned(),
            text: text.text.clone(),
            html: text.html,
            meeting: meeting.map(|meeting| meeting.uri.clone()),
            thread: own.thread.clone(),
            subject: own.subject.clone(),
            importance: own.importance.clone(),
        });
        matches!(person.manner, Manner::Echo(_))
    }

    /// Says a text as a simulated person. The person must be in the talk.
    pub fn person_says(&mut self, now: Moment, talk: u64, who: &Address, text: &Text) {
        let Some(own) = self.talks.get(&talk) else {
            return;
        };
        if !own
            .members
            .iter()
            .any(|member| member.address == *who && member.seat == Seat::Person && member.im)
        {
            return;
        }
        let others = own
            .members
            .iter()
            .filter(|member| member.address != *who)
            .map(|member| member.address.uri());
        let to = match own.meeting.as_ref().and_then(|id| self.meetings.get(id)) {
            Some(meeting) => meeting.uri.clone(),
            None => others.collect::<Vec<_>>().join(","),
        };
        let sender = Sender::Person(who.clone(), to, text.text.clone());
        self.stir(now, who);
        self.say(now, talk, who, &Seat::Person, text, sender);
    }

    /// Takes an application out of a conversation. In a talk of two, the conversation of the other
    /// ends too.
    pub fn leave(&mut self, now: Moment, app: &str, conversation: &str, reason: Option<&Reason>) {
        let found = self
            .applications
            .get(app)
            .and_then(|own| Some((own.user.clone(), own.conversations.get(conversation)?.talk)));
        let Some((user, talk)) = found else { return };
        let ring = self
            .rings
            .iter()
            .find(|(_, ring)| ring.talk == talk && ring.caller_is(app))
            .map(|(number, _)| *number);
        if let Some(ring) = ring {
            self.ring_fails(now, ring, "LocalFailure", "Canceled");
        }
        self.end_view(now, app, conversation, reason);
        self.remove_member(now, talk, &user, &Seat::client(app, conversation));
    }

    /// Takes a member out of a talk and tells the others.
    pub fn remove_member(&mut self, now: Moment, talk: u64, who: &Address, seat: &Seat) {
        let Some(own) = self.talks.get_mut(&talk) else {
            return;
        };
        own.members.retain(|member| !member.is(who, seat));
        let others = own.members.clone();
        let conference = own.meeting.is_some();
        if conference {
            let still = others.iter().any(|member| member.address == *who);
            for member in others.iter().filter(|_| !still) {
                if let Seat::Client { app, conversation } = &member.seat {
                    self.tell_gone(now, app, conversation, who);
                }
            }
            if others.is_empty() {
                self.talks.remove(&talk);
                self.meetings.retain(|_, meeting| {
                    let was = meeting.talk == Some(talk);
                    meeting.talk = meeting.talk.filter(|_| !was);
                    meeting.scheduled || !was
                });
            }
            return;
        }
        self.talks.remove(&talk);
        for member in others {
            if let Seat::Client { app, conversation } = &member.seat {
                self.end_view(now, app, conversation, None);
            }
        }
    }

    /// Adds a check for quiet to the agenda, if a simulated person is in the talk.
    pub fn watch_talk(&mut self, now: Moment, talk: u64) {
        let idle = self.switches.far_idle;
        let Some(own) = self.talks.get_mut(&talk) else {
            return;
        };
        let with_person = own.members.iter().any(|member| member.seat == Seat::Person);
        if !idle.is_zero() && !own.watched && own.meeting.is_none() && with_person {
            own.watched = true;
            self.agenda.after(now, idle, Deed::TalkIdle(talk));
        }
    }

    /// Closes a talk with a simulated person if it has been quiet for long.
    pub fn talk_idle(&mut self, now: Moment, talk: u64) {
        let idle = self.switches.far_idle;
        let Some(own) = self.talks.get_mut(&talk) else {
            return;
        };
        let end = super::agenda::later(own.quiet_since, idle);
        if now < end || own.meeting.is_some() {
            own.watched = own.meeting.is_none();
            if own.watched {
                self.agenda.at(end, Deed::TalkIdle(talk));
            }
            return;
        }
        let person = own
            .members
            .iter()
            .find(|member| member.seat == Seat::Person)
            .map(|member| member.address.clone());
        if let Some(person) = person {
            self.remove_member(now, talk, &person, &Seat::Person);
        }
    }

    /// Pushes an event whose sender is an application's conversation.
    pub fn push_conversation(
        &mut self,
        now: Moment,
        app: &str,
        conversation: &str,
        make: impl FnOnce((&'static str, String)) -> Event,
    ) {
        let sender = (
            "conversation",
            super::model::paths::conversation_href(app, conversation),
        );
        self.push(now, app, make(sender));
    }
}
