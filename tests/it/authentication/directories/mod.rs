//! Directories (§tokens/directory, §tokens/names): who is asked, in which order, what an outage
//! changes, and what ends a token that a directory vouched for.
//!
//! Method: the directory `Company`, whose accounts the test changes, under a clock that is moved by
//! hand. What a real LDAP server says is tried in a test of its own.

mod accounts;
mod groups;
mod names;
mod order;
mod outages;
mod tickets;

use crate::world::{Disk, OPS, World, new_agent};
use std::collections::HashMap;
use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use switchboard::directory::{Account, Asked, Checked, Negotiated, Standing};
use switchboard::{
    AccountName, AgentId, Authenticator, Builder, Credentials, Domains, Error, NewUser, Result,
    Secret, Token,
};

/// An account of a company.
#[derive(Debug, Clone, Default)]
struct Entry {
    password: &'static str,
    agents: Vec<AgentId>,
    is_disabled: bool,
}

/// A directory; clones are the same one.
#[derive(Clone)]
pub(crate) struct Company {
    name: &'static str,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    accounts: HashMap<String, Entry>,
    is_down: bool,
    pub(crate) takes_tickets: bool,
    /// The names that it was asked for, nobody's as `-`.
    asked: Vec<String>,
}

impl Company {
    fn new(name: &'static str, accounts: &[(&str, &'static str)]) -> Company {
        let company = Company {
            name,
            state: Arc::default(),
        };
        for (account, password) in accounts {
            company.entry(account, |entry| entry.password = password);
        }
        company
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    /// Changes the account of that canonical name, and creates it if necessary.
    fn entry(&self, account: &str, change: impl FnOnce(&mut Entry)) {
        self.change(|state| change(state.accounts.entry(account.to_owned()).or_default()));
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.change(|state| state.is_down = is_down);
    }

    /// The names that it was asked for since the last time.
    fn asked(&self) -> Vec<String> {
        self.change(|state| std::mem::take(&mut state.asked))
    }

    fn answer<T: Send + 'static>(&self, asked: &str, answer: impl FnOnce(&State) -> T) -> Asked<T> {
        let answer = self.change(|state| {
            state.asked.push(asked.to_owned());
            match state.is_down {
                true => Err(Error::Unreachable(format!("{} is down", self.name))),
                false => Ok(answer(state)),
            }
        });
        Box::pin(ready(answer))
    }
}

impl Authenticator for Company {
    fn name(&self) -> &str {
        self.name
    }

    fn check(&self, username: AccountName, password: Secret) -> Asked<Checked> {
        self.answer(username.spelled(), |state| {
            match state.accounts.get(username.canonical()) {
                None => Checked::Unknown,
                Some(entry) if entry.password == password.expose() && !entry.is_disabled => {
                    Checked::Right(Account::of_agents(entry.agents.clone()))
                }
                Some(_) => Checked::Wrong,
            }
        })
    }

    fn check_nobody(&self, _password: Secret) -> Asked<Checked> {
        self.answer("-", |_| Checked::Unknown)
    }

    fn look_again(&self, username: AccountName) -> Asked<Standing> {
        self.answer(username.spelled(), |state| {
            match state.accounts.get(username.canonical()) {
                Some(entry) if !entry.is_disabled => {
                    Standing::Good(Account::of_agents(entry.agents.clone()))
                }
                _ => Standing::Ended,
            }
        })
    }

    fn admits(&self, agent: &AgentId) -> bool {
        self.change(|state| {
            let mut entries = state.accounts.values();
            entries.any(|entry| entry.agents.contains(agent))
        })
    }

    fn negotiates(&self) -> bool {
        self.change(|state| state.takes_tickets)
    }

    fn negotiate(&self, token: Secret) -> Asked<Option<Negotiated>> {
        self.answer("a ticket", |_| {
            let principal = token.expose().strip_prefix("ticket of ");
            principal.map(|name| Negotiated::new(name, Some("cmVwbHk=".into())))
        })
    }
}

/// The company `corp` with its account `bot1`.
pub(crate) fn corp() -> Company {
    Company::new("corp", &[("bot1@corp.test", "open")])
}

pub(crate) fn domains() -> Domains {
    Domains::new().domain("CORP", "corp.test")
}

/// The agent `echo`, whose user `bot1` has no password here.
fn world(disk: Option<&Disk>, build: impl FnOnce(Builder) -> Builder) -> World {
    let world = World::with(|builder| {
        let builder = build(builder.domains(domains()));
        match disk {
            Some(disk) => builder.database(disk.path()),
            None => builder,
        }
    });
    let user = NewUser::new("bot1", r"CORP\Bot1").unwrap();
    world.admin().put_user(user).unwrap();
    world.put(new_agent("echo", &[OPS]).user("bot1").unwrap());
    world
}

fn log_in(world: &World, name: &str, password: &str) -> Result<Token> {
    let credentials = Credentials::agent(name, password, "echo");
    world.engine.log_in(&credentials)
}

#[track_caller]
fn is_wrong(login: &Result<Token>) {
    assert!(matches!(login, Err(Error::Unauthorized(_))), "{login:?}");
}

/// The login fails with an error that says when to try again.
#[track_caller]
fn is_away(login: &Result<Token>) {
    let error = login.as_ref().expect_err("the directory is away");
    assert!(error.retry_after().is_some(), "{error:?}");
    assert!(!matches!(error, Error::Unauthorized(_)), "{error:?}");
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}
