//! An application, its channel and its user over time: §ucwa/discovery to §ucwa/thirty-seconds, and
//! §ucwa/presence.

mod directory;
mod ends;
mod habits;
mod methods;
mod requests;
mod tokens;
mod watching;
