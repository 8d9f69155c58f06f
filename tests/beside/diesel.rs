//! A program with diesel.

mod engine;

use diesel::prelude::*;
use diesel::sql_types::Text;
use engine::Outcome;

diesel::table! {
    noted (round) {
        round -> Integer,
    }
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = Text)]
    version: String,
}

fn main() -> Outcome {
    let scratch = engine::scratch()?;
    let file = scratch.join("other.db");
    let mut connection = SqliteConnection::establish(&file.to_string_lossy())?;
    diesel::sql_query("CREATE TABLE noted (round INTEGER PRIMARY KEY)").execute(&mut connection)?;
    let version: Version =
        diesel::sql_query("SELECT sqlite_version() AS version").get_result(&mut connection)?;
    engine::rounds(&scratch, &version.version, |round| {
        let row = diesel::insert_into(noted::table).values(noted::round.eq(i32::try_from(round)?));
        row.execute(&mut connection)?;
        let rows: i64 = noted::table.count().get_result(&mut connection)?;
        Ok(u32::try_from(rows)?)
    })
}
