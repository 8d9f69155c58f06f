//! Users: the names and password hashes that people log in with.
//!
//! Agents may list a user before it exists and after it is deleted, so nothing here changes an
//! agent. A new password, a new name and the deletion of the user end its tokens. The audit only
//! says that there is a password, or that it changed.

use super::{Applied, Stamp, agents, audit, parsed, tokens, tokens_ended};
use crate::model::{AccountName, AgentId, AgentKey, Change, Domains, UserId};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};
use serde_json::{Value, json};
use std::fmt;

/// A user as stored. Its `Debug` hides the hash.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct UserRow {
    pub(crate) id: UserId,
    /// As provisioned.
    pub(crate) username: String,
    /// A PHC string; `None`: a directory has the password, or this user cannot log in.
    pub(crate) password_hash: Option<String>,
    /// The name as it is compared.
    pub(crate) canonical: String,
}

/// Who could be meant by a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidates {
    pub(crate) agent: AgentKey,
    /// The users of that name whom the agent lists, in the order of its list.
    pub(crate) users: Vec<UserRow>,
}

impl fmt::Debug for UserRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password_hash.as_ref().map(|_| "***");
        f.debug_struct("UserRow")
            .field("id", &self.id)
            .field("username", &self.username)
            .field("password", &password)
            .finish()
    }
}

/// The users whose compared name is not the one that these domains give, with that one.
pub(crate) fn misnamed(conn: &Connection, domains: &Domains) -> Result<Vec<(UserId, String)>> {
    let mut statement = conn.prepare("SELECT id, username, folded FROM user")?;
    let mut rows = statement.query([])?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next()? {
        let name = domains.name(row.get_ref(1)?.as_str()?);
        if name.canonical() != row.get_ref(2)?.as_str()? {
            changed.push((parsed(row, 0, UserId::parse)?, name.canonical().to_owned()));
        }
    }
    Ok(changed)
}

/// Stores the compared form of a user's name.
pub(crate) fn rename(conn: &Connection, id: &UserId, canonical: &str) -> Result<()> {
    conn.prepare_cached("UPDATE user SET folded = ?2 WHERE id = ?1")?
        .execute([id.as_str(), canonical])?;
    Ok(())
}

/// Whether any user has a password.
pub(crate) fn has_passwords(conn: &Connection) -> Result<bool> {
    conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM user WHERE password IS NOT NULL)",
        [],
        |row| row.get(0),
    )
}

/// All users, by id.
pub(crate) fn all(conn: &Connection) -> Result<Vec<UserRow>> {
    conn.prepare_cached("SELECT id, username, password, folded FROM user ORDER BY id")?
        .query_map([], row)?
        .collect()
}

/// The user of that id.
pub(crate) fn find(conn: &Connection, id: &UserId) -> Result<Option<UserRow>> {
    conn.prepare_cached("SELECT id, username, password, folded FROM user WHERE id = ?1")?
        .query_row([id.as_str()], row)
        .optional()
}

/// The users of that (canonical) name whom the agent lists. `None`: there is no such agent.
pub(crate) fn by_name(
    conn: &Connection,
    canonical: &str,
    agent: &AgentId,
) -> Result<Option<Candidates>> {
    let Some(agent) = agents::key(conn, agent)? else {
        return Ok(None);
    };
    let users = conn
        .prepare_cached(
            "SELECT user.id, user.username, user.password, user.folded
               FROM user
               JOIN agent_user ON agent_user.agent = ?2 AND agent_user.user = user.id
              WHERE user.folded = ?1
              ORDER BY agent_user.position",
        )?
        .query_map(params![canonical, agent.0], row)?
        .collect::<Result<_>>()?;
    Ok(Some(Candidates { agent, users }))
}

