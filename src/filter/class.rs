//! Character classes: .NET's `[…]`, including its subtraction `[a-z-[aeiou]]`, translated for
//! `regex`.
//!
//! A class is parsed and re-emitted character by character, because the two syntaxes differ inside
//! brackets: `&&`, `--` and a nested `[` are operators of `regex`, and ordinary characters of .NET.

use super::escape::{Refused, Rest, category, character, literal};

/// Translates a class whose opening bracket is read already.
pub(super) fn translate(rest: &mut Rest<'_>, out: &mut String) -> Result<(), Refused> {
    let negated = rest.next_if_eq(&'^').is_some();
    let (mut items, mut subtracted) = (String::new(), None);
    let mut first = true;
    loop {
        let c = rest.next().ok_or("a class `[` has no end")?;
        if c == ']' && !first {
            break;
        }
        if c == '-' && !first && rest.next_if_eq(&'[').is_some() {
            subtracted = Some(subtraction(rest)?);
            break;
        }
        first = false;
        if c == '[' && rest.peek() == Some(&':') {
            return Err("a POSIX class `[:` is not supported".into());
        }
        let Some(low) = item(c, rest, &mut items)? else {
            continue;
        };
        literal(low, &mut items);
        let mut ahead = rest.clone();
        if ahead.next() == Some('-') && !matches!(ahead.peek(), None | Some(']' | '[')) {
            *rest = ahead;
            let c = rest.next().unwrap_or('-');
            let high =
                item(c, rest, &mut String::new())?.ok_or("a range in a class ends with a set")?;
            if high < low {
                return Err(format!("the range `{low}-{high}` is in reverse order"));
            }
            items.push('-');
            literal(high, &mut items);
        }
    }
    let set = format!("[{}{items}]", if negated { "^" } else { "" });
    match subtracted {
        None => out.push_str(&set),
        Some(other) => out.push_str(&format!("[{set}--{other}]")),
    }
    Ok(())
}

/// The class that is taken away: it must be the last thing.
fn subtraction(rest: &mut Rest<'_>) -> Result<String, Refused> {
    let mut other = String::new();
    translate(rest, &mut other)?;
    match rest.next() {
        Some(']') => Ok(other),
        _ => Err("a subtraction is not the last element of its class".into()),
    }
}

/// One character; `None` if it was a set, which is then written already.
fn item(c: char, rest: &mut Rest<'_>, out: &mut String) -> Result<Option<char>, Refused> {
    if c != '\\' {
        return Ok(Some(c));
    }
    match rest.next().ok_or("the pattern ends with a backslash")? {
        letter @ ('d' | 'D' | 's' | 'S' | 'w' | 'W') => {
            out.push('\\');
            out.push(letter);
            Ok(None)
        }
        letter @ ('p' | 'P') => category(letter, rest, out).map(|()| None),
        'b' => Ok(Some('\x08')),
        other => character(other, rest).map(Some),
    }
}
