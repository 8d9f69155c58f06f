//! TLS, and configurations that cannot work.

use crate::server::{Asking, BASE, FAST, SERVICE, Slapd, is_away};
use std::path::PathBuf;
use switchboard::Error;
use switchboard::backend::{StoredSecret, Trust};
use switchboard::directory::{Ldap, LdapConfig};

#[test]
fn a_server_is_believed_by_its_certificate_only() {
    let Some(slapd) = Slapd::start() else { return };
    let secure = || slapd.config(&slapd.secure()).timeout(FAST * 4);
    let starttls = || {
        slapd
            .config(&slapd.plain())
            .starttls(true)
            .timeout(FAST * 4)
    };
    for config in [secure(), starttls()] {
        let believed = Asking::of(config.clone().trust(slapd.trust()));
        assert!(believed.is_right("alice", "pw-alice"));
        assert!(!believed.is_right("alice", "pw-bob"));
        // The system believes it not, and neither does a pin of another one.
        for trust in [Trust::System, Trust::PinnedSha256([7; 32])] {
            let asking = Asking::of(config.clone().trust(trust));
            is_away(asking.check("alice", "pw-alice"));
        }
        let der = std::process::Command::new("openssl")
            .args(["x509", "-outform", "der", "-in"])
            .arg(slapd.file("certificate.pem"))
            .output()
            .unwrap();
        let pin = Trust::PinnedSha256(<sha2::Sha256 as sha2::Digest>::digest(&der.stdout).into());
        assert!(Asking::of(config.trust(pin)).is_right("alice", "pw-alice"));
    }
    // Plain text asked of a TLS port, and TLS of a plain one.
    let wrong = slapd
        .plain()
        .replace("ldap://127.0.0.1", "ldaps://localhost");
    is_away(
        Asking::of(slapd.config(&wrong).trust(slapd.trust()).timeout(FAST))
            .check("alice", "pw-alice"),
    );
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_asked() {
    let good = || {
        LdapConfig::new("ldap://127.0.0.1", BASE)
            .service(SERVICE, StoredSecret::Variable("HOME".into()))
    };
    assert!(Ldap::new(good()).is_ok());
    let refused = [
        (LdapConfig::new("ldap://127.0.0.1", BASE), "service account"),
        (
            LdapConfig::new("http://127.0.0.1", BASE),
            "ldaps:// or ldap://",
        ),
        (LdapConfig::new("ldap://dc1.corp.test", BASE), "in clear"),
        (LdapConfig::new("ldaps://dc1.corp.test:0", BASE), "port"),
        (LdapConfig::new("ldaps://dc1 corp", BASE), "a host"),
        (LdapConfig::new("ldaps://", BASE), "a host"),
        (good().filter("(uid={user})"), "{user}"),
        (good().filter("(uid=alice)"), "is missing"),
        (good().filter("(uid={account}"), "RFC 4515"),
        (good().direct_bind("uid=x"), "is missing"),
        (good().connections(0), "connections"),
        (
            good().trust(Trust::CaFile(PathBuf::from("/no/ca.pem"))),
            "/no/ca.pem",
        ),
        (
            good().service(SERVICE, StoredSecret::File("/no/secret".into())),
            "/no/secret",
        ),
        (
            good().service(
                SERVICE,
                StoredSecret::Variable("NO_SUCH_VARIABLE_HERE".into()),
            ),
            "NO_SUCH_VARIABLE_HERE",
        ),
        (
            LdapConfig::new("ldap://127.0.0.1", BASE)
                .direct_bind("{name}")
                .required_group("cn=x"),
            "service account",
        ),
    ];
    for (config, why) in refused {
        let error = Ldap::new(config).unwrap_err();
        assert!(
            matches!(&error, Error::Invalid(text) if text.contains(why)),
            "{error}"
        );
    }
}
