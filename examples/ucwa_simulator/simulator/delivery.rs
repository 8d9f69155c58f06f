//! How the delivery of a message ends: every client has fetched the message, or the time for it is
//! over.

use super::model::talk::Sender;
use super::person::Report;
use super::timer::Moment;
use super::world::World;

impl World {
    /// Records that a client has fetched a message.
    pub fn fetched(&mut self, now: Moment, delivery: u64, app: &str) {
        if let Some(own) = self.deliveries.get_mut(&delivery) {
            own.waiting.retain(|(waiting, _)| waiting != app);
            self.settle_delivery(now, delivery);
        }
    }

    /// Ends the time in which clients may fetch a message. Those who have not fetched it have
    /// missed it.
    pub fn undelivered(&mut self, now: Moment, delivery: u64) {
        let Some(own) = self.deliveries.get_mut(&delivery) else {
            return;
        };
        for (app, user) in std::mem::take(&mut own.waiting) {
            own.failed.push(user);
            if let Some(app) = self.applications.get_mut(&app) {
                app.channel.take_back(delivery);
            }
        }
        self.settle_delivery(now, delivery);
    }

    /// Sends the report on a delivery to its sender, unless some client may still fetch the
    /// message.
    pub fn settle_delivery(&mut self, now: Moment, number: u64) {
        if self
            .deliveries
            .get(&number)
            .is_none_or(|delivery| !delivery.waiting.is_empty())
        {
            return;
        }
        let Some(delivery) = self.deliveries.remove(&number) else {
            return;
        };
        match &delivery.sender {
            Sender::Client(app, conversation, Some((message, operation))) => {
                self.tell_report(
                    now,
                    app,
                    conversation,
                    *message,
                    operation.as_deref(),
                    &delivery,
                );
            }
            Sender::Client(..) => {}
            Sender::Person(who, to, text) => {
                let delivered = delivery.failed.is_empty();
                let why = if delivered {
                    String::new()
                } else {
                    "not fetched".to_owned()
                };
                if let Some(person) = self.people.get_mut(who) {
                    person.report(Report {
                        to: to.clone(),
                        text: text.clone(),
                        delivered,
                        why,
                    });
                }
            }
        }
    }
}
