//! XML text of the documents, both ways, as .NET's data-contract serializer has it (§xml/output).
//!
//! Writing is a second `serde` serializer over the documents of [`super::json`], and reading makes
//! the same [`Tree`]. So names, order and leniency are defined once for both formats.
//!
//! * `document` knows what only XML needs: the name and the namespace of a document's root.
//! * `write` is the serializer, `text` knows which characters XML can carry, `read` is the parser.
//!
//! Rejected: quick-xml's own serde support (it cannot write `i:nil`, `i:type` or a prefix, nor name
//! the root of an empty list, and reads the order of nothing); a struct per shape and format; a
//! tree of elements built before writing, because answers with a thousand messages need none.

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

/// Reads a document. The names of the root, of prefixes and of namespaces do not matter, nor does
/// the order of elements; unknown elements are ignored.
///
/// # Errors
/// As [`parse`]; [`Error::Invalid`] too if a known element cannot be understood or occurs twice.
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
