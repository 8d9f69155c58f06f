//! The status numbers of HTTP, in this file only: the rest of the connector asks what a response
//! means.
//!
//! A number means what the UCWA pages say (§ucwa/errors); `failure` reads the
//! subcode. Rejected: the type of hyper, because then every file would decide about numbers.

use std::fmt;

/// The status of a response.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Status(u16);

impl Status {
    /// The status with that number.
    pub(crate) fn new(number: u16) -> Status {
        Status(number)
    }

    /// The request succeeded. Servers send 200 where the pages say 201, so both are the same here.
    pub(crate) fn is_success(self) -> bool {
        matches!(self.0, 200..=299)
    }

    /// The resource is at another address.
    pub(crate) fn is_redirect(self) -> bool {
        matches!(self.0, 301 | 302 | 303 | 307 | 308)
    }

    /// The request had no token, or the token has expired.
    pub(crate) fn wants_token(self) -> bool {
        self.0 == 401
    }

    /// The request is not allowed. With a challenge, the token has expired (§ucwa/token).
    pub(crate) fn is_forbidden(self) -> bool {
        self.0 == 403
    }

    /// The resource does not exist, or not any more.
    pub(crate) fn is_missing(self) -> bool {
        self.0 == 404
    }

    /// The state of the resource does not allow it.
    pub(crate) fn is_conflict(self) -> bool {
        self.0 == 409
    }

    /// The resource existed, and the server has removed it.
    pub(crate) fn is_gone(self) -> bool {
        self.0 == 410
    }

    /// The body was too long.
    pub(crate) fn is_too_large(self) -> bool {
        self.0 == 413
    }

    /// Too many requests at once.
    pub(crate) fn is_too_many(self) -> bool {
        self.0 == 429
    }

    /// The same request may succeed later. Some of these responses come from proxies.
    pub(crate) fn is_passing(self) -> bool {
        matches!(self.0, 408 | 429 | 500..=599)
    }

    /// Nobody can tell whether the request was carried out.
    pub(crate) fn is_unclear(self) -> bool {
        matches!(self.0, 408 | 500 | 502 | 504)
    }
}

impl From<hyper::StatusCode> for Status {
    fn from(status: hyper::StatusCode) -> Status {
        Status(status.as_u16())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Status({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_the_pages_has_its_meaning() {
        let is = |question: fn(Status) -> bool, numbers: &[u16]| {
            let yes: Vec<u16> = (100..600)
                .filter(|number| question(Status(*number)))
                .collect();
            assert!(
                numbers.iter().all(|number| yes.contains(number)),
                "{numbers:?} are not all in {yes:?}"
            );
            yes.len()
        };
        assert_eq!(is(Status::is_success, &[200, 201, 204]), 100);
        assert_eq!(is(Status::is_redirect, &[302]), 5);
        assert_eq!(is(Status::is_passing, &[408, 429, 500, 502, 503, 504]), 102);
        for (question, number) in [
            (Status::wants_token as fn(Status) -> bool, 401),
            (Status::is_forbidden, 403),
            (Status::is_missing, 404),
            (Status::is_conflict, 409),
            (Status::is_gone, 410),
            (Status::is_too_large, 413),
            (Status::is_too_many, 429),
        ] {
            assert_eq!(is(question, &[number]), 1);
        }
        assert_eq!(is(Status::is_unclear, &[408, 500, 502, 504]), 4);
        assert_eq!(Status::from(hyper::StatusCode::GONE).to_string(), "410");
    }
}
