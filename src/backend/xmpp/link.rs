//! One connection: its dial, the tasks that read, write and listen for silence, and its end.

use super::Xmpp;
use super::core::Core;
use super::jid::Jid;
use super::negotiate::{self, Ready};
use super::ns;
use super::outbox::{Line, outbox};
use super::session::XmppSession;
use super::shared::Turn;
use super::state::Agent;
use super::strays::Strays;
use super::stream::{Incoming, Sink, lost};
use super::xml::{Element, Event};
use super::{contacts, core, disco, dispatch, errors, probe, room_words};
use crate::backend::{BackendError, Inbox, Link, LinkKey, Reply, Session, reply};
use crate::model::{Address, AgentKey};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;

/// How a component's link is named.
pub(super) const COMPONENT_KEY: &str = "component";
/// A connection that is not ready by then will not be.
const DIAL_MAX: Duration = Duration::from_secs(20);
/// How long the end of our last connection is waited for, each time the server says that it still stands.
const ENDING_WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_millis(1000),
];
/// How often the server is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(60);
/// A server that is silent for that long when asked is not.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// How often it may be silent about what it was asked while other things come: it may be busy, or not read us any more.
const SILENCES_MAX: u32 = 6;
/// A stanza that takes longer from its first byte to its last ends the link. One without an end is stepped over once it is
/// too large, and nothing else would be heard beside it: the agents were shown as Active, and a stop waited for answers.
const UNFINISHED_MAX: Duration = Duration::from_secs(30);
/// How long the last words may take, and the server's own after them.
const FAREWELL_MAX: Duration = Duration::from_secs(2);
/// How long the component's last connection is waited for until it is hung up.
const TURN_MAX: Duration = Duration::from_secs(10);
/// What a new connection of a component sends round is back by then.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// Opens a connection.
pub(super) async fn dial(
    backend: Arc<Xmpp>,
    key: LinkKey,
    inbox: Inbox,
) -> Result<Arc<dyn Link>, BackendError> {
    let config = &backend.config;
    let is_component = key.as_str() == COMPONENT_KEY;
    let negotiated = async {
        match (&config.component, &config.accounts) {
            (Some(_), _) if is_component => component(&backend, &inbox).await,
            (_, Some(accounts)) if !is_component => {
                let jid = Jid::parse(key.as_str()).filter(|jid| jid.local().is_some());
                let jid = jid.ok_or_else(|| {
                    BackendError::refused(format!("`{key}` is no account's address"))
                })?;
                Ok((
                    negotiate::account(&jid, accounts, config, &inbox).await?,
                    None,
                ))
            }
            _ => Err(BackendError::refused(format!(
                "`{key}` is not of the component's domain, and no accounts are configured"
            ))),
        }
    };
    let (
        Ready {
            stream,
            jid,
            acknowledges,
            early,
        },
        turn,
    ) = tokio::select! {
        biased;
        ready = negotiated => ready?,
        () = inbox.sleep(DIAL_MAX) => return Err(BackendError::unreachable("the server was too slow to let us in")),
    };
    let (near, far) = outbox();
    let core = Core::new(
        inbox.clone(),
        config.clone(),
        backend.shared.clone(),
        jid,
        is_component,
        near,
    )?;
    let core = Arc::new(core);
    let (reader, writer) = stream.split();
    inbox.spawn(write(core.clone(), far, writer, turn.clone()));
    inbox.spawn(read(core.clone(), reader, acknowledges, early, turn));
    inbox.spawn(listen(core.clone()));
    let link = Arc::new(XmppLink { core: core.clone() });
    if !is_component {
        let jid = core.jid.clone();
        if let Ok(info) = disco::info(&core, &jid, Some(jid.bare())).await? {
            core.has_archive.store(info.has(ns::MAM), Ordering::Relaxed);
        }
        if let Ok(answer) = core
            .ask(&jid, None, "get", Element::new("query", ns::ROSTER))
            .await?
            && let Some(query) = answer.find("query", ns::ROSTER)
        {
            core.state.lock().roster = contacts::roster(query);
        }
    }
    Ok(link)
}

/// Connects the component, one connection after the other: a server may take two for one (`probe`).
async fn component(
    backend: &Xmpp,
    inbox: &Inbox,
) -> Result<(Ready, Option<Arc<Turn>>), BackendError> {
    let turn = tokio::select! {
        biased;
        turn = backend.shared.turn() => Arc::new(turn),
        () = inbox.sleep(TURN_MAX) => return Err(BackendError::unreachable("the component's last connection is still open")),
    };
    // The server may not have noticed yet that our last connection is gone: a moment's patience, no more.
    for wait in ENDING_WAITS {
        match connect_component(backend, inbox).await {
            Err(error) if errors::is_conflict(&error) || error.reason == probe::ASTRAY => {
                inbox.sleep(wait).await
            }
            done => return Ok((done?, Some(turn))),
        }
    }
    Ok((connect_component(backend, inbox).await?, Some(turn)))
}

