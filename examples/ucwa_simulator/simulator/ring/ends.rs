//! How a ring ends without an answer: for the caller, and wherever it still rings.

use super::super::event::Reason;
use super::super::logs::Logged;
use super::super::model::ring::{Caller, Leg, Ring};
use super::super::person::Report;
use super::super::switches::EndOrder;
use super::super::timer::Moment;
use super::super::world::World;

impl World {
    /// Ends a ring that nobody answered in time.
    pub fn ring_out(&mut self, now: Moment, number: u64) {
        if self.rings.get(&number).is_some_and(|ring| !ring.taken) {
            let subcode = self.switches.ring_subcode.clone();
            self.fail(now, number, &Reason::new("RemoteFailure", &subcode));
        }
    }

    /// Fails the ring at the caller and ends it wherever it still rings.
    pub fn ring_fails(&mut self, now: Moment, number: u64, code: &str, subcode: &str) {
        self.fail(now, number, &Reason::new(code, subcode));
    }

    fn fail(&mut self, now: Moment, number: u64, reason: &Reason) {
        let Some(ring) = self.rings.remove(&number) else {
            return;
        };
        let missed = match reason.subcode.as_str() {
            "Canceled" => "Canceled",
            "Declined" => "Declined",
            _ => {
                if ring.meeting.is_none() {
                    self.log_missed(now, &ring);
                }
                &self.switches.missed_subcode
            }
        };
        let missed = Reason::new("LocalFailure", missed);
        for leg in ring.legs {
            if let Leg::Client(app, invitation, conversation) = leg {
                self.end_leg(now, &app, &invitation, &conversation, &missed);
            }
        }
        match ring.caller {
            Caller::Client(app, invitation) => {
                self.outgoing_failed(now, &app, &invitation, ring.talk, reason)
            }
            Caller::Person => {
                if ring.meeting.is_none() {
                    self.talks.remove(&ring.talk);
                }
                let text = ring.text.map(|text| text.text).unwrap_or_default();
                let report = Report {
                    to: ring.to.uri().to_owned(),
                    text,
                    delivered: false,
                    why: reason.subcode.clone(),
                };
                if let Some(person) = self.people.get_mut(&ring.from) {
                    person.report(report);
                }
            }
        }
    }

    /// Logs the texts of a ring that nobody took.
    fn log_missed(&mut self, now: Moment, ring: &Ring) {
        let talk = self.talks.get(&ring.talk);
        let Some((thread, subject, importance)) = talk.map(|talk| {
            let shown = (talk.thread.clone(), talk.subject.clone());
            (shown.0, shown.1, talk.importance.clone())
        }) else {
            return;
        };
        let logged = Logged {
            of: &ring.to,
            with: &ring.from,
            thread: &thread,
            subject: &subject,
            importance: &importance,
            missed: true,
        };
        for text in ring.text.iter().chain(&ring.more) {
            self.log(now, &logged, &ring.from, text);
        }
    }

    /// Fails an outgoing invitation. The invitation and its conversation end in the order that the
    /// switch sets.
    fn outgoing_failed(
        &mut self,
        now: Moment,
        app: &str,
        invitation: &str,
        talk: u64,
        reason: &Reason,
    ) {
        self.close_invitation(app, invitation, "Failed");
        let found = self
            .applications
            .get(app)
            .and_then(|own| own.invitations.get(invitation));
        let Some((conversation, rel)) = found.map(|own| (own.conversation.clone(), own.rel)) else {
            return;
        };
        let invites_only = rel == "participantInvitation"
            || self
                .talks
                .get(&talk)
                .is_some_and(|talk| talk.meeting.is_some());
        if !invites_only {
            self.talks.remove(&talk);
        }
        match self.switches.end_order {
            _ if invites_only => {
                self.tell_invitation(now, app, invitation, "completed", Some(reason))
            }
            EndOrder::Invitation => {
                self.tell_invitation(now, app, invitation, "completed", Some(reason));
                self.end_view(now, app, &conversation, Some(reason));
            }
            EndOrder::Messaging | EndOrder::Conversation => {
                self.end_view_ordered(
                    now,
                    app,
                    &conversation,
                    Some(reason),
                    self.switches.end_order,
                );
                self.tell_invitation(now, app, invitation, "completed", Some(reason));
            }
        }
    }

    /// Ends an incoming invitation that was not accepted at this application.
    pub(super) fn end_leg(
        &mut self,
        now: Moment,
        app: &str,
        invitation: &str,
        conversation: &str,
        reason: &Reason,
    ) {
        self.close_invitation(
            app,
            invitation,
            if reason.subcode == "Declined" {
                "Declined"
            } else {
                "Failed"
            },
        );
        self.tell_invitation(now, app, invitation, "completed", Some(reason));
        self.end_view(now, app, conversation, Some(reason));
    }

    /// Stops all rings at an application that ends.
    pub fn drop_legs(&mut self, now: Moment, app: &str) {
        let mut over = Vec::new();
        for (number, ring) in &mut self.rings {
            let mut hit = false;
            for leg in &mut ring.legs {
                if matches!(leg, Leg::Client(own, ..) if own == app) {
                    *leg = Leg::Over;
                    hit = true;
                }
            }
            if hit && ring.legs.iter().all(|leg| matches!(leg, Leg::Over)) {
                over.push(*number);
            }
        }
        for number in over {
            self.ring_fails(now, number, "RemoteFailure", "Unreachable");
        }
    }
}
