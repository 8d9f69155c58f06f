//! The whole state of the simulated server, and the loop that time drives: it does what is due,
//! then sends what is ready.
//!
//! Nothing here waits or uses a socket. `handle` and `tick` take the moment as an argument. A
//! request that must wait is returned as a receiver.

use super::address::Address;
use super::agenda::{Agenda, Deed};
use super::answer::{Answer, Fault};
use super::event::Event;
use super::ids::Ids;
use super::model::application::Application;
use super::model::conversation::Conversation;
use super::model::distribution_group::DistributionGroup;
use super::model::faults::Faults;
use super::model::invitation::Invitation;
use super::model::log::Log;
use super::model::meeting::Meeting;
use super::model::paths::href;
use super::model::ring::Ring;
use super::model::talk::{Delivery, Member, Talk};
use super::model::token::Tokens;
use super::person::Person;
use super::request::Request;
use super::switches::Switches;
use super::timer::Moment;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::sync::oneshot;

/// The configuration of a simulator.
#[derive(Debug, Clone)]
pub struct Config {
    /// The SIP domain.
    pub domain: String,
    /// The seed of all ids.
    pub seed: u64,
    /// The port of HTTPS, if plain HTTP only redirects to it.
    pub secure_port: Option<u16>,
    /// The switches at the start.
    pub switches: Switches,
}

/// The outcome of a request.
pub enum Outcome {
    /// The answer is there.
    Now(Answer),
    /// The answer comes later. If its sender is dropped, the connection must be cut.
    Later(oneshot::Receiver<Answer>),
}

/// The state of the server.
pub struct World {
    /// The configuration as it was given.
    pub config: Config,
    /// The switches as they are now.
    pub switches: Switches,
    /// The generator of ids.
    pub ids: Ids,
    /// The directory.
    pub people: BTreeMap<Address, Person>,
    /// The distribution groups of the directory.
    pub distribution_groups: BTreeMap<Address, DistributionGroup>,
    /// The tokens that were issued.
    pub tokens: Tokens,
    /// Applications by id.
    pub applications: BTreeMap<String, Application>,
    /// Expired applications that still get 410, and until when.
    pub gone: BTreeMap<String, Moment>,
    /// Conversations, as all their sides share them.
    pub talks: BTreeMap<u64, Talk>,
    /// Invitations that ring.
    pub rings: BTreeMap<u64, Ring>,
    /// Logs of conversations, the newest first, by their owner.
    pub logs: BTreeMap<Address, VecDeque<Log>>,
    /// Messages that some client has not fetched.
    pub deliveries: BTreeMap<u64, Delivery>,
    /// Meetings by id.
    pub meetings: BTreeMap<String, Meeting>,
    /// Deeds that are done later.
    pub agenda: Agenda,
    /// Faults that wait for requests.
    pub faults: Faults,
    counter: u64,
    dirty: BTreeSet<String>,
}

impl World {
    /// Returns an empty server.
    pub fn new(config: Config) -> World {
        World {
            switches: config.switches.clone(),
            ids: Ids::new(config.seed),
            people: BTreeMap::new(),
            distribution_groups: BTreeMap::new(),
            tokens: Tokens::default(),
            applications: BTreeMap::new(),
            gone: BTreeMap::new(),
            talks: BTreeMap::new(),
            logs: BTreeMap::new(),
            rings: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            meetings: BTreeMap::new(),
            agenda: Agenda::default(),
            faults: Faults::default(),
            counter: 0,
            dirty: BTreeSet::new(),
            config,
        }
    }

    /// Answers one request.
    pub fn handle(&mut self, now: Moment, request: &Request) -> Outcome {
        self.tick(now);
        let outcome = self.route(now, request);
        self.send_out(now);
        outcome
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Moment) {
        while let Some(deed) = self.agenda.take(now) {
            self.perform(now, deed);
        }
        self.send_out(now);
    }

    /// Returns when `tick` is needed next.
    pub fn due(&self) -> Option<Moment> {
        self.agenda.due()
    }

    /// Returns a number that was not used before.
    pub fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    /// Adds an event to an application's channel.
    pub fn push(&mut self, now: Moment, app: &str, event: Event) {
        let retention = self.switches.retention;
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        if own.channel.push(now, event, retention) {
            own.channel.say_resume();
        }
        self.dirty.insert(app.to_owned());
    }

    /// Marks this application's channel, so that what is due is sent.
    pub fn touch_channel(&mut self, app: &str) {
        self.dirty.insert(app.to_owned());
    }

