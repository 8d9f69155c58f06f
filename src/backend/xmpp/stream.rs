//! A stream over a socket, protected or not: bytes out, events in.

use super::config::Security;
use super::errors;
use super::ns;
use super::xml::{Element, Event, Parser};
use crate::backend::tls::{self, Binding};
use crate::backend::{BackendError, BackendErrorKind, Inbox, Trust, dial};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

/// How many bytes are read at once.
const READ: usize = 16 * 1024;

/// A connection that carries bytes both ways.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// The way to a server.
pub(super) struct Way<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) trust: &'a Trust,
    /// The name that the server's certificate must have.
    pub(super) domain: &'a str,
}

/// Returns the error of a connection that broke.
pub(super) fn lost(error: &std::io::Error) -> BackendError {
    BackendError::unreachable(format!("the connection was lost: {}", plain(error)))
}

/// Returns the reason in plain words. For an end without TLS's farewell the library names its
/// manual.
pub(super) fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            "the server closed the connection without ending the stream".into()
        }
        _ => error.to_string(),
    }
}

/// The reading half.
pub(super) struct Reader<R> {
    io: R,
    parser: Parser,
    buffer: Box<[u8]>,
}

/// The two halves of a stream.
pub(super) type Incoming = Reader<ReadHalf<Box<dyn Io>>>;
pub(super) type Sink = WriteHalf<Box<dyn Io>>;

/// A stream while it is negotiated.
pub(super) struct Stream {
    reader: Reader<Box<dyn Io>>,
    /// The data that a login can be bound to the TLS channel with.
    pub(super) binding: Option<Binding>,
    pub(super) is_secure: bool,
}

impl Stream {
    /// Connects, with TLS if it comes first.
    pub(super) async fn connect(way: &Way<'_>, inbox: &Inbox) -> Result<Stream, BackendError> {
        let endpoint = format!("{}:{}", way.host, way.port);
        let tcp = dial::connect(inbox, way.host, way.port).await;
        let tcp = tcp.map_err(|error| {
            BackendError::unreachable(format!("{endpoint} cannot be reached: {error}"))
        })?;
        let _ = tcp.set_nodelay(true);
        if way.security == Security::PlainLoopback
            && !tcp.peer_addr().is_ok_and(|peer| peer.ip().is_loopback())
        {
            let reason = format!(
                "{endpoint} is not on this machine, and the connection has no TLS: not without `InsecurePlaintext`"
            );
            return Err(BackendError::refused(reason));
        }
        let mut stream = Stream {
            reader: Reader::new(Box::new(tcp)),
            binding: None,
            is_secure: false,
        };
        if way.security == Security::DirectTls {
            stream.secure(way).await?;
        }
        Ok(stream)
    }

    /// Returns a stream over a connection whose other end a test holds.
    #[cfg(test)]
    pub(super) fn over(io: impl Io + 'static) -> Stream {
        Stream {
            reader: Reader::new(Box::new(io)),
            binding: None,
            is_secure: false,
        }
    }

    /// Starts TLS on the stream.
    pub(super) async fn secure(&mut self, way: &Way<'_>) -> Result<(), BackendError> {
        if !self.reader.parser.rest().is_empty() {
            // Text sent before TLS that would be read as if after it is an attack (CVE-2011-0411).
            return Err(BackendError::refused(
                "the server sent data before TLS began",
            ));
        }
        let plain = std::mem::replace(&mut self.reader.io, Box::new(tokio::io::empty()));
        let (io, binding) = tls::connect(way.trust, way.domain, plain).await?;
        self.reader.io = Box::new(io);
        self.binding = binding;
        self.is_secure = true;
        Ok(())
    }

    pub(super) async fn send(&mut self, xml: &str) -> Result<(), BackendError> {
        let io = &mut self.reader.io;
        let sent = async {
            io.write_all(xml.as_bytes()).await?;
            io.flush().await
        };
        sent.await.map_err(|error| lost(&error))
    }

