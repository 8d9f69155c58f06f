//! SIGHUP reads the password, the certificate and the log level again, from where the command line
//! and the file say now. It checks the directory of `--static` for private files, and warns of
//! secret files that others can read. Everything else of a changed file waits for a restart. What
//! cannot be read stays as it was.

use crate::config::{self, Arguments, Command, password};
use crate::edge::site::Site;
use crate::edge::tls::Tls;
use crate::exposed;
use crate::log::Level;
use std::sync::Arc;
use switchboard::{Engine, Error};

/// What a SIGHUP changes.
#[derive(Clone)]
pub(crate) struct Reloaded(Arc<Parts>);

struct Parts {
    engine: Engine,
    level: Level,
    tls: Option<Arc<Tls>>,
    site: Option<Arc<Site>>,
}

impl Reloaded {
    pub(crate) fn new(
        engine: Engine,
        level: Level,
        tls: Option<Arc<Tls>>,
        site: Option<Arc<Site>>,
    ) -> Reloaded {
        Reloaded(Arc::new(Parts {
            engine,
            level,
            tls,
            site,
        }))
    }

    /// Reads everything again; may block.
    pub(crate) fn again(&self) {
        match config::read() {
            Ok(Command::Serve(arguments)) => self.0.apply(&arguments),
            Ok(Command::Help(_) | Command::Check(_)) => {}
            Err(error) => tracing::error!(error, "nothing is reloaded"),
        }
    }
}

impl Parts {
    fn apply(&self, arguments: &Arguments) {
        self.level.set(arguments.log_level);
        let password = match password::super_password(arguments.super_password.as_ref()) {
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
        let site = self
            .site
            .as_ref()
            .map_or(Ok(()), |site| site.check_again(arguments.private_files()));
        for warning in exposed::warnings(arguments) {
            tracing::warn!("{warning}");
        }
        let failed: Vec<String> = [password, tls, site]
            .into_iter()
            .filter_map(Result::err)
            .collect();
        for error in &failed {
            tracing::error!(error, "not reloaded; the old one stays");
        }
        // Logged only if nothing failed, because a reader would believe it.
        if failed.is_empty() {
            tracing::warn!(level = %arguments.log_level, "reloaded");
        }
    }
}
