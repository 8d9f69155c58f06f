//! The form is checked in three ways: the exact text of each kind of event, every type read from
//! what it writes, and that nothing secret can be written.

mod any;
mod exact;
mod lenient;
mod round;
mod secrets;
