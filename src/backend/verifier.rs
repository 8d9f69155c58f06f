//! Which certificate of a server is believed, where the roots alone do not decide.
//!
//! A self-signed certificate, as `openssl req -x509` makes it, says that it is an authority, and
//! WebPKI then refuses it as a server's certificate. Who names it in a CA file trusts it all the
//! same: exactly that certificate is accepted for a name that it has. Rejected: to accept it for any
//! name. A file may hold the certificates of several servers, and a pin exists for that.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio_rustls::rustls;

/// The SHA-256 of a certificate's DER form.
pub(super) type Fingerprint = [u8; 32];

/// What is believed of a server's certificate.
#[derive(Debug)]
pub(super) enum Believed {
    /// Any certificate.
    Any,
    /// This one, whatever it says of itself.
    Pinned(Fingerprint),
    /// Those that the roots signed, and the certificates of the CA file themselves.
    Listed(Arc<WebPkiServerVerifier>, Vec<Fingerprint>),
}

/// Verifies a server's certificate by what is [`Believed`]. It always checks that the server has
/// the key.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) believed: Believed,
    pub(super) provider: Arc<CryptoProvider>,
}

/// Returns the fingerprint of a certificate.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> Fingerprint {
    Sha256::digest(certificate).into()
}

/// Checks that a certificate of the CA file names the server. The error says what to do.
fn named(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), rustls::Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name).map_err(|_| {
        let name = name.to_str();
        let remedy = format!("does not name `{name}`: make one with that subjectAltName");
        listed_yet_refused(certificate, &remedy)
    })
}

