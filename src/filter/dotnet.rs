//! .NET's pattern syntax, translated for `fancy-regex`.
//!
//! A pattern is parsed and re-emitted character by character. So constructs that .NET lacks cannot
//! pass (subroutines, possessive quantifiers, verbs), and constructs that differ behave as in .NET:
//! `$` and `\Z` also match before a last line feed, named groups are numbered after unnamed ones,
//! `(?n)` and `(?x)`, `\u0041`, octal escapes, class subtraction. Refused by name: balancing
//! groups, conditionals on an expression, Unicode blocks, numbers as group names, a name used
//! twice.
//!
//! Two differences remain. Characters are Unicode scalar values and not UTF-16 units: `.` matches a
//! whole emoji. And `\w` follows Unicode's newer definition, which adds letter-like numbers and all
//! marks.

use super::class;
use super::escape::{Refused, Rest, category, character, literal, until};
use std::collections::HashMap;

/// A pattern for `fancy-regex`.
#[derive(Debug)]
pub(super) struct Translated {
    pub(super) pattern: String,
    /// Constructs that need backtracking: around each, parts are compiled by themselves.
    pub(super) backtracking: usize,
}

/// Translates, or says what is refused.
pub(super) fn translate(pattern: &str) -> Result<Translated, Refused> {
    // The first pass only counts groups: a reference may come before its group, and numbers depend
    // on all of them.
    let groups = Translation::new(pattern, None).run()?.groups;
    let numbers = Numbers::of(&groups)?;
    let done = Translation::new(pattern, Some(&numbers)).run()?;
    Ok(Translated {
        pattern: done.out,
        backtracking: done.backtracking,
    })
}

/// Which capture of ours, in the order of their parentheses, .NET's numbers and names mean.
struct Numbers {
    by_number: Vec<usize>,
    by_name: HashMap<String, usize>,
}

impl Numbers {
    fn of(groups: &[Option<String>]) -> Result<Numbers, Refused> {
        let mut numbers = Numbers {
            by_number: vec![0],
            by_name: HashMap::new(),
        };
        let captures = || groups.iter().zip(1..);
        numbers.by_number.extend(
            captures()
                .filter(|(name, _)| name.is_none())
                .map(|(_, capture)| capture),
        );
        for (name, capture) in
            captures().filter_map(|(name, capture)| name.as_ref().map(|name| (name, capture)))
        {
            numbers.by_number.push(capture);
            if numbers.by_name.insert(name.clone(), capture).is_some() {
                return Err(format!(
                    "the group name `{name}` is used twice, which is not supported"
                ));
            }
        }
        Ok(numbers)
    }

    fn find(&self, name: &str) -> Option<usize> {
        match name.parse::<usize>() {
            Ok(0) => None,
            Ok(number) => self.by_number.get(number).copied(),
            Err(_) => self.by_name.get(name).copied(),
        }
    }
}

/// The inline options in force.
#[derive(Clone, Copy, Default)]
struct Options {
    ignore_case: bool,
    single_line: bool,
    multiline: bool,
    explicit: bool,
    spaced: bool,
}

/// Whether a quantifier may follow.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    Nothing,
    Atom,
    Quantifier,
}

struct Translation<'p> {
    rest: Rest<'p>,
    out: String,
    numbers: Option<&'p Numbers>,
    /// The captures so far, with their names.
    groups: Vec<Option<String>>,
    options: Options,
    /// The options outside of each group that is open.
    outside: Vec<Options>,
    last: Last,
    backtracking: usize,
}

