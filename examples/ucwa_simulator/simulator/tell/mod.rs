//! The events that tell an application of its conversations, in the order of a real server
//! (§ucwa/invitation, §ucwa/incoming).

mod messages;
mod packages;
mod views;