/// Connects the component once.
async fn connect_component(backend: &Xmpp, inbox: &Inbox) -> Result<Ready, BackendError> {
    let component = backend
        .config
        .component
        .as_ref()
        .expect("whoever calls has looked");
    let mut ready = negotiate::component(component, &backend.config.trust).await?;
    let salt = core::salt()?;
    let probed = tokio::select! {
        biased;
        probed = probe::sent_round(&mut ready.stream, &ready.jid, &salt, &mut ready.early) => probed,
        () = inbox.sleep(PROBE_MAX) => Err(BackendError::unreachable(probe::ASTRAY)),
    };
    if let Err(error) = probed {
        // Or it would be the connection that the next one finds in its way.
        tokio::select! {
            biased;
            () = ready.stream.close() => {}
            () = inbox.sleep(FAREWELL_MAX) => {}
        }
        return Err(error);
    }
    Ok(ready)
}

async fn write(core: Arc<Core>, line: Line, mut io: Sink, turn: Option<Arc<Turn>>) {
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

async fn read(
    core: Arc<Core>,
    mut reader: Incoming,
    acknowledges: bool,
    early: Vec<Element>,
    turn: Option<Arc<Turn>>,
) {
    hear(&core, &mut reader, acknowledges, early).await;
    // Until the server has hung up too, it may take this connection for the one to speak to.
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

/// Says how much has been handled, each time it is asked and once that is committed.
async fn acknowledge(core: Arc<Core>, mut asked: watch::Receiver<u32>) {
    while asked.changed().await.is_ok() {
        let handled = *asked.borrow_and_update();
        if core.inbox.flush().await.is_ok() {
            let _ = core.send(&Element::new("a", ns::SM).with("h", handled.to_string()));
        }
    }
}

/// Asks the server from time to time whether it is there, and rooms whether our agents are.
async fn listen(core: Arc<Core>) {
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
                // Whatever came counts, and while we are the ones who do not read, nothing can.
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

/// One connection; dropping it says goodbye and hangs up.
struct XmppLink {
    core: Arc<Core>,
}

impl Drop for XmppLink {
    fn drop(&mut self) {
        hang_up(&self.core);
    }
}

/// Says goodbye for everybody and closes the line: what is in it is still written.
fn hang_up(core: &Core) {
    let agents = std::mem::take(&mut core.state.lock().agents);
    for agent in agents.values() {
        let _ = contacts::farewell(core, agent);
    }
    core.finish(&BackendError::unreachable("the connection was closed"));
}

impl Link for XmppLink {
    fn sign_in(self: Arc<Self>, agent: AgentKey, address: Address) -> Reply<Arc<dyn Session>> {
        reply(async move {
            sign_in(&self.core, agent, address)
                .await
                .map(|session| session as Arc<dyn Session>)
        })
    }

    fn close(self: Arc<Self>) -> Reply<()> {
        hang_up(&self.core);
        reply(std::future::ready(Ok(())))
    }
}

async fn sign_in(
    core: &Arc<Core>,
    key: AgentKey,
    address: Address,
) -> Result<Arc<XmppSession>, BackendError> {
    let jid = Jid::parse(address.name()).filter(|jid| jid.local().is_some());
    let jid =
        jid.ok_or_else(|| BackendError::refused(format!("`{address}` is no address of XMPP")))?;
    let is_here = if core.is_component {
        jid.domain() == core.jid.domain()
    } else {
        jid.bare() == core.jid.bare()
    };
    if !is_here {
        return Err(BackendError::refused(format!(
            "`{address}` does not belong to this connection"
        )));
    }
    let full = if core.is_component {
        jid.with_resource(&core.config.resource)
    } else {
        Some(core.jid.clone())
    };
    let full = full.ok_or_else(|| BackendError::refused("the resource cannot be one"))?;
    let session = core.shared.number();
    let mut agent = Agent {
        key,
        address,
        jid: full.clone(),
        session,
        seats: HashMap::new(),
        contacts: HashMap::new(),
        watchers: HashSet::new(),
        early: HashMap::new(),
        since: core.inbox.now(),
        strays: Strays::default(),
    };
    let old = {
        let mut state = core.state.lock();
        if let Some(error) = &state.over {
            return Err(error.clone());
        }
        // What was written to it before it was here has waited.
        for stray in state.strays.take(|stray| stray.to == full.bare()) {
            agent.strays.keep(stray);
        }
        state.agents.insert(full.bare().to_owned(), agent)
    };
    if let Some(old) = old {
        contacts::farewell(core, &old)?;
    }
    let signed = Arc::new(XmppSession {
        core: core.clone(),
        jid: full,
        key,
        session,
    });
    if !core.is_component {
        core.send(&Element::stanza("presence"))?;
        core.fence().await?;
    }
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use super::super::fuzz;
    use super::super::stream::Stream;
    use super::*;
    use crate::backend::recorder::RecordingIntake;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A stanza that never ends, whether it is taken in or stepped over, ends the link in time.
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
            let recorder = RecordingIntake::by_hand();
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
                    // It goes on for ever, so that there is always something to read.
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
        let recorder = RecordingIntake::new();
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
