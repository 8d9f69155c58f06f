//! Who gets in, and what nobody can smuggle in.

use crate::server::{Asking, BASE, Slapd, is_away};
use switchboard::directory::{Checked, LdapConfig, Standing};

#[test]
fn an_account_logs_in_under_its_names_with_its_password_only() {
    let Some(slapd) = Slapd::start() else { return };
    let corp = Asking::of(slapd.config(&slapd.plain()));
    for name in ["alice", r"CORP\alice", "alice@corp.test", "ALICE"] {
        assert!(corp.is_right(name, "pw-alice"), "{name}");
        assert_eq!(
            corp.check(name, "pw-bob").unwrap(),
            Checked::Wrong,
            "{name}"
        );
        // An empty password is an anonymous bind to a server, which says yes to it.
        assert_eq!(corp.check(name, "").unwrap(), Checked::Wrong, "{name}");
    }
    assert_eq!(corp.check("nobody", "pw-alice").unwrap(), Checked::Unknown);
    assert_eq!(corp.nobody("pw-alice").unwrap(), Checked::Unknown);
    assert_eq!(corp.nobody("").unwrap(), Checked::Unknown);
    // Disabled, expired; right passwords both.
    assert_eq!(corp.check("carl", "pw-carl").unwrap(), Checked::Wrong);
    assert_eq!(corp.check("dora", "pw-dora").unwrap(), Checked::Wrong);
    // Two accounts of one name: nobody knows whose password it is.
    is_away(corp.check("twin", "pw-twin").map(|_| ()).map_err(|error| {
        assert!(error.to_string().contains("several"), "{error}");
        error
    }));
}

#[test]
fn what_is_typed_is_a_value_and_never_syntax() {
    let Some(slapd) = Slapd::start() else { return };
    let by_search = Asking::of(slapd.config(&slapd.plain()));
    let dn = "uid={account},ou=Users,dc=corp,dc=test".replace("uid", "cn");
    let by_dn = Asking::of(LdapConfig::new(slapd.plain(), BASE).direct_bind(dn));
    let names = [
        "*",
        "a*",
        "alice)(cn=*",
        "*)(sAMAccountName=alice",
        "alice)(|(cn=*",
        r"alice\2a",
        r"\2a",
        "alice\0",
        "alice\u{0}*",
        "Bob,ou=Users,dc=corp,dc=test",
        "Bob,ou=Users",
        "Bob+sn=bob",
        "Bob;",
        "#416c696365",
        "\"Bob\"",
        " Bob",
        "Bob ",
        "B\u{ad}ob",
        "Ｂｏｂ",
        "<Bob>",
        "Bob=",
        "),(|(objectClass=*)",
        &"x".repeat(10_000),
    ];
    for name in names {
        for password in ["pw-alice", "pw-bob", "*", ")(", "\\", "\0"] {
            for (what, corp) in [("search", &by_search), ("dn", &by_dn)] {
                let checked = corp.check(name, password).unwrap();
                assert!(
                    !matches!(checked, Checked::Right(_)),
                    "{what}: {name:?} {password:?}"
                );
            }
        }
    }
    assert!(by_search.is_right("bob", "pw-bob") && by_dn.is_right("Bob", "pw-bob"));
    for password in ["pw-bob\0", "pw-bob*", "*", "pw-bo"] {
        assert!(!by_search.is_right("bob", password), "{password:?}");
    }
}

#[test]
fn an_account_is_looked_at_again_without_its_password() {
    let Some(slapd) = Slapd::start() else { return };
    let corp = Asking::of(slapd.config(&slapd.plain()));
    let is_good = |name: &str| matches!(corp.look_again(name).unwrap(), Standing::Good(_));
    assert!(is_good("alice") && is_good(r"CORP\bob"));
    assert_eq!(corp.look_again("carl").unwrap(), Standing::Ended);
    assert_eq!(corp.look_again("dora").unwrap(), Standing::Ended);
    assert_eq!(corp.look_again("nobody").unwrap(), Standing::Ended);
    slapd.modify("dn: cn=Bob,ou=Users,dc=corp,dc=test\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n");
    assert_eq!(corp.look_again("bob").unwrap(), Standing::Ended);
    assert_eq!(corp.check("bob", "pw-bob").unwrap(), Checked::Wrong);
    // Without a service account nobody can look.
    let direct =
        LdapConfig::new(slapd.plain(), BASE).direct_bind("cn={account},ou=Users,dc=corp,dc=test");
    let direct = Asking::of(direct);
    assert_eq!(direct.look_again("carl").unwrap(), Standing::Unknown);
    assert!(
        direct.is_right("carl", "pw-carl"),
        "the server itself lets him in"
    );
    // With one, a direct bind is followed by a look.
    let both = slapd
        .config(&slapd.plain())
        .direct_bind("cn={account},ou=Users,dc=corp,dc=test");
    assert_eq!(
        Asking::of(both).check("carl", "pw-carl").unwrap(),
        Checked::Wrong
    );
}

#[test]
fn a_login_is_explained_step_by_step() {
    let Some(slapd) = Slapd::start() else { return };
    let corp = Asking::of(slapd.config(&slapd.plain()));
    let told = |name: &str, password: &str| {
        let steps = corp.explain(name, password);
        let told: Vec<String> = steps
            .iter()
            .map(|step| format!("{} {}: {}", step.is_done, step.what, step.outcome))
            .collect();
        let text = told.join("\n");
        assert!(!text.contains("pw-"), "a password is told: {text}");
        (steps.iter().all(|step| step.is_done), text)
    };
    let (is_right, text) = told(r"CORP\alice", "pw-alice");
    assert!(
        is_right && text.contains("cn=Alice (Adams)") && text.contains("is right"),
        "{text}"
    );
    for (name, password, why) in [
        ("alice", "pw-bob", "the password is wrong"),
        ("carl", "pw-carl", "the account is disabled"),
        ("dora", "pw-dora", "the account has expired"),
        ("nobody", "pw-bob", "finds nobody"),
        ("twin", "pw-twin", "finds 2 entries"),
    ] {
        let (is_right, text) = told(name, password);
        assert!(!is_right && text.contains(why), "{name}: {text}");
    }
}
