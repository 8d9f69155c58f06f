//! Where a long text is cut: at line ends, else at spaces, else between two characters as people
//! see them.
//!
//! Everything that shows is in some piece, in order; what is left out is space at the cuts. The
//! rules of Unicode for what people see as one character fill tables; what is kept together here
//! are marks that combine, joined emoji, their variants and flags. Rejected: a crate with the whole
//! tables for a cut that hardly ever happens, inside a word longer than a message.

use crate::backend::Limits;
use crate::error::{Error, Result};
use crate::model::{Content, Part, Split};
use std::ops::Range;
use unicode_normalization::char::is_combining_mark;

/// Messages that one text may become. More would take longer than a post may.
const PIECES_MAX: usize = 64;

/// The contents that a long content becomes, each of which `limits` hold; none if there is a line
/// that they do not hold and that must not be split. All have its markings, the first its subject.
///
/// # Errors
/// `TooLarge` if there would be too many.
pub(super) fn pieces(
    content: &Content,
    limits: &Limits,
    split: Split,
) -> Result<Option<Vec<Content>>> {
    let text = content.visible_text();
    let Some(ranges) = cut(&text, limits, split) else {
        return Ok(None);
    };
    if ranges.len() > PIECES_MAX {
        return Err(Error::TooLarge {
            what: "the number of messages that the text is split into",
            length: ranges.len() as u64,
            limit: PIECES_MAX as u64,
        });
    }
    let piece = |(n, range): (usize, Range<usize>)| Content {
        subject: content.subject.clone().filter(|_| n == 0),
        in_reply_to: content.in_reply_to.clone().filter(|_| n == 0),
        parts: parts_of(&content.parts, &range),
        ..content.clone()
    };
    Ok(Some(ranges.into_iter().enumerate().map(piece).collect()))
}

/// What of `parts` shows the bytes `range` of their text. A link that is cut leads to one place
/// from both pieces.
fn parts_of(parts: &[Part], range: &Range<usize>) -> Vec<Part> {
    let mut found = Vec::new();
    let mut begin = 0;
    for part in parts {
        let visible = part.visible();
        let end = begin + visible.len();
        let (from, to) = (range.start.max(begin), range.end.min(end));
        if from < to {
            let is_whole = (from, to) == (begin, end);
            let shown = &visible[from - begin..to - begin];
            found.push(if is_whole {
                part.clone()
            } else {
                showing(part, shown)
            });
        }
        begin = end;
    }
    found
}

/// As `part`, but showing `text`.
fn showing(part: &Part, text: &str) -> Part {
    let text = text.to_owned();
    match part.clone() {
        Part::Hyperlink { url, .. } => Part::Hyperlink { text, url },
        Part::ChannelLink { channel, .. } => Part::ChannelLink {
            channel,
            name: text,
        },
        Part::CodeBlock {
            language, display, ..
        } => Part::CodeBlock {
            code: text,
            language,
            display,
        },
        Part::Mention { address, .. } => Part::Mention {
            address,
            name: text,
        },
        Part::Text(_)
        | Part::Hashtag(_)
        | Part::Emoji(_)
        | Part::Attachment(_)
        | Part::Unreadable { .. } => Part::Text(text),
    }
}

/// The pieces of `text`; none if a line is too long and must not be split.
fn cut(text: &str, limits: &Limits, split: Split) -> Option<Vec<Range<usize>>> {
    let mut ranges = Vec::new();
    let mut begin = after_blank_lines(text, 0);
    while begin < text.len() {
        let fits = begin + longest_prefix(&text[begin..], limits);
        let end = end_of_piece(text, begin..fits, split)?;
        let shown = text[begin..end].trim_end().len();
        if shown > 0 {
            ranges.push(begin..begin + shown);
        }
        let rest = &text[end..];
        // The space at a cut inside a line is left out. At a line end it belongs to the next line.
        let spaces = match rest.starts_with(is_line_end) {
            true => 0,
            false => rest.len() - rest.trim_start_matches(is_blank).len(),
        };
        begin = after_blank_lines(text, end + spaces);
    }
    Some(ranges)
}

