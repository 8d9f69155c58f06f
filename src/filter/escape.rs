//! Characters written with a backslash, as .NET reads them, and characters written so that nothing
//! misreads them.

use std::iter::Peekable;
use std::str::Chars;

/// What is left of the pattern.
pub(super) type Rest<'p> = Peekable<Chars<'p>>;

/// Why a pattern is refused; it follows "the regex `…` is refused: ".
pub(super) type Refused = String;

/// Writes a literal. Every ASCII sign goes by its number: `fancy-regex` has escapes of its own
/// (`\<`, `\h`) and sets have operators (`&&`, `--`, `~~`) that .NET knows nothing of.
pub(super) fn literal(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() || (!c.is_ascii() && !c.is_whitespace() && !c.is_control()) {
        out.push(c);
    } else {
        out.push_str(&format!("\\x{{{:X}}}", c as u32));
    }
}

/// The character that an escape stands for; the backslash and `first` are read already.
pub(super) fn character(first: char, rest: &mut Rest<'_>) -> Result<char, Refused> {
    Ok(match first {
        'a' => '\x07',
        't' => '\t',
        'r' => '\r',
        'v' => '\x0b',
        'f' => '\x0c',
        'n' => '\n',
        'e' => '\x1b',
        'x' => unicode(hex(2, rest)?)?,
        'u' => utf16(rest)?,
        'c' => control(rest)?,
        '0'..='7' => octal(first, rest),
        _ if first.is_alphanumeric() || first == '_' => {
            return Err(format!("the escape `\\{first}` is unknown"));
        }
        _ => first,
    })
}

/// `\p{…}` or `\P{…}`, from the brace on.
pub(super) fn category(letter: char, rest: &mut Rest<'_>, out: &mut String) -> Result<(), Refused> {
    if rest.next() != Some('{') {
        return Err(format!(
            "`\\{letter}` is not followed by a category in braces"
        ));
    }
    let name = until('}', rest).ok_or("a category in braces has no end")?;
    if name.starts_with("Is") {
        return Err(format!(
            "the Unicode block `\\{letter}{{{name}}}` is not supported"
        ));
    }
    const CATEGORIES: &str = " L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Cn ";
    if name.contains(' ') || !CATEGORIES.contains(&format!(" {name} ")) {
        return Err(format!("the category `\\{letter}{{{name}}}` is unknown"));
    }
    out.push_str(&format!("\\{letter}{{{name}}}"));
    Ok(())
}

/// The text before the next `end`, which is read too; `None` if there is none.
pub(super) fn until(end: char, rest: &mut Rest<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match rest.next()? {
            c if c == end => return Some(text),
            c => text.push(c),
        }
    }
}

fn hex(digits: usize, rest: &mut Rest<'_>) -> Result<u32, Refused> {
    let mut value = 0;
    for _ in 0..digits {
        let digit = rest
            .next_if(char::is_ascii_hexdigit)
            .and_then(|digit| digit.to_digit(16));
        value = value * 16
            + digit.ok_or_else(|| format!("an escape needs {digits} hexadecimal digits"))?;
    }
    Ok(value)
}

/// `\uHHHH`: a UTF-16 unit, or the first of a pair of them.
fn utf16(rest: &mut Rest<'_>) -> Result<char, Refused> {
    let first = hex(4, rest)?;
    if !(0xd800..0xdc00).contains(&first) {
        return unicode(first);
    }
    let mut ahead = rest.clone();
    let second =
        (ahead.next() == Some('\\') && ahead.next() == Some('u')).then(|| hex(4, &mut ahead));
    match second {
        Some(Ok(second)) if (0xdc00..0xe000).contains(&second) => {
            *rest = ahead;
            unicode(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
        }
        _ => unicode(first),
    }
}

fn unicode(value: u32) -> Result<char, Refused> {
    char::from_u32(value)
        .ok_or_else(|| format!("half a surrogate pair `\\u{value:04X}` is not supported"))
}

fn control(rest: &mut Rest<'_>) -> Result<char, Refused> {
    let letter = rest.next().ok_or("the escape `\\c` is not complete")?;
    match letter.to_ascii_uppercase() {
        upper @ '@'..='_' => Ok((upper as u8 - b'@') as char),
        _ => Err(format!("the control character `\\c{letter}` is unknown")),
    }
}

/// Up to three octal digits, of which .NET keeps eight bits.
fn octal(first: char, rest: &mut Rest<'_>) -> char {
    let mut value = first.to_digit(8).unwrap_or(0);
    for _ in 0..2 {
        if let Some(digit) = rest.next_if(|c| c.is_digit(8)).and_then(|c| c.to_digit(8)) {
            value = value * 8 + digit;
        }
    }
    (value & 0xff) as u8 as char
}
