//! Which certificates a backend believes, as the file says it: shared by all that speak TLS to their servers.

use crate::settings::switch;
use std::path::Path;
use switchboard::backend::Trust;

/// What a `[[backend]]` says of it: one way, or none and the connector's own.
#[derive(Debug, Clone, Default)]
pub(crate) struct Believed(Vec<Trust>);

impl Believed {
    /// `ca_file`.
    pub(crate) fn ca_file(&mut self, text: &str) -> Result<(), String> {
        self.0.push(Trust::CaFile(text.into()));
        Ok(())
    }

    /// `pinned_sha256`.
    pub(crate) fn pinned_sha256(&mut self, text: &str) -> Result<(), String> {
        self.0.push(Trust::PinnedSha256(fingerprint(text)?));
        Ok(())
    }

    /// `insecure_any_certificate`.
    pub(crate) fn insecure_any_certificate(&mut self, text: &str) -> Result<(), String> {
        if switch(text)? {
            self.0.push(Trust::InsecureAnyCertificate);
        }
        Ok(())
    }

    /// The one way.
    pub(crate) fn trust(&self) -> Result<Option<Trust>, String> {
        match self.0.as_slice() {
            [] => Ok(None),
            [trust] => Ok(Some(trust.clone())),
            _ => Err(
                "ca_file, pinned_sha256 and insecure_any_certificate exclude each other".to_owned(),
            ),
        }
    }

    /// That what is read at a dial could be read now.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.0.first() {
            Some(Trust::CaFile(path)) => certificates(path),
            _ => Ok(()),
        }
    }
}

/// 64 hexadecimal digits, with colons as `openssl x509 -fingerprint -sha256` writes them, or without.
fn fingerprint(text: &str) -> Result<[u8; 32], String> {
    let expected = || {
        "64 hexadecimal digits, as openssl x509 -noout -fingerprint -sha256 prints them".to_owned()
    };
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|letter| *letter != ':')
        .map(|letter| {
            letter
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let bytes: Vec<u8> = digits
        .ok_or_else(expected)?
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    if text.chars().filter(|letter| *letter != ':').count() != 64 {
        return Err(expected());
    }
    bytes.try_into().map_err(|_| expected())
}

/// That a file has certificates.
fn certificates(path: &Path) -> Result<(), String> {
    use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
    let whence = |error: String| format!("ca_file {}: {error}", path.display());
    let pem = crate::regular::read(path).map_err(|error| whence(error.to_string()))?;
    let mut found = CertificateDer::pem_slice_iter(&pem);
    match found.next() {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(whence(error.to_string())),
        None => Err(whence("it has no certificate".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints() {
        let plain = "00ff".repeat(16);
        assert_eq!(fingerprint(&plain).expect("fine")[..2], [0, 255]);
        assert_eq!(
            fingerprint(&["00:FF"; 16].join(":")).expect("fine")[31],
            255
        );
        for text in ["", "00ff", "zz", &"00ff".repeat(17)] {
            assert!(fingerprint(text).is_err(), "{text}");
        }
    }
}
