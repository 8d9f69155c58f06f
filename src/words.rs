//! Whole words, which search compares (§search/words).
//!
//! A word is a run of letters and digits. Unless case matters, both sides are folded to lower case
//! without diacritics, so that `Cafe` finds `café`. Rejected: substrings (the contract says
//! words), and a stemmer (it knows one language).

use crate::error::{Error, Result};
use crate::model::SearchCriteria;
use std::borrow::Cow;
use std::collections::HashSet;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Most words of one search: each is compared with each message.
const WORDS_MAX: usize = 256;
/// Bytes of a search term at most.
const TERM_BYTES_MAX: usize = 16 << 10;
/// Written between words: it is neither a letter nor a digit, so no word contains it.
const MARK: char = '\0';

/// Words to be looked for.
pub(crate) struct Words {
    /// In their order, for a phrase; else each once.
    words: Vec<String>,
    fold: bool,
    phrase: bool,
    all: bool,
}

impl Words {
    /// Reads the words of `criteria`.
    ///
    /// # Errors
    /// `Invalid` above 256 words or 16 KiB.
    pub(crate) fn of(criteria: &SearchCriteria) -> Result<Words> {
        let fold = !criteria.match_case;
        let bytes = criteria.term.len();
        if bytes > TERM_BYTES_MAX {
            return Err(Error::Invalid(format!(
                "the search term has {bytes} bytes, the limit is {TERM_BYTES_MAX}"
            )));
        }
        let mut words: Vec<String> = split(&folded(&criteria.term, fold))
            .map(str::to_owned)
            .collect();
        if words.len() > WORDS_MAX {
            return Err(Error::Invalid(format!(
                "the search has {} words, the limit is {WORDS_MAX}",
                words.len()
            )));
        }
        if !criteria.match_exact {
            words.sort_unstable();
            words.dedup();
        }
        Ok(Words {
            words,
            fold,
            phrase: criteria.match_exact,
            all: criteria.match_all,
        })
    }

    /// Whether `text` has what is looked for; no words match everything.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let text = folded(text, self.fold);
        let there = || split(&text);
        if self.phrase {
            // Searched as one text within another, which is linear; comparing word by word is not,
            // for `a a a ... b` in `a a a ...`.
            return run_of(there()).contains(&run_of(self.words.iter().map(String::as_str)));
        }
        if !self.all {
            return there().any(|word| {
                self.words
                    .binary_search_by(|known| known.as_str().cmp(word))
                    .is_ok()
            });
        }
        let there: HashSet<&str> = there().collect();
        self.words.iter().all(|word| there.contains(word.as_str()))
    }
}

/// The words with a mark before and after each that no word contains.
fn run_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.fold(String::from(MARK), |mut run, word| {
        run.push_str(word);
        run.push(MARK);
        run
    })
}

fn folded(text: &str, fold: bool) -> Cow<'_, str> {
    if !fold {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Owned(
        text.nfd()
            .filter(|c| !is_combining_mark(*c))
            .flat_map(char::to_lowercase)
            .collect(),
    )
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(term: &str, text: &str, change: impl FnOnce(&mut SearchCriteria)) -> bool {
        let mut criteria = SearchCriteria::words(term);
        change(&mut criteria);
        Words::of(&criteria).expect("few words").are_in(text)
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
    fn too_many_words_are_refused() {
        assert!(Words::of(&SearchCriteria::words("a ".repeat(256))).is_ok());
        assert!(matches!(
            Words::of(&SearchCriteria::words("a ".repeat(257))),
            Err(Error::Invalid(_))
        ));
        assert!(matches!(
            Words::of(&SearchCriteria::words("a".repeat(16_385))),
            Err(Error::Invalid(_))
        ));
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

    #[test]
    fn a_phrase_is_looked_for_in_linear_time() {
        let term = format!("{}b", "a ".repeat(255));
        let began = std::time::Instant::now();
        assert!(!matches(&term, &"a ".repeat(300_000), |criteria| {
            criteria.match_exact = true
        }));
        let took = began.elapsed();
        println!("256 words in 300,000: {took:?}");
        assert!(took < std::time::Duration::from_millis(1500), "{took:?}");
    }
}
