//! The one place that reads documents as leniently as the clients need.
//!
//! Clients quote numbers and truth values, write `null` and `""` for nothing, and `{}` for an empty
//! list (§request/lenient, §request/holes). An XML element does not say whether it is a list, an
//! object or a text (§xml/input). All of this is accepted. What cannot be understood is
//! [`Error::Invalid`], with one sentence that says what was wrong and where: a wrong guess would be
//! worse than a refusal. Unknown members are ignored.

use super::code::Coded;
use super::tree::Tree;
use crate::error::{Error, Result};
use std::ops::RangeInclusive;

/// A document that can be read from a [`Tree`].
pub trait Read: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what was wrong and where.
    fn read(node: &Node<'_>) -> Result<Self>;
}

static NOTHING: Tree = Tree::Null;

/// A value and its path in the document.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    tree: &'a Tree,
    /// For example `MessageParts[2].Text`; empty at the root.
    place: String,
}

impl<'a> Node<'a> {
    /// The whole document.
    pub fn root(tree: &'a Tree) -> Node<'a> {
        Node {
            tree,
            place: String::new(),
        }
    }

    /// The value as it was written.
    pub fn tree(&self) -> &'a Tree {
        self.tree
    }

    /// Whether this is a hole: an absent member, `null`, `""` or an empty element.
    pub fn is_hole(&self) -> bool {
        self.tree.is_hole()
    }

