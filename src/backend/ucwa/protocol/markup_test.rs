//! HTML as Lync's clients write it, as others paste it, and as ours goes out.

use super::*;
use crate::model::visible_text;
use proptest::prelude::*;

fn plain(text: &str) -> Part {
    Part::Text(text.into())
}

fn link(text: &str, url: &str) -> Part {
    Part::Hyperlink {
        text: text.into(),
        url: url.into(),
    }
}

fn code(code: &str, display: DisplayMode) -> Part {
    Part::CodeBlock {
        code: code.into(),
        language: None,
        display,
    }
}

fn html(text: &str) -> Vec<Part> {
    read(Format::Html, text).unwrap_or_default()
}

#[test]
fn what_the_clients_write_is_read() {
    for (text, parts) in [
        (
            r#"<span style="font-family:Segoe UI">Hi</span>"#,
            vec![plain("Hi")],
        ),
        (
            "<DIV style=\"font-size: 10pt\">one<BR>two&nbsp; three\r\n four &amp; &lt;five&gt;</DIV>\r\n",
            vec![plain("one\ntwo  three four & <five>")],
        ),
        (
            "<html><head><title>x</title><style>p{}</style></head><body><p>a</p>\n<p>b</p></body></html>",
            vec![plain("a\nb")],
        ),
        ("a<br><br/><br>b", vec![plain("a\n\nb")]),
        (
            "<ul><li>one<li> two </ul>end",
            vec![plain("• one\n• two\nend")],
        ),
        (
            "see <a href=\"https://a.example/?x=1&amp;y=2\">the page</a>.",
            vec![
                plain("see "),
                link("the page", "https://a.example/?x=1&y=2"),
                plain("."),
            ],
        ),
        (
            "<a href='https://a.example'></a>",
            vec![link("https://a.example", "https://a.example")],
        ),
        (
            "<a href=\"javascript:alert(1)\">click</a> <a href='/x'>me</a>",
            vec![plain("click me")],
        ),
        (
            "<a href=https://a.example>one<a href=https://b.example>two",
            vec![
                link("one", "https://a.example"),
                link("two", "https://b.example"),
            ],
        ),
        (
            "go to https://b.example now #ops",
            vec![
                plain("go to "),
                link("https://b.example", "https://b.example"),
                plain(" now "),
                Part::Hashtag("#ops".into()),
            ],
        ),
        (
            "run <code>a  b</code> now",
            vec![
                plain("run "),
                code("a b", DisplayMode::Inline),
                plain(" now"),
            ],
        ),
        (
            "so:<pre>fn a() {\n    b\n\n}\n</pre>yes",
            vec![
                plain("so:\n"),
                code("fn a() {\n    b\n\n}", DisplayMode::Block),
                plain("\nyes"),
            ]
            .into_iter()
            .collect(),
        ),
        (
            "<pre>a<code>b</code><br/>&nbsp;c</pre>",
            vec![code("ab\n c", DisplayMode::Block)],
        ),
        ("<img src=x alt=':)'> <img src=y>", vec![plain(":)")]),
        (
            "<script>alert('</b>')</script>a<!-- b -->c<![CDATA[d]]>",
            vec![plain("ac")],
        ),
        (
            "unclosed <b>bold <i>both </b>&copy &#x41;&#0;",
            vec![plain("unclosed bold both © A\u{fffd}")],
        ),
        ("a < b and c > d", vec![plain("a < b and c > d")]),
        ("one <b>two</b>three", vec![plain("one twothree")]),
        ("<td>a</td><td>b</td>", vec![plain("a b")]),
    ] {
        assert_eq!(html(text), parts, "{text}");
    }
    for empty in [
        "",
        " \r\n",
        "<br>",
        "<div>&nbsp;</div>",
        "<script>x</script>",
        "<style>never closed",
    ] {
        assert_eq!(read(Format::Html, empty), None, "{empty}");
    }
    assert_eq!(read(Format::Plain, " \r\n"), None);
    assert_eq!(
        read(Format::Plain, "a\r\nb <b>"),
        Some(vec![plain("a\nb <b>")])
    );
}

#[test]
fn html_goes_out_where_it_shows_more() {
    let page = link("the <page>", "https://a.example/?a=1&b=\"2");
    let write = |parts: &[Part], html| write(parts, "unused", html);
    assert_eq!(
        write(
            &[
                plain("a <b>"),
                link("https://a.example", "https://a.example")
            ],
            true
        )
        .format,
        Format::Plain
    );
    let text = write(&[plain("see "), page.clone()], false);
    assert_eq!(
        (text.format, text.text.as_str()),
        (
            Format::Plain,
            "see the <page> <https://a.example/?a=1&b=\"2>"
        )
    );
    // A quote cannot be part of a link, so this one stays text.
    let text = write(&[plain("see "), page], true);
    assert_eq!(
        text.text,
        "see&nbsp;the &lt;page&gt; &lt;https://a.example/?a=1&amp;b=&quot;2&gt;"
    );
    let text = write(
        &[
            plain("see\n"),
            link("the page", "https://a.example/?a=1&b=2"),
        ],
        true,
    );
    assert_eq!(
        (text.format, text.text.as_str()),
        (
            Format::Html,
            "see<br/><a href=\"https://a.example/?a=1&amp;b=2\">the page</a>"
        )
    );
    let evil = write(&[link("click", "javascript:alert(1)")], true);
    assert_eq!(evil.text, "click &lt;javascript:alert(1)&gt;");
    assert_eq!(super::write(&[], "only text", true).text, "only text");
}

#[test]
fn what_goes_out_comes_in_again() {
    for parts in [
        vec![
            plain("see "),
            link("the page", "https://a.example/?a=1&b=2"),
            plain(" and  more \n  here"),
        ],
        vec![code("let a  = 1;\n    <b>\n\n&amp;", DisplayMode::Block)],
        vec![
            plain("run "),
            code("rm -rf  x", DisplayMode::Inline),
            plain(" at once: "),
            Part::Hashtag("#now".into()),
        ],
        vec![plain("a\n"), code("b", DisplayMode::Block), plain("\nc")],
    ] {
        let written = write(&parts, "", true);
        assert_eq!(written.format, Format::Html);
        assert_eq!(
            read(Format::Html, &written.text),
            Some(parts),
            "{}",
            written.text
        );
    }
}

#[test]
fn many_parts_are_bounded() {
    let parts = html(&"<a href='https://a.example'>x</a> <code>y</code> ".repeat(10_000));
    assert!(parts.len() <= PARTS_MAX + 2, "{}", parts.len());
    assert_eq!(visible_text(&parts).matches('x').count(), 10_000);
}

proptest! {
    #[test]
    fn no_html_makes_it_panic(
        text in "(<[/]?(a|p|pre|code|li|br|script|style|b)( href='https://a.b')?>|&[a-z#0-9]{0,5};?|[<>\"'/=]|\\PC| |\n){0,40}",
    ) {
        if let Some(parts) = read(Format::Html, &text) {
            prop_assert!(!parts.is_empty());
        }
        let _ = read(Format::Plain, &text);
    }

    #[test]
    fn words_survive(words in proptest::collection::vec("[a-zäß<>&\"]{1,6}", 1..10), blanks in "[ \n]{1,3}") {
        let text = words.join(&blanks);
        let parts = vec![plain(&text), link("x y", "https://a.example")];
        let back = read(Format::Html, &write(&parts, "", true).text).expect("something");
        prop_assert_eq!(visible_text(&back), visible_text(&parts).replace("\n\n\n", "\n\n"));
    }
}
