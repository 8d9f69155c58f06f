//! Tokens, of which only the SHA-256 is stored: whoever reads the file cannot act with its
//! contents.
//!
//! A login is no administrative change, so nothing here writes the audit. A caller that deletes
//! rows here must end the same digests in memory after the commit.

use super::parsed;
use crate::database::in_table;
use crate::model::{AgentId, AgentKey, UserId};
use rusqlite::{Connection, Params, Result, params};

/// A token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenRow {
    pub(crate) digest: [u8; 32],
    /// `None`: the super user's.
    pub(crate) agent: Option<(AgentKey, AgentId)>,
    /// `None`: the super user's.
    pub(crate) user: Option<UserId>,
    /// As provisioned.
    pub(crate) username: String,
    /// When the token ends, in milliseconds since 1970 by the date that the rows count by.
    pub(crate) expires: i64,
}

/// Stores a token's digest; agent and user are `None` for the super user.
pub(crate) fn insert(
    conn: &Connection,
    digest: &[u8; 32],
    agent: Option<AgentKey>,
    user: Option<&UserId>,
    username: &str,
    expires: i64,
) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO token (digest, agent, user, username, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        digest,
        agent.map(|key| key.0),
        user.map(UserId::as_str),
        username,
        expires
    ])?;
    Ok(())
}

/// Deletes one token (a log-out); false if there was none.
pub(crate) fn delete(conn: &Connection, digest: &[u8; 32]) -> Result<bool> {
    Ok(conn
        .prepare_cached("DELETE FROM token WHERE digest = ?1")?
        .execute([digest])?
        > 0)
}

/// Moves the end of every token by that many milliseconds, because the date that the rows count by
/// was set.
pub(crate) fn move_by(conn: &Connection, by: i64) -> Result<usize> {
    conn.prepare_cached("UPDATE token SET expires = expires + ?1")?
        .execute([by])
}

/// Lets no token end later than `latest`; returns how many would have.
pub(crate) fn bound(conn: &Connection, latest: i64) -> Result<usize> {
    conn.prepare_cached("UPDATE token SET expires = ?1 WHERE expires > ?1")?
        .execute([latest])
}

/// Every token that has not expired, for the table in memory. One whose agent is gone is left out.
pub(crate) fn all_live(conn: &Connection, now: i64) -> Result<Vec<TokenRow>> {
    conn.prepare_cached(
        "SELECT token.digest, token.agent, agent.id, token.user, token.username, token.expires
           FROM token
           LEFT JOIN agent ON agent.key = token.agent
          WHERE token.expires > ?1
            AND (token.agent IS NULL OR agent.id IS NOT NULL)",
    )?
    .query_map([now], |row| {
        let agent = match row.get::<_, Option<i64>>(1)? {
            Some(key) => Some((
                AgentKey(key),
                parsed(row, 2, AgentId::parse).map_err(in_table("agent"))?,
            )),
            None => None,
        };
        let user = match row.get_ref(3)?.as_str_or_null()? {
            Some(_) => Some(parsed(row, 3, UserId::parse)?),
            None => None,
        };
        Ok(TokenRow {
            digest: row.get(0)?,
            agent,
            user,
            username: row.get(4)?,
            expires: row.get(5)?,
        })
    })?
    .collect()
}

/// Deletes at most `limit` expired tokens; returns how many.
pub(crate) fn delete_expired(conn: &Connection, now: i64, limit: usize) -> Result<usize> {
    conn.prepare_cached(
        "DELETE FROM token
          WHERE digest IN (SELECT digest FROM token WHERE expires <= ?1 LIMIT ?2)",
    )?
    .execute(params![now, limit as i64])
}

/// Ends all tokens of an agent.
pub(super) fn delete_of_agent(conn: &Connection, agent: AgentKey) -> Result<Vec<[u8; 32]>> {
    ended(
        conn,
        "DELETE FROM token WHERE agent = ?1 RETURNING digest",
        [agent.0],
    )
}

/// Ends a user's tokens for one agent.
pub(crate) fn delete_of_agent_user(
    conn: &Connection,
    agent: AgentKey,
    user: &UserId,
) -> Result<Vec<[u8; 32]>> {
    ended(
        conn,
        "DELETE FROM token WHERE agent = ?1 AND user = ?2 RETURNING digest",
        params![agent.0, user.as_str()],
    )
}

/// Ends all tokens of a user.
pub(crate) fn delete_of_user(conn: &Connection, user: &UserId) -> Result<Vec<[u8; 32]>> {
    ended(
        conn,
        "DELETE FROM token WHERE user = ?1 RETURNING digest",
        [user.as_str()],
    )
}

/// Ends all tokens of the super user.
pub(crate) fn delete_of_super_user(conn: &Connection) -> Result<Vec<[u8; 32]>> {
    ended(
        conn,
        "DELETE FROM token WHERE agent IS NULL RETURNING digest",
        [],
    )
}

fn ended(conn: &Connection, delete: &str, params: impl Params) -> Result<Vec<[u8; 32]>> {
    conn.prepare_cached(delete)?
        .query_map(params, |row| row.get(0))?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ada, database};
    use super::super::{Effect, agents};
    use super::*;
    use crate::model::NewAgent;

    #[test]
    fn tokens_come_back_at_open_until_they_expire_and_end_with_what_they_are_for() {
        let conn = database();
        let new = NewAgent::new("echo", "loopback:echo")
            .unwrap()
            .user("lene")
            .unwrap()
            .user("bob")
            .unwrap();
        let echo = agents::put(&conn, &new, &[], &ada(1)).unwrap().value.1;
        let (lene, bob) = (
            UserId::parse("lene").unwrap(),
            UserId::parse("bob").unwrap(),
        );
        insert(&conn, &[1; 32], None, None, "ada", 100).unwrap();
        insert(
            &conn,
            &[2; 32],
            Some(echo.key),
            Some(&lene),
            "CONTOSO\\Lene",
            200,
        )
        .unwrap();
        insert(&conn, &[3; 32], Some(echo.key), Some(&bob), "bob", 200).unwrap();

        let live = all_live(&conn, 99).unwrap();
        assert_eq!(live.len(), 3);
        assert_eq!((live[0].agent.clone(), live[0].user.clone()), (None, None));
        assert_eq!(live[1].agent, Some((echo.key, echo.id.clone())));
        assert_eq!(all_live(&conn, 100).unwrap().len(), 2);
        move_by(&conn, -50).unwrap();
        assert_eq!(
            (
                all_live(&conn, 49).unwrap().len(),
                all_live(&conn, 50).unwrap().len()
            ),
            (3, 2)
        );
        move_by(&conn, 50).unwrap();
        assert_eq!(
            (bound(&conn, 150).unwrap(), bound(&conn, 150).unwrap()),
            (2, 0)
        );
        assert_eq!(
            (
                all_live(&conn, 149).unwrap().len(),
                all_live(&conn, 150).unwrap().len()
            ),
            (2, 0)
        );
        assert_eq!(delete_expired(&conn, 100, 10).unwrap(), 1);

        let unlisted = NewAgent::new("echo", "loopback:echo")
            .unwrap()
            .user("bob")
            .unwrap();
        let done = agents::put(&conn, &unlisted, &[], &ada(2)).unwrap();
        assert_eq!(done.effects, [Effect::TokensEnded(vec![[2; 32]])]);
        let gone = agents::delete(&conn, &echo.id, &ada(3)).unwrap().unwrap();
        assert_eq!(gone.effects, [Effect::TokensEnded(vec![[3; 32]])]);
        assert!(!delete(&conn, &[3; 32]).unwrap());
    }
}
