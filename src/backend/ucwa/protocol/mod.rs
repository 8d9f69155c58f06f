//! What the server says and is told, as values: addresses, documents, packages of events, refusals,
//! requests.
//!
//! Everything here is pure. Parsers are lenient, because servers of several years speak, and the
//! fuzzer feeds them.

pub(super) mod address;
pub(super) mod application;
pub(super) mod challenge;
mod charset;
pub(super) mod data_uri;
pub(super) mod document;
pub(super) mod failure;
pub(super) mod follow;
pub(super) mod lenient;
pub(super) mod markup;
pub(super) mod package;
pub(super) mod presence;
pub(super) mod reason;
pub(super) mod request;
pub(super) mod search;
pub(super) mod status;
pub(super) mod url;
