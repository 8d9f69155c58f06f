//! Reads that never end, beside logins, events and small reads that must not wait for them.
