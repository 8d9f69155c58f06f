//! SIGHUP reads the password, the certificate and the log level again, from where the command line
//! and the file say now. It checks the directory of `--static` for private files, and warns of
//! secret files that others can read. Everything else of a changed file waits for a restart. What
//! cannot be read stays as it was.

use crate::config::{self, Arguments, Command};
use crate::edge::site::Site;
use crate::edge::tls::Tls;
use crate::log::Level;
use std::sync::Arc;
use switchboard::{Engine, Error};

/// What a SIGHUP changes.
pub(crate) struct Reloaded {
    pub(crate) engine: Engine,
    pub(crate) level: Level,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) site: Option<Arc<Site>>,
}

impl Reloaded {
    /// Reads everything again; may block.
    pub(crate) fn again(&self) {
        match config::read() {
            Ok(Command::Serve(arguments)) => self.apply(&arguments),
            Ok(_) => {}
            Err(error) => tracing::error!(error, "nothing is reloaded"),
        }
    }

    fn apply(&self, arguments: &Arguments) {
        self.level.set(arguments.log_level);
        let password = match arguments.super_password() {
            Ok(Some(password)) => match self.engine.set_super_password(password) {
                // The signal came while the gateway stops: there is nothing to do.
                Err(Error::Closed) => {
                    return tracing::info!("nothing is reloaded: the gateway stops");
                }
                set => set.map_err(|error| error.to_string()),
            },
            // The password was generated at the start and stays.
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        let tls = self.tls.as_ref().map_or(Ok(()), |tls| tls.reload());
        let check_again = |site: &Arc<Site>| site.check_again(arguments.private_files());
        let site = self.site.as_ref().map_or(Ok(()), check_again);
        for warning in arguments.warnings() {
            tracing::warn!("{warning}");
        }
        let results = [password, tls, site].into_iter();
        let failed: Vec<String> = results.filter_map(Result::err).collect();
        for error in &failed {
            tracing::error!(error, "not reloaded; the old one stays");
        }
        // Logged only if nothing failed, because a reader would believe it.
        if failed.is_empty() {
            tracing::warn!(level = %arguments.log_level, "reloaded");
        }
    }
}
