//! Where secrets come from: asked at every dial, kept nowhere, never shown.

use super::error::BackendError;
use super::regular::read_regular;
use super::traits::{Reply, reply};
use crate::model::Secret;
use std::path::PathBuf;

/// What knows the secrets of agents. It is asked at every dial, so that a changed password is used at the next try.
///
/// A closure is one too: `|of: &str| Ok(Secret::new("…"))`.
pub trait SecretSource: Send + Sync + 'static {
    /// The secret of `of`: a component's domain (`agents.example.org`) or an account's address (`bot@example.org`).
    fn secret(&self, of: &str) -> Reply<Secret>;
}

impl<F: Fn(&str) -> Result<Secret, BackendError> + Send + Sync + 'static> SecretSource for F {
    fn secret(&self, of: &str) -> Reply<Secret> {
        reply(std::future::ready(self(of)))
    }
}

impl SecretSource for Secret {
    fn secret(&self, _of: &str) -> Reply<Secret> {
        reply(std::future::ready(Ok(self.clone())))
    }
}

/// A file that holds one secret, read at every dial; a line end at its end is not part of it.
#[derive(Debug, Clone)]
pub struct SecretFile(
    /// Where it lies.
    pub PathBuf,
);

impl SecretSource for SecretFile {
    fn secret(&self, of: &str) -> Reply<Secret> {
        let (path, of) = (self.0.clone(), of.to_owned());
        reply(async move {
            let read = tokio::task::spawn_blocking(move || {
                let text = read_regular(&path).and_then(|bytes| {
                    String::from_utf8(bytes).map_err(|_| {
                        std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8")
                    })
                });
                text.map_err(|error| (path, error))
            });
            let read = read.await;
            match read {
                Ok(Ok(text)) => Ok(Secret::new(text.trim_end_matches(['\n', '\r']))),
                Ok(Err((path, error))) => Err(BackendError::refused(format!(
                    "the secret of `{of}` cannot be read from {}: {error}",
                    path.display()
                ))),
                Err(_) => Err(BackendError::unreachable("the engine is stopping")),
            }
        })
    }
}
