//! Whole words: what search compares (reference 3.7).
//!
//! A word is a run of letters and digits. Unless case matters both sides are folded: lower case, and without
//! diacritics, so that `Cafe` finds `café`. Rejected: substrings (the reference says words), and a stemmer (it knows
//! one language).

use crate::model::SearchCriteria;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words to be looked for.
pub(crate) struct Words {
    words: Vec<String>,
    fold: bool,
    phrase: bool,
    all: bool,
}

impl Words {
    pub(crate) fn of(criteria: &SearchCriteria) -> Words {
        let fold = !criteria.match_case;
        Words { words: split(&criteria.term, fold), fold, phrase: criteria.match_exact, all: criteria.match_all }
    }

    /// Whether `text` has what is looked for; no words match everything.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let there = split(text, self.fold);
        if self.phrase {
            return there.windows(self.words.len()).any(|run| run == self.words);
        }
        let found = |word| there.contains(word);
        if self.all { self.words.iter().all(found) } else { self.words.iter().any(found) }
    }
}

fn split(text: &str, fold: bool) -> Vec<String> {
    let folded: String;
    let text = if fold {
        folded = text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
        &folded
    } else {
        text
    };
    text.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(term: &str, text: &str, change: impl FnOnce(&mut SearchCriteria)) -> bool {
        let mut criteria = SearchCriteria::words(term);
        change(&mut criteria);
        Words::of(&criteria).are_in(text)
    }

    #[test]
    fn words_are_whole_and_folded_unless_case_matters() {
        assert!(matches("cafe", "Un CAFÉ, s'il vous plaît", |_| {}));
        assert!(!matches("caf", "Un café", |_| {}));
        assert!(!matches("cafe", "Un CAFÉ", |c| c.match_case = true));
        assert!(matches("CAFÉ", "Un CAFÉ", |c| c.match_case = true));
        assert!(matches("  ", "anything", |_| {}));
        assert!(matches("сервер", "Сервер упал", |_| {}));
    }

    #[test]
    fn any_all_and_phrase() {
        let text = "the server in room five is down";
        assert!(matches("server up", text, |_| {}));
        assert!(!matches("server up", text, |c| c.match_all = true));
        assert!(matches("down server", text, |c| c.match_all = true));
        assert!(!matches("down server", text, |c| c.match_exact = true));
        assert!(matches("server in room", text, |c| c.match_exact = true));
    }
}
