//! JSON text of the documents, both ways.

use super::lenient::{Node, Read};
use super::tree::Tree;
use crate::error::{Error, Result};
use serde::Serialize;

/// Reads a document.
///
/// # Errors
/// [`Error::Invalid`] with one sentence: no JSON (with the place; where a backslash stands alone,
/// as in `DOMAIN\user`, it says to write it twice), a member given twice, or a member that cannot
/// be understood.
pub fn decode<T: Read>(text: &[u8]) -> Result<T> {
    T::read(&Node::root(&parse(text)?))
}

/// Writes a document.
pub fn encode<T: Serialize + ?Sized>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).expect("documents have string keys only and fail in no other way")
}

/// Reads text into a tree, nothing interpreted.
///
/// # Errors
/// As [`decode`].
pub fn parse(text: &[u8]) -> Result<Tree> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::invalid("the body is empty, JSON is expected"));
    }
    serde_json::from_slice(text).map_err(|error| {
        let hint = if backslash_before(text, &error) {
            r"; a backslash inside a string is written twice, as in `DOMAIN\\user`"
        } else if text.trim_ascii_start().starts_with(b"<") {
            "; XML is sent with `Content-Type: application/xml`"
        } else {
            ""
        };
        Error::invalid(format!("the body is not readable as JSON: {error}{hint}"))
    })
}

/// Whether the reader stopped at an escape that does not exist.
fn backslash_before(text: &[u8], error: &serde_json::Error) -> bool {
    let Some(line) = text
        .split(|byte| *byte == b'\n')
        .nth(error.line().saturating_sub(1))
    else {
        return false;
    };
    // The column is that of the byte after the backslash, or for `\u` a few bytes further on.
    let end = error.column().min(line.len());
    line[end.saturating_sub(6)..end].contains(&b'\\')
        && error.is_syntax()
        && error.to_string().contains("escape")
}

/// Refuses a name with the control character that an escape like the `\b` of `DOMAIN\bot1` has left
/// in it.
pub(crate) fn check_backslashes(member: &str, text: &str) -> Result<()> {
    match text.chars().find(|c| c.is_control()) {
        Some(bad) => Err(Error::invalid(format!(
            r"`{member}` contains the control character U+{:04X}; a backslash is written twice in JSON, as in `DOMAIN\\user`",
            bad as u32
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_members_is_kept() {
        let tree = parse(br#"{"b":1,"a":[null,"x",true,2.5]}"#).expect("fine");
        let list = vec![
            Tree::Null,
            Tree::Text("x".into()),
            Tree::Bool(true),
            Tree::Float(2.5),
        ];
        assert_eq!(
            tree,
            Tree::Map(vec![
                ("b".into(), Tree::Integer(1)),
                ("a".into(), Tree::List(list))
            ])
        );
    }

    #[test]
    fn what_is_no_json_is_refused_in_one_sentence() {
        for (text, reason) in [
            ("", "the body is empty"),
            (" \n", "the body is empty"),
            ("{", "EOF"),
            ("{} {}", "trailing characters"),
            (r#"{"a":1,"a":2}"#, "the member `a` is given twice"),
            (r#"{"a":{"b":1,"b":2}}"#, "the member `b` is given twice"),
            ("<Message/>", "expected value"),
            (" <Message/>", "`Content-Type: application/xml`"),
            ("1e999", "out of range"),
            (&"[".repeat(100_000), "recursion limit"),
        ] {
            let error = parse(text.as_bytes()).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains("twice, as in"), "{error}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn a_lone_backslash_is_explained() {
        for text in [
            r#"{"Username":"domain\mindlinksuperuser"}"#,
            r#"{"Username":"DOMAIN\user"}"#,
            "{\n\"Username\":\"a\\q\"}",
        ] {
            let error = parse(text.as_bytes())
                .expect_err("no such escape")
                .to_string();
            assert!(error.ends_with(r"as in `DOMAIN\\user`"), "{error}");
        }
        let error = check_backslashes("Username", "domain\u{8}ot1")
            .expect_err("a backspace")
            .to_string();
        assert!(
            error.contains("U+0008") && error.contains("twice"),
            "{error}"
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_harm() {
        assert_eq!(parse(b"\xef\xbb\xbf\"x\""), Ok(Tree::Text("x".into())));
    }
}
