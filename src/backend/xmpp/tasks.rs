//! The tasks of one connection: they write, read, acknowledge, and watch for silence.

use super::core::Core;
use super::outbox::Line;
use super::shared::Turn;
use super::stream::{Incoming, Sink, lost};
use super::xml::{Element, Event};
use super::{dispatch, ns, room_words};
use crate::backend::BackendError;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// How often the server is pinged.
const PING_EVERY: Duration = Duration::from_secs(60);
/// How long a server may leave a ping unanswered until it counts as gone.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// How often it may be silent about what it was asked while other things come: it may be busy, or
/// not read us any more.
const SILENCES_MAX: u32 = 6;
/// A stanza that takes longer from its first byte to its last ends the link. One without an end is
/// stepped over once it is too large, and nothing else would be heard beside it: the agents were
/// shown as Active, and a stop waited for answers.
const UNFINISHED_MAX: Duration = Duration::from_secs(30);
/// How long the farewell may take, and the server's own farewell after it.
pub(super) const FAREWELL_MAX: Duration = Duration::from_secs(2);

/// Writes what is put into the line, until the link has ended and its farewell is written.
pub(super) async fn write(core: Arc<Core>, line: Line, mut io: Sink, turn: Option<Arc<Turn>>) {
    let slow = async {
        core.ended().await;
        core.inbox.sleep(FAREWELL_MAX).await;
    };
    tokio::select! {
        biased;
        written = line.write(&mut io) => {
            if let Err(error) = written {
                core.fail(lost(&error));
            }
        }
        () = slow => {}
    }
    drop((io, turn));
}

/// Reads until the server has hung up.
pub(super) async fn read(
    core: Arc<Core>,
    mut reader: Incoming,
    acknowledges: bool,
    early: Vec<Element>,
    turn: Option<Arc<Turn>>,
) {
    hear(&core, &mut reader, acknowledges, early).await;
    // Until the server has hung up too, it may send to this connection.
    tokio::select! {
        biased;
        () = reader.until_closed() => {}
        () = core.inbox.sleep(FAREWELL_MAX) => {}
    }
    drop((reader, turn));
}

async fn hear(core: &Arc<Core>, reader: &mut Incoming, acknowledges: bool, early: Vec<Element>) {
    // What came before the server began to count is not counted here either.
    for element in early {
        let _busy = core.inbox.busy();
        if let Err(error) = dispatch::stanza(core, element).await {
            return core.fail(error);
        }
    }
    let (asks, asked) = watch::channel(0);
    if acknowledges {
        core.inbox.spawn(acknowledge(core.clone(), asked));
    }
    let ended = core.ended();
    tokio::pin!(ended);
    let mut handled: u32 = 0;
    loop {
        let event = tokio::select! {
            biased;
            () = &mut ended => return,
            event = reader.next_whole(|| core.inbox.sleep(UNFINISHED_MAX)) => event,
        };
        core.heard.store(true, Ordering::Relaxed);
        let done = match event {
            Ok(Event::Element(element)) if element.namespace == ns::SM => {
                if element.name == "r" {
                    asks.send_replace(handled);
                }
                Ok(())
            }
            Ok(Event::Element(element)) => {
                handled = handled.wrapping_add(u32::from(element.namespace == ns::CLIENT));
                let _busy = core.inbox.busy();
                dispatch::stanza(core, *element).await
            }
            Ok(Event::Skipped(reason)) => {
                tracing::warn!(reason, "a stanza was passed over");
                handled = handled.wrapping_add(1);
                Ok(())
            }
            Ok(Event::Closed) => Err(BackendError::unreachable("the server closed the stream")),
            Ok(Event::Opened(_)) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            return core.fail(error);
        }
    }
}

/// Acknowledges what was handled, whenever the server asks and once it is committed.
async fn acknowledge(core: Arc<Core>, mut asked: watch::Receiver<u32>) {
    while asked.changed().await.is_ok() {
        let handled = *asked.borrow_and_update();
        if core.inbox.flush().await.is_ok() {
            let _ = core.send(&Element::new("a", ns::SM).with("h", handled.to_string()));
        }
    }
}

