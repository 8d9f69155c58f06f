//! `--check-login USER`: what the configured directories say of a user's name and password.

use crate::config::Arguments;
use crate::say;
use std::io::{BufRead, IsTerminal};
use switchboard::Secret;
use tokio::runtime::Runtime;

/// Asks for the password and tries it with each authenticator in turn; what is there fails if none
/// finds it right.
#[expect(
    clippy::disallowed_methods,
    reason = "the program's own runtime, entered from its main thread"
)]
pub(crate) fn check(user: &str, arguments: &Arguments, runtime: &Runtime) -> Result<(), String> {
    let authenticators = arguments.authenticators()?;
    if authenticators.is_empty() {
        return Err("the file has no [[authenticator]] but the database".to_owned());
    }
    let name = arguments.domains().name(user);
    say(&format!("{user} is compared as {}", name.canonical()));
    let password = password(user).map_err(|error| format!("no password: {error}"))?;
    let mut is_right = false;
    for authenticator in authenticators {
        say(&format!("{}:", authenticator.name()));
        let asked = authenticator.explain(name.clone(), password.clone());
        let steps = runtime.block_on(asked);
        let steps = steps.map_err(|error| format!("{}: {error}", authenticator.name()))?;
        for step in &steps {
            let mark = if step.is_done { "ok" } else { "--" };
            say(&format!("  {mark} {}: {}", step.what, step.outcome));
        }
        is_right |= !steps.is_empty() && steps.iter().all(|step| step.is_done);
    }
    match is_right {
        true => {
            say("the login would succeed");
            Ok(())
        }
        false => Err("the login would fail".to_owned()),
    }
}

/// From the terminal without an echo, else the first line of the standard input.
fn password(user: &str) -> std::io::Result<Secret> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(format!("password of {user}: ")).map(Secret::new);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}
