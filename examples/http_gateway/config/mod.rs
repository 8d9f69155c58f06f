//! The configuration: a file in TOML, overridden by the command line.
//!
//! Both fill one structure, [`Arguments`], by `serde` and by `clap`. So each setting is declared
//! once, with its name, its text for `--help`, and the function that reads its value.

mod arguments;
mod chat;
mod engine;
mod file;
mod private;
mod value;

pub(crate) use arguments::Arguments;
pub(crate) use engine::engine;
pub(crate) use value::{LogFormat, Named};

use arguments::SECTIONS;
use clap::{CommandFactory, FromArgMatches};
use engine::builder;
use std::ffi::OsString;
use std::path::PathBuf;

/// What the command line asks for.
pub(crate) enum Command {
    /// Print this text.
    Help(String),
    Check(Box<Arguments>),
    /// Try a login of this user.
    CheckLogin(String, Box<Arguments>),
    Serve(Box<Arguments>),
}

/// Reads the command line of this process and the file that `--config` names.
pub(crate) fn read() -> Result<Command, String> {
    parse(std::env::args_os())
}

/// Reads a command line and the file that `--config` names. An error names the flag, or the file
/// and line.
fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let told = |error: clap::Error| {
        let text = error.to_string();
        text.trim_start_matches("error: ").trim_end().to_owned()
    };
    let given = match without_defaults(command()).try_get_matches_from(line) {
        Ok(given) => given,
        Err(help) if !help.use_stderr() => {
            return Ok(Command::Help(command().render_help().to_string()));
        }
        Err(error) => return Err(told(error)),
    };
    let mut arguments = match given.get_one::<PathBuf>("config") {
        Some(path) => file::read(path)?,
        None => Arguments::default(),
    };
    // A switch that is not given would switch off what the file switched on.
    let switches = (arguments.accept_loss, arguments.loopback_control);
    arguments.update_from_arg_matches(&given).map_err(told)?;
    arguments.accept_loss |= switches.0;
    arguments.loopback_control |= switches.1;
    arguments.complete()?;
    engine::complete(&mut arguments)?;
    let login = arguments.check_login.take();
    let arguments = Box::new(arguments);
    Ok(if let Some(user) = login {
        Command::CheckLogin(user, arguments)
    } else if arguments.check {
        Command::Check(arguments)
    } else {
        Command::Serve(arguments)
    })
}

/// Returns the flags without their defaults, which would override the file.
fn without_defaults(command: clap::Command) -> clap::Command {
    command.mut_args(|flag| flag.default_value(None))
}

/// Returns the flags in sections. A flag that takes a value accepts any text as its value, so that
/// `--poll-timeout -1` is reported as a wrong duration and not as an unknown flag.
fn command() -> clap::Command {
    let mut heading = None;
    Arguments::command_for_update().mut_args(|flag| {
        let section = SECTIONS.iter().find(|(first, _)| flag.get_id() == first);
        heading = section.map(|(_, heading)| *heading).or(heading);
        let takes_value = flag.get_action().takes_values();
        flag.help_heading(heading).allow_hyphen_values(takes_value)
    })
}

#[cfg(test)]
mod tests;