/// Returns the error of a certificate of the CA file that is refused all the same.
fn listed_yet_refused(certificate: &CertificateDer<'_>, remedy: &str) -> rustls::Error {
    let bytes = fingerprint(certificate).map(|byte| format!("{byte:02X}"));
    rustls::Error::General(format!(
        "the certificate is in the CA file, but {remedy}, or set pinned_sha256 = \"{}\" in place of \
         ca_file",
        bytes.join(":")
    ))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext, Other, UnknownIssuer};
        let believed = Ok(ServerCertVerified::assertion());
        match &self.believed {
            Believed::Any => believed,
            Believed::Pinned(pin) if *pin == fingerprint(certificate) => believed,
            Believed::Pinned(_) => Err(rustls::Error::General(
                "the certificate is not the pinned one".into(),
            )),
            Believed::Listed(roots, listed) => {
                let signed = roots.verify_server_cert(certificate, intermediates, name, ocsp, now);
                match signed {
                    // The dates were checked before this error; only its role is wrong.
                    Err(rustls::Error::InvalidCertificate(
                        Other(_) | NotValidForName | NotValidForNameContext { .. },
                    )) if listed.contains(&fingerprint(certificate)) => {
                        named(certificate, name).and(believed)
                    }
                    // Without its issuer nothing tells whether its dates are right.
                    Err(rustls::Error::InvalidCertificate(UnknownIssuer))
                        if listed.contains(&fingerprint(certificate)) =>
                    {
                        let remedy = "another one signed it: put that one into the file too";
                        Err(listed_yet_refused(certificate, remedy))
                    }
                    signed => signed,
                }
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use rustls::crypto::ring;
    use rustls::pki_types::pem::PemObject;
    use std::time::Duration;

    /// As `openssl req -x509` makes them, until the year 2126.
    const NAMED: &str = "MIIBjjCCATWgAwIBAgIUJhMolzfWvePBTP8ts6mmkfSayngwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHaW0udGVzdDAgFw0yNjExMjgxOTI2MTJaGA8yMTI2MTEwNDE5
MjYxMlowEjEQMA4GA1UEAwwHaW0udGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABGcR26UCn2jtDT0Qx1ISEWgTQM9xeqIJE0w7S4PWAWJQURt40xHb6NPrkFd3
8N+BWSrcL7rf4eunLb/+/cvFLJujZzBlMB0GA1UdDgQWBBSQ9JoO/DiOQzTBj/qg
nzL8X2szlzAfBgNVHSMEGDAWgBSQ9JoO/DiOQzTBj/qgnzL8X2szlzAPBgNVHRMB
Af8EBTADAQH/MBIGA1UdEQQLMAmCB2ltLnRlc3QwCgYIKoZIzj0EAwIDRwAwRAIg
M0GKPzSvrJlZJIFRvlxadzD89BEA51QHv9vvUlcE3poCIDJ3kUsd4dokrPveDzLh
+J+CB7F/HS2stqu3lHWU7Bxt";
    /// It has its name as the subject only.
    const UNNAMED: &str = "MIIBfDCCASGgAwIBAgIUf5lotuDeSft3D6WsieAHShLnENEwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHaW0udGVzdDAgFw0yNjExMjgxOTI2MTJaGA8yMTI2MTEwNDE5
MjYxMlowEjEQMA4GA1UEAwwHaW0udGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABNcNQAnvqdX0bn1tYEgGO5nCjqgQi+1jodVbeiafvyXy7JBQVDQKC1vaUOtx
8pui0U9S1CJOgAIabUH3GJRqUTKjUzBRMB0GA1UdDgQWBBTnO/wQugfimVfiPqQY
dhXRPgl38jAfBgNVHSMEGDAWgBTnO/wQugfimVfiPqQYdhXRPgl38jAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCLdJGFCeLGYScjdtbSPM0UAagQ
msuIy8oK+f7GXz8r2gIhANnsHfc43BcuvMIf4C3DmolYnEavQRLeRcYBB7vVXWup";

    /// An authority signed it.
    const SIGNED: &str = "MIIBhDCCASqgAwIBAgIUX2T1VnXHcZFMtufA4jHTs8lmACIwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCQ0EwIBcNMjYxMTI4MjIyNDAxWhgPMjEyNjExMDQyMjI0MDFa
MBIxEDAOBgNVBAMMB2ltLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATA
Ngv6DDYlOZHYp6yLacOKNVbbMwZZjVbxXrPN4EcQywoA+ig/rZJD1rs4djtDLlr/
Cd80DmewgkFnTJ426fuXo2EwXzASBgNVHREECzAJggdpbS50ZXN0MAkGA1UdEwQC
MAAwHQYDVR0OBBYEFFYYF49HPDyLp/kghyfDIAMkGmHdMB8GA1UdIwQYMBaAFCHh
UUzzwucy59wE1jPOy9eb4yJEMAoGCCqGSM49BAMCA0gAMEUCIQCUi/HDrF/SyZEf
kEuWd9KJXARAkMWiVSY3mT8jZ7lmEQIgJgzEMR71c0AutpIlfvPpR8+/Sqho/mUJ
rQGevH15Brw=";

    fn certificate(base64: &str) -> CertificateDer<'static> {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
    }

    /// Shows `shown` to a client whose CA file has `listed`, in that year.
    fn verified(listed: &str, shown: &str, name: &str, year: u64) -> Result<(), String> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate(listed)).expect("a root");
        let signed = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .expect("a verifier");
        let listed = vec![fingerprint(&certificate(listed))];
        let verifier = Verifier {
            believed: Believed::Listed(signed, listed),
            provider,
        };
        let name = ServerName::try_from(name).expect("a name");
        let now = UnixTime::since_unix_epoch(Duration::from_secs((year - 1970) * 31_557_600));
        verifier
            .verify_server_cert(&certificate(shown), &[], &name, &[], now)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_self_signed_certificate_in_the_ca_file_is_believed_for_its_name() {
        assert_eq!(verified(NAMED, NAMED, "im.test", 2030), Ok(()));
        for name in ["other.test", "127.0.0.1"] {
            let error = verified(NAMED, NAMED, name, 2030).expect_err(name);
            assert!(error.contains("does not name"), "{error}");
        }
        let error = verified(UNNAMED, UNNAMED, "im.test", 2030).expect_err("no name");
        assert!(error.contains("set pinned_sha256 = \""), "{error}");
        let error = verified(SIGNED, SIGNED, "im.test", 2030).expect_err("no authority");
        assert!(error.contains("put that one into the file too"), "{error}");
        for year in [2020, 2200] {
            assert!(verified(NAMED, NAMED, "im.test", year).is_err(), "{year}");
        }
        let error = verified(UNNAMED, NAMED, "im.test", 2030).expect_err("another one");
        assert!(error.contains("certificate"), "{error}");
    }
}
