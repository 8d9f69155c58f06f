//! What an application is told of its conversations: packages, with the order of their events as on the wire (§ucwa/invitation, §ucwa/incoming).

mod messages;
mod packages;
mod views;
