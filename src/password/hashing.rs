//! Argon2id in memory that is reused while logins come, and returned to the system when none waits.
//!
//! Rejected: new memory for every hash, as the crate's plain calls do. glibc serves the second
//! block of 19 MiB from its heaps and not by a mapping of its own, so holes grow: a gateway was at
//! 125 MiB after ten logins and stayed there. Also rejected: keeping the memory for good, which is
//! 19 MiB a thread in a gateway where nobody logs in.

use crate::error::{Error, Result};
use crate::model::Secret;
use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
}

impl Cost {
    /// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
    pub(crate) const STANDARD: Cost = Cost {
        memory_kib: 19_456,
        passes: 2,
    };
    /// For tests only.
    #[cfg(test)]
    pub(crate) const LIGHT: Cost = Cost {
        memory_kib: 8,
        passes: 1,
    };
}

/// Blocks of 1 KiB to reserve: above 32 MiB glibc always makes a mapping of its own and ends it
/// when the memory is freed. Pages that are not touched cost nothing.
const OWN_MAPPING: usize = 33 * 1024;

/// One thread's place to hash in.
pub(super) struct Hasher {
    cost: Cost,
    /// Empty while resting, else what a hash of our cost needs.
    memory: Vec<Block>,
}

impl Hasher {
    pub(super) fn new(cost: Cost) -> Hasher {
        Hasher {
            cost,
            memory: Vec::new(),
        }
    }

    /// The PHC string of a password, with a fresh salt.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is no randomness.
    pub(super) fn hash(&mut self, password: &Secret) -> Result<String> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)
            .map_err(|error| Error::Internal(format!("no random bytes: {error}")))?;
        let params =
            Params::new(self.cost.memory_kib, self.cost.passes, 1, None).map_err(internal)?;
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        self.fill(
            Algorithm::Argon2id,
            Version::V0x13,
            &params,
            password,
            &salt,
            &mut output,
        )
        .map_err(internal)?;
        let hash = PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).map_err(internal)?,
            salt: Some(Salt::new(&salt).map_err(internal)?),
            hash: Some(Output::new(&output).map_err(internal)?),
        };
        Ok(hash.to_string())
    }

    /// Whether this is the password of that hash, at the cost which the hash names.
    pub(super) fn matches(&mut self, password: &Secret, hash: &Readable) -> bool {
        let Readable {
            algorithm,
            version,
            params,
            salt,
            output,
        } = hash;
        let mut bytes = [0; Output::MAX_LENGTH];
        let Some(bytes) = bytes.get_mut(..output.len()) else {
            return false;
        };
        let filled = self.fill(*algorithm, *version, params, password, salt, bytes);
        // The comparison of `Output` takes the same time wherever they differ.
        filled.is_ok() && Output::new(bytes).is_ok_and(|found| found == *output)
    }

    /// Gives the memory back; to be called when no password waits.
    pub(super) fn rest(&mut self) {
        self.memory = Vec::new();
    }

    fn fill(
        &mut self,
        algorithm: Algorithm,
        version: Version,
        params: &Params,
        password: &Secret,
        salt: &[u8],
        output: &mut [u8],
    ) -> argon2::Result<()> {
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.rest();
            let wanted = blocks.max(self.cost.memory_kib as usize);
            self.memory.reserve_exact(if wanted < 1024 {
                wanted
            } else {
                wanted.max(OWN_MAPPING)
            });
            self.memory.resize(wanted, Block::new());
        }
        let argon2 = Argon2::new(algorithm, version, params.clone());
        argon2.hash_password_into_with_memory(
            password.expose().as_bytes(),
            salt,
            output,
            &mut self.memory[..blocks],
        )
    }
}

/// A PHC string that can be checked against.
pub(super) struct Readable {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Salt,
    output: Output,
}

impl Readable {
    /// Reads a PHC string; `None` if it is none of Argon2, or lacks its salt or its hash.
    pub(super) fn parse(text: &str) -> Option<Readable> {
        let hash = PasswordHash::new(text).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = hash
            .version
            .map_or(Ok(Version::default()), Version::try_from)
            .ok()?;
        let params = Params::try_from(&hash).ok()?;
        Some(Readable {
            algorithm,
            version,
            params,
            salt: hash.salt?,
            output: hash.hash?,
        })
    }
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("argon2: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier;

    #[test]
    fn a_hash_made_here_is_one_to_the_crate_and_the_other_way_round() {
        let mut hasher = Hasher::new(Cost::LIGHT);
        let made = hasher.hash(&Secret::new("pässword")).unwrap();
        let theirs = PasswordHash::new(&made).unwrap();
        assert!(
            Argon2::default()
                .verify_password("pässword".as_bytes(), &theirs)
                .is_ok()
        );
        assert!(
            Argon2::default()
                .verify_password(b"password", &theirs)
                .is_err()
        );
        // Made by the C implementation; the second with another algorithm, lanes and length.
        for known in [
            "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$FqGkmHNGCd0BRW2kBt6fPZ2pPmyGwwChL8FGUhTOSSI",
            "$argon2i$v=19$m=64,t=2,p=2$c29tZXNhbHQ$IInz54p5lyD4CvgGVTEo8psTLK/kDQWf",
        ] {
            let known = Readable::parse(known).unwrap();
            assert!(hasher.matches(&Secret::new("password"), &known));
            assert!(!hasher.matches(&Secret::new("Password"), &known));
        }
    }

    #[test]
    fn memory_is_used_again_and_given_back() {
        let mut hasher = Hasher::new(Cost {
            memory_kib: 32,
            passes: 1,
        });
        assert_eq!(hasher.memory.capacity(), 0, "nobody has logged in");
        for stored in [8, 32, 16, 256, 8, 64] {
            let before = (hasher.memory.len() >= stored as usize).then_some(hasher.memory.as_ptr());
            let hash = Hasher::new(Cost {
                memory_kib: stored,
                passes: 1,
            })
            .hash(&Secret::new("right"))
            .unwrap();
            let hash = Readable::parse(&hash).unwrap();
            assert!(hasher.matches(&Secret::new("right"), &hash), "{stored}");
            assert!(!hasher.matches(&Secret::new("wrong"), &hash), "{stored}");
            assert!(
                before.is_none_or(|place| place == hasher.memory.as_ptr()),
                "{stored}"
            );
        }
        hasher.rest();
        assert_eq!(hasher.memory.capacity(), 0);
    }

    #[test]
    fn what_cannot_be_checked_is_not_readable() {
        for text in [
            "",
            "?",
            "$argon2id$v=19$m=8,t=1,p=1",
            "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ",
            "$scrypt$ln=1$c29tZXNhbHQ$c29tZXNhbHQ",
        ] {
            assert!(Readable::parse(text).is_none(), "{text}");
        }
    }
}
