//! UCWA over the system's OpenSSL, with a server that has only the cipher suites of Windows Server
//! 2012 R2, and with each way to believe a certificate.
//!
//! Method: the simulator behind OpenSSL's own acceptor, which is limited to those suites; a whole
//! sign-in and a post. rustls reaches none of these servers, and says what to do. `tests/run` runs
//! this file with the feature `openssl`; `cargo test` alone leaves it out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::dh::Dh;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod, SslVersion};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use simulator::core::Simulator;
use simulator::person::Manner;
use simulator::serve::serve;
use simulator::switches::Switches;
use simulator::timer::RealTime;
use simulator::world::Config;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use switchboard::backend::ucwa::{Secret, TlsLibrary, Trust, Ucwa, UcwaConfig};
use switchboard::{AgentState, Engine, NewAgent, NewMessage, Principal};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_openssl::SslStream;

#[path = "../examples/ucwa_simulator/simulator/mod.rs"]
#[allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "the program's; this test uses a part of it"
)]
mod simulator;

const SOON: Duration = Duration::from_secs(30);
const LENE: &str = "sip:lene@contoso.com";

/// The suites of Windows Server 2012 R2 for RSA certificates.
const CBC: &str = "ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES256-SHA:\
                   ECDHE-RSA-AES128-SHA:AES256-SHA256:AES128-SHA256:AES256-SHA:AES128-SHA";
const KEY_BY_RSA: &str = "AES256-GCM-SHA384:AES128-GCM-SHA256";
const DIFFIE_HELLMAN: &str =
    "DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA";

/// A certificate and its key.
struct Identity {
    certificate: X509,
    key: PKey<Private>,
}

impl Identity {
    /// A certificate that signs itself, for these names. With no names, only its subject is a name.
    fn of(names: &[&str], is_authority: bool) -> Identity {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut subject = X509NameBuilder::new().unwrap();
        subject.append_entry_by_text("CN", "localhost").unwrap();
        let subject = subject.build();
        let mut made = X509::builder().unwrap();
        made.set_version(2).unwrap();
        let serial = BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap();
        made.set_serial_number(&serial).unwrap();
        made.set_subject_name(&subject).unwrap();
        made.set_issuer_name(&subject).unwrap();
        made.set_pubkey(&key).unwrap();
        made.set_not_before(&Asn1Time::days_from_now(0).unwrap())
            .unwrap();
        made.set_not_after(&Asn1Time::days_from_now(2).unwrap())
            .unwrap();
        let mut constraints = BasicConstraints::new();
        constraints.critical();
        if is_authority {
            constraints.ca();
        }
        made.append_extension(constraints.build().unwrap()).unwrap();
        if !names.is_empty() {
            let mut alternative = SubjectAlternativeName::new();
            for name in names {
                alternative.dns(name);
            }
            let alternative = alternative.build(&made.x509v3_context(None, None));
            made.append_extension(alternative.unwrap()).unwrap();
        }
        made.sign(&key, MessageDigest::sha256()).unwrap();
        Identity {
            certificate: made.build(),
            key,
        }
    }

    /// The SHA-256 of the certificate.
    fn pin(&self) -> [u8; 32] {
        let digest = self.certificate.digest(MessageDigest::sha256()).unwrap();
        digest.as_ref().try_into().unwrap()
    }

    /// Writes the certificate to a file.
    fn file(&self) -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("switchboard-openssl-{}-{number}.pem", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, self.certificate.to_pem().unwrap()).unwrap();
        path
    }
}

/// A simulator behind OpenSSL.
struct Server {
    simulator: Arc<Simulator>,
    root: String,
    _runtime: Runtime,
}

