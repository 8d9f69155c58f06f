//! SIGHUP: the password, the certificate and the log level are read again, from where the command line and the file
//! say *now*. Everything else of a changed file waits for a restart; what cannot be read leaves things as they are.

use crate::arguments::{self, Arguments, Command};
use crate::log::Level;
use crate::secret;
use crate::tls::Tls;
use std::sync::Arc;
use switchboard::Engine;

/// What a SIGHUP changes.
#[derive(Clone)]
pub(crate) struct Reloaded(Arc<Parts>);

struct Parts {
    engine: Engine,
    level: Level,
    tls: Option<Arc<Tls>>,
}

impl Reloaded {
    pub(crate) fn new(engine: Engine, level: Level, tls: Option<Arc<Tls>>) -> Reloaded {
        Reloaded(Arc::new(Parts { engine, level, tls }))
    }

    /// Reads everything again; may block.
    pub(crate) fn again(&self) {
        match arguments::parse(lexopt::Parser::from_env()) {
            Ok(Command::Serve(arguments)) => self.0.apply(&arguments),
            Ok(Command::Help | Command::Check(_)) => {}
            Err(error) => tracing::error!(error, "nothing is reloaded"),
        }
    }
}

impl Parts {
    fn apply(&self, arguments: &Arguments) {
        self.level.set(arguments.log_level);
        let password = match secret::super_password(arguments.super_password.as_ref()) {
            Ok(Some(password)) => self.engine.set_super_password(password).map_err(|error| error.to_string()),
            // It was made up at the start and stays.
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        let tls = self.tls.as_ref().map_or(Ok(()), |tls| tls.reload());
        for error in [password, tls].into_iter().filter_map(Result::err) {
            tracing::error!(error, "not reloaded");
        }
        tracing::warn!(level = %arguments.log_level, "reloaded");
    }
}