/// Where the piece that begins with `fits`, of which no more fits, ends.
fn end_of_piece(text: &str, fits: Range<usize>, split: Split) -> Option<usize> {
    let rest = &text[fits.end..];
    if rest.is_empty() || rest.starts_with(is_line_end) {
        return Some(fits.end);
    }
    let piece = &text[fits.clone()];
    if let Some(line) = piece.rfind(is_line_end) {
        return Some(fits.start + line);
    }
    if split != Split::Fit {
        return None;
    }
    if rest.starts_with(char::is_whitespace) {
        return Some(fits.end);
    }
    let space = piece.rfind(char::is_whitespace);
    if let Some(space) = space.filter(|space| !piece[..*space].trim().is_empty()) {
        return Some(fits.start + space);
    }
    let mut ends = piece.char_indices().rev().map(|(at, _)| fits.start + at);
    let is_between = |at: &usize| is_boundary(&text[..*at], &text[*at..]);
    let all = Some(fits.end).filter(is_between);
    let inside = || ends.find(|at| *at > fits.start && is_between(at));
    all.or_else(inside).or(Some(fits.end))
}

/// Bytes of the longest beginning of `text` that `limits` hold: at least one character.
fn longest_prefix(text: &str, limits: &Limits) -> usize {
    let most = |limit: Option<u32>| limit.map_or(usize::MAX, |limit| limit as usize);
    let (characters, bytes, lines) = (
        most(limits.characters),
        most(limits.bytes),
        most(limits.lines),
    );
    let (mut ends, mut before) = (0, ' ');
    for (count, (at, character)) in text.char_indices().enumerate() {
        ends += usize::from(character == '\r' || character == '\n' && before != '\r');
        if count >= characters || at + character.len_utf8() > bytes || ends >= lines {
            return at;
        }
        before = character;
    }
    text.len()
}

/// Where the first line from `begin` on begins that has text; the end if there is none.
fn after_blank_lines(text: &str, begin: usize) -> usize {
    let rest = &text[begin..];
    let Some(first) = rest.find(|c: char| !c.is_whitespace()) else {
        return text.len();
    };
    let line = rest[..first].rfind(is_line_end);
    begin + line.map_or(0, |line| line + 1)
}

fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r')
}

fn is_blank(character: char) -> bool {
    character.is_whitespace() && !is_line_end(character)
}

