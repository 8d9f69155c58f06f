//! Lists of strings and dictionaries: XML has a namespace of its own for them.
//!
//! They are serialized as newtype structs with the names below. JSON drops the name of a newtype
//! struct. The XML serializer takes the namespace from the name, which it could not learn from a
//! list that is empty or null.

use serde::Serializer;

/// A list of strings.
pub(crate) const STRINGS: &str = "ArrayOfstring";
/// A dictionary.
pub(crate) const DICTIONARY: &str = "ArrayOfKeyValueOfstringstring";

/// Serializes a member that is a list of strings.
pub(crate) fn strings<S: Serializer>(list: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(STRINGS, list)
}