/// Creates or replaces a user; `password` is a hash, `None` keeps the stored one. A given hash
/// always counts as a change, because two hashes of one password differ: a caller that wants a
/// repeated put to be harmless compares the password first.
pub(crate) fn put(
    conn: &Connection,
    id: &UserId,
    username: &AccountName,
    password: Option<String>,
    stamp: &Stamp,
) -> Result<Applied<(Change, UserRow)>> {
    let before = find(conn, id)?;
    let changes_password = password.is_some();
    let password_hash = password.or_else(|| {
        before
            .as_ref()
            .and_then(|before| before.password_hash.clone())
    });
    let after = UserRow {
        id: id.clone(),
        username: username.spelled().to_owned(),
        password_hash,
        canonical: username.canonical().to_owned(),
    };
    if before.as_ref() == Some(&after) {
        return Ok(Applied::plain((Change::Unchanged, after)));
    }
    conn.prepare_cached(
        "INSERT INTO user (id, username, folded, password)
         VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET username = excluded.username, folded = excluded.folded, password = excluded.password",
    )?
    .execute(params![id.as_str(), after.username, after.canonical, after.password_hash])?;
    let ended = if before.is_some() {
        tokens::delete_of_user(conn, id)?
    } else {
        Vec::new()
    };
    let shown_after = if before.is_some() && changes_password {
        changed(&after)
    } else {
        shown(&after)
    };
    audit::insert(
        conn,
        stamp,
        "put user",
        id.as_str(),
        before.as_ref().map(shown),
        Some(shown_after),
    )?;
    Ok(Applied {
        value: (Change::Applied, after),
        effects: tokens_ended(ended).into_iter().collect(),
    })
}

