//! The cost of one match, estimated beforehand, because neither engine can be interrupted.
//!
//! The engine without backtracking is linear in the text, but each byte may cost every position of
//! the pattern at which a match may be: `(?:a|b){0,900}c` took 1.4 s on a message of 64 KiB. The
//! engine with backtracking counts steps, but one step may read the whole text: 300 steps of
//! `(?=[ab]*a[ab]{100}c)` took 12 ms on 300 bytes and 5 s on 4 KiB. So the positions are counted,
//! repeats included; if positions times bytes (times steps) is too much, the match gets fewer
//! steps, or does not match. A unit takes up to 6 ns.
//!
//! Rejected: a smaller limit of the compiled size (a single `\w` needs a tenth of it), and a lazy
//! automaton that gives up by itself (it does not support `\b` beside a letter that is not ASCII).

/// Units of one match without backtracking: a pattern of sixty positions is asked about 64 KiB.
const LINEAR_MAX: usize = 4 << 20;
/// Units of one match that backtracks.
const BACKTRACKING_MAX: usize = 40 << 20;
/// Backtracking steps of a match: as many as the units allow of these.
pub(super) const STEPS: [usize; 3] = [10_000, 3_000, 300];
/// Units that are asked where others wait.
const QUICK_MAX: usize = 64 << 10;
/// Positions that a set counts for: a character of it has several bytes.
const SET: usize = 3;

/// The size of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// Positions of the pattern at which a match may be, repeats included.
    positions: usize,
    /// Whether it can match without end.
    endless: bool,
}

impl Size {
    /// The size of a translated pattern, in which everything but letters is written by number.
    pub(super) fn of(pattern: &str) -> Size {
        let mut rest = pattern.chars().peekable();
        let (mut open, mut all, mut last, mut endless) = (Vec::new(), 0_usize, 0, false);
        while let Some(c) = rest.next() {
            let most = match c {
                '*' | '+' => {
                    endless = true;
                    2
                }
                '?' => 1,
                '{' => {
                    let counts: String = rest.by_ref().take_while(|c| *c != '}').collect();
                    let (least, most) = counts.split_once(',').unwrap_or((&counts, &counts));
                    endless |= most.is_empty();
                    // A count that is too large is refused when it is compiled.
                    let count = |text: &str| text.parse::<usize>().unwrap_or(0);
                    if most.is_empty() {
                        count(least).saturating_add(1)
                    } else {
                        count(most)
                    }
                }
                '(' => {
                    open.push(all);
                    all = 0;
                    if rest.next_if_eq(&'?').is_some() {
                        // What kind of group, or options for the rest.
                        while let Some(c) = rest.next_if(|c| !matches!(c, '(' | ')')) {
                            if matches!(c, ':' | '=' | '!' | '>') {
                                break;
                            }
                        }
                    }
                    last = 0;
                    continue;
                }
                ')' => {
                    last = all;
                    all = all.saturating_add(open.pop().unwrap_or(0));
                    continue;
                }
                '|' | '^' | '$' => {
                    last = 0;
                    continue;
                }
                '[' => {
                    skip_set(&mut rest);
                    last = SET;
                    all = all.saturating_add(last);
                    continue;
                }
                _ => {
                    last = match c {
                        '\\' => escaped(&mut rest),
                        '.' => SET,
                        letter => letter.len_utf8(),
                    };
                    all = all.saturating_add(last);
                    continue;
                }
            };
            all = all.saturating_add(last.saturating_mul(most.saturating_sub(1)));
            last = last.saturating_mul(most.max(1));
        }
        Size {
            positions: all.saturating_add(1),
            endless,
        }
    }

    /// Whether matching so much text takes microseconds.
    pub(super) fn is_linear(self, text: usize) -> bool {
        self.positions.saturating_mul(text) <= LINEAR_MAX
    }

    /// Whether matching so much text takes microseconds.
    pub(super) fn is_quick(self, text: usize) -> bool {
        self.positions.saturating_mul(text) <= QUICK_MAX
    }

    /// Which of [`STEPS`] a backtracking match over so much text gets, if any.
    pub(super) fn steps(self, text: usize) -> Option<usize> {
        let reach = if self.endless {
            text
        } else {
            text.min(self.positions)
        };
        let step = self.positions.saturating_mul(reach.max(1));
        STEPS
            .iter()
            .position(|steps| step.saturating_mul(*steps) <= BACKTRACKING_MAX)
    }
}

type Rest<'p> = std::iter::Peekable<std::str::Chars<'p>>;

/// After a backslash: how many positions the escape has.
fn escaped(rest: &mut Rest<'_>) -> usize {
    let Some(letter) = rest.next() else { return 0 };
    if matches!(letter, 'x' | 'p' | 'P') && rest.next_if_eq(&'{').is_some() {
        rest.by_ref().take_while(|c| *c != '}').for_each(drop);
    }
    if letter == 'x' { 1 } else { SET }
}

/// After an opening bracket; sets stand in sets.
fn skip_set(rest: &mut Rest<'_>) {
    let mut depth = 1;
    while depth > 0 {
        match rest.next() {
            Some('\\') => drop(rest.next()),
            Some('[') => depth += 1,
            Some(']') => depth -= 1,
            Some(_) => {}
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_with_their_repeats() {
        #[rustfmt::skip]
        let table = [
            ("", 1, false), ("abc", 4, false), ("a*", 3, true), ("(?:ab){3,5}", 11, false), ("a{4,}", 6, true),
            ("(?:(?:ab){10}c){10}", 211, false), (r"\x{20}\p{L}\w", 8, false), (r"[a-z[\x{5D}]]{2}", 7, false),
            ("(?=ab)(?<!c)", 4, false), ("(?<n>a)(?i)b", 3, false), ("(?:a{1000}){1000}", 1_000_001, false),
            ("(?:a|b){0,900}c", 1802, false),
        ];
        for (pattern, positions, endless) in table {
            assert_eq!(Size::of(pattern), Size { positions, endless }, "{pattern}");
        }
    }
}