    /// Begins a stream, or begins it anew. Returns the server's header.
    pub(super) async fn open(
        &mut self,
        to: &str,
        namespace: &str,
    ) -> Result<Element, BackendError> {
        let mut parser = Parser::default();
        parser.feed(self.reader.parser.rest());
        self.reader.parser = parser;
        let mut header = String::from("<?xml version='1.0'?><stream:stream to='");
        super::xml::escape(&mut header, to, true);
        header.push_str(&format!(
            "' version='1.0' xmlns='{namespace}' xmlns:stream='{}'>",
            ns::STREAM
        ));
        self.send(&header).await?;
        loop {
            match self.reader.next().await? {
                Event::Opened(header) => return Ok(header),
                Event::Closed => {
                    return Err(BackendError::unreachable("the server closed the stream"));
                }
                Event::Element(_) | Event::Skipped(_) => {}
            }
        }
    }

    /// Waits for the next top-level element.
    pub(super) async fn next(&mut self) -> Result<Element, BackendError> {
        loop {
            match self.reader.next().await? {
                Event::Element(element) => return Ok(*element),
                Event::Closed => {
                    return Err(BackendError::unreachable("the server closed the stream"));
                }
                Event::Opened(_) | Event::Skipped(_) => {}
            }
        }
    }

    /// Waits for the next top-level element; the end of the stream is an error.
    pub(super) async fn expect(&mut self) -> Result<Element, BackendError> {
        let element = self.next().await?;
        if element.is("error", ns::STREAM) {
            Err(errors::of_stream(&element))
        } else {
            Ok(element)
        }
    }

    /// Ends the stream, and waits until the server has hung up.
    pub(super) async fn close(&mut self) {
        let _ = self.send("</stream:stream>").await;
        let _ = self.reader.io.shutdown().await;
        self.reader.until_closed().await;
    }

    /// Splits the stream into its two directions, for one task each.
    pub(super) fn split(self) -> (Incoming, Sink) {
        let Reader { io, parser, buffer } = self.reader;
        let (read, write) = tokio::io::split(io);
        (
            Reader {
                io: read,
                parser,
                buffer,
            },
            write,
        )
    }
}

impl<R: AsyncRead + Unpin> Reader<R> {
    fn new(io: R) -> Reader<R> {
        Reader {
            io,
            parser: Parser::default(),
            buffer: vec![0; READ].into_boxed_slice(),
        }
    }

    /// Waits for the next event.
    pub(super) async fn next(&mut self) -> Result<Event, BackendError> {
        loop {
            let parsed = self.parser.next();
            match parsed.map_err(|error| {
                BackendError::new(
                    BackendErrorKind::Protocol,
                    format!("malformed XML: {error}"),
                )
            })? {
                Some(event) => return Ok(event),
                None => self.fill().await?,
            }
        }
    }

    /// Like [`Reader::next`], but a stanza that has begun must end before the future of `pause` is
    /// over.
    pub(super) async fn next_whole<F: Future<Output = ()>>(
        &mut self,
        pause: impl Fn() -> F,
    ) -> Result<Event, BackendError> {
        let mut patience = None;
        loop {
            let parsed = self.parser.next();
            match parsed.map_err(|error| {
                BackendError::new(
                    BackendErrorKind::Protocol,
                    format!("malformed XML: {error}"),
                )
            })? {
                Some(event) => return Ok(event),
                None if !self.parser.is_inside() => self.fill().await?,
                None => {
                    let patience = patience.get_or_insert_with(|| Box::pin(pause()));
                    tokio::select! {
                        biased;
                        // First, because there may always be more to read.
                        () = patience => return Err(BackendError::unreachable("the server does not end a stanza")),
                        filled = self.fill() => filled?,
                    }
                }
            }
        }
    }

    /// Reads until the server hangs up, and ignores what comes.
    pub(super) async fn until_closed(&mut self) {
        while let Ok(1..) = self.io.read(&mut self.buffer).await {}
    }

    /// Waits for bytes and reads them.
    async fn fill(&mut self) -> Result<(), BackendError> {
        match self.io.read(&mut self.buffer).await {
            Ok(0) => Err(BackendError::unreachable(
                "the server closed the connection",
            )),
            Ok(read) => {
                self.parser.feed(&self.buffer[..read]);
                Ok(())
            }
            Err(error) => Err(lost(&error)),
        }
    }
}
