//! How a connection is opened: TCP and TLS as configured, or what a test uses instead.
//!
//! A backend makes one TLS client and shares it between all connections, so that ten thousand
//! accounts hold one list of roots and resume one another's sessions. A CA file that has changed is
//! read again at the next connection.

#[cfg(feature = "openssl")]
use crate::backend::openssl;
use crate::backend::ucwa::config::TlsLibrary;
use crate::backend::ucwa::protocol::url::Origin;
use crate::backend::{BackendError, Inbox, Reply, Trust, dial, reply, tls};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::ClientConfig;

/// How long a connection may take to open, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// What to do about a server that ends a handshake before it has shown a certificate.
const REMEDY: &str = if cfg!(feature = "openssl") {
    "the server may have only cipher suites that rustls left out, as Windows Server 2012 R2 with an \
     RSA certificate; if so, set tls = \"openssl\" for this backend"
} else {
    "the server may have only cipher suites that rustls left out, as Windows Server 2012 R2 with an \
     RSA certificate; if so, build with the feature `openssl` and set tls = \"openssl\" for this backend"
};

/// A connection to a server: bytes both ways.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// Opens connections to servers. The default uses TCP, and TLS with the configured trust. A test
/// may return one end of a pipe.
pub trait Connect: Send + Sync + 'static {
    /// Opens a connection to `to`, over TLS if `to` is secure. Timers and tasks come from the
    /// inbox, so that a test can step them.
    fn connect(&self, to: &Origin, inbox: &Inbox) -> Reply<Box<dyn Io>>;
}

/// TCP and TLS.
pub(crate) struct Sockets(Arc<Tls>);

struct Tls {
    trust: Trust,
    library: TlsLibrary,
    /// The last client, and the stamp of the CA file that it was made with.
    made: Mutex<Option<(Stamp, Client)>>,
}

/// What makes TLS of a connection; all clones are one.
#[derive(Clone)]
enum Client {
    Rustls(Arc<ClientConfig>),
    #[cfg(feature = "openssl")]
    OpenSsl(openssl::Client),
}

/// Length and date of the CA file; `None` if there is no such file, or it cannot be read.
type Stamp = Option<(u64, SystemTime)>;

impl Sockets {
    /// Certificates are believed as `trust` says. A configuration was checked for a library that
    /// this build lacks.
    pub(crate) fn new(trust: Trust, library: TlsLibrary) -> Sockets {
        Sockets(Arc::new(Tls {
            trust,
            library,
            made: Mutex::default(),
        }))
    }
}

impl Tls {
    /// Returns the current client. It reads files, so it runs on a thread that may block.
    fn client(&self) -> Result<Client, BackendError> {
        let stamp = match &self.trust {
            Trust::CaFile(path) => std::fs::metadata(path)
                .and_then(|found| Ok((found.len(), found.modified()?)))
                .ok(),
            _ => None,
        };
        if let Some((made_of, client)) = &*self.made.lock()
            && *made_of == stamp
        {
            return Ok(client.clone());
        }
        let client = match self.library {
            #[cfg(feature = "openssl")]
            TlsLibrary::OpenSsl => Client::OpenSsl(openssl::Client::new(&self.trust)?),
            _ => Client::Rustls(tls::client(&self.trust)?),
        };
        *self.made.lock() = Some((stamp, client.clone()));
        Ok(client)
    }
}

impl Connect for Sockets {
    fn connect(&self, to: &Origin, inbox: &Inbox) -> Reply<Box<dyn Io>> {
        let (tls, to, inbox) = (self.0.clone(), to.clone(), inbox.clone());
        reply(async move {
            tokio::select! {
                biased;
                opened = open(tls, &to, &inbox) => opened,
                () = inbox.sleep(CONNECT_MAX) => Err(BackendError::unreachable(format!("{to} was too slow to answer"))),
            }
        })
    }
}

async fn open(tls: Arc<Tls>, to: &Origin, inbox: &Inbox) -> Result<Box<dyn Io>, BackendError> {
    let tcp = dial::connect(inbox, &to.host, to.port).await;
    let tcp =
        tcp.map_err(|error| BackendError::unreachable(format!("{to} cannot be reached: {error}")))?;
    let _ = tcp.set_nodelay(true);
    if !to.secure {
        return Ok(Box::new(tcp));
    }
    let client = crate::backend::start_blocking(move || tls.client()).await;
    let client = client.map_err(|_| BackendError::unreachable("the engine is stopping"))??;
    match client {
        Client::Rustls(client) => match tls::secure(client, &to.host, tcp).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(with_remedy(tls::failed(&to.host, &error), &error)),
        },
        #[cfg(feature = "openssl")]
        Client::OpenSsl(client) => Ok(Box::new(client.secure(&to.host, tcp).await?)),
    }
}

/// Adds what to do if the server may lack our cipher suites (§ucwa/tls).
fn with_remedy(mut failed: BackendError, error: &io::Error) -> BackendError {
    if tls::may_lack_suites(error) {
        failed.reason.push_str(": ");
        failed.reason.push_str(REMEDY);
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_client_is_made_once_and_again_when_the_ca_file_changed() {
        let certificates = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/http/tls");
        let file = std::env::temp_dir().join(format!("switchboard-ca-{}.pem", std::process::id()));
        std::fs::copy(certificates.join("cert.pem"), &file).expect("a certificate");
        let sockets = Sockets::new(Trust::CaFile(file.clone()), TlsLibrary::Rustls);
        let client = || match sockets.0.client().expect("a client") {
            Client::Rustls(client) => client,
            #[cfg(feature = "openssl")]
            Client::OpenSsl(_) => panic!("the other library"),
        };
        let first = client();
        assert!(Arc::ptr_eq(&first, &client()), "shared by all connections");
        let both = ["cert.pem", "other_cert.pem"]
            .map(|name| std::fs::read_to_string(certificates.join(name)).expect("a certificate"));
        std::fs::write(&file, both.concat()).expect("it can be written");
        let second = client();
        assert!(!Arc::ptr_eq(&first, &second), "read again");
        std::fs::remove_file(&file).expect("it can be removed");
        let error = sockets.0.client().err();
        let error = error.expect("without its file there is none");
        assert!(error.reason.contains("cannot be read"), "{error}");
    }
}
