//! The simulator: one lock over the world, a clock, and a loop that wakes when something is due.

use super::address::Address;
use super::person::{Manner, Person};
use super::request::Request;
use super::timer::{Moment, Timer};
use super::world::{Config, Outcome, World};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The longest sleep of the loop. Something that is due sooner wakes it.
const NAP_MAX: Duration = Duration::from_secs(3600);

/// What the server's answers have in common.
pub(super) struct Style {
    /// The name of the host, as in the header X-MS-Server-Fqdn.
    pub(super) host: String,
    /// The content type of an answer to a request without Accept.
    pub(super) default_type: String,
    /// Whether a client that accepts gzip gets it.
    pub(super) gzip: bool,
}

/// A simulated Lync or Skype for Business server.
pub struct Simulator {
    pub(super) world: Mutex<World>,
    timer: Arc<dyn Timer>,
    /// Notified when something is due sooner than the loop knows.
    sooner: Notify,
    /// Notified on every change of the world.
    pub(super) happened: Notify,
}

impl Simulator {
    /// Returns a server without people.
    pub fn new(config: Config, timer: Arc<dyn Timer>) -> Arc<Simulator> {
        Arc::new(Simulator {
            world: Mutex::new(World::new(config)),
            timer,
            sooner: Notify::new(),
            happened: Notify::new(),
        })
    }

    /// Returns the time by this server's clock.
    pub fn now(&self) -> Moment {
        self.timer.now()
    }

    /// Answers a request, or returns where the answer will come.
    pub fn handle(&self, request: &Request) -> Outcome {
        self.change(|world, now| world.handle(now, request))
    }

    /// Does what is due, for ever. Spawn it once, and drop it to stop.
    pub async fn run(self: Arc<Self>) {
        loop {
            let due = self.world.lock().due();
            let now = self.timer.now();
            let nap = due
                .map_or(NAP_MAX, |due| (due - now).to_std().unwrap_or_default())
                .min(NAP_MAX);
            if !nap.is_zero() {
                tokio::select! {
                    () = self.timer.sleep(nap) => {}
                    () = self.sooner.notified() => {}
                }
            }
            self.change(|world, now| world.tick(now));
        }
    }

    /// Changes the world, and wakes the loop and those who wait for a change.
    pub(super) fn change<T>(&self, action: impl FnOnce(&mut World, Moment) -> T) -> T {
        let now = self.timer.now();
        let mut world = self.world.lock();
        let before = world.due();
        let done = action(&mut world, now);
        world.tick(now);
        let after = world.due();
        drop(world);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.sooner.notify_one();
        }
        self.happened.notify_waiters();
        done
    }

    /// Adds a person to the directory. A person with a password can sign on with a client.
    ///
    /// # Errors
    /// `uri` is not a SIP address.
    pub fn add_person(
        &self,
        uri: &str,
        name: Option<&str>,
        password: Option<&str>,
        manner: Manner,
    ) -> Result<Address, String> {
        let address = Address::parse(uri).ok_or_else(|| format!("`{uri}` is not a SIP address"))?;
        self.change(|world, now| {
            let mut person = Person::new(now, &address, name);
            person.password = password.map(str::to_owned);
            if manner != Manner::Offline {
                person.presence.availability = Some("Online".to_owned());
            }
            person.manner = manner;
            world.people.insert(address.clone(), person);
        });
        Ok(address)
    }

    /// Returns what every answer needs to know of the server.
    pub(super) fn style(&self) -> Style {
        let world = self.world.lock();
        Style {
            host: format!("fe1.{}", world.config.domain),
            default_type: world.switches.default_type.clone(),
            gzip: world.switches.gzip,
        }
    }
}