/// Whether people see two characters where `before` ends and `after` begins.
fn is_boundary(before: &str, after: &str) -> bool {
    const JOINER: char = '\u{200d}';
    let (Some(last), Some(next)) = (before.chars().next_back(), after.chars().next()) else {
        return true;
    };
    let is_flag = |character: &char| matches!(character, '\u{1f1e6}'..='\u{1f1ff}');
    let extends = is_combining_mark(next)
        || matches!(next, JOINER | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}');
    let flags = before.chars().rev().take_while(is_flag).count();
    let is_half_flag = is_flag(&next) && flags % 2 == 1;
    !(extends || last == JOINER || is_half_flag || (last == '\r' && next == '\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str, limits: Limits, split: Split) -> Option<Vec<String>> {
        let pieces = pieces(&Content::text(text), &limits, split).unwrap()?;
        Some(pieces.iter().map(Content::visible_text).collect())
    }

    #[track_caller]
    fn becomes(text: &str, limits: Limits, split: Split, wanted: &[&str]) {
        let wanted: Vec<String> = wanted.iter().map(|&piece| piece.to_owned()).collect();
        assert_eq!(texts(text, limits, split), Some(wanted), "`{text}`");
    }

    #[test]
    fn a_text_is_cut_at_line_ends_first_then_at_spaces_then_between_characters() {
        let (one, none) = (Limits::NONE.lines(1), Limits::NONE);
        becomes(
            "one\ntwo\r\nthree",
            one,
            Split::Lines,
            &["one", "two", "three"],
        );
        becomes("\n \na\n\n \nb\n\n", one, Split::Fit, &["a", "b"]);
        becomes(
            "a\n  b\nc",
            Limits::NONE.lines(2),
            Split::Lines,
            &["a\n  b", "c"],
        );
        becomes(
            "a\n\nb\nc",
            Limits::NONE.lines(3),
            Split::Lines,
            &["a\n\nb", "c"],
        );
        becomes("aa bb\ncc", none.bytes(7), Split::Fit, &["aa bb", "cc"]);
        becomes("aa bb  cc", none.bytes(6), Split::Fit, &["aa bb", "cc"]);
        becomes("aa bbbbb", none.bytes(7), Split::Fit, &["aa", "bbbbb"]);
        becomes("aaaa bbbb", none.bytes(4), Split::Fit, &["aaaa", "bbbb"]);
        becomes("aaaaabb c", none.bytes(5), Split::Fit, &["aaaaa", "bb c"]);
        becomes("  aaaa", none.characters(4), Split::Fit, &["  aa", "aa"]);
        becomes("äöüß", none.bytes(5), Split::Fit, &["äö", "üß"]);
        becomes("äöüß", none.characters(3), Split::Fit, &["äöü", "ß"]);
        assert_eq!(texts("a\nbbbbbb", none.bytes(5), Split::Lines), None);
    }

    #[test]
    fn no_cut_is_inside_of_what_people_see_as_one_character() {
        let (none, family, flag) = (Limits::NONE, "👩\u{200d}👩\u{200d}👧", "🇩🇪");
        becomes(
            "abe\u{301}c",
            none.characters(3),
            Split::Fit,
            &["ab", "e\u{301}c"],
        );
        let two = format!("{flag}{flag}");
        becomes(&two, none.characters(3), Split::Fit, &[flag, flag]);
        let text = format!("a{family}");
        becomes(&text, none.characters(5), Split::Fit, &["a", family]);
        becomes(
            "a👍\u{1f3fd}",
            none.characters(2),
            Split::Fit,
            &["a", "👍\u{1f3fd}"],
        );
        // What no message holds as a whole is cut all the same, between characters of the text.
        let marks = format!("a{}", "\u{301}".repeat(5));
        let pieces = texts(&marks, none.bytes(4), Split::Fit).unwrap();
        assert_eq!(pieces.concat(), marks);
    }

    #[test]
    fn pieces_keep_markings_and_links_and_the_first_the_subject() {
        let (text, url) = (
            "see the manual".to_owned(),
            "https://example.org".to_owned(),
        );
        let link = |text: &str| Part::Hyperlink {
            text: text.into(),
            url: url.clone(),
        };
        let parts = vec![Part::Text("Please ".into()), link(&text)];
        let content = Content::parts(parts).alert().story("Pump");
        let pieces = pieces(&content, &Limits::NONE.bytes(12), Split::Fit);
        let pieces = pieces.unwrap().unwrap();
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0].parts, [Part::Text("Please ".into()), link("see")]);
        assert_eq!(pieces[1].parts, [link("the manual")]);
        assert!(pieces.iter().all(|piece| piece.alert));
        let subjects: Vec<_> = pieces
            .iter()
            .map(|piece| piece.subject.as_deref())
            .collect();
        assert_eq!(subjects, [Some("Pump"), None]);
    }

    #[test]
    fn any_text_comes_out_whole_in_pieces_that_fit() {
        let words = [
            "a",
            "ß\u{301}",
            "👩\u{200d}👧",
            " ",
            "\n",
            "\r\n",
            "longer-word",
            "\t",
        ];
        let mut seed = 7u64;
        for _ in 0..300 {
            let mut text = String::new();
            for _ in 0..40 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(words[(seed >> 33) as usize % words.len()]);
            }
            for limits in [
                Limits::NONE.bytes(4),
                Limits::NONE.bytes(9).lines(1),
                Limits::NONE.characters(3).lines(2),
                Limits::NONE.characters(20).lines(3),
            ] {
                let ranges = cut(&text, &limits, Split::Fit).unwrap();
                let pieces: Vec<&str> = ranges.into_iter().map(|range| &text[range]).collect();
                assert!(pieces.iter().all(|piece| limits.hold(piece)), "{pieces:?}");
                let shows = |text: &str| text.split_whitespace().collect::<String>();
                assert_eq!(shows(&pieces.concat()), shows(&text), "{limits:?}");
            }
        }
    }

    #[test]
    fn a_text_that_becomes_too_many_messages_is_refused() {
        let text = "word ".repeat(65);
        let error = pieces(&Content::text(text), &Limits::NONE.bytes(4), Split::Fit);
        assert_eq!(error.unwrap_err().code(), "too_large");
    }
}
