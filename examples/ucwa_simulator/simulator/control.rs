//! The simulated people and the faults, for tests in Rust. A test calls these methods where a
//! tester would click in a Lync client.

use super::address::Address;
use super::channel::{Channel, replaced};
use super::core::Simulator;
use super::drive::Invite;
use super::model::application::Application;
use super::person::{Heard, Manner, Person, Report};
use super::text::Text;
use super::timer::Moment;
use super::world::World;
use std::sync::Arc;

/// A person of the directory whom a test drives.
#[derive(Clone)]
pub struct Driven {
    simulator: Arc<Simulator>,
    /// The person's address.
    pub address: Address,
}

impl Simulator {
    /// Returns the person with that address. An unknown person is added, with the manner `Ignore`.
    ///
    /// # Errors
    /// `uri` is not a SIP address.
    pub fn person(self: &Arc<Self>, uri: &str) -> Result<Driven, String> {
        let address = Address::parse(uri).ok_or_else(|| format!("`{uri}` is not a SIP address"))?;
        self.change(|world, now| {
            world.people.entry(address.clone()).or_insert_with(|| {
                let mut person = Person::new(now, &address, None);
                person.manner = Manner::Ignore;
                person.presence.availability = Some("Online".to_owned());
                person
            });
        });
        Ok(Driven {
            simulator: self.clone(),
            address,
        })
    }

    /// Sets a switch from now on.
    ///
    /// # Errors
    /// There is no such switch or value.
    pub fn switch(&self, name: &str, value: &str) -> Result<(), String> {
        self.change(|world, _| world.switches.set(name, value))
    }

    /// Returns how many applications, conversations and parked P-GETs a user has.
    pub fn count(&self, uri: &str) -> (usize, usize, usize) {
        self.change(|world, _| {
            let own: Vec<_> = world
                .applications
                .values()
                .filter(|own| own.user.uri() == uri)
                .collect();
            (
                own.len(),
                own.iter().map(|own| own.conversations.len()).sum(),
                own.iter().map(|own| own.channel.outstanding()).sum(),
            )
        })
    }
}

impl Driven {
    fn act<T>(&self, action: impl FnOnce(&mut World, Moment, &Address) -> T) -> T {
        self.simulator
            .change(|world, now| action(world, now, &self.address))
    }

    fn other(uri: &str) -> Address {
        Address::parse(uri).unwrap_or_else(|| {
            Address::parse("nobody@invalid").expect("it has a user and a domain")
        })
    }

    /// Says `text` to `to`, in the conversation they have or in a new invitation.
    pub fn say(&self, to: &str, text: &str) {
        self.say_as(
            to,
            Text {
                text: text.to_owned(),
                html: false,
            },
            &Invite::default(),
        );
    }

    /// Like [`Driven::say`], with HTML, or with parameters for the invitation.
    pub fn say_as(&self, to: &str, text: Text, invite: &Invite) {
        self.act(|world, now, who| world.person_says_to(now, who, &Self::other(to), text, invite));
    }

    /// Starts or stops typing. Returns false if there is no conversation.
    pub fn types(&self, to: &str, typing: bool) -> bool {
        self.act(|world, now, who| world.person_types(now, who, &Self::other(to), typing))
    }

    /// Sets how the person treats invitations from now on.
    pub fn behave(&self, manner: Manner) {
        self.act(|world, _, who| {
            if let Some(person) = world.people.get_mut(who) {
                person.manner = manner;
            }
        });
    }

    /// Accepts the invitation that rings. Returns false if none rings.
    pub fn accepts(&self) -> bool {
        self.act(|world, now, who| world.person_takes(now, who))
    }

    /// Declines the invitation that rings, with a subcode: Declined, Busy, DoNotDisturb,
    /// Unreachable, … Returns false if none rings.
    pub fn refuses(&self, subcode: &str) -> bool {
        self.act(|world, now, who| world.person_refuses(now, who, subcode))
    }

    /// Ends the conversation with `other`. Returns false if there is none.
    pub fn leaves(&self, other: &str) -> bool {
        self.act(|world, now, who| world.person_leaves(now, who, &Self::other(other)))
    }

    /// Sets the presence that others see.
    pub fn shows(&self, availability: &str, activity: &str) {
        self.act(|world, now, who| world.set_availability(now, who, availability, activity));
    }

    /// Returns the availability that others see.
    pub fn availability(&self) -> Option<String> {
        self.act(|world, _, who| {
            world
                .people
                .get(who)
                .and_then(|person| person.presence.availability.clone())
        })
    }

    /// Sets the person's note.
    pub fn notes(&self, text: &str) {
        self.act(|world, now, who| world.set_note(now, who, text));
    }

    /// Sets the person's location.
    pub fn is_at(&self, text: &str) {
        self.act(|world, now, who| world.set_location(now, who, text));
    }

    /// Creates a meeting with an access level (empty: Everyone), joins it, and returns its URI.
    pub fn holds_meeting(&self, subject: &str, access: &str) -> String {
        self.act(|world, now, who| world.person_holds(now, who, subject, access))
    }

    /// Joins a meeting. Returns false if there is none.
    pub fn joins(&self, uri: &str) -> bool {
        self.act(|world, now, who| world.person_joins(now, who, uri))
    }

    /// Says something in a meeting. Returns false if there is none.
    pub fn says_in(&self, uri: &str, text: &str) -> bool {
        self.act(|world, now, who| {
            world.person_says_in(
                now,
                who,
                uri,
                &Text {
                    text: text.to_owned(),
                    html: false,
                },
            )
        })
    }

