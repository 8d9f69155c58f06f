//! The name that was probably meant.

/// The candidate with the fewest letters to change, add or leave out.
pub(crate) fn nearest<'a>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .min_by_key(|candidate| distance(wrong, candidate))
}

/// The edit distance, row by row: `row[n]` is that of the letters so far to the first `n` of `other`.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for n in 1..row.len() {
            let replaced = diagonal + usize::from(letter != other[n - 1]);
            diagonal = row[n];
            row[n] = replaced.min(row[n] + 1).min(row[n - 1] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (one, other, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("kitten", "sitting", 3),
            ("pol_timeout", "poll_timeout", 1),
        ] {
            assert_eq!(distance(one, other), expected);
            assert_eq!(distance(other, one), expected);
        }
        assert_eq!(
            nearest("event_windwo", ["events", "event_window", "listen"]),
            Some("event_window")
        );
    }
}