impl Server {
    fn start(identity: &Identity, suites: &str) -> Server {
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_private_key(&identity.key).unwrap();
        acceptor.set_certificate(&identity.certificate).unwrap();
        acceptor
            .set_max_proto_version(Some(SslVersion::TLS1_2))
            .unwrap();
        let suites = format!("{suites}:@SECLEVEL=0");
        acceptor.set_cipher_list(&suites).unwrap();
        // The group of that Windows has 1,024 bits.
        acceptor.set_tmp_dh(&Dh::get_1024_160().unwrap()).unwrap();
        let acceptor = acceptor.build();
        let config = Config {
            domain: "contoso.com".into(),
            seed: 7,
            secure_port: None,
            switches: Switches::default(),
        };
        let simulator = Simulator::new(config, Arc::new(RealTime));
        let accepting = Manner::Accept(Duration::ZERO);
        simulator.add_person(LENE, None, None, accepting).unwrap();
        simulator
            .add_person(
                "sip:bot@contoso.com",
                None,
                Some("correct horse"),
                Manner::Offline,
            )
            .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let root = format!(
            "https://localhost:{}/",
            listener.local_addr().unwrap().port()
        );
        runtime.spawn(simulator.clone().run());
        let served = simulator.clone();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let ssl = Ssl::new(acceptor.context()).unwrap();
                let mut stream = SslStream::new(ssl, stream).unwrap();
                let simulator = served.clone();
                tokio::spawn(async move {
                    if Pin::new(&mut stream).accept().await.is_ok() {
                        serve(simulator, stream, "https").await;
                    }
                });
            }
        });
        Server {
            simulator,
            root,
            _runtime: runtime,
        }
    }

    /// Signs an agent in over `library`, and posts; returns why it is not active.
    fn reached(&self, library: TlsLibrary, trust: Trust) -> Result<(), String> {
        let config = UcwaConfig::new("contoso.com", Secret::new("correct horse"))
            .root(&self.root)
            .trust(trust)
            .tls(library);
        let engine = Engine::builder()
            .in_memory()
            .backend(Ucwa::new(config).unwrap())
            .open()
            .unwrap();
        let channel = format!("contact:{LENE}");
        let agent = NewAgent::new("bot", "ucwa:bot@contoso.com").unwrap();
        let admin = engine.provisioning(&Principal::host("ada")).unwrap();
        let mut changes = engine.subscribe();
        admin.put_agent(agent.channel(&*channel).unwrap()).unwrap();
        let deadline = Instant::now() + SOON;
        loop {
            let status = engine.agent_status("bot").unwrap();
            assert!(Instant::now() < deadline, "{status:?}");
            match (status.state, status.reason) {
                (AgentState::Active, _) => break,
                (_, Some(reason)) => {
                    engine.shutdown(SOON).unwrap();
                    return Err(reason);
                }
                _ => {}
            }
            let _ = changes.next_timeout(Duration::from_millis(20));
        }
        let agent = engine.agent("bot").unwrap();
        agent.wait_active(SOON).unwrap();
        agent.post(channel, NewMessage::text("hello")).unwrap();
        let lene = self.simulator.person(LENE).unwrap();
        assert!(lene.heard().iter().any(|heard| heard.text == "hello"));
        engine.shutdown(SOON).unwrap();
        Ok(())
    }
}

#[test]
fn a_server_with_the_suites_of_windows_server_2012_r2_is_reached_over_openssl_alone() {
    let identity = Identity::of(&["localhost"], false);
    let file = identity.file();
    let all = format!("{CBC}:{KEY_BY_RSA}:{DIFFIE_HELLMAN}");
    for suites in [CBC, KEY_BY_RSA, DIFFIE_HELLMAN, &all] {
        // GCM with an elliptic curve is what rustls has; that Windows has it for no RSA certificate.
        let server = Server::start(&identity, suites);
        let trust = || Trust::CaFile(file.clone());
        server.reached(TlsLibrary::OpenSsl, trust()).expect(suites);
        let refused = server.reached(TlsLibrary::Rustls, trust());
        let refused = refused.expect_err("rustls has none of these suites");
        for told in ["Windows Server 2012 R2", "tls = \"openssl\""] {
            assert!(refused.contains(told), "{suites}: {refused}");
        }
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn suites_that_nobody_should_use_are_not_offered() {
    let identity = Identity::of(&["localhost"], false);
    for suites in ["NULL-SHA256", "AECDH-AES128-SHA:ADH-AES128-SHA"] {
        let server = Server::start(&identity, suites);
        let refused = server.reached(TlsLibrary::OpenSsl, Trust::InsecureAnyCertificate);
        assert!(refused.is_err_and(|reason| reason.contains("TLS with `localhost`")));
    }
}

#[test]
fn a_trust_means_the_same_over_both_libraries() {
    let [own, authority, other, nameless, elsewhere] = [
        Identity::of(&["localhost"], false),
        Identity::of(&["localhost"], true),
        Identity::of(&["localhost"], false),
        Identity::of(&[], false),
        Identity::of(&["elsewhere.example"], false),
    ];
    // What the server shows, what is believed, and the reason if it is not reached.
    let cases: [(&Identity, Trust, Option<&str>); 11] = [
        (&own, Trust::CaFile(own.file()), None),
        (&authority, Trust::CaFile(authority.file()), None),
        (&own, Trust::CaFile(other.file()), Some("certificate")),
        (
            &nameless,
            Trust::CaFile(nameless.file()),
            Some("certificate"),
        ),
        (
            &elsewhere,
            Trust::CaFile(elsewhere.file()),
            Some("certificate"),
        ),
        (&own, Trust::System, Some("certificate")),
        (&own, Trust::CaFile("/none/such".into()), Some("/none/such")),
        (&own, Trust::PinnedSha256(own.pin()), None),
        (&elsewhere, Trust::PinnedSha256(elsewhere.pin()), None),
        (
            &own,
            Trust::PinnedSha256(other.pin()),
            Some("is not the pinned one"),
        ),
        (&other, Trust::InsecureAnyCertificate, None),
    ];
    for (shown, trust, refused) in cases {
        // A suite that rustls has too.
        let server = Server::start(shown, "ECDHE-RSA-AES128-GCM-SHA256");
        for library in [TlsLibrary::OpenSsl, TlsLibrary::Rustls] {
            let named = shown
                .certificate
                .subject_alt_names()
                .map(|names| names.len());
            let case = format!("{library:?}, {trust:?}, {named:?} names");
            match (server.reached(library, trust.clone()), refused) {
                (Ok(()), None) => {}
                (Err(reason), Some(told)) => assert!(reason.contains(told), "{case}: {reason}"),
                (reached, _) => panic!("{case}: {reached:?}"),
            }
        }
        if let Trust::CaFile(path) = trust {
            let _ = std::fs::remove_file(path);
        }
    }
}
