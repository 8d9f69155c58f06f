//! Bytes into tags and text: what has come whole is handed out, what has not is waited for, what is
//! too long is handed out as flood, without having been kept.

/// The most bytes of a token: the limit of a stanza, and as much again for escapes.
const TOKEN_MAX: usize = 1024 * 1024;
const CDATA: &[u8] = b"<![CDATA[";

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text between tags, with its escapes.
    Text,
    /// Text in a CDATA section.
    Data,
    /// The text between `<` and `>`.
    Tag,
    /// The text between `<?` and `?>`.
    Declaration,
}

/// A token. The lexer has its bytes until the next token is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    from: usize,
    to: usize,
    /// It was too long to be kept: of a tag the first two bytes and the last one are there, of text
    /// nothing.
    pub(super) flood: bool,
}

/// Not XML, or not XMPP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in super::super) struct Malformed(pub(super) &'static str);

#[derive(Default)]
pub(super) struct Lexer {
    buffer: Vec<u8>,
    /// The index at which the next token begins.
    start: usize,
    /// How many of its bytes were searched for its end in vain.
    looked: usize,
    /// The quote within a tag that is still open.
    quote: Option<u8>,
    flood: bool,
}

impl Lexer {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    pub(super) fn bytes(&self, token: &Token) -> &[u8] {
        &self.buffer[token.from..token.to]
    }

    /// Returns what has come and was not handed out.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Skips blanks, which stand between stanzas.
    pub(super) fn skip_blanks(&mut self) {
        if self.looked == 0 {
            self.start += self
                .rest()
                .iter()
                .take_while(|byte| byte.is_ascii_whitespace())
                .count();
        }
    }

    /// Returns the next token, once it is complete.
    pub(super) fn next(&mut self) -> Result<Option<Token>, Malformed> {
        let rest = self.rest();
        match rest {
            [] => Ok(None),
            [b'<'] => Ok(None),
            [b'<', b'!', ..] => self.data(),
            [b'<', b'?', ..] => Ok(self
                .until(b"?>", 2)
                .map(|(from, to)| self.token(Kind::Declaration, from, to))),
            [b'<', ..] => Ok(self.tag()),
            _ => Ok(self.text()),
        }
    }

    fn token(&mut self, kind: Kind, from: usize, to: usize) -> Token {
        self.looked = 0;
        self.quote = None;
        Token {
            kind,
            from,
            to,
            flood: std::mem::take(&mut self.flood),
        }
    }

    fn text(&mut self) -> Option<Token> {
        let from = self.start;
        match self.rest()[self.looked..]
            .iter()
            .position(|byte| *byte == b'<')
        {
            Some(at) => {
                let to = from + self.looked + at;
                self.start = to;
                Some(self.token(Kind::Text, from, to))
            }
            None => {
                self.looked = self.rest().len();
                self.shorten(1, 1);
                None
            }
        }
    }

    fn tag(&mut self) -> Option<Token> {
        let from = self.start;
        for at in self.looked.max(1)..self.rest().len() {
            let byte = self.buffer[from + at];
            match self.quote {
                Some(quote) if byte == quote => self.quote = None,
                Some(_) => {}
                None if byte == b'"' || byte == b'\'' => self.quote = Some(byte),
                None if byte == b'>' => {
                    self.start = from + at + 1;
                    return Some(self.token(Kind::Tag, from + 1, from + at));
                }
                None => {}
            }
        }
        self.looked = self.rest().len();
        self.shorten(2, 1);
        None
    }

    fn data(&mut self) -> Result<Option<Token>, Malformed> {
        let rest = self.rest();
        if rest.len() < CDATA.len() {
            let may_be = CDATA.starts_with(rest);
            return if may_be {
                Ok(None)
            } else {
                Err(Malformed("a comment or a document type"))
            };
        }
        if !rest.starts_with(CDATA) {
            return Err(Malformed("a comment or a document type"));
        }
        Ok(self
            .until(b"]]>", CDATA.len())
            .map(|(from, to)| self.token(Kind::Data, from, to)))
    }

    /// Finds the end of a token whose prefix has that many bytes and which ends with `end`.
    fn until(&mut self, end: &[u8], prefix: usize) -> Option<(usize, usize)> {
        let from = self.start + prefix;
        let look = self.start + self.looked.saturating_sub(end.len()).max(prefix);
        let found = self.buffer[look..]
            .windows(end.len())
            .position(|window| window == end);
        if let Some(at) = found {
            self.start = look + at + end.len();
            return Some((from, look + at));
        }
        self.looked = self.rest().len();
        self.shorten(prefix, end.len());
        None
    }

    /// Drops the middle of a token that has become too long.
    fn shorten(&mut self, front: usize, back: usize) {
        if self.rest().len() > TOKEN_MAX {
            let end = self.buffer.len() - back;
            self.buffer.drain(self.start + front..end);
            self.looked = self.rest().len();
            self.flood = true;
        }
    }
}
