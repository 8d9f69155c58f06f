//! A simulated UCWA server, as a module. The program runs it; tests and benches include it by path.
//!
//! A pure core ([`world::World`]: state, with time as an argument) stands inside a thin shell
//! ([`core::Simulator`]: a lock and a loop; [`serve`]: bytes). It knows nothing of the gateway that
//! it tests. Rejected: a mock with canned answers. A client's difficulties lie in the order of
//! events, and two real clients must be able to talk to each other through the simulator.

pub mod adding;
pub mod address;
pub mod agenda;
pub mod answer;
pub mod application;
pub mod available;
pub mod batch;
pub mod channel;
pub mod conference;
pub mod contact_news;
pub mod contacts;
pub mod control;
pub mod control_http;
pub mod conversation;
pub mod conversations;
pub mod core;
pub mod delivery;
pub mod discover;
pub mod distribution;
pub mod drive;
pub mod escalation;
pub mod event;
pub mod fault;
pub mod groups;
pub mod gzip;
pub mod ids;
pub mod invitation;
pub mod json;
pub mod logs;
pub mod me;
pub mod meeting;
pub mod messaging;
pub mod methods;
pub mod model;
pub mod percent;
pub mod person;
pub mod phones;
pub mod policies;
pub mod presence;
pub mod put;
pub mod representation;
pub mod request;
pub mod ring;
pub mod roster;
pub mod route;
pub mod scheduling;
pub mod serve;
pub mod spelling;
pub mod subscription;
pub mod switches;
pub mod talk;
pub mod tell;
pub mod text;
pub mod timer;
pub mod token;
pub mod typing;
pub mod wish;
pub mod world;
pub mod xml;

#[cfg(test)]
mod control_test;
#[cfg(test)]
mod life_test;
#[cfg(test)]
mod room_test;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod talk_test;