    /// The members of an object, in their order.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is no object.
    pub fn members(&self) -> Result<&'a [(String, Tree)]> {
        match self.tree {
            Tree::Map(members) | Tree::Elements(members) => Ok(members),
            // Of XML that is laid out in lines.
            Tree::Text(text) if !text.is_empty() && text.trim().is_empty() => Ok(&[]),
            _ => Err(self.not("an object")),
        }
    }

    /// A member of an object; an absent member is `null`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if this is no object, or has the member twice.
    pub fn member(&self, name: &str) -> Result<Node<'a>> {
        let mut named = self.members()?.iter().filter(|(found, _)| found == name);
        let place = if self.place.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.place)
        };
        let found = named.next();
        // Of JSON the parser has seen to it; of elements only now is it known that they are
        // members.
        if named.next().is_some() {
            return Err(Error::invalid(format!(
                "the member `{place}` is given twice"
            )));
        }
        Ok(Node {
            tree: found.map_or(&NOTHING, |(_, tree)| tree),
            place,
        })
    }

    /// The items of a list without its holes. `null`, `""` and `{}` are empty lists.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is no list.
    pub fn items(&self) -> Result<Vec<Node<'a>>> {
        match self.tree {
            Tree::List(items) => Ok(self.without_holes(items)),
            // The list may say of which type it is.
            Tree::Elements(children) => Ok(self.without_holes(
                children
                    .iter()
                    .filter(|(name, _)| name != "__type")
                    .map(|(_, item)| item),
            )),
            Tree::Map(members) if members.is_empty() => Ok(Vec::new()),
            Tree::Text(text) if text.trim().is_empty() => Ok(Vec::new()),
            Tree::Null => Ok(Vec::new()),
            _ => Err(self.not("a list")),
        }
    }

    fn without_holes(&self, items: impl IntoIterator<Item = &'a Tree>) -> Vec<Node<'a>> {
        let items = items
            .into_iter()
            .enumerate()
            .filter(|(_, item)| !item.is_hole());
        items
            .map(|(index, tree)| Node {
                tree,
                place: format!("{}[{index}]", self.place),
            })
            .collect()
    }

    /// Every item read as a `T`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is no list of those.
    pub fn list<T: Read>(&self) -> Result<Vec<T>> {
        self.items()?.iter().map(T::read).collect()
    }

    /// Text, or the digits of a number. `None` for `null`; `""` is a text.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is something else.
    pub fn text(&self) -> Result<Option<String>> {
        match self.tree {
            Tree::Null => Ok(None),
            Tree::Text(text) => Ok(Some(text.clone())),
            Tree::Integer(number) => Ok(Some(number.to_string())),
            Tree::Float(number) => Ok(Some(number.to_string())),
            // An empty element, whatever type it says it has.
            Tree::Elements(children) if children.iter().all(|(name, _)| name == "__type") => {
                Ok(Some(String::new()))
            }
            _ => Err(self.not("a string")),
        }
    }

    /// Text, where `""` means none.
    ///
    /// # Errors
    /// As [`Node::text`].
    pub fn text_unless_empty(&self) -> Result<Option<String>> {
        Ok(self.text()?.filter(|text| !text.is_empty()))
    }

    /// Text that must be present and not empty.
    ///
    /// # Errors
    /// As [`Node::text`], and if the text is absent or empty.
    pub fn required_text(&self) -> Result<String> {
        self.text_unless_empty()?
            .ok_or_else(|| Error::invalid(format!("{} is missing or empty", self.named())))
    }

    /// A truth value, bare or quoted, or 0 or 1. A hole is false.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is something else.
    pub fn boolean(&self) -> Result<bool> {
        match self.tree {
            Tree::Bool(value) => Ok(*value),
            Tree::Integer(0) => Ok(false),
            Tree::Integer(1) => Ok(true),
            Tree::Text(text) => match text.trim() {
                "" | "0" => Ok(false),
                "1" => Ok(true),
                text if text.eq_ignore_ascii_case("true") => Ok(true),
                text if text.eq_ignore_ascii_case("false") => Ok(false),
                _ => Err(self.not("true or false")),
            },
            tree if tree.is_hole() => Ok(false),
            _ => Err(self.not("true or false")),
        }
    }

    /// A whole number within `range`, bare or quoted. `None` for a hole.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is something else, or outside.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Result<Option<i64>> {
        let Some(number) = self.number()? else {
            return Ok(None);
        };
        match i64::try_from(number) {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(Error::invalid(format!(
                "{} is {number}, a number from {} to {} is expected",
                self.named(),
                range.start(),
                range.end()
            ))),
        }
    }

    /// A value of an enumeration: its number, bare or quoted, or its name in any case. `None` for a
    /// hole.
    pub(crate) fn code<T: Coded>(&self) -> Result<Option<T>> {
        if let Tree::Text(name) = self.tree
            && let Some(value) = T::of_name(name.trim())
        {
            return Ok(Some(value));
        }
        let number = match self.number() {
            Ok(None) => return Ok(None),
            Ok(Some(number)) => T::of_number(number),
            Err(_) => None,
        };
        number.map(Some).ok_or_else(|| {
            let known: Vec<String> = T::CODES
                .iter()
                .map(|(_, number, name)| format!("{number} {name}"))
                .collect();
            Error::invalid(format!(
                "{} is {}, one of {} is expected",
                self.named(),
                self.shown(),
                known.join(", ")
            ))
        })
    }

    fn number(&self) -> Result<Option<i128>> {
        match self.tree {
            Tree::Integer(number) => Ok(Some(*number)),
            // Saturates, and what is saturated is out of every range.
            Tree::Float(number) if number.fract() == 0.0 => Ok(Some(*number as i128)),
            tree if tree.is_hole() => Ok(None),
            Tree::Text(text) => text
                .trim()
                .parse()
                .map(Some)
                .map_err(|_| self.not("a whole number")),
            _ => Err(self.not("a whole number")),
        }
    }

    /// The error for a value of an unexpected kind.
    pub(crate) fn not(&self, expected: &str) -> Error {
        Error::invalid(format!(
            "{} is {}, {expected} is expected",
            self.named(),
            self.shown()
        ))
    }

    /// The name of this value in an error.
    pub(crate) fn named(&self) -> String {
        if self.place.is_empty() {
            "the body".to_owned()
        } else {
            format!("`{}`", self.place)
        }
    }

    /// The value as an error shows it: numbers and truth values in full; a text may be long, so
    /// only its kind and beginning.
    fn shown(&self) -> String {
        match self.tree {
            Tree::Bool(value) => value.to_string(),
            Tree::Integer(number) => number.to_string(),
            Tree::Float(number) => number.to_string(),
            Tree::Text(text) if text.is_empty() => "empty".to_owned(),
            Tree::Text(text) if !self.place.contains("Password") => {
                let beginning: String = text.chars().take(40).collect();
                format!("`{}`", beginning.escape_debug())
            }
            tree => tree.kind().to_owned(),
        }
    }
}

