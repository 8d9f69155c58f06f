//! How an application ends: by DELETE, by expiry, or after a long silence.

use super::super::agenda::{Deed, later};
use super::super::answer::{Answer, Fault};
use super::super::model::token::Token;
use super::super::timer::Moment;
use super::super::world::World;
use std::time::Duration;

impl World {
    /// Deletes an application. Its conversations end, and its user is offline if no other
    /// application makes the user available.
    pub fn end_application(&mut self, now: Moment, app: &str) {
        let conversations: Vec<String> = self
            .applications
            .get(app)
            .into_iter()
            .flat_map(|own| own.conversations.keys().cloned())
            .collect();
        for conversation in conversations {
            self.leave(now, app, &conversation, None);
        }
        self.drop_legs(now, app);
        let Some(mut own) = self.applications.remove(app) else {
            return;
        };
        own.channel
            .interrupt(now, Some(Fault::not_found("ApplicationNotFound").into()));
        let still = self
            .applications
            .values()
            .any(|other| other.user == own.user && other.available.is_some());
        if own.available.is_some() && !still {
            self.set_availability(now, &own.user, "Offline", "");
        }
    }

    /// Ends an application that was idle for too long. Requests for it get 410 for a while.
    pub fn expire(&mut self, now: Moment, app: &str) {
        if let Some(own) = self.applications.get_mut(app) {
            own.channel.interrupt(
                now,
                Some(Fault::gone("InactiveApplicationExpired", EXPIRED).into()),
            );
        }
        self.end_application(now, app);
        self.gone
            .insert(app.to_owned(), later(now, self.switches.tombstone));
        if self.gone.len() > GONE_MAX {
            self.gone.pop_first();
        }
    }

    /// Checks that the application `app` exists and belongs to the owner of `token`.
    ///
    /// # Errors
    /// 403 for another user's application, 410 for one that expired lately, 404 for an unknown one.
    pub fn find_application(
        &mut self,
        now: Moment,
        app: &str,
        token: &Token,
    ) -> Result<(), Answer> {
        self.gone.retain(|_, until| *until > now);
        match self.applications.get(app) {
            Some(own) if own.user == token.user => Ok(()),
            Some(_) => Err(Fault::forbidden("", "The application is another user's.").into()),
            None if self.gone.contains_key(app) => {
                Err(Fault::gone("InactiveApplicationExpired", EXPIRED).into())
            }
            None => Err(Fault::not_found("ApplicationNotFound").into()),
        }
    }

    /// Adds the next idle check of an application to the agenda.
    pub fn watch_idle(&mut self, now: Moment, app: &str) {
        let switches = &self.switches;
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        let quiet = own.channel.quiet_since(now);
        let mut due: Vec<Moment> = Vec::new();
        for limit in [switches.idle_channel, switches.silence] {
            if let (Some(since), false) = (quiet, limit.is_zero()) {
                due.push(later(since, limit));
            }
        }
        if let Some(available) = &own.available {
            due.push(later(own.active_at, available.inactive));
            if !switches.idle_activity.is_zero() {
                due.push(later(own.active_at, switches.idle_activity));
            }
        }
        due.retain(|at| *at > now);
        let sooner = |at: &Moment| own.watched.is_none_or(|stands| *at < stands);
        if let Some(at) = due.into_iter().min().filter(sooner) {
            own.watched = Some(at);
            self.agenda.at(at, Deed::Idle(app.to_owned()));
        }
    }

    /// Expires an application that has been idle, closes what it has open after a long silence, and
    /// turns its user's presence idle.
    pub fn check_idle(&mut self, now: Moment, app: &str) {
        let switches = self.switches.clone();
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        own.watched = own.watched.filter(|stands| *stands > now);
        let passed =
            |since: Moment, limit: Duration| !limit.is_zero() && now >= later(since, limit);
        let quiet = own.channel.quiet_since(now);
        let unheard = quiet.is_some_and(|since| passed(since, switches.idle_channel));
        let inactive = own
            .available
            .as_ref()
            .is_some_and(|_| passed(own.active_at, switches.idle_activity));
        if unheard || inactive {
            return self.expire(now, app);
        }
        if quiet.is_some_and(|since| passed(since, switches.silence)) {
            self.close_after_silence(now, app, false);
        }
        if let Some(own) = self.applications.get(app)
            && own
                .available
                .as_ref()
                .is_some_and(|available| passed(own.active_at, available.inactive))
        {
            let user = own.user.clone();
            self.turn_idle(now, &user);
        }
        self.watch_idle(now, app);
    }

    /// Closes conversations and subscriptions after a long silence. `resume` in the next package
    /// tells the client.
    ///
    /// If there is nothing to close, the client is told only if `always` is set.
    pub fn close_after_silence(&mut self, now: Moment, app: &str, always: bool) {
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        if !always
            && own.conversations.is_empty()
            && own.subscriptions.is_empty()
            && own.invitations.is_empty()
        {
            return;
        }
        let conversations: Vec<String> = own.conversations.keys().cloned().collect();
        for conversation in conversations {
            self.leave(now, app, &conversation, None);
        }
        self.drop_legs(now, app);
        if let Some(own) = self.applications.get_mut(app) {
            own.subscriptions.clear();
            own.conversations.clear();
            own.invitations.clear();
            own.channel.close_all();
        }
    }
}

/// Expired applications that are remembered, to be answered with 410.
const GONE_MAX: usize = 10_000;

const EXPIRED: &str = "An error occurred. Please try again.";
