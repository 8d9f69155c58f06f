//! XML as XMPP uses it: a tree for one stanza, its text, and a parser that is pushed bytes.
//!
//! Pure: no socket, no clock. Rejected: `quick-xml`, which pulls from a reader that waits, whereas
//! a stream's parser is given what has come and must say what it makes of it; and it knows neither
//! of a stanza that is too large and to be skipped nor of the end of a stream. XMPP's subset (RFC
//! 6120, 11.1) is small enough to be read whole here.

mod element;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

pub(super) use element::{Element, Node, escape};
pub(super) use parser::{Event, Parser};
#[cfg(test)]
pub(super) use tests::parsed;
