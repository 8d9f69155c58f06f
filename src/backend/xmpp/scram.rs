//! SCRAM (RFC 5802, 7677), the client's side: pure, with the hash as a parameter.
//!
//! The server proves that it knows the password too: without its signature the login is not one.

use crate::backend::prepared;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::digest::Digest;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// The numbers of rounds that a server may ask for. Fewer are guessed too fast, more would stop us.
const ROUNDS: std::ops::RangeInclusive<u32> = 4096..=1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

/// Whether the login is bound to the TLS channel under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bound {
    /// This end cannot bind.
    Cannot,
    /// This end could, the server does not offer it: should it have, the offer was taken away on
    /// the way.
    NotOffered,
    /// It is bound, by TLS's exporter.
    Exporter([u8; 32]),
}

impl Bound {
    fn header(&self) -> &'static str {
        match self {
            Bound::Cannot => "n,,",
            Bound::NotOffered => "y,,",
            Bound::Exporter(_) => "p=tls-exporter,,",
        }
    }
}

/// A login under way.
pub(super) struct Scram {
    hash: Hash,
    bound: Bound,
    nonce: String,
    first: String,
    signature: Vec<u8>,
}

impl Scram {
    /// Begins a login and returns the first message too. `nonce` is random and contains no comma.
    pub(super) fn begin(hash: Hash, bound: Bound, user: &str, nonce: &str) -> (Scram, String) {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={user},r={nonce}");
        let message = format!("{}{first}", bound.header());
        (
            Scram {
                hash,
                bound,
                nonce: nonce.to_owned(),
                first,
                signature: Vec::new(),
            },
            message,
        )
    }

    /// Returns the answer to the server's challenge. The password is prepared, as the server's is.
    pub(super) fn answer(
        &mut self,
        challenge: &str,
        password: &str,
    ) -> Result<String, &'static str> {
        let password = &*prepared::password(password);
        let field = |name: &str| {
            challenge
                .split(',')
                .find_map(|field| field.strip_prefix(name))
        };
        let nonce = field("r=").ok_or("the challenge has no nonce")?;
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err("the challenge's nonce does not continue ours");
        }
        let salt = field("s=")
            .and_then(|salt| STANDARD.decode(salt).ok())
            .ok_or("the challenge has no salt")?;
        let rounds = field("i=")
            .and_then(|rounds| rounds.parse().ok())
            .ok_or("the challenge has no rounds")?;
        if !ROUNDS.contains(&rounds) {
            return Err("the server asks for too few or too many rounds");
        }
        let mut binding = self.bound.header().as_bytes().to_vec();
        if let Bound::Exporter(exported) = &self.bound {
            binding.extend_from_slice(exported);
        }
        let without = format!("c={},r={nonce}", STANDARD.encode(binding));
        let signed = format!("{},{challenge},{without}", self.first);
        let (proof, signature) = match self.hash {
            Hash::Sha1 => proof::<Hmac<Sha1>, Sha1>(password, &salt, rounds, &signed),
            Hash::Sha256 => proof::<Hmac<Sha256>, Sha256>(password, &salt, rounds, &signed),
        };
        self.signature = signature;
        Ok(format!("{without},p={}", STANDARD.encode(proof)))
    }

    /// Returns whether the server's last message proves that it knows the password.
    pub(super) fn is_proven(&self, last: &str) -> bool {
        let sent = last
            .split(',')
            .find_map(|field| field.strip_prefix("v="))
            .and_then(|text| STANDARD.decode(text).ok());
        !self.signature.is_empty() && sent.as_deref() == Some(&self.signature)
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn proof<M: Mac + KeyInit + Clone, D: Digest>(
    password: &str,
    salt: &[u8],
    rounds: u32,
    signed: &str,
) -> (Vec<u8>, Vec<u8>) {
    let salted = salted::<M>(password.as_bytes(), salt, rounds);
    let client = mac::<M>(&salted, b"Client Key");
    let stored = D::digest(&client);
    let signature = mac::<M>(&stored, signed.as_bytes());
    let proof = client
        .iter()
        .zip(&signature)
        .map(|(one, other)| one ^ other)
        .collect();
    let server = mac::<M>(&salted, b"Server Key");
    (proof, mac::<M>(&server, signed.as_bytes()))
}

/// Returns PBKDF2 of one block.
fn salted<M: Mac + KeyInit + Clone>(password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
    let keyed = <M as KeyInit>::new_from_slice(password).expect("HMAC takes a key of any length");
    let round = |input: &[&[u8]]| {
        let mut mac = keyed.clone();
        input.iter().for_each(|piece| mac.update(piece));
        mac.finalize().into_bytes().to_vec()
    };
    let mut last = round(&[salt, &1u32.to_be_bytes()]);
    let mut sum = last.clone();
    for _ in 1..rounds {
        last = round(&[&last]);
        sum.iter_mut()
            .zip(&last)
            .for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of RFC 5802 and RFC 7677.
    #[test]
    fn the_examples_of_the_standards() {
        let (mut login, first) = Scram::begin(
            Hash::Sha1,
            Bound::Cannot,
            "user",
            "fyko+d2lbbFgONRv9qkxdawL",
        );
        assert_eq!(first, "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
        let challenge = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
        let answer = login.answer(challenge, "pencil").expect("a challenge");
        assert_eq!(
            answer,
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
        );
        assert!(login.is_proven("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="));
        assert!(!login.is_proven("v=rmF9pqV8S7suAoZWja4dJRkFsKR="));

        let (mut login, _) =
            Scram::begin(Hash::Sha256, Bound::Cannot, "user", "rOprNGfwEbeRWgbNEkqO");
        let challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = login.answer(challenge, "pencil").expect("a challenge");
        assert!(
            answer.ends_with("p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
            "{answer}"
        );
        assert!(login.is_proven("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    /// The server keeps the hash of the prepared password (RFC 5802, 2.2).
    #[test]
    fn a_password_is_hashed_as_it_is_prepared() {
        let challenge = "r=ours2,s=QSXCR+Q6sek8bf92,i=4096";
        let answer = |password: &str| {
            let (mut login, _) = Scram::begin(Hash::Sha256, Bound::Cannot, "user", "ours");
            login.answer(challenge, password).expect("a challenge")
        };
        for (written, prepared) in [
            ("m²", "m2"),
            ("pa\u{a0}ss", "pa ss"),
            ("so\u{ad}ft…", "soft..."),
        ] {
            assert_eq!(answer(written), answer(prepared), "{written}");
        }
        assert_ne!(answer("Pass"), answer("pass"));
    }

    #[test]
    fn a_false_server_is_refused() {
        let (mut login, _) = Scram::begin(Hash::Sha1, Bound::NotOffered, "a,b=c", "ours");
        assert_eq!(login.first, "n=a=2Cb=3Dc,r=ours");
        for challenge in [
            "",
            "r=theirs,s=QQ==,i=4096",
            "r=ours,s=QQ==,i=4096",
            "r=ours2,s=QQ==,i=1",
            "r=ours2,s=QQ==,i=99999999",
        ] {
            assert!(login.answer(challenge, "x").is_err(), "{challenge}");
        }
        assert!(
            !login.is_proven(""),
            "without a challenge nothing is proven"
        );
    }

    proptest! {
        #[test]
        fn no_challenge_makes_it_panic(challenge in "[rsiv=,a-z0-9+/]{0,60}") {
            let (mut login, _) = Scram::begin(Hash::Sha256, Bound::Cannot, "u", "n");
            if !challenge.contains("i=") {
                let _ = login.answer(&challenge, "x");
            }
            let _ = login.is_proven(&challenge);
        }
    }
}
