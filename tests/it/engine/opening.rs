//! Which files an engine opens and which it refuses.

use super::open;
use crate::world::{Disk, SOON, seconds, wait};
use switchboard::{Engine, Error};

#[test]
fn a_second_engine_on_the_same_file_is_refused_until_the_first_is_gone() {
    let disk = Disk::new();
    let first = open(&disk.path()).unwrap();
    assert!(
        matches!(open(&disk.path()), Err(Error::InUse(path)) if path.contains("switchboard.db"))
    );
    let clone = first.clone();
    drop(first);
    assert!(open(&disk.path()).is_err(), "a clone keeps it");
    drop(clone);
    let again = open(&disk.path()).unwrap();
    again.shutdown(SOON).unwrap();
    open(&disk.path()).unwrap();
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_untouched() {
    let disk = Disk::new();
    let path = disk.path();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{error}");
        error
    };
    drop(open(&path).unwrap());
    let ours = std::fs::read(&path).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut file = ours.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    assert!(matches!(
        refused(b"Dear diary, today I met a database that was none."),
        Error::ForeignDatabase { .. }
    ));
    assert!(matches!(
        refused(&b"x".repeat(5000)),
        Error::ForeignDatabase { .. }
    ));
    assert!(
        matches!(
            refused(&with(68, &[1, 2, 3, 4])),
            Error::ForeignDatabase { .. }
        ),
        "another application's id"
    );
    let newer = refused(&with(60, &[0, 0, 0, 99]));
    assert!(
        matches!(newer, Error::NewerDatabase { found: 99, .. }),
        "{newer:?}"
    );
    let damaged = refused(&with(100, &[0xff; 3000]));
    assert!(
        matches!(damaged, Error::Corrupt { .. } | Error::Storage { .. }),
        "{damaged:?}"
    );
    std::fs::write(&path, &ours).unwrap();
    drop(open(&path).unwrap());
}

#[test]
fn a_schema_that_lost_a_table_is_corrupt() {
    let disk = Disk::new();
    drop(open(&disk.path()).unwrap());
    let before = std::fs::read(disk.path()).unwrap();
    let renamed = String::from("CREATE TABLE throttle_agent");
    // Changes every copy of the text: a page that was split leaves its old text behind.
    let found: Vec<usize> = (0..before.len() - renamed.len())
        .filter(|at| before[*at..].starts_with(renamed.as_bytes()))
        .collect();
    assert!(!found.is_empty());
    let mut file = before.clone();
    found
        .iter()
        .for_each(|at| file[at + renamed.len() - 1] = b'T');
    std::fs::write(disk.path(), &file).unwrap();
    let error = open(&disk.path()).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    assert_eq!(std::fs::read(disk.path()).unwrap(), file);
}

#[test]
fn settings_out_of_their_limits_are_invalid() {
    let builder = Engine::builder;
    for wrong in [
        builder().event_window(seconds(0)),
        builder().event_window(seconds(3601)),
        builder().token_lifetime(seconds(0)),
        builder().flap_delay(seconds(3601)),
        builder().post_deadline(seconds(0)),
        builder().super_user("root", ""),
        builder().super_user("", "x"),
        builder().super_user("root", "x".repeat(1025)),
    ] {
        assert!(matches!(wrong.open(), Err(Error::Invalid(_))));
    }
}

#[test]
fn an_engine_opens_on_any_executor() {
    let disk = Disk::new();
    let opening = || Engine::builder().database(disk.path()).open_async();
    let engine = wait(opening()).unwrap();
    assert!(matches!(wait(opening()), Err(Error::InUse(_))));
    engine.shutdown(SOON).unwrap();
    // Whoever gives up opening leaves no engine behind.
    drop(opening());
    let deadline = std::time::Instant::now() + SOON;
    let again = loop {
        match wait(opening()) {
            Ok(engine) => break engine,
            Err(Error::InUse(_)) => assert!(std::time::Instant::now() < deadline),
            Err(error) => panic!("{error}"),
        }
    };
    again.shutdown(SOON).unwrap();
}
