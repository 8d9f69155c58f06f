//! Who may: logins, tokens and passwords (§tokens/log-in, §tokens/lifetime).

mod checking;
mod directories;
mod granting;
mod known;
mod login;
mod meant;
mod negotiated;
mod proofs;
mod recheck;
mod super_user;
mod tokens;
mod unchecked;

pub(crate) use directories::DirectorySettings;
pub(super) use proofs::Proofs;
pub(super) use tokens::Tokens;

use super::Foundation;
use super::commits::Commits;
use super::stopping::Stopping;
use crate::database::Reads;
use crate::error::Result;
use crate::hub::Timer;
use crate::login_delay::LoginDelay;
use crate::model::{Domains, Principal, Secret, Token, TokenDetails, Who};
use crate::store;
use crate::token::{self, Digest};
use crate::waiting::park;
use directories::Directories;
use granting::Granting;
use parking_lot::{Mutex, RwLock};
use std::sync::Arc;
use std::time::Duration;
use super_user::SuperUser;
use unchecked::Unchecked;

/// How access is configured.
pub(crate) struct AccessSettings {
    /// Name and password of the super user; without a password a directory checks it.
    pub(crate) super_user: Option<(String, Option<Secret>)>,
    pub(crate) directories: DirectorySettings,
    pub(crate) token_lifetime: Duration,
}

/// Brings the compared form of every user's name to the domains that are configured now, and notes
/// whether anybody has a password here.
fn names_as_compared(
    reads: &Reads,
    commits: &Commits,
    domains: &Domains,
    proofs: &Proofs,
) -> Result<()> {
    let (changed, has_passwords) = reads.now(|connection| {
        let changed = store::users::misnamed(connection, domains)?;
        Ok::<_, crate::database::Failure>((changed, store::users::has_passwords(connection)?))
    })?;
    if has_passwords {
        proofs.note_stored();
    }
    if changed.is_empty() {
        return Ok(());
    }
    park(commits.run(move |transaction| {
        for (id, canonical) in &changed {
            store::users::rename(transaction.connection(), id, canonical)?;
        }
        Ok(())
    }))
}

/// Logs users in and out, and says who bears a token.
pub(crate) struct Access {
    tokens: Arc<Tokens>,
    proofs: Arc<Proofs>,
    granting: Arc<Granting>,
    delays: Mutex<LoginDelay>,
    /// Locked, because its password can be changed while the engine runs.
    super_user: RwLock<Option<SuperUser>>,
    directories: Directories,
    unchecked: Unchecked,
    reads: Reads,
    commits: Commits,
    timer: Arc<Timer>,
}

impl Access {
    /// Reads and notes the super user; the tokens of the database are [restored](Access::restore)
    /// later.
    ///
    /// # Errors
    /// `Storage`; `Busy`.
    pub(super) fn open(
        foundation: &Foundation,
        commits: Commits,
        stopping: Stopping,
        settings: AccessSettings,
    ) -> Result<Access> {
        let timer = foundation.hub.timer().clone();
        let reads = foundation.reads.clone();
        let proofs = Arc::new(Proofs::open(timer.clone(), foundation.activity.clone())?);
        let domains = &settings.directories.domains;
        names_as_compared(&reads, &commits, domains, &proofs)?;
        let configured = settings.super_user.as_ref();
        let super_user = SuperUser::configured(configured, domains, &proofs, &reads, &commits)?;
        let tokens = Arc::new(Tokens::new(
            foundation.hub.clone(),
            foundation.calendar.clone(),
            settings.token_lifetime,
        ));
        let directories = Directories::new(settings.directories, foundation.calls.clone());
        let domains = directories.domains.clone();
        let granting = Granting::new(
            tokens.clone(),
            proofs.clone(),
            commits.clone(),
            stopping,
            domains,
        );
        Ok(Access {
            tokens,
            proofs,
            granting,
            delays: Mutex::default(),
            super_user: RwLock::new(super_user),
            directories,
            unchecked: Unchecked::new(commits.clone(), timer.clone()),
            reads,
            commits,
            timer,
        })
    }

    /// The principal that bears `token`.
    ///
    /// # Errors
    /// `Unauthorized` if the token is unknown or has ended.
    pub(crate) fn authenticate(&self, token: &Token) -> Result<Principal> {
        self.tokens.authenticate(token)
    }

    /// What may be known of `token`.
    ///
    /// # Errors
    /// `Invalid` if the token is unknown or has ended.
    pub(crate) fn token_details(&self, token: &Token) -> Result<TokenDetails> {
        self.tokens.details(token)
    }

    /// Ends `token` and the waits made with it. Ending one that has ended is fine.
    pub(crate) async fn log_out(self: Arc<Self>, token: Token) -> Result<()> {
        let Some(digest) = token::digest(&token) else {
            return Ok(());
        };
        let tokens = Arc::downgrade(&self.tokens);
        let change = self.commits.run(move |transaction| {
            store::tokens::delete(transaction.connection(), &digest)?;
            transaction.after(move || {
                if let Some(tokens) = tokens.upgrade() {
                    tokens.end(&[digest]);
                }
            });
            Ok(())
        });
        change.await
    }

    /// Makes a token of the database good again, for the time that is left of it.
    pub(crate) fn restore(&self, digest: Digest, who: Who, left: Duration) {
        self.tokens.restore(digest, who, left);
    }

    /// Live tokens.
    pub(crate) fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Passwords hashed or verified since the start, and those that wait for it.
    pub(crate) fn password_work(&self) -> (u64, usize) {
        (self.proofs.work(), self.proofs.waiting())
    }

    /// Ends the threads that hash.
    pub(crate) fn close(&self) {
        self.proofs.close();
    }

    /// The table of tokens, for what ends tokens.
    pub(super) fn token_table(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    /// Whether directories check passwords.
    pub(crate) fn asks_directories(&self) -> bool {
        !self.directories.is_empty()
    }

    /// How names are compared.
    pub(super) fn domains(&self) -> &Domains {
        &self.directories.domains
    }

    /// The proofs of passwords, for what changes passwords.
    pub(super) fn proofs(&self) -> &Arc<Proofs> {
        &self.proofs
    }
}
