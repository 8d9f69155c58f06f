//! The super user as the database last saw it: a name and the argon2id hash of a password.
//!
//! Both are configured and not stored, so this row grants nothing. It only shows an engine that
//! opens whether the password is another one now; then the tokens given for the old one end.
//! Rejected: a keyed digest of the password, because whoever reads the file has the key too and
//! could guess quickly.

use rusqlite::{Connection, OptionalExtension, Result};

/// What was configured when the database was last open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) name: String,
    /// argon2id PHC string.
    pub(crate) hash: String,
}

/// The super user noted last; `None` in a new database, or after an engine without a super user.
pub(crate) fn seen(conn: &Connection) -> Result<Option<Seen>> {
    let mut statement = conn.prepare(
        "SELECT name.value, hash.value
           FROM setting AS name, setting AS hash
          WHERE name.name = 'super_name' AND hash.name = 'super_hash'",
    )?;
    statement
        .query_row([], |row| {
            Ok(Seen {
                name: row.get(0)?,
                hash: row.get(1)?,
            })
        })
        .optional()
}

/// Notes the super user; `None`: there is none.
pub(crate) fn note(conn: &Connection, seen: Option<&Seen>) -> Result<()> {
    conn.execute(
        "DELETE FROM setting WHERE name IN ('super_name', 'super_hash')",
        [],
    )?;
    if let Some(Seen { name, hash }) = seen {
        conn.execute(
            "INSERT INTO setting VALUES ('super_name', ?1), ('super_hash', ?2)",
            [name, hash],
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::database;
    use super::*;

    #[test]
    fn what_was_noted_last_is_seen() {
        let conn = database();
        assert_eq!(seen(&conn).unwrap(), None);
        for hash in ["$argon2id$1", "$argon2id$2"] {
            let ada = Seen {
                name: "Ada".into(),
                hash: hash.into(),
            };
            note(&conn, Some(&ada)).unwrap();
            assert_eq!(seen(&conn).unwrap(), Some(ada));
        }
        note(&conn, None).unwrap();
        assert_eq!(seen(&conn).unwrap(), None);
    }
}