    /// Types in a meeting. Returns false if there is none.
    pub fn types_in(&self, uri: &str, typing: bool) -> bool {
        self.act(|world, now, who| world.person_types_at(now, who, uri, typing))
    }

    /// Leaves a meeting. Returns false if there is none.
    pub fn leaves_meeting(&self, uri: &str) -> bool {
        self.act(|world, now, who| world.person_leaves_meeting(now, who, uri))
    }

    /// Does `eject`, `admit`, `reject`, `promote` or `demote` to somebody in a meeting. Returns
    /// false if that is not possible.
    pub fn rules(&self, uri: &str, whom: &str, verb: &str) -> bool {
        self.act(|world, now, _| world.person_rules(now, uri, &Self::other(whom), verb))
    }

    /// Ends a meeting for everybody. Returns false if there is none.
    pub fn ends(&self, uri: &str) -> bool {
        self.act(|world, now, _| world.person_ends(now, uri))
    }

    /// Invites somebody into a meeting. Returns false if there is none.
    pub fn invites(&self, uri: &str, whom: &str) -> bool {
        self.act(|world, now, who| world.person_invites(now, who, uri, &Self::other(whom)))
    }

    /// Waits for the next text that reached the person, and takes it.
    pub async fn hears(&self) -> Heard {
        self.wait(|person| person.heard.pop_front()).await
    }

    /// Waits for the next report on something the person said, and takes it.
    pub async fn learns(&self) -> Report {
        self.wait(|person| person.reports.pop_front()).await
    }

    /// Returns all texts that reached the person and that `hears` has not taken.
    pub fn heard(&self) -> Vec<Heard> {
        self.act(|world, _, who| {
            world
                .people
                .get(who)
                .map(|person| person.heard.iter().cloned().collect())
                .unwrap_or_default()
        })
    }

    async fn wait<T>(&self, mut take: impl FnMut(&mut Person) -> Option<T>) -> T {
        loop {
            let happened = self.simulator.happened.notified();
            let mut happened = std::pin::pin!(happened);
            happened.as_mut().enable();
            if let Some(taken) = self
                .simulator
                .world
                .lock()
                .people
                .get_mut(&self.address)
                .and_then(&mut take)
            {
                return taken;
            }
            happened.await;
        }
    }

    /// Does a fault to this person's clients; see [`World::do_fault`].
    ///
    /// # Errors
    /// There is no such fault.
    pub fn suffers(&self, fault: &str, count: u32) -> Result<usize, String> {
        self.act(|world, now, who| world.do_fault(now, fault, Some(who), count, 0))
    }
}

impl World {
    /// Does a fault now, or prepares it for later requests, for one user's applications or for all.
    /// Returns how many applications or tokens it hits.
    ///
    /// # Errors
    /// There is no fault of that name.
    pub fn do_fault(
        &mut self,
        now: Moment,
        fault: &str,
        user: Option<&Address>,
        count: u32,
        retry_after: u32,
    ) -> Result<usize, String> {
        let own = |app: &&Application| user.is_none_or(|user| app.user == *user);
        let all = self.applications.values().filter(own);
        let apps: Vec<String> = all.map(|app| app.id.clone()).collect();
        match fault {
            // These happen at once.
            "expire-tokens" => return Ok(user.map_or(0, |user| self.tokens.end_all(user))),
            "lose-application" => apps.iter().for_each(|app| self.end_application(now, app)),
            "expire-application" => apps.iter().for_each(|app| self.expire(now, app)),
            "resume" => apps
                .iter()
                .for_each(|app| self.close_after_silence(now, app, true)),
            // These happen to the next `count` requests of anybody.
            "unavailable" => self.faults.unavailable = count,
            "bad-gateway" => self.faults.bad_gateway = count,
            "throttle" => self.faults.throttled = (count, retry_after),
            "cut" => self.faults.cut = count,
            "lose-answer" => self.faults.lost_answers = count,
            "reorder" => self.faults.reorder = count,
            _ => return self.do_channel_fault(now, fault, &apps, count),
        }
        Ok(apps.len())
    }

    /// Does a fault to the event channels of `apps`, at once or to their next `count` P-GETs.
    /// Returns how many it hit.
    fn do_channel_fault(
        &mut self,
        now: Moment,
        fault: &str,
        apps: &[String],
        count: u32,
    ) -> Result<usize, String> {
        let action: Box<dyn Fn(&mut Channel) -> bool> = match fault {
            "drop-channel" => Box::new(|channel| channel.interrupt(now, None)),
            "replace-pget" => Box::new(|channel| channel.interrupt(now, Some(replaced()))),
            "swallow-pget" => Box::new(|channel| {
                channel.swallow = count;
                true
            }),
            "lose-package" => Box::new(|channel| {
                channel.lose = count;
                true
            }),
            "resync" => Box::new(|channel| {
                channel.resync_next = true;
                true
            }),
            _ => {
                let all = FAULTS.join(", ");
                return Err(format!("no fault `{fault}`; there are {all}"));
            }
        };
        let mut hit = 0;
        for app in apps {
            if let Some(own) = self.applications.get_mut(app) {
                hit += usize::from(action(&mut own.channel));
            }
            self.touch_channel(app);
        }
        Ok(hit)
    }
}

/// The names of all faults.
pub const FAULTS: [&str; 15] = [
    "drop-channel",
    "replace-pget",
    "expire-tokens",
    "lose-application",
    "expire-application",
    "resume",
    "swallow-pget",
    "lose-package",
    "resync",
    "unavailable",
    "bad-gateway",
    "throttle",
    "cut",
    "lose-answer",
    "reorder",
];
