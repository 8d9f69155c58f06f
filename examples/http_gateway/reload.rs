//! SIGHUP: the password, the certificate and the log level are read again, from where the command line and the file
//! say *now*, the folder of `--static` is looked through for private files, and secret files that others can read are
//! told. Everything else of a changed file waits for a restart; what cannot be read leaves things as they are.

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
                // The signal came beside the end: nothing is wrong, and nothing more is to be done.
                Err(Error::Closed) => {
                    return tracing::info!("nothing is reloaded: the gateway stops");
                }
                set => set.map_err(|error| error.to_string()),
            },
            // It was made up at the start and stays.
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
        // One word for each signal: after a failure "reloaded" would be believed.
        if failed.is_empty() {
            tracing::warn!(level = %arguments.log_level, "reloaded");
        }
    }
}