impl Read for String {
    fn read(node: &Node<'_>) -> Result<String> {
        node.text()?.ok_or_else(|| node.not("a string"))
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node<'_>) -> Result<Vec<T>> {
        node.list()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DisplayMode;

    fn text(text: &str) -> Tree {
        Tree::Text(text.to_owned())
    }

    #[test]
    fn truth_values_come_in_many_coats() {
        for (tree, value) in [
            (Tree::Bool(true), true),
            (text("true"), true),
            (text("False"), false),
            (text("1"), true),
            (Tree::Integer(1), true),
            (Tree::Null, false),
            (text(""), false),
        ] {
            assert_eq!(Node::root(&tree).boolean(), Ok(value), "{tree:?}");
        }
        let error = Node::root(&text("perhaps"))
            .boolean()
            .expect_err("not a truth value");
        assert_eq!(
            error.to_string(),
            "the body is `perhaps`, true or false is expected"
        );
    }

    #[test]
    fn numbers_are_taken_quoted_and_refused_out_of_range() {
        for tree in [
            Tree::Integer(10),
            text("10"),
            text(" 10 "),
            Tree::Float(10.0),
        ] {
            assert_eq!(Node::root(&tree).integer(0..=10), Ok(Some(10)));
        }
        for tree in [Tree::Null, text("")] {
            assert_eq!(Node::root(&tree).integer(0..=10), Ok(None));
        }
        for tree in [
            Tree::Integer(11),
            Tree::Integer(-1),
            Tree::Float(1e300),
            text("99999999999999999999"),
            Tree::Float(1.5),
        ] {
            assert!(Node::root(&tree).integer(0..=10).is_err(), "{tree:?}");
        }
    }

    #[test]
    fn an_enumeration_is_its_number_or_its_name() {
        for tree in [Tree::Integer(1), text("1"), text("block"), text("Block")] {
            assert_eq!(
                Node::root(&tree).code(),
                Ok(Some(DisplayMode::Block)),
                "{tree:?}"
            );
        }
        let error = Node::root(&Tree::Integer(7))
            .code::<DisplayMode>()
            .expect_err("no such mode");
        assert_eq!(
            error.to_string(),
            "the body is 7, one of 0 Inline, 1 Block is expected"
        );
    }

    #[test]
    fn holes_in_lists_are_skipped_and_places_still_count_them() {
        let tree = Tree::Map(vec![(
            "Users".into(),
            Tree::List(vec![text("lene"), Tree::Null, text(""), Tree::Bool(true)]),
        )]);
        let error = Node::root(&tree)
            .member("Users")
            .and_then(|users| users.list::<String>())
            .expect_err("not a user");
        assert_eq!(
            error.to_string(),
            "`Users[3]` is true, a string is expected"
        );
        for empty in [
            Tree::Null,
            text(""),
            Tree::Map(Vec::new()),
            Tree::List(vec![Tree::Null]),
        ] {
            assert_eq!(Node::root(&empty).list::<String>(), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let tree = Tree::Map(vec![("Password".into(), text("hunter2"))]);
        let error = Node::root(&tree)
            .member("Password")
            .and_then(|node| node.boolean())
            .expect_err("no truth value");
        assert!(!error.to_string().contains("hunter2"));
    }
}
