//! The log on stderr: one line a request (target `access`), and what the engine tells.

use crate::config::LogFormat;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

/// The log's level, which can be changed while it is written.
pub(crate) struct Level(reload::Handle<LevelFilter, Registry>);

/// Starts the log.
pub(crate) fn start(format: LogFormat, level: tracing::Level) -> Level {
    let (filter, handle) = reload::Layer::new(LevelFilter::from(level));
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => registry.with(lines).init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).init(),
    }
    Level(handle)
}

impl Level {
    pub(crate) fn set(&self, level: tracing::Level) {
        // An error says that the log is gone, and then there is nobody to tell.
        let _ = self.0.reload(LevelFilter::from(level));
    }
}
