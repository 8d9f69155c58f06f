//! A line between a connector and its server that a test can cut, hold, or spoil.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// What the proxy does with what comes by.
#[derive(Default)]
struct Line {
    target: AtomicU16,
    open: Mutex<Vec<TcpStream>>,
    /// Nothing passes, and neither side learns it.
    stalled: Mutex<bool>,
    moved: Condvar,
    /// Bytes for the connector in place of the server's next ones.
    spoil: Mutex<Option<Vec<u8>>>,
    refusing: AtomicBool,
    connections: AtomicU32,
}

/// A listening port whose connections go on to another.
pub(crate) struct Proxy {
    line: Arc<Line>,
    address: SocketAddr,
}

impl Proxy {
    /// Listens on a free port of the loopback for connections to `target`.
    pub(crate) fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let line = Arc::new(Line::default());
        line.target.store(target, Ordering::Relaxed);
        let accepting = line.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                accepting.connections.fetch_add(1, Ordering::Relaxed);
                accepting.clone().carry(connection);
            }
        });
        Proxy { line, address }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The number of connections so far.
    pub(crate) fn connections(&self) -> u32 {
        self.line.connections.load(Ordering::Relaxed)
    }

    /// Breaks every connection; new ones work.
    pub(crate) fn cut(&self) {
        for stream in self.line.open.lock().expect("no panic").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Whether new connections are closed at once.
    pub(crate) fn refuse(&self, refusing: bool) {
        self.line.refusing.store(refusing, Ordering::Relaxed);
    }

    /// Lets nothing pass while `stalled`, as on a dead line.
    pub(crate) fn stall(&self, stalled: bool) {
        *self.line.stalled.lock().expect("no panic") = stalled;
        self.line.moved.notify_all();
    }

    /// Sends bytes to the server on the newest connection, as if the connector had sent them.
    pub(crate) fn say(&self, bytes: &[u8]) {
        let open = self.line.open.lock().expect("no panic");
        let mut server = open.last().expect("a connection");
        server.write_all(bytes).expect("written");
    }

    /// Replaces the server's next bytes by these.
    pub(crate) fn spoil(&self, bytes: &[u8]) {
        *self.line.spoil.lock().expect("no panic") = Some(bytes.to_vec());
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.refuse(true);
        self.stall(false);
        self.cut();
    }
}

impl Line {
    fn carry(self: Arc<Line>, near: TcpStream) {
        if self.refusing.load(Ordering::Relaxed) {
            return;
        }
        let Ok(far) = TcpStream::connect(("127.0.0.1", self.target.load(Ordering::Relaxed))) else {
            return;
        };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let twin = |stream: &TcpStream| stream.try_clone().expect("a second handle");
        self.open
            .lock()
            .expect("no panic")
            .extend([twin(&near), twin(&far)]);
        let (there, back) = ((twin(&near), twin(&far)), (far, near));
        let up = self.clone();
        std::thread::spawn(move || up.copy(there.0, there.1, false));
        std::thread::spawn(move || self.copy(back.0, back.1, true));
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream, from_server: bool) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let mut stalled = self.stalled.lock().expect("no panic");
            while *stalled {
                stalled = self.moved.wait(stalled).expect("no panic");
            }
            drop(stalled);
            let spoilt = from_server
                .then(|| self.spoil.lock().expect("no panic").take())
                .flatten();
            if to
                .write_all(spoilt.as_deref().unwrap_or(&buffer[..count]))
                .is_err()
            {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
