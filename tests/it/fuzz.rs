//! The decoders against arbitrary texts.
//!
//! Goal: no text makes one panic, and what is read survives being written. Method: the corpora of
//! `tests/fuzz`, each as it is and mutated some thousand times with a fixed seed, so that a failure
//! here fails everywhere; where nightly is present, libFuzzer goes further from the same corpora.
//! `FUZZ_ROUNDS` sets the mutations per file.

use std::path::Path;
use switchboard::backend::ucwa::fuzz as ucwa;
use switchboard::backend::xmpp;
use switchboard::wire::fuzz;

/// xorshift64*: good enough to pick bytes, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Below `bound`, or 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap_or(0) % bound.max(1)
    }
}

/// Pieces that mean something to one of the decoders.
const WORDS: &[&str] = &[
    "<",
    ">",
    "</",
    "/>",
    "&",
    ";",
    "&#",
    "&amp;",
    "\"",
    "'",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?",
    "?>",
    "<!DOCTYPE",
    ":",
    " i:nil='true'",
    " i:type='",
    "xmlns",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "-1",
    "1e999",
    "99999999999999999999",
    "__type",
    "\"Id\":",
    "<Id>",
    "%",
    "%2F",
    "%00",
    "%ff",
    "+",
    "/",
    "?",
    "=",
    "last-event=",
    "take=",
    "\0",
    "\r\n",
    "\u{fffe}",
    "🦀",
    "05/15/2012",
    "\"_links\":{",
    "\"_embedded\":{",
    "\"href\":\"",
    "data:text/html;base64,",
    "/Date(1364327898968)/",
    "MsRtcOAuth ",
    "<pre>",
    "<a href='https://a.example'>",
    "&nbsp;",
    "<message from='ops@rooms.im.test/bot' to='bot@agents.im.test' type='groupchat'>",
    "<presence from='ops@rooms.im.test/bot' to='bot@agents.im.test'>",
    "</stream:stream>",
    "<body>",
    " xmlns='jabber:component:accept'",
    " type='error'",
];

fn mutated(text: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(text.len() + 1);
        match random.below(7) {
            0 if at < text.len() => text[at] ^= 1 << random.below(8),
            1 if at < text.len() => text[at] = u8::try_from(random.below(256)).unwrap_or(0),
            2 => text.truncate(at),
            3 => {
                let end = at + random.below(text.len() - at + 1).min(24);
                text.drain(at..end);
            }
            4 => {
                let end = at + random.below(text.len() - at + 1).min(64);
                let again = text[at..end].to_vec();
                text.splice(at..at, again);
            }
            5 => {
                let from = random.below(other.len() + 1);
                let to = from + random.below(other.len() - from + 1).min(64);
                text.splice(at..at, other[from..to].iter().copied());
            }
            _ => {
                let word = WORDS[random.below(WORDS.len())];
                text.splice(at..at, word.bytes());
            }
        }
    }
    text
}

fn replay(corpus: &str, decoder: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fuzz/corpus")
        .join(corpus);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("a corpus")
        .map(|file| file.expect("a file").path())
        .collect();
    files.sort();
    assert!(files.len() > 10, "the corpus {corpus} is gone");
    let texts: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(file).expect("readable"))
        .collect();
    let rounds = std::env::var("FUZZ_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(300);
    let mut random = Random(0x5eed_0000_0000_0001);
    for (file, text) in files.iter().zip(&texts) {
        decoder(text);
        for round in 0..rounds {
            let other = &texts[random.below(texts.len())];
            let text = mutated(text, other, &mut random);
            let survived = std::panic::catch_unwind(|| decoder(&text));
            assert!(
                survived.is_ok(),
                "{} in round {round}, as {}",
                file.display(),
                text.escape_ascii()
            );
        }
    }
}

#[test]
fn json() {
    replay("json", fuzz::json);
}

#[test]
fn xml() {
    replay("xml", fuzz::xml);
}

#[test]
fn query() {
    replay("query", fuzz::query);
}

#[test]
fn path() {
    replay("path", fuzz::path);
}

#[test]
fn ucwa_package() {
    replay("ucwa_package", ucwa::package);
}

#[test]
fn ucwa_document() {
    replay("ucwa_document", ucwa::document);
}

#[test]
fn ucwa_challenge() {
    replay("ucwa_challenge", ucwa::challenge);
}

#[test]
fn ucwa_data_uri() {
    replay("ucwa_data_uri", ucwa::data_uri);
}

#[test]
fn ucwa_html() {
    replay("ucwa_html", ucwa::html);
}

#[test]
fn xmpp_stream() {
    replay("xmpp_stream", xmpp::fuzz::stream);
}

#[test]
fn xmpp_words() {
    replay("xmpp_words", xmpp::fuzz::words);
}