/// Pings the server from time to time, and asks rooms whether our agents are in them.
pub(super) async fn listen(core: Arc<Core>) {
    let watch = async {
        loop {
            core.inbox.sleep(PING_EVERY).await;
            let fence = core.reach();
            tokio::pin!(fence);
            let mut silent = 0;
            loop {
                core.heard.store(false, Ordering::Relaxed);
                tokio::select! {
                    biased;
                    reached = &mut fence => {
                        if reached.is_err() {
                            return;
                        }
                        break;
                    }
                    () = core.inbox.sleep(SILENCE_MAX) => {}
                }
                // Everything that comes counts. While this side does not read, nothing can come.
                if core.stalled.load(Ordering::Relaxed) {
                    continue;
                }
                silent += 1;
                if !core.heard.load(Ordering::Relaxed) || silent > SILENCES_MAX {
                    core.fail(BackendError::unreachable("the server does not answer"));
                    return;
                }
                core.ask_again();
            }
        }
    };
    let rounds = async {
        let mut checked = 0;
        loop {
            core.inbox.sleep(PING_EVERY).await;
            checked = room_words::check(&core, checked).await;
        }
    };
    tokio::select! {
        biased;
        () = core.ended() => {}
        () = watch => {}
        () = rounds => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::fuzz;
    use super::super::stream::Stream;
    use super::*;
    use crate::backend::recorder::Recorder;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A stanza that never ends, whether it is read or skipped, ends the link in time.
    #[test]
    fn a_stanza_without_an_end_ends_the_link() {
        for begun in [
            "<message><body>",
            "<message",
            &format!("<message><body>{}", "x".repeat(600_000)),
        ] {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            let (done, waits) = std::sync::mpsc::channel();
            let recorder = Recorder::by_hand();
            let (core, _line) = fuzz::core(&recorder);
            let core = Arc::new(core);
            let (said, heard) = (
                format!(
                    "<stream:stream xmlns='jabber:client' xmlns:stream='{}'>{begun}",
                    ns::STREAM
                ),
                core.clone(),
            );
            runtime.spawn(async move {
                let (mut server, near) = tokio::io::duplex(4096);
                let (mut reader, _writer) = Stream::over(near).split();
                let flood = async {
                    server.write_all(said.as_bytes()).await.expect("written");
                    // It writes for ever, so that there is always something to read.
                    while server.write_all(&[b'x'; 1000]).await.is_ok() {}
                };
                tokio::select! {
                    () = hear(&heard, &mut reader, false, Vec::new()) => {}
                    () = flood => {}
                }
                let _ = done.send(());
            });
            let limit = std::time::Instant::now() + Duration::from_secs(20);
            while waits.recv_timeout(Duration::from_millis(20)).is_err() {
                assert!(std::time::Instant::now() < limit, "it is heard for ever");
                recorder.advance(Duration::from_secs(5));
            }
            let over = core.state.lock().over.clone().expect("it is over");
            assert!(over.reason.contains("does not end a stanza"), "{over:?}");
        }
    }

    /// ejabberd ends a stream whose client has counted more than it sent.
    #[test]
    fn what_came_before_counting_began_is_not_counted() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (done, waits) = std::sync::mpsc::channel();
        let recorder = Recorder::new();
        let (core, line) = fuzz::core(&recorder);
        let core = Arc::new(core);
        runtime.spawn(async move {
            let (mut server, near) = tokio::io::duplex(4096);
            let (mut reader, mut writer) = Stream::over(near).split();
            tokio::spawn(async move { line.write(&mut writer).await });
            let early = vec![Element::stanza("presence").with("from", "lene@im.test/x")];
            tokio::spawn(async move { hear(&core, &mut reader, true, early).await });
            let stanzas = format!(
                "<stream:stream xmlns='jabber:client' xmlns:stream='{}'><presence from='a@b'/><r xmlns='{}'/>",
                ns::STREAM,
                ns::SM
            );
            server.write_all(stanzas.as_bytes()).await.expect("written");
            let (mut said, mut buffer) = (String::new(), [0; 512]);
            while !said.contains("/>") {
                let read = server.read(&mut buffer).await.expect("read");
                said.push_str(std::str::from_utf8(&buffer[..read]).expect("ASCII"));
            }
            done.send(said)
        });
        let said = waits
            .recv_timeout(Duration::from_secs(60))
            .expect("acknowledged");
        assert_eq!(said, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    }
}
