//! XML text of the documents, both ways, as .NET's data-contract serializer has it (§xml/output).
//!
//! Writing is one more `serde` serializer over the same documents as [`super::json`], reading makes the same
//! [`Tree`]: what a member is called, in which order and how kindly it is read is said once, for both formats.
//!
//! * `document` knows what only XML asks of a document: the name and the namespace of its root.
//! * `write` is the serializer, `text` what an XML text may hold, `read` the way back.
//!
//! Rejected: quick-xml's own serde support (it cannot write `i:nil`, `i:type` or a prefix, nor name the root of an
//! empty list, and reads the order of nothing); a struct per shape and format; a tree of elements built before
//! writing, because answers with a thousand messages need none.

mod document;
mod read;
mod text;
mod write;

pub use document::{Document, Root};
pub(crate) use read::DEPTH_MAX;
pub use read::parse;

use super::lenient::{Node, Read};
use crate::error::Result;
pub(crate) use text::carried;

#[cfg(doc)]
use crate::{error::Error, wire::Tree};

/// Reads a document. The names of the root, of prefixes and of namespaces do not matter, nor does the order of
/// elements; those nobody asked for are never looked at.
///
/// # Errors
/// As [`parse`]; [`Error::Invalid`] too if an element that is asked for cannot be understood, or stands there twice.
pub fn decode<T: Read>(text: &[u8]) -> Result<T> {
    T::read(&Node::root(&parse(text)?))
}

/// Writes a document: no declaration, no byte order mark, no white space between elements.
///
/// Characters that XML 1.0 cannot carry are written as U+FFFD.
pub fn encode<T: Document + ?Sized>(document: &T) -> Vec<u8> {
    let written = write::document(document, &T::root());
    written
        .expect("documents are structs, lists, texts and numbers, and fail in no way")
        .into_bytes()
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod requests;
