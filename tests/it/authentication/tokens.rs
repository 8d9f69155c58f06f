//! How long a token lasts and what it is.

use super::{PASSWORD, ends, furnish, is_good, is_unauthorized, lene, user, world};
use crate::world::{Disk, SESAME, SOON, Sesame, World, seconds};
use switchboard::{Credentials, Error, Token};

#[test]
fn a_new_token_never_ends_an_older_one() {
    let world = world(|builder| builder);
    let tokens: Vec<Token> = (0..3)
        .map(|_| world.engine.log_in(&lene()).unwrap())
        .collect();
    assert!(tokens.iter().all(|token| is_good(&world, token)));
    assert!(tokens[0] != tokens[1]);
    assert_eq!(world.engine.stats().tokens, 3);
}

#[test]
fn a_token_expires_and_a_poll_in_flight_ends_with_it() {
    let world = world(|builder| builder.authenticator(Sesame));
    let token = world
        .engine
        .log_in(&Credentials::agent("CONTOSO\\lene", SESAME, "echo"))
        .unwrap();
    world.pass(seconds(3599));
    assert!(is_good(&world, &token));
    ends(&world, &token, || world.pass(seconds(1)));
    assert!(
        matches!(world.engine.token_details(&token), Err(Error::Invalid(_))),
        "400 there"
    );
    assert_eq!(world.engine.stats().tokens, 0);
}

#[test]
fn the_lifetime_of_tokens_is_configured() {
    let world = world(|builder| builder.authenticator(Sesame).token_lifetime(seconds(5)));
    let token = world
        .engine
        .log_in(&Credentials::agent("CONTOSO\\lene", SESAME, "echo"))
        .unwrap();
    world.pass(seconds(5));
    assert!(!is_good(&world, &token));
}

#[test]
fn tokens_survive_a_restart_and_expire_over_it() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    furnish(&world);
    let early = world.engine.log_in(&lene()).unwrap();
    world.pass(seconds(1800));
    let late = world.engine.log_in(&lene()).unwrap();
    let world = world.restart(&disk);
    assert!(is_good(&world, &early) && is_good(&world, &late));
    assert_eq!(
        world.engine.token_details(&late).unwrap().username,
        "CONTOSO\\Lene"
    );
    assert_eq!(
        world.engine.authenticate(&late).unwrap().label(),
        "agent:echo/lene"
    );
    world.engine.shutdown(SOON).unwrap();
    world.pass(seconds(1800));
    let world = world.restart(&disk);
    assert!(!is_good(&world, &early) && is_good(&world, &late));
}

#[test]
fn a_token_cut_short_or_changed_is_none() {
    let world = world(|builder| builder);
    let token = world.engine.log_in(&lene()).unwrap();
    let text = token.expose();
    let flipped = format!(
        "{}{}",
        if text.starts_with('A') { 'B' } else { 'A' },
        &text[1..]
    );
    for wrong in [
        &text[..text.len() - 1],
        &text[1..],
        "",
        &flipped,
        &format!("{text}A"),
        &format!("{text} "),
        "ä",
        "\0",
    ] {
        is_unauthorized(world.engine.authenticate(&Token::new(wrong)));
        assert!(matches!(
            world.engine.token_details(&Token::new(wrong)),
            Err(Error::Invalid(_))
        ));
    }
}

#[test]
fn neither_token_nor_password_is_in_the_files_or_in_a_debug_text() {
    let disk = Disk::new();
    let world = World::stored(&disk);
    furnish(&world);
    let token = world.engine.log_in(&lene()).unwrap();
    world.engine.authenticate(&token).unwrap();
    let find = |needle: &[u8]| {
        let files = std::fs::read_dir(disk.directory()).unwrap();
        files
            .filter(|file| {
                let bytes = std::fs::read(file.as_ref().unwrap().path()).unwrap();
                bytes.windows(needle.len()).any(|window| window == needle)
            })
            .count()
    };
    assert_eq!(find(token.expose().as_bytes()), 0);
    assert_eq!(find(PASSWORD.as_bytes()), 0);
    assert!(
        find(b"CONTOSO\\Lene") > 0,
        "it was written and would be found"
    );
    let shown = format!(
        "{token:?} {:?} {:?}",
        lene(),
        user("lene", "lene", PASSWORD)
    );
    assert!(
        !shown.contains(PASSWORD) && !shown.contains(token.expose()),
        "{shown}"
    );
    world.engine.shutdown(SOON).unwrap();
    assert_eq!(
        find(token.expose().as_bytes()) + find(PASSWORD.as_bytes()),
        0
    );
}
