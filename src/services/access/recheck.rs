//! Looks again, every ten minutes, at the accounts of directories that hold tokens
//! (§tokens/directory).
//!
//! A token lives for an hour, and bots renew theirs for ever; whoever was disabled in the directory,
//! or left the group that admits them, must not go on until then. Rejected: asking the directory at
//! every call (a directory that is slow would make every call slow).

use super::Access;
use crate::directory::{Account, Standing};
use crate::error::Result;
use crate::model::{AccountName, AgentId, AgentKey, UserId, Who};
use crate::password::Whose;
use crate::store::{Stamp, agents, audit, tokens, users};
use futures_util::{StreamExt, stream};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// Accounts that are asked for at the same time.
const AT_ONCE: usize = 4;

/// Somebody with tokens, and where.
struct Bearer {
    /// `None`: the super user.
    user: Option<UserId>,
    name: AccountName,
    /// Whether all their tokens are a directory's word; if not, only those of `admitted`.
    is_vouched: bool,
    /// The agents that they use without being listed.
    admitted: Vec<(AgentKey, AgentId)>,
}

/// What became of a bearer's tokens: all end, or those of these agents.
enum Ends {
    Nothing,
    Of(Vec<AgentKey>),
    All,
}

impl Access {
    /// Runs as long as somebody else holds `access`.
    pub(crate) async fn recheck(access: Weak<Access>) {
        loop {
            let Some(sleep) = access.upgrade().map(|access| {
                let every = access.directories.recheck;
                access.timer.sleep(every)
            }) else {
                return;
            };
            sleep.await;
            let Some(access) = access.upgrade() else {
                return;
            };
            if let Err(error) = access.look_at_all().await {
                tracing::warn!(%error, "the accounts of directories could not be looked at again; the next look tries again");
            }
        }
    }

    async fn look_at_all(self: &Arc<Self>) -> Result<()> {
        let bearers = self.bearers().await?;
        let mut looks = stream::iter(bearers)
            .map(|bearer| async move {
                let ends = self.look_at(&bearer).await?;
                self.end(bearer, ends).await
            })
            .buffer_unordered(AT_ONCE);
        // A directory that is down is asked no more in this round.
        while let Some(looked) = looks.next().await {
            looked?;
        }
        Ok(())
    }

    /// Those who hold tokens that a directory vouches for: users without a password here.
    async fn bearers(&self) -> Result<Vec<Bearer>> {
        let mut agents: HashMap<Option<UserId>, Vec<(String, Option<_>)>> = HashMap::new();
        for who in self.tokens.bearers() {
            let (user, name, agent) = match who {
                Who::Agent {
                    agent,
                    key,
                    user,
                    username,
                } => (Some(user), username, Some((key, agent))),
                Who::SuperUser(name) => (None, name, None),
                _ => continue,
            };
            agents.entry(user).or_default().push((name, agent));
        }
        let of_directory = {
            let known = self.super_user.read();
            known.as_ref().is_some_and(|known| known.hash.is_none())
        };
        let read = move |connection: &rusqlite::Connection| {
            let mut kept = Vec::new();
            for (user, held) in agents {
                let Some(id) = &user else {
                    let names = held.into_iter().map(|(name, _)| name);
                    let of_directory = names.filter(|_| of_directory).take(1);
                    kept.extend(of_directory.map(|name| (None, name, true, Vec::new())));
                    continue;
                };
                let (mut name, mut admitted) = (None, Vec::new());
                for (of_token, agent) in held {
                    let Some((key, agent)) = agent else { continue };
                    if !agents::lists(connection, key, id)? {
                        name = Some(of_token);
                        admitted.push((key, agent));
                    }
                }
                // Somebody whom a group admits may bear the id of a user with a password here.
                let row = users::find(connection, id)?;
                let is_vouched = row.as_ref().is_none_or(|row| row.password_hash.is_none());
                let of_row = row.filter(|_| is_vouched).map(|row| row.username);
                if let Some(name) = of_row.or(name) {
                    kept.push((user, name, is_vouched, admitted));
                }
            }
            Ok::<_, crate::database::Failure>(kept)
        };
        let kept = self.reads.read(read).await?;
        let domains = &self.directories.domains;
        let bearer = |(user, name, is_vouched, admitted): (_, String, _, _)| Bearer {
            user,
            name: domains.name(&name),
            is_vouched,
            admitted,
        };
        Ok(kept.into_iter().map(bearer).collect())
    }

    async fn look_at(&self, bearer: &Bearer) -> Result<Ends> {
        let account = match self.directories.look_again(&bearer.name).await? {
            Standing::Ended if bearer.is_vouched => return Ok(Ends::All),
            Standing::Ended => Account::default(),
            Standing::Good(account) => account,
            Standing::Unknown => return Ok(Ends::Nothing),
        };
        let left = bearer
            .admitted
            .iter()
            .filter(|(_, agent)| !account.agents.contains(agent));
        Ok(Ends::Of(left.map(|(key, _)| *key).collect()))
    }

    /// Ends tokens, except those that an agent's list of users gives.
    async fn end(self: &Arc<Self>, bearer: Bearer, ends: Ends) -> Result<()> {
        if matches!(&ends, Ends::Nothing) || matches!(&ends, Ends::Of(left) if left.is_empty()) {
            return Ok(());
        }
        let access = Arc::downgrade(self);
        let change = self.commits.run(move |transaction| {
            let connection = transaction.connection();
            let ended = match (&bearer.user, ends) {
                (None, _) => tokens::delete_of_super_user(connection)?,
                (Some(user), Ends::All) => tokens::delete_of_user(connection, user)?,
                (Some(user), Ends::Of(left)) => {
                    let mut ended = Vec::new();
                    for agent in left {
                        if !agents::lists(connection, agent, user)? {
                            ended.extend(tokens::delete_of_agent_user(connection, agent, user)?);
                        }
                    }
                    ended
                }
                (Some(_), Ends::Nothing) => Vec::new(),
            };
            if ended.is_empty() {
                return Ok(());
            }
            let whose = bearer.user.as_ref().map_or(bearer.name.spelled(), UserId::as_str);
            tracing::info!(whose, tokens = ended.len(), "the directory no longer lets this account in");
            let stamp = Stamp {
                who: "engine".to_owned(),
                now: transaction.time(),
                revision: 0,
            };
            let why = json!({ "Reason": "the directory no longer lets this account in", "Tokens": ended.len() });
            audit::insert(connection, &stamp, "end tokens", whose, None, Some(why))?;
            transaction.after(move || {
                if let Some(access) = access.upgrade() {
                    access.proofs.forget(&bearer.user.map_or(Whose::SuperUser, Whose::User));
                    access.tokens.end(&ended);
                }
            });
            Ok(())
        });
        change.await
    }
}