    /// Returns the application with the id `app`.
    ///
    /// # Errors
    /// 404 if there is none.
    pub fn existing(&self, app: &str) -> Result<&Application, Answer> {
        self.applications
            .get(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound").into())
    }

    /// Returns the application with the id `app`, to be changed.
    ///
    /// # Errors
    /// 404 if there is none.
    pub fn existing_mut(&mut self, app: &str) -> Result<&mut Application, Answer> {
        self.applications
            .get_mut(app)
            .ok_or_else(|| Fault::not_found("ApplicationNotFound").into())
    }

    /// Returns an application's conversation.
    pub fn view(&self, app: &str, conversation: &str) -> Option<&Conversation> {
        self.applications.get(app)?.conversations.get(conversation)
    }

    /// Returns an application's conversation, to be changed.
    pub fn view_mut(&mut self, app: &str, conversation: &str) -> Option<&mut Conversation> {
        self.applications
            .get_mut(app)?
            .conversations
            .get_mut(conversation)
    }

    /// Returns an application's invitation, to be changed.
    pub fn invitation_mut(&mut self, app: &str, invitation: &str) -> Option<&mut Invitation> {
        self.applications
            .get_mut(app)?
            .invitations
            .get_mut(invitation)
    }

    /// Returns the members of a talk; none if the talk has ended.
    pub fn members_of(&self, talk: u64) -> Vec<Member> {
        self.talks
            .get(&talk)
            .map(|talk| talk.members.clone())
            .unwrap_or_default()
    }

    /// Returns how many P-GETs of the user's applications are under way.
    pub fn outstanding(&self, user: &Address) -> usize {
        self.applications
            .values()
            .filter(|own| own.user == *user)
            .map(|own| own.channel.outstanding())
            .sum()
    }

    /// Returns a person's name, or the address of an unknown person.
    pub fn name_of(&self, address: &Address) -> String {
        self.people
            .get(address)
            .map_or_else(|| address.bare().to_owned(), |person| person.name.clone())
    }

    /// Sends what is due, until nothing more follows from it.
    fn send_out(&mut self, now: Moment) {
        while let Some(app) = self.dirty.pop_first() {
            let Some(own) = self.applications.get_mut(&app) else {
                continue;
            };
            own.channel.release(now, &href(&app), &self.switches);
            let fetched = own.channel.take_fetched();
            let due = own.channel.due();
            for delivery in fetched {
                self.fetched(now, delivery, &app);
            }
            if let Some(due) = due.filter(|due| *due > now) {
                self.release_at(due, &app);
            }
            self.watch_idle(now, &app);
        }
    }

    /// Adds the next release to the agenda, unless it is there for this moment and application.
    fn release_at(&mut self, due: Moment, app: &str) {
        let Some(own) = self.applications.get_mut(app) else {
            return;
        };
        if own.release_at != Some(due) {
            own.release_at = Some(due);
            self.agenda.at(due, Deed::Release(app.to_owned()));
        }
    }

    fn perform(&mut self, now: Moment, deed: Deed) {
        match deed {
            Deed::Release(app) => self.touch_channel(&app),
            Deed::Idle(app) => self.check_idle(now, &app),
            Deed::RingOut(ring) => self.ring_out(now, ring),
            Deed::RingFails(ring, code, subcode) => self.ring_fails(now, ring, code, subcode),
            Deed::Answers(ring) => self.person_answers(now, ring),
            Deed::Connect(ring, leg) => self.connect(now, ring, leg),
            Deed::Join(app, conversation, invitation) => {
                self.join(now, &app, &conversation, &invitation)
            }
            Deed::AddMessaging(app, conversation, invitation) => {
                self.messaging_added(now, &app, &conversation, &invitation)
            }
            Deed::Undelivered(delivery) => self.undelivered(now, delivery),
            Deed::TypingEnds(talk) => self.typing_ends(now, talk),
            Deed::TalkIdle(talk) => self.talk_idle(now, talk),
            Deed::Subscription(app, subscription) => {
                self.subscription_due(now, &app, &subscription)
            }
            Deed::ForgetInvitation(app, invitation) => {
                if let Some(own) = self.applications.get_mut(&app) {
                    own.invitations.remove(&invitation);
                }
            }
            Deed::Says(talk, who, text) => self.person_says(now, talk, &who, &text),
            Deed::LetGo(kept) => self.faults.let_go(kept),
            Deed::ContactsSubscription(app) => {
                if let Some(own) = self.applications.get_mut(&app) {
                    own.contacts_until = own.contacts_until.filter(|until| *until > now);
                }
            }
        }
    }
}
