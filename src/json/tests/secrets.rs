//! Nothing secret is written: the types that hold a secret have no `Serialize`.

use crate::model::{Credentials, NewUser, Principal, Secret, Token};
use serde::Serialize;
use std::marker::PhantomData;

/// Tells whether a type can be written: the method of the type itself comes before the trait's.
struct Probe<T>(PhantomData<T>);

trait CannotWrite {
    fn can_write(&self) -> bool {
        false
    }
}

impl<T> CannotWrite for Probe<T> {}

impl<T: Serialize> Probe<T> {
    fn can_write(&self) -> bool {
        true
    }
}

#[test]
fn what_holds_a_secret_cannot_be_written() {
    assert!(Probe::<String>(PhantomData).can_write(), "the probe works");
    assert!(!Probe::<Secret>(PhantomData).can_write());
    assert!(!Probe::<Token>(PhantomData).can_write());
    assert!(!Probe::<Credentials>(PhantomData).can_write());
    assert!(!Probe::<NewUser>(PhantomData).can_write());
    assert!(!Probe::<Principal>(PhantomData).can_write());
}

#[test]
fn what_holds_a_secret_can_be_read() {
    let user: NewUser =
        serde_json::from_str(r#"{"id":"u","username":"ada","password":"hunter2"}"#).expect("read");
    assert_eq!(user.password, Some(Secret::new("hunter2")));
    let credentials: Credentials =
        serde_json::from_str(r#"{"username":"ada","password":"hunter2","agent":"echo"}"#)
            .expect("read");
    assert_eq!(credentials, Credentials::agent("ada", "hunter2", "echo"));
    assert!(!format!("{user:?} {credentials:?}").contains("hunter2"));
}
