//! Goal: a pattern means here what it means in .NET, or is refused by name; and no pattern costs
//! more than its steps. Method: tables of pattern and text. What .NET answers is taken from its
//! documentation.

use super::*;

fn said<'a>(seq: Seq, channel: &'a ChannelId, text: &'a str, local: bool) -> Candidate<'a> {
    Candidate {
        state: seq,
        channel,
        text,
        local,
        automatic: false,
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let patterns = Patterns::new();
    let filter = patterns
        .compile(AgentKey(1), &EventQuery::messages().regex(pattern))
        .unwrap_or_else(|e| panic!("{e}"));
    let matched = filter.message(said(
        1,
        &ChannelId::parse("chat-room:ops").unwrap(),
        text,
        false,
    ));
    assert_eq!(patterns.limit_hits(), 0, "{pattern}");
    matched
}

fn refusal(pattern: &str) -> String {
    match Patterns::new().compile(AgentKey(1), &EventQuery::messages().regex(pattern)) {
        Err(Error::Invalid(text)) => text,
        other => panic!("{pattern}: {other:?}"),
    }
}

#[test]
fn patterns_mean_what_they_mean_in_dotnet() {
    #[rustfmt::skip]
    let table: &[(&str, &[&str], &[&str])] = &[
        // pattern, texts it matches, texts it does not
        ("", &["", "x"], &[]),
        (r"^!(deploy|status)\s+(\S+)$", &["!deploy x", "!status\tall", "!status all\n"], &["deploy x", "!deploy", "!deploy x\n\n"]),
        (r"(?i)\bOUTAGE\b", &["an outage!"], &["outages"]),
        // ends
        (r"a$", &["a", "a\n"], &["a\n\n", "a\nb"]),
        (r"(a$)|b", &["a\n", "xb"], &["a\n\n"]),
        (r"a$|b", &["a\n", "bx"], &["ax"]),
        (r"a\Z", &["a", "a\n"], &["a\n\n"]),
        (r"a\z", &["a"], &["a\n"]),
        (r"(?m)^a$", &["b\na\nc"], &["b\nab"]),
        (r"(?m:^a$)b|^c$", &["c"], &["x\nc"]),
        (r"\Ga", &["ab"], &["ba"]),
        // groups, names and numbers
        (r"(?<w>\w+) \k<w>", &["the the"], &["the cat"]),
        (r"(?'w'\w+) \k'w'$", &["the the"], &["the cat"]),
        (r"^(?<a>x)(y)\1$", &["xyy"], &["xyx"]),
        (r"^(?<a>x)(y)\2$", &["xyx"], &["xyy"]),
        (r"^(a)\10$", &["a\u{8}"], &["aa0"]),
        (r"^(a)(?:\1)0$", &["aa0"], &[]),
        (r"^(?n)(a)(?<b>b)\1$", &["abb"], &["aba"]),
        (r"^(?n:(a))(b)\1$", &["abb"], &["aba"]),
        (r"\k<1>(a)", &[], &["a"]),
        (r"^(?<q>')?x(?(q)')$", &["'x'", "x"], &["'x", "x'"]),
        (r"^(a)?b(?(1)c|d)$", &["abc", "bd"], &["abd", "bc"]),
        // look-around, atomic groups
        (r"^(?=.*\bprod\b)(?!.*test)", &["go prod now"], &["prod test", "product"]),
        (r"(?<=\$)\d+(?<!0)", &["$15"], &["15", "$0"]),
        (r"^(?>a|ab)c", &["ac"], &["abc"]),
        // options
        (r"(?x) a b # a comment
            c", &["abc"], &["a b c"]),
        (r"(?x)a[ ]b\ c", &["a b c"], &["abc"]),
        (r"(?x)a {2} ?b", &["aab"], &["ab"]),
        (r"(?s)a.b", &["a\nb"], &[]),
        (r"a.b", &["a\rb", "a🦀b"], &["a\nb"]),
        (r"a(?i)b|c", &["aB", "C"], &["Ab"]),
        (r"^((?i)a)+b", &["AaAb"], &["AB"]),
        (r"^(x|(?i)a)(?=.)b", &["Ab"], &["AB"]),
        (r"^(?i:a(?-i)b)c", &["Abc"], &["aBc", "abC"]),
        (r"^(?i)a(?-i:b)c", &["AbC"], &["ABC"]),
        (r"(?i-i:a)b", &["ab"], &["Ab"]),
        (r"a(?#a comment)b", &["ab"], &[]),
        // classes
        (r"^[a-z-[aeiou]]+$", &["xyz"], &["abc"]),
        (r"^[^a-z-[\d]]$", &["Z", "!"], &["a", "1"]),
        (r"^[\w-[a-z-[x]]]$", &["x", "A"], &["a", "!"]),
        (r"^[]a]+$", &["a]"], &["b"]),
        (r"^[^]a]$", &["b"], &["]", "a"]),
        (r"^[a-]+$", &["a-"], &["b"]),
        (r"^[a&&b]+$", &["a&b"], &["c"]),
        (r"^[+--c]+$|^[!~~#]$", &["~", "+,-c"], &["b"]),
        (r"^[[a]$", &["[", "a"], &["b"]),
        (r"^[\b\-\]\\^]+$", &["\u{8}-]\\^"], &["b"]),
        (r"^[\P{L}\P{N}]$", &["a", "1", "!"], &[]),
        (r"^[\p{Lu}\d_]+$", &["ABÉ1_"], &["abc"]),
        (r"^[\x41-\u0043]+$", &["ABC"], &["D"]),
        // escapes
        (r"^\x41\u00e9\101\cJ\e\a\0$", &["AéA\n\u{1b}\u{7}\0"], &[]),
        (r"^\uD83E\uDD80$", &["🦀"], &[]),
        (r"^\<b\>\#\ \-\.\{$", &["<b># -.{"], &["b"]),
        (r"^\d\s\w$", &["٣\u{a0}é"], &["x x"]),
        (r"\p{Sc}\P{Lu}", &["€a"], &["€A"]),
        // braces that are no quantifiers, quantifiers that are lazy
        (r"^a{,2}b{x}c{$", &["a{,2}b{x}c{"], &["aab"]),
        (r"^a{2}b{1,}?c{0,1}$", &["aabb", "aabc"], &["ab"]),
        ("^<a>%&~\"'@`;:,/=!$", &["<a>%&~\"'@`;:,/=!"], &[]),
    ];
    for (pattern, yes, no) in table {
        for text in *yes {
            assert!(matches(pattern, text), "{pattern} should match {text:?}");
        }
        for text in *no {
            assert!(
                !matches(pattern, text),
                "{pattern} should not match {text:?}"
            );
        }
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (pattern, named) in [
        (r"(?<open-close>x)", "balancing group `(?<open-close>`"),
        (r"(?<-close>x)", "balancing group"),
        (r"(?(?=a)b|c)", "on an expression"),
        (r"(?(nobody)b|c)", "`(?(nobody)`"),
        (r"\p{IsGreek}", "Unicode block `\\p{IsGreek}`"),
        (r"[\P{IsGreek}]", "Unicode block `\\P{IsGreek}`"),
        (r"\p{Greek}", "category `\\p{Greek}`"),
        (r"\pL", "braces"),
        (r"(?<3>x)", "number `3`"),
        (r"(?<a>x)(?<a>y)", "`a` is used twice"),
        (r"(x)\2", "group `2`"),
        (r"\k<a>", "group `a`"),
        (r"(?P<a>x)", "`(?P`"),
        (r"(?R)", "`(?R`"),
        (r"(?u)x", "`(?u`"),
        (r"(?~abc)", "`(?~`"),
        (r"(*FAIL)", "quantifier `*` follows nothing"),
        (r"(a)\g<1>", "escape `\\g`"),
        (r"a\Kb", "escape `\\K`"),
        (r"\h", "escape `\\h`"),
        (r"\R", "escape `\\R`"),
        (r"a++", "quantifier `+` follows another"),
        (r"a{2}{3}", "quantifier `{3}` follows another"),
        (r"*a", "follows nothing"),
        (r"(a", "no closing"),
        (r"a)", "no opening"),
        (r"[a", "no end"),
        (r"[z-a]", "`z-a` is in reverse order"),
        (r"[a-\d]", "ends with a set"),
        (r"[[:alpha:]]", "POSIX"),
        (r"[a-[b]c]", "not the last"),
        (r"\uD83Ex", "surrogate"),
        (r"\xZ", "hexadecimal"),
        (r"\", "backslash"),
        (r"(?<=a+)b", "look-behind of variable length"),
        (r"\w{1000}", "too large"),
        (r"(?i)(\p{L}{50}){20}", "too large"),
        (r"(?:(?=a)\w{200}){2000}", "too large"),
        (&"x".repeat(1025), "1025 bytes"),
    ] {
        let text = refusal(pattern);
        assert!(text.contains(named), "{pattern}: {text}");
    }
}

#[test]
fn an_evil_pattern_ends_at_its_steps_and_is_counted() {
    let evil = format!("{}!", "a".repeat(299));
    for (pattern, gives_up) in [
        (r"(a+)+$", false),
        (r"(a|a)*b", false),
        (r"(.*a){12}c", false),
        (r"^(?:(?=a)a+)+$", true),
        (r"^(a|(?=a)aa)+$", true),
        (r"^((?=a)a*)*b", true),
    ] {
        let patterns = Patterns::new();
        let filter = patterns
            .compile(AgentKey(1), &EventQuery::messages().regex(pattern))
            .unwrap();
        assert!(
            !filter.message(said(
                1,
                &ChannelId::parse("chat-room:ops").unwrap(),
                &evil,
                false
            )),
            "{pattern}"
        );
        assert_eq!(patterns.limit_hits(), u64::from(gives_up), "{pattern}");
    }
}

/// One match cannot be cut, so what it costs at worst is bounded before it is made.
#[test]
fn no_match_takes_longer_than_a_moment_whatever_the_pattern_and_however_long_the_text() {
    let ops = ChannelId::parse("chat-room:ops").unwrap();
    let mut seed = 1_u64;
    let mut mixed = String::new();
    for _ in 0..64 << 10 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        mixed.push(if seed.is_multiple_of(2) { 'a' } else { 'b' });
    }
    let mut slowest = (std::time::Duration::ZERO, "", 0);
    #[rustfmt::skip]
    let evil = [
        "(?:a|b){0,900}c", "[ab]*a[ab]{200}c", ".*a.{600}c", "(a{0,30}){0,30}b{3}c", "(?:a?b?){400}c", r"\b\w{1,100}\W\b5",
        "(?=[ab]*a[ab]{100}c)(?!z)", "(?=[ab]*?a[ab]{20}c)(?!z)", "(?=(?:a|b){0,400}c)(?!z)", r"\b(\w+) \1\b",
        r"(?=(\w+\s+)*x9$)(\w+\s?)*x9$", "(?<!x)(?:a|b){0,200}(?=[ab]*c)",
    ];
    for pattern in evil {
        let patterns = Patterns::new();
        let Ok(filter) = patterns.compile(AgentKey(1), &EventQuery::messages().regex(pattern))
        else {
            continue;
        };
        for (seq, bytes) in (1..).zip([300, 1000, 4 << 10, 16 << 10, 64 << 10]) {
            let ask = |seq| {
                assert!(
                    !filter.message(said(seq, &ops, &mixed[..bytes], false)),
                    "{pattern}"
                )
            };
            // The first makes the program with fewer steps.
            ask(2 * seq);
            let began = std::time::Instant::now();
            ask(2 * seq + 1);
            if began.elapsed() > slowest.0 {
                slowest = (began.elapsed(), pattern, bytes);
            }
        }
    }
    println!("the slowest single match: {slowest:?}");
    let limit = std::time::Duration::from_millis(if cfg!(debug_assertions) { 6000 } else { 300 });
    assert!(slowest.0 < limit, "{slowest:?}");
}

#[test]
fn ordinary_patterns_are_asked_about_long_messages() {
    let ops = ChannelId::parse("chat-room:ops").unwrap();
    let text = |bytes: usize| format!("{} err: disk 7 on prod", "all is well. ".repeat(bytes / 13));
    #[rustfmt::skip]
    let table = [
        (r"(?i)\b(outage|incident|err|pager)\b", 60 << 10), (r"disk \d{1,6}", 60 << 10), (r"^(?=.*\bprod\b)(?!.*debug)", 4000),
        (r"err(?!or)", 8000), (r"(?<=disk )\d+", 1000), (r"(?<n>l)\k<n>", 2000),
    ];
    for (pattern, bytes) in table {
        let patterns = Patterns::new();
        let filter = patterns
            .compile(AgentKey(1), &EventQuery::messages().regex(pattern))
            .unwrap();
        assert!(
            filter.message(said(1, &ops, &text(bytes), false)),
            "{pattern}"
        );
        assert_eq!(patterns.limit_hits(), 0, "{pattern}");
    }
}

#[test]
fn each_part_of_a_query_applies_to_what_the_reference_says() {
    let patterns = Patterns::new();
    let (ops, lab) = (
        ChannelId::parse("chat-room:ops").unwrap(),
        ChannelId::parse("chat-room:lab").unwrap(),
    );
    let filter = patterns
        .compile(
            AgentKey(1),
            &EventQuery::all().channel(&ops).regex("hello").remote(),
        )
        .unwrap();
    assert!(filter.message(said(1, &ops, "hello", false)));
    assert!(!filter.message(said(1, &ops, "hello", true)), "its own");
    assert!(
        !filter.message(said(2, &lab, "hello", false)),
        "another channel"
    );
    assert!(!filter.message(said(3, &ops, "hi", false)), "another text");
    assert!(filter.channel_state(&ops) && !filter.channel_state(&lab));
    assert!(filter.metadata(), "channels do not touch metadata");
    let metadata = patterns
        .compile(AgentKey(1), &EventQuery::metadata())
        .unwrap();
    assert!(
        metadata.metadata()
            && !metadata.channel_state(&ops)
            && !metadata.message(said(1, &ops, "hello", false))
    );
}

#[test]
fn a_pattern_is_asked_once_for_a_message_whoever_shares_it() {
    let patterns = Patterns::new();
    let ops = ChannelId::parse("chat-room:ops").unwrap();
    let evil = format!("{}!", "a".repeat(299));
    let query = EventQuery::messages().regex("^(?:(?=a)a+)+$");
    for agent in 0..50 {
        let filter = patterns.compile(AgentKey(agent), &query).unwrap();
        assert_eq!(
            filter.is_quick([said(7, &ops, &evil, false)]),
            agent > 0,
            "what is known costs nothing"
        );
        assert!(!filter.message(said(7, &ops, &evil, false)));
    }
    assert_eq!(patterns.limit_hits(), 1);
}

#[test]
fn only_little_text_and_a_small_pattern_without_backtracking_are_quick() {
    let patterns = Patterns::new();
    let ops = ChannelId::parse("chat-room:ops").unwrap();
    let long = "a".repeat(5000);
    let quick = |pattern: &str, text| {
        patterns
            .compile(AgentKey(1), &EventQuery::messages().regex(pattern))
            .unwrap()
            .is_quick([said(1, &ops, text, false)])
    };
    assert!(quick("disk [0-9]+", "disk 7"));
    assert!(!quick("disk [0-9]+", &long));
    assert!(!quick(r"\w{8}", "disk 7"), "large when compiled");
    assert!(!quick("(?=d)disk", "disk 7"), "it backtracks");
}

mod any {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is sent as a pattern is compiled or refused, and then matched, without a panic.
        #[test]
        fn pattern_is_taken_or_refused(
            pattern in prop::collection::vec(prop::sample::select(vec![
                "a", "é", "(", ")", "(?:", "(?<n>", "(?=", "(?<!", "(?>", "(?(1)", "(?i)", "(?x)", "[", "]", "[^", "-", "-[",
                "\\", "\\d", "\\k<n>", "\\1", "\\p{L}", "{2}", "{", "*", "+?", "|", "^", "$", ".", "\\u0041", " ", "#", "\n",
            ]), 0..24),
            text in "[aé\n1 ]{0,20}",
        ) {
            let patterns = Patterns::new();
            if let Ok(filter) = patterns.compile(AgentKey(1), &EventQuery::messages().regex(pattern.concat())) {
                filter.message(said(1, &ChannelId::parse("chat-room:ops").unwrap(), &text, false));
            }
        }
    }
}