impl<'p> Translation<'p> {
    fn new(pattern: &'p str, numbers: Option<&'p Numbers>) -> Translation<'p> {
        Translation {
            rest: pattern.chars().peekable(),
            out: String::with_capacity(2 * pattern.len()),
            numbers,
            groups: Vec::new(),
            options: Options::default(),
            outside: Vec::new(),
            last: Last::Nothing,
            backtracking: 0,
        }
    }

    fn run(mut self) -> Result<Self, Refused> {
        while let Some(c) = self.rest.next() {
            match c {
                _ if self.options.spaced && is_blank(c) => {}
                '#' if self.options.spaced => drop(until('\n', &mut self.rest)),
                '\\' => self.escape()?,
                '[' => {
                    class::translate(&mut self.rest, &mut self.out)?;
                    self.last = Last::Atom;
                }
                '(' => self.open()?,
                ')' => {
                    let outside = self
                        .outside
                        .pop()
                        .ok_or("a closing parenthesis has no opening one")?;
                    // An option set within a group ends with it in .NET, but not in `fancy-regex`.
                    self.pass_on(outside);
                    self.atom(")");
                }
                '|' => {
                    self.out.push('|');
                    self.last = Last::Nothing;
                }
                '*' | '+' | '?' => self.quantifier(c.to_string())?,
                '{' => match self.braces() {
                    Some(counts) => self.quantifier(counts)?,
                    None => self.literal('{'),
                },
                '$' if !self.options.multiline => self.end_before_line_feed(),
                '^' | '$' | '.' => self.atom(c.encode_utf8(&mut [0; 4])),
                _ => self.literal(c),
            }
        }
        match self.outside.len() {
            0 => Ok(self),
            _ => Err("an opening parenthesis has no closing one".into()),
        }
    }

    fn atom(&mut self, text: &str) {
        self.out.push_str(text);
        self.last = Last::Atom;
    }

    fn literal(&mut self, c: char) {
        literal(c, &mut self.out);
        self.last = Last::Atom;
    }

    /// `$` and `\Z`. At the very end of an alternative the translation consumes the line feed
    /// instead, which needs no backtracking; only the yes or no counts.
    fn end_before_line_feed(&mut self) {
        if self.outside.is_empty() && matches!(self.rest.peek(), None | Some('|')) {
            self.atom(r"(?:\n?\z)");
        } else {
            self.backtracking += 1;
            self.atom(r"(?=\n?\z)");
        }
    }

    fn escape(&mut self) -> Result<(), Refused> {
        let c = self
            .rest
            .next()
            .ok_or("the pattern ends with a backslash")?;
        match c {
            'Z' => self.end_before_line_feed(),
            // Where the search began: for this filter, the beginning.
            'G' => self.atom(r"\A"),
            'A' | 'z' | 'b' | 'B' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
                self.atom(&format!("\\{c}"))
            }
            'p' | 'P' => {
                category(c, &mut self.rest, &mut self.out)?;
                self.last = Last::Atom;
            }
            'k' => {
                let end = match self.rest.next() {
                    Some('<') => '>',
                    Some('\'') => '\'',
                    _ => return Err("`\\k` is not followed by a group's name".into()),
                };
                let name = until(end, &mut self.rest).ok_or("a back reference has no end")?;
                self.back_reference(&name)?;
            }
            '1'..='9' => self.number(c)?,
            _ => {
                let c = character(c, &mut self.rest)?;
                self.literal(c);
            }
        }
        Ok(())
    }

    /// `\1` to `\9` are references; more digits are one if there is such a group, else an octal
    /// character.
    fn number(&mut self, first: char) -> Result<(), Refused> {
        let mut ahead = self.rest.clone();
        let mut digits = first.to_string();
        while let Some(digit) = ahead.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let exists = self
            .numbers
            .is_none_or(|numbers| numbers.find(&digits).is_some());
        if exists || digits.len() == 1 || first >= '8' {
            self.rest = ahead;
            return self.back_reference(&digits);
        }
        let c = character(first, &mut self.rest)?;
        self.literal(c);
        Ok(())
    }

    fn back_reference(&mut self, name: &str) -> Result<(), Refused> {
        self.backtracking += 1;
        let capture = match self.numbers {
            None => 0,
            Some(numbers) => numbers.find(name).ok_or_else(|| {
                format!("a back reference to the group `{name}`, which does not exist")
            })?,
        };
        // In a group of its own, so that a digit that follows is not read as part of the number.
        self.atom(&format!("(?:\\{capture})"));
        Ok(())
    }

    /// A group of any kind; the parenthesis is read already.
    fn open(&mut self) -> Result<(), Refused> {
        if self.rest.next_if_eq(&'?').is_none() {
            let capture = !self.options.explicit;
            if capture {
                self.capture(None);
            } else {
                self.enter("(?:");
            }
            return Ok(());
        }
        match self
            .rest
            .next()
            .ok_or("an opening parenthesis has no closing one")?
        {
            ':' => self.enter("(?:"),
            '#' => drop(until(')', &mut self.rest).ok_or("a comment `(?#` has no end")?),
            c @ ('=' | '!' | '>') => self.enter_backtracking(&format!("(?{c}")),
            '<' => match self.rest.next_if(|c| matches!(c, '=' | '!')) {
                Some(c) => self.enter_backtracking(&format!("(?<{c}")),
                None => self.named('>')?,
            },
            '\'' => self.named('\'')?,
            '(' => self.conditional()?,
            c => self.inline_options(c)?,
        }
        Ok(())
    }

    fn enter(&mut self, text: &str) {
        self.out.push_str(text);
        self.outside.push(self.options);
        self.last = Last::Nothing;
    }

    fn enter_backtracking(&mut self, text: &str) {
        self.backtracking += 1;
        self.enter(text);
    }

    fn capture(&mut self, name: Option<String>) {
        self.groups.push(name);
        self.enter("(");
    }

    fn named(&mut self, end: char) -> Result<(), Refused> {
        let name = until(end, &mut self.rest).ok_or("a group name has no end")?;
        if name.contains('-') {
            return Err(format!("the balancing group `(?<{name}>` is not supported"));
        }
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(format!("`{name}` is not a group name"));
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!(
                "the number `{name}` as a group name is not supported"
            ));
        }
        self.capture(Some(name));
        Ok(())
    }

    fn conditional(&mut self) -> Result<(), Refused> {
        let condition = until(')', &mut self.rest).ok_or("a conditional `(?(` has no end")?;
        let Some(numbers) = self.numbers else {
            self.enter_backtracking("(?(1)");
            return Ok(());
        };
        let capture = numbers.find(&condition).ok_or_else(|| {
            format!("the conditional `(?({condition})` on an expression is not supported")
        })?;
        self.enter_backtracking(&format!("(?({capture})"));
        Ok(())
    }

    /// `(?imnsx-imnsx)` for the rest of the group, or `(?imnsx-imnsx:` for a group of its own.
    fn inline_options(&mut self, first: char) -> Result<(), Refused> {
        let (mut options, mut on) = (self.options, true);
        let mut next = Some(first);
        let scoped = loop {
            match next.ok_or("an opening parenthesis has no closing one")? {
                ')' => break false,
                ':' => break true,
                '+' => on = true,
                '-' => on = false,
                'i' => options.ignore_case = on,
                'm' => options.multiline = on,
                'n' => options.explicit = on,
                's' => options.single_line = on,
                'x' => options.spaced = on,
                c => return Err(format!("the group construct `(?{c}` is unknown")),
            }
            next = self.rest.next();
        };
        if scoped {
            self.enter("(?:");
        }
        self.pass_on(options);
        Ok(())
    }

    /// Sets the options in force, and tells `fancy-regex` those that it handles itself.
    fn pass_on(&mut self, options: Options) {
        let before = std::mem::replace(&mut self.options, options);
        let (mut set, mut unset) = (String::new(), String::new());
        for (letter, before, now) in [
            ('i', before.ignore_case, options.ignore_case),
            ('s', before.single_line, options.single_line),
            ('m', before.multiline, options.multiline),
        ] {
            match (before, now) {
                (false, true) => set.push(letter),
                (true, false) => unset.push(letter),
                _ => {}
            }
        }
        match (set.is_empty(), unset.is_empty()) {
            (true, true) => {}
            (false, true) => self.out.push_str(&format!("(?{set})")),
            (_, false) => self.out.push_str(&format!("(?{set}-{unset})")),
        }
    }

    /// `{n}`, `{n,}` or `{n,m}` after the brace; anything else is an ordinary brace.
    fn braces(&mut self) -> Option<String> {
        let mut ahead = self.rest.clone();
        let counts = until('}', &mut ahead)?;
        let (low, high) = counts.split_once(',').unwrap_or((&counts, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if low.is_empty() || !is_number(low) || !is_number(high) {
            return None;
        }
        self.rest = ahead;
        Some(format!("{{{counts}}}"))
    }

    fn quantifier(&mut self, text: String) -> Result<(), Refused> {
        match self.last {
            Last::Atom => {}
            Last::Nothing => return Err(format!("the quantifier `{text}` follows nothing")),
            Last::Quantifier => return Err(format!("the quantifier `{text}` follows another")),
        }
        self.out.push_str(&text);
        while self.options.spaced && self.rest.next_if(|c| is_blank(*c)).is_some() {}
        if self.rest.next_if_eq(&'?').is_some() {
            self.out.push('?');
        }
        self.last = Last::Quantifier;
        Ok(())
    }
}

/// What `(?x)` ignores.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\x0b' | '\x0c' | '\r')
}