/// Gives a user another password hash. `None`: there is no such user.
pub(crate) fn set_password(
    conn: &Connection,
    id: &UserId,
    password: String,
    stamp: &Stamp,
) -> Result<Option<Applied<UserRow>>> {
    let Some(before) = find(conn, id)? else {
        return Ok(None);
    };
    let shown_before = shown(&before);
    let after = UserRow {
        password_hash: Some(password),
        ..before
    };
    conn.prepare_cached("UPDATE user SET password = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), after.password_hash])?;
    let ended = tokens::delete_of_user(conn, id)?;
    audit::insert(
        conn,
        stamp,
        "set password",
        id.as_str(),
        Some(shown_before),
        Some(changed(&after)),
    )?;
    Ok(Some(Applied {
        value: after,
        effects: tokens_ended(ended).into_iter().collect(),
    }))
}

/// Stores the same password under today's parameters, unless it was changed meanwhile; returns
/// whether it did. Nothing visible changes, so there is no audit row and no token ends.
pub(crate) fn rehash(conn: &Connection, id: &UserId, old: &str, new: &str) -> Result<bool> {
    let rows = conn
        .prepare_cached("UPDATE user SET password = ?3 WHERE id = ?1 AND password = ?2")?
        .execute(params![id.as_str(), old, new])?;
    Ok(rows > 0)
}

/// Deletes a user; agents that list it keep doing so. `None` if there is no such user.
pub(crate) fn delete(
    conn: &Connection,
    id: &UserId,
    stamp: &Stamp,
) -> Result<Option<Applied<UserRow>>> {
    let Some(before) = find(conn, id)? else {
        return Ok(None);
    };
    conn.prepare_cached("DELETE FROM user WHERE id = ?1")?
        .execute([id.as_str()])?;
    let ended = tokens::delete_of_user(conn, id)?;
    audit::insert(
        conn,
        stamp,
        "delete user",
        id.as_str(),
        Some(shown(&before)),
        None,
    )?;
    Ok(Some(Applied {
        value: before,
        effects: tokens_ended(ended).into_iter().collect(),
    }))
}

fn row(row: &Row<'_>) -> Result<UserRow> {
    Ok(UserRow {
        id: parsed(row, 0, UserId::parse)?,
        username: row.get(1)?,
        password_hash: row.get(2)?,
        canonical: row.get(3)?,
    })
}

/// How the audit shows a user.
fn shown(user: &UserRow) -> Value {
    json!({
        "username": user.username,
        "canonical": user.canonical,
        "password": user.password_hash.is_some(),
    })
}

/// How the audit shows a user whose password changed.
fn changed(user: &UserRow) -> Value {
    json!({ "username": user.username, "canonical": user.canonical, "password": "changed" })
}

#[cfg(test)]
mod tests {
    use super::super::Effect;
    use super::super::testing::{ada, database};
    use super::*;
    use crate::model::NewAgent;

    fn named(spelled: &str) -> AccountName {
        Domains::new().name(spelled)
    }

    fn user(text: &str) -> UserId {
        UserId::parse(text).unwrap()
    }

    #[test]
    fn a_new_password_or_name_ends_tokens_and_a_repeat_does_not() {
        let conn = database();
        let lene = user("lene");
        put(
            &conn,
            &lene,
            &named("CONTOSO\\Lene"),
            Some("hash-1".into()),
            &ada(1),
        )
        .unwrap();
        let log_in = |digest: u8| {
            tokens::insert(&conn, &[digest; 32], None, Some(&lene), "CONTOSO\\Lene", 9).unwrap()
        };

        log_in(1);
        let same = put(&conn, &lene, &named("CONTOSO\\Lene"), None, &ada(2)).unwrap();
        assert_eq!((same.value.0, same.effects), (Change::Unchanged, vec![]));
        let renamed = put(&conn, &lene, &named("contoso\\lene"), None, &ada(3)).unwrap();
        assert_eq!(renamed.effects, [Effect::TokensEnded(vec![[1; 32]])]);
        assert_eq!(
            renamed.value.1.password_hash.as_deref(),
            Some("hash-1"),
            "it keeps the password"
        );
        log_in(2);
        let done = set_password(&conn, &lene, "hash-2".into(), &ada(4))
            .unwrap()
            .unwrap();
        assert_eq!(done.effects, [Effect::TokensEnded(vec![[2; 32]])]);
        log_in(3);
        let gone = delete(&conn, &lene, &ada(5)).unwrap().unwrap();
        assert_eq!(gone.effects, [Effect::TokensEnded(vec![[3; 32]])]);
        assert_eq!(delete(&conn, &lene, &ada(6)).unwrap(), None);
        assert_eq!(
            set_password(&conn, &lene, "hash-3".into(), &ada(6)).unwrap(),
            None
        );

        let audit = audit::since(&conn, 0, 9).unwrap();
        assert_eq!(audit.len(), 4);
        assert!(
            !format!("{audit:?}").contains("hash-"),
            "no hash in the audit"
        );
        assert_eq!(
            audit[2].after.as_deref(),
            Some(r#"{"canonical":"lene@contoso","password":"changed","username":"contoso\\lene"}"#)
        );
        assert!(!format!("{gone:?}").contains("hash-"), "nor in a log");
    }

    #[test]
    fn a_login_finds_the_users_of_its_name_whom_the_agent_lists() {
        let conn = database();
        let new = NewAgent::new("echo", "loopback:echo").unwrap();
        let new = new
            .user("lene-2")
            .unwrap()
            .user("lene-1")
            .unwrap()
            .user("nobody")
            .unwrap();
        let echo = agents::put(&conn, &new, &[], &ada(1)).unwrap().value.1;
        for id in ["lene-1", "lene-2", "lene-3"] {
            put(
                &conn,
                &user(id),
                &named("CONTOSO\\LÉNE"),
                Some(format!("hash of {id}")),
                &ada(2),
            )
            .unwrap();
        }
        let found = by_name(&conn, named("contoso\\Léne").canonical(), &echo.id)
            .unwrap()
            .unwrap();
        let ids: Vec<_> = found.users.iter().map(|user| user.id.as_str()).collect();
        assert_eq!((found.agent, ids), (echo.key, vec!["lene-2", "lene-1"]));
        assert!(
            by_name(&conn, "bob", &echo.id)
                .unwrap()
                .unwrap()
                .users
                .is_empty()
        );
        assert_eq!(
            by_name(&conn, "bob", &AgentId::parse("Echo").unwrap()).unwrap(),
            None,
            "agents compare exactly"
        );
    }

    #[test]
    fn a_rehash_gives_way_to_a_password_changed_meanwhile() {
        let conn = database();
        let lene = user("lene");
        put(&conn, &lene, &named("lene"), Some("old".into()), &ada(1)).unwrap();
        assert!(rehash(&conn, &lene, "old", "stronger").unwrap());
        assert!(!rehash(&conn, &lene, "old", "too late").unwrap());
        assert_eq!(
            find(&conn, &lene)
                .unwrap()
                .unwrap()
                .password_hash
                .as_deref(),
            Some("stronger")
        );
        assert_eq!(audit::since(&conn, 1, 9).unwrap(), []);
    }
}
