//! How long functions are: a scan by indentation, which the standard format makes reliable.

/// Returns the functions in `text` that have more than `most` lines, with their lengths. `text` is
/// formatted code without comments; a function ends with the brace below its first letter.
pub(crate) fn longer_than(most: usize, text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let is_declared = |line: &&&str| line.trim_end().ends_with(';') && !line.contains('{');
        let body = lines[at..].iter().position(|line| *line == end);
        let declared = lines[at..].iter().position(|line| is_declared(&line));
        let signature = lines[at..].iter().position(|line| line.ends_with('{'));
        // A declaration in a trait has no body; a short function is one line.
        if declared < signature && declared.is_some() || line.ends_with('}') {
            continue;
        }
        let length = body.map_or(0, |body| body + 1);
        if length > most {
            found.push((name.to_owned(), length));
        }
    }
    found
}

/// The name of the function that begins in this line.
fn function(line: &str) -> Option<&str> {
    let mut words = line.trim_start().split(' ');
    let name = loop {
        match words.next()? {
            "fn" => break words.next()?,
            "async" | "const" | "extern" | "pub" | "default" => {}
            word if word.starts_with("pub(") || word == "in" || word.ends_with(')') => {}
            _ => return None,
        }
    };
    name.split(['(', '<']).next()
}

#[test]
fn lengths_are_counted_with_signature_and_brace() {
    let text = "fn short() {}\n\ntrait T {\n    fn declared(&self);\n}\n\nimpl T for S {\n    pub(super) async fn three(\n        \
                &self,\n    ) {\n        a;\n    }\n}\n";
    assert_eq!(longer_than(4, text), [("three".to_owned(), 5)]);
    assert_eq!(longer_than(5, text), []);
}
